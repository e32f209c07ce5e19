"""The database made anew: equal to the old one, or the old one stays; whole whenever killed."""

from __future__ import annotations

import os
import signal

import apsw
import pytest

from dump import dump
from hx.core.errors import Busy
from hx.core.model import FINISHED, Keys
from hx.database.connection import open_database
from hx.sync.context import SyncContext
from hx.sync.rebuild import rebuild
from sync.claims import require_all
from sync.meeting import meet, vault_of

LOCAL = "meta", "spool_file", "spool_fault", "vault", "roster_record", "manifest", "segment"


@pytest.fixture
def meeting():
    with vault_of("one", "other") as meeting:
        for device in meeting.devices:
            for _ in range(3):
                meeting.world.pass_time()
                device.record()
        meet(*meeting)
        yield meeting


def rows(database, tables=LOCAL):
    return {one: sorted(database.execute(f"SELECT * FROM {one}"), key=repr) for one in tables}


def rebuilt(device, border_us=None):
    return rebuild(device.context(), border_us)


def test_a_rebuilt_database_holds_the_same_and_goes_on_as_the_old_one(meeting):
    one, other = meeting.devices
    events = sorted(one.dump().events)
    one.keep(events[0])
    one.pin(events[0].key.session_id, pinned=True)
    one.forget(Keys(frozenset([events[1].key])))
    other.redact(next(e for e in events[2:] if e.key.device_id == other.me))
    meet(*meeting)
    before, local = one.dump(), rows(one.database)
    found = rebuilt(one)
    assert not found.differences
    assert found.unpublished_events == 0
    assert found.totals["event"] == 5
    assert one.dump() == before
    assert rows(one.database) == local
    require_all(meeting)
    one.record()
    meet(*meeting)
    require_all(meeting)


def test_what_only_this_database_has_comes_along_and_is_still_to_be_published(meeting):
    one, other = meeting.devices
    running, fresh = one.record(finished=False), one.record()
    one.forget(Keys(frozenset([fresh.key])))
    late = one.record()
    before = one.dump()
    found = rebuilt(one)
    assert not found.differences
    assert found.unpublished_events == 2
    assert one.dump() == before
    one.finish(running)
    meet(*meeting)
    require_all(meeting)
    ended = running._replace(flags=FINISHED, exit_status=1, duration_us=9)
    assert {late, ended} <= other.dump().events


def test_what_the_store_has_lost_comes_along(meeting):
    one, other = meeting.devices
    for key in [key for key in meeting.world.objects if key.startswith(f"o/{other.me.hex()}")]:
        meeting.world.objects.pop(key)
        one.view.held.pop(key)
    before = one.dump()
    found = rebuilt(one)
    assert not found.differences
    assert found.unpublished_events == 3
    assert one.dump() == before
    other.view.arrive()
    other.repair()
    meet(*meeting)
    require_all(meeting)


def test_retention_is_applied_and_does_not_reach_the_store(meeting):
    one, _ = meeting.devices
    border = sorted(one.dump().events)[3].key.started_at_us
    one.retain(border)
    before = one.dump()
    assert not rebuilt(one, border).differences
    assert one.dump() == before
    assert len(before.events) == 3
    meet(*meeting)
    require_all(meeting)


@pytest.mark.parametrize(
    ("damage", "counts"),
    [
        ("DELETE FROM event WHERE id = 1", ("event", 0, 1, 0)),
        ("UPDATE event SET exit_status = 77 WHERE id = 1", ("event", 0, 0, 1)),
        ("UPDATE pin SET pinned = 0", ("pin", 0, 0, 1)),
    ],
)
def test_a_database_that_is_not_what_the_store_says_stays_and_the_difference_is_told(
    meeting, damage, counts
):
    one = meeting.devices[0]
    one.pin(next(iter(one.dump().events)).key.session_id, pinned=True)
    meet(*meeting)
    with one.database.transaction():
        one.database.execute("DELETE FROM unpublished")
        one.database.execute(damage)
    before = one.dump()
    (found,) = rebuilt(one).differences
    assert found[:4] == counts
    assert len(found.examples) == 1
    assert one.dump() == before


def test_nobody_who_writes_meanwhile_is_overtaken(meeting):
    one = meeting.devices[0]
    second = open_database(one.path)
    context = one.context()

    def write(done, _size):
        if done == 1:
            with second.transaction():
                second.set_meta("written", "meanwhile")

    context.tell = write
    with pytest.raises(Busy):
        rebuild(context, None)
    assert one.database.meta("written") == "meanwhile"
    assert not rebuilt(one).differences
    assert second.meta("written") == "meanwhile"
    assert dump(second) == one.dump()
    second.close()


class Killer(apsw.VFS):
    """The file system of a process that is killed at its write, cut or sync number `at`."""

    def __init__(self, at):
        self.left = at
        super().__init__("killer", "unix", makedefault=True)

    def xOpen(self, name, flags):  # noqa: N802
        return DoomedFile(self, name, flags)

    def tick(self):
        self.left -= 1
        if not self.left:
            os.kill(os.getpid(), signal.SIGKILL)


class DoomedFile(apsw.VFSFile):
    def __init__(self, killer, name, flags):
        self.killer = killer
        super().__init__("unix", name, flags)

    def xWrite(self, data, offset):  # noqa: N802
        self.killer.tick()
        super().xWrite(data, offset)

    def xTruncate(self, size):  # noqa: N802
        self.killer.tick()
        super().xTruncate(size)

    def xSync(self, flags):  # noqa: N802
        self.killer.tick()
        super().xSync(flags)


@pytest.mark.parametrize("mode", ["wal", "delete"])
@pytest.mark.parametrize("stride", [7, pytest.param(1, marks=pytest.mark.long)])
def test_whenever_it_is_killed_the_database_is_whole_and_nothing_is_left(meeting, mode, stride):
    one = meeting.devices[0]
    one.record()
    one.database.execute(f"PRAGMA journal_mode = {mode}").fetchall()
    before = one.dump()
    one.close()
    at = 1
    while killed_at(one, at, mode):
        at += stride
        database = open_database(one.path)
        assert dump(database) == before
        assert database.value("PRAGMA integrity_check") == "ok"
        database.close()
        assert {name[:5] for name in os.listdir(os.path.dirname(one.path))} == {"hx.db"}
    assert at > 100
    one.open()


def killed_at(device, at, mode):
    """Whether a process that rebuilds the database was killed before it had written `at` times."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = rebuild_killed(device, at, mode)
        finally:
            os._exit(status)
    status = os.waitpid(child, 0)[1]
    assert status in (0, signal.SIGKILL)
    return status != 0


def rebuild_killed(device, at, mode):
    killer = Killer(at)
    database = open_database(device.path)
    assert database.value("PRAGMA journal_mode") == mode
    context = SyncContext(database, device.store, device.me, device.keyring(), device.now_us)
    found = rebuild(context, None)
    killer.unregister()
    return len(found.differences)
