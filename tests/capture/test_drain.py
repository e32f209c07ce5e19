"""Every record becomes an event once, whenever ingest looks; and its text leaves the spool."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.box import DEVICE, Box, head, session
from hx.capture import spool
from hx.capture.ingest import Report, pending
from hx.core.model import FINISHED
from hx.core.spool_records import END_WITHOUT_START, FOREIGN, TORN
from hx.database.join import join
from spooled import complete, end, record, start

FASTEST = "/dev/shm" if Path("/dev/shm").is_dir() else None


def test_what_a_shell_wrote_is_in_the_database_with_the_facts_of_its_header(box):
    box.begin(h="box", u="ann", S="zsh", T="/dev/pts/1")
    box.write(complete(1, "make", at=5_000, x=2, cwd=None, d="/w"))
    assert box.ingest() == Report(events=1)
    [event] = box.events()
    assert (event.command, event.cwd, event.exit_status) == (b"make", b"/w", 2)
    assert (event.host, event.user, event.shell, event.tty) == (
        b"box",
        b"ann",
        b"zsh",
        b"/dev/pts/1",
    )
    assert event.key == (5_000, DEVICE, bytes.fromhex(session(1)), 1)


def test_drained_bytes_are_nuls_on_disk_and_the_header_stays(box):
    first = box.begin().read_bytes()
    records = complete(1, "secret-1") + start(2, "secret-2")
    file = box.write(records)
    box.ingest()
    assert file.read_bytes() == first + bytes(len(records))


def test_an_end_that_comes_later_completes_its_event(box):
    box.begin()
    box.write(start(1, "sleep", at=1_000))
    assert box.ingest() == Report(events=1)
    assert not box.events()[0].finished
    box.write(end(1, 130, at=3_000))
    assert box.ingest() == Report(events=1)
    [event] = box.events()
    assert (event.exit_status, event.duration_us, event.flags) == (130, 2_000, FINISHED)


def test_an_end_in_the_next_generation_completes_its_event(box):
    box.begin()
    box.write(start(1, "sleep"))
    box.begin(generation=1)
    box.write(end(1, 7), generation=1)
    box.ingest()
    assert [event.exit_status for event in box.events()] == [7]


def test_nothing_new_costs_no_transaction(box):
    box.begin()
    box.write(complete(1))
    box.ingest(tidy=True)
    assert pending(box.database, str(box.spool)) == []
    before = box.database.execute("PRAGMA data_version").fetchone(), os.stat(box.path + "-wal")
    assert box.ingest() == Report()
    after = box.database.execute("PRAGMA data_version").fetchone(), os.stat(box.path + "-wal")
    assert before == after


def test_a_file_without_a_header_is_drained_under_the_session_of_its_name(box):
    box.write(complete(1, "a"), 0xAB)
    box.write(complete(2, "b"), 0xAB)
    box.ingest()
    assert [(e.key.session_id.hex(), e.host) for e in box.events()] == [(session(0xAB), None)] * 2
    assert box.text() == b""


def test_a_header_that_is_half_written_is_waited_for(box):
    """A file of which only a part of the header is there keeps it for its later events."""
    whole = head(u="ann")
    for size in range(len(whole)):
        box.write(whole[size : size + 1])
        box.ingest()
    box.write(complete(1))
    box.ingest()
    assert [event.user for event in box.events()] == [b"ann"]
    assert box.file().read_bytes().startswith(whole)


def test_a_header_that_comes_while_ingest_looks_is_not_lost(box, monkeypatch):
    """The shell writes header and record between two reads of ingest."""
    box.write(b"\0")
    true_read = spool.read

    def read(path, *arguments):
        data = true_read(path, *arguments)
        if os.path.getsize(path) == 1:
            box.write(head(u="ann")[1:] + complete(1))
        return data

    monkeypatch.setattr(spool, "read", read)
    box.ingest()
    monkeypatch.undo()
    box.ingest()
    assert [event.user for event in box.events()] == [b"ann"]
    assert box.file().read_bytes().startswith(b"\0HX1H")


def test_a_file_that_shrank_is_read_from_its_beginning(box):
    box.begin()
    box.write(b"".join(complete(seq) for seq in range(1, 6)))
    box.ingest()
    box.file().unlink()
    box.begin()
    box.write(complete(9, "after"))
    box.ingest()
    assert box.commands()[-1] == "after"
    assert len(box.events()) == 6


def test_a_file_that_shrank_to_nothing_and_grew_again_loses_nothing(box):
    """Its old offset must not hide what is written before that place."""
    box.write(complete(1, "a") * 3)
    box.ingest()
    box.file().write_bytes(b"")
    box.ingest()
    box.write(b"".join(complete(seq, "b", at=seq) for seq in range(10, 20)))
    box.ingest()
    assert box.commands().count("b") == 10
    assert box.text() == b""


def test_foreign_and_torn_bytes_are_counted_with_a_reason(box):
    box.begin()
    box.write(b"junk\0more" + complete(1)[:-4] + complete(2) + end(7))
    box.write(complete(3))
    box.ingest()
    assert [event.key.seq for event in box.events()] == [2, 3]
    assert box.faults() == {FOREIGN: 2, TORN: 1, END_WITHOUT_START: 1}


def test_other_files_in_the_folder_are_left_alone(box):
    names = ["README", "x" * 32 + ".0", session(1) + ".x", session(1)[:-1] + ".0", session(1)]
    for name in names:
        (box.spool / name).write_bytes(complete(1))
    (box.spool / (session(2) + ".0")).symlink_to(box.spool / "README")
    (box.spool / (session(3) + ".0")).mkdir()
    box.ingest(tidy=True)
    assert box.events() == []
    assert all((box.spool / name).read_bytes() == complete(1) for name in names)


def test_no_spool_folder_is_an_empty_spool(box):
    box.spool.rmdir()
    assert box.ingest() == Report()


def test_one_drain_at_a_time_and_the_other_one_goes_on(box):
    import fcntl

    box.begin()
    with open(box.lock, "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert box.ingest() == Report(busy=True)
    assert box.ingest() == Report()
    box.write(complete(1))
    assert box.ingest() == Report(events=1)


def test_events_that_were_forgotten_before_they_came_are_dropped(box):
    from hx.core.merge import History
    from hx.core.model import Tombstone, Window

    order = Tombstone(b"t" * 16, 1, DEVICE, Window(0, 5_000))
    with box.database.transaction():
        join(box.database, History(tombstones=frozenset({order})))
    box.write(complete(1, at=4_999) + complete(2, at=5_000))
    assert box.ingest() == Report(events=1, dropped=1)
    assert box.text() == b""


def test_a_wipe_goes_to_the_front_and_its_first_byte_is_the_last(box, monkeypatch):
    """A kill in the middle leaves the first byte, so the next ingest knows."""
    file = box.write(complete(1, "x" * 3_000_000)[:2_500_000])
    written = []
    true_pwrite = os.pwrite

    def pwrite(descriptor, data, at):
        data = data[: max(1, len(data) // 2)]  # the system may write less than it was given
        written.append((at, len(data)))
        return true_pwrite(descriptor, data, at)

    monkeypatch.setattr(os, "pwrite", pwrite)
    spool.wipe(str(file), 1, 2_400_000)
    assert written[-1] == (1, 1)
    assert all(at > 1 for at, _ in written[:-1])
    data = file.read_bytes()
    assert len(data) == 2_500_000
    assert not data[:2_400_000].strip(b"\0")
    assert data[2_400_000:] == b"x" * 100_000


def named(kind, write, seqs, *values):
    """(kind and seq, bytes): a shell writes each of them once."""
    return st.builds(lambda seq, *drawn: ((kind, seq), write(seq, *drawn)), seqs, *values)


records = st.one_of(
    named("S", start, st.integers(1, 4), st.sampled_from(["a", "b\nb"])),
    named("E", end, st.integers(1, 4), st.integers(0, 2)),
    named("C", complete, st.integers(5, 8)),
    named("X", lambda _: record("X", e=1), st.just(0)),
    st.binary(max_size=6).filter(lambda data: b"HX1" not in data).map(lambda data: (data, data)),
)
streams = st.lists(
    st.lists(records, max_size=8, unique_by=lambda one: one[0]).map(
        lambda drawn: b"".join(data for _, data in drawn)
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=settings.default.max_examples // 4)  # dozens of transactions each
@given(streams, st.lists(st.tuples(st.integers(0, 2), st.integers(1, 90)), max_size=12))
def test_a_spool_drained_as_it_grows_gives_what_it_gives_at_once(shells, steps):
    """Three shells write a few bytes at a time, and ingest runs after each write."""
    with tempfile.TemporaryDirectory(dir=FASTEST) as folder:
        at_once, growing = Box(Path(folder, "one")), Box(Path(folder, "two"))
        rest = [head(n) + data for n, data in enumerate(shells)]
        for number, data in enumerate(rest):
            at_once.write(data, number)
        at_once.ingest()
        for number, size in [*steps, *((n, 1 << 20) for n in range(len(rest)))]:
            if number < len(rest):
                growing.write(rest[number][:size], number)
                rest[number] = rest[number][size:]
                growing.ingest()
        assert growing.events() == at_once.events()
        assert growing.faults() == at_once.faults()
        assert growing.text() == at_once.text()
        at_once.close()
        growing.close()


@pytest.mark.parametrize("sessions", [1, 40])
def test_a_long_spool_is_drained_in_order(box, sessions):
    for number in range(sessions):
        box.begin(number)
        box.write(b"".join(complete(seq, f"c{seq}") for seq in range(1, 51)), number)
    assert box.ingest().events == 50 * sessions
    assert box.text() == b""
