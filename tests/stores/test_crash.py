"""Puts that are killed with SIGKILL, and concurrent puts of one name."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

import pytest

from capture.kill import forked, outcome
from hx.stores import Exists, Missing, StoredObject
from hx.stores.folder import FolderStore
from stores.objects import DEVICE, OTHER, blob, manifest, segment

_CALLS = ("open", "write", "close", "rename", "mkdir", "unlink")
DATA = b"sealed" * 100


def put_until_killed(path, key, call):
    """Put an object, and kill this process before system call number `call` of the put."""
    calls = 0

    def counted(function):
        def count(*arguments, **named):
            nonlocal calls
            calls += 1
            if calls == call:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **named)

        return count

    for name in _CALLS:
        setattr(os, name, counted(getattr(os, name)))
    FolderStore(path, DEVICE, fsync=counted(os.fsync)).put(key, DATA)


@pytest.mark.parametrize("key", [segment(), blob(), manifest()])
def test_a_kill_before_any_call_leaves_no_object_or_the_whole_object(folder, key):
    call, code, is_visible = 0, -signal.SIGKILL, []
    while code == -signal.SIGKILL:
        call += 1
        work = lambda call=call: put_until_killed(str(folder.path), key, call)  # noqa: E731
        code = outcome(forked(work))
        reader = folder.open(OTHER)
        listed = list(reader.list(""))
        assert listed in ([], [StoredObject(key, len(DATA))])
        if listed:
            assert reader.get(key, 10_000) == DATA
        else:
            with pytest.raises(Missing):
                reader.get(key, 10_000)
        assert reader.sweep() == 0
        is_visible.append(bool(listed))
        writer = folder.open()
        writer.sweep()
        assert folder.files() == ({key} if listed else set())
        writer.put(key, DATA)
        assert reader.get(key, 10_000) == DATA
        writer.delete(key)
    assert code == 0
    assert call > 10, call  # the calls really are counted
    assert is_visible == sorted(is_visible)  # from one call on the object is visible
    assert (is_visible[0], is_visible[-1]) == (False, True)


def test_temporary_files_of_killed_puts_disturb_no_later_put(on_disk):
    """The temporary files of killed puts stay until a sweep, and new puts succeed before it."""
    for call in range(1, 20):
        outcome(forked(lambda call=call: put_until_killed(str(on_disk.path), segment(call), call)))
    assert len(list(on_disk.open().foreign_files())) > 2
    for call in range(1, 20):
        on_disk.open().put(segment(call), DATA)
    assert len(list(on_disk.open(OTHER).list(""))) == 19
    on_disk.open().sweep()
    assert len(on_disk.files()) == 19


NAMES = 60


def _race(path, device_id, payload, ready):
    """Put names that another process puts at the same time, once `ready` can be read."""
    store = FolderStore(path, device_id)
    os.read(ready, 1)
    for number in range(NAMES):
        with suppress(Exists):
            store.put(segment(number), payload)


@pytest.mark.parametrize("payloads", [(b"a" * 5_000, b"a" * 5_000), (b"a" * 5_000, b"b" * 7_000)])
def test_of_two_concurrent_puts_of_one_name_one_succeeds_whole(on_disk, payloads):
    ready, go = os.pipe()
    work = [
        lambda device=device, payload=payload: _race(str(on_disk.path), device, payload, ready)
        for device, payload in zip((DEVICE, OTHER), payloads, strict=True)
    ]
    racers = [forked(put_all) for put_all in work]
    os.write(go, b"go")
    assert [outcome(racer) for racer in racers] == [0, 0]
    os.close(ready)
    os.close(go)
    store = on_disk.open()
    assert len(list(store.list(""))) == NAMES
    assert {store.get(segment(number), 10_000) for number in range(NAMES)} <= set(payloads)
    assert len(on_disk.files()) == NAMES  # no temporary file is left


def test_a_concurrent_reader_sees_no_object_or_the_whole_object(on_disk):
    data = b"x" * 200_000
    sizes = set()

    def write():
        store = FolderStore(str(on_disk.path), DEVICE)
        for number in range(200):
            store.put(segment(number), data)

    writer = forked(write)
    store = on_disk.open(OTHER)
    while os.waitid(os.P_PID, writer, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        for entry in store.list(""):
            sizes.add(entry.size)
            sizes.add(len(store.get(entry.key, 1 << 20)))
    assert outcome(writer) == 0
    assert sizes <= {len(data)}
    assert len(list(store.list(""))) == 200
