"""Each record becomes one event, whenever ingest runs, and its text is removed from the spool."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.ingestion import DEVICE, Ingestion, header_record, session_hex
from hx.capture import spool
from hx.capture.clock import moment
from hx.capture.ingest import Report, pending
from hx.core.model import FINISHED
from hx.core.spool_records import END_WITHOUT_START, FOREIGN, TORN
from hx.database.join import join
from spooled import complete, end, record, start


def test_an_event_has_the_fields_of_its_record_and_of_the_header(ingestion):
    ingestion.begin(h="box", u="ann", S="zsh", T="/dev/pts/1")
    ingestion.write(complete(1, "make", at=5_000, x=2, cwd=None, d="/w"))
    assert ingestion.ingest() == Report(events=1)
    [event] = ingestion.events()
    assert (event.command, event.cwd, event.exit_status) == (b"make", b"/w", 2)
    assert (event.host, event.user, event.shell, event.tty) == (
        b"box",
        b"ann",
        b"zsh",
        b"/dev/pts/1",
    )
    assert event.key == (5_000, DEVICE, bytes.fromhex(session_hex(1)), 1, ())


def test_drained_bytes_are_overwritten_with_nuls_and_the_header_stays(ingestion):
    first = ingestion.begin().read_bytes()
    records = complete(1, "secret-1") + start(2, "secret-2")
    file = ingestion.write(records)
    ingestion.ingest()
    assert file.read_bytes() == first + bytes(len(records))


def test_an_end_that_comes_later_completes_its_event(ingestion):
    ingestion.begin()
    ingestion.write(start(1, "sleep", at=1_000))
    assert ingestion.ingest() == Report(events=1)
    assert not ingestion.events()[0].finished
    ingestion.write(end(1, 130, at=3_000))
    assert ingestion.ingest() == Report(events=1)
    [event] = ingestion.events()
    assert (event.exit_status, event.duration_us, event.flags) == (130, 2_000, FINISHED)


def test_an_end_in_the_next_generation_completes_its_event(ingestion):
    ingestion.begin()
    ingestion.write(start(1, "sleep"))
    ingestion.begin(generation=1)
    ingestion.write(end(1, 7), generation=1)
    ingestion.ingest()
    assert [event.exit_status for event in ingestion.events()] == [7]


def test_an_ingest_of_nothing_new_makes_no_transaction(ingestion):
    ingestion.begin()
    ingestion.write(complete(1))
    ingestion.ingest(tidy=True)
    assert pending(ingestion.database, str(ingestion.spool)) == []
    before = (
        ingestion.database.execute("PRAGMA data_version").fetchone(),
        os.stat(ingestion.path + "-wal"),
    )
    assert ingestion.ingest() == Report()
    after = (
        ingestion.database.execute("PRAGMA data_version").fetchone(),
        os.stat(ingestion.path + "-wal"),
    )
    assert before == after


def test_a_file_without_a_header_is_drained_under_the_session_of_its_name(ingestion):
    ingestion.write(complete(1, "a"), 0xAB)
    ingestion.write(complete(2, "b"), 0xAB)
    ingestion.ingest()
    assert [(e.key.session_id.hex(), e.host) for e in ingestion.events()] == [
        (session_hex(0xAB), None)
    ] * 2
    assert ingestion.remaining_text() == b""


def test_an_incomplete_header_is_kept_until_it_is_complete(ingestion):
    """The bytes of an incomplete header stay in the file until the rest is written."""
    complete_header = header_record(u="ann")
    for size in range(len(complete_header)):
        ingestion.write(complete_header[size : size + 1])
        ingestion.ingest()
    ingestion.write(complete(1))
    ingestion.ingest()
    assert [event.user for event in ingestion.events()] == [b"ann"]
    assert ingestion.file().read_bytes().startswith(complete_header)


def test_a_header_written_between_two_reads_of_ingest_is_not_lost(ingestion, monkeypatch):
    """The shell writes header and record between two reads of ingest."""
    ingestion.write(b"\0")
    true_read = spool.read

    def read(path, *arguments):
        data = true_read(path, *arguments)
        if os.path.getsize(path) == 1:
            ingestion.write(header_record(u="ann")[1:] + complete(1))
        return data

    monkeypatch.setattr(spool, "read", read)
    ingestion.ingest()
    monkeypatch.undo()
    ingestion.ingest()
    assert [event.user for event in ingestion.events()] == [b"ann"]
    assert ingestion.file().read_bytes().startswith(b"\0HX1H")


def test_a_file_that_shrank_is_read_from_its_beginning(ingestion):
    ingestion.begin()
    ingestion.write(b"".join(complete(seq) for seq in range(1, 6)))
    ingestion.ingest()
    ingestion.file().unlink()
    ingestion.begin()
    ingestion.write(complete(9, "after"))
    ingestion.ingest()
    assert ingestion.commands()[-1] == "after"
    assert len(ingestion.events()) == 6


def test_a_file_that_was_emptied_and_grew_again_loses_nothing(ingestion):
    """The old offset must not hide what is written before it."""
    ingestion.write(complete(1, "a") * 3)
    ingestion.ingest()
    ingestion.file().write_bytes(b"")
    ingestion.ingest()
    ingestion.write(b"".join(complete(seq, "b", at=seq) for seq in range(10, 20)))
    ingestion.ingest()
    assert ingestion.commands().count("b") == 10
    assert ingestion.remaining_text() == b""


def test_foreign_and_truncated_bytes_are_counted_with_a_reason(ingestion):
    ingestion.begin()
    ingestion.write(b"junk\0more" + complete(1)[:-4] + complete(2) + end(7))
    ingestion.write(complete(3))
    ingestion.ingest()
    assert [event.key.seq for event in ingestion.events()] == [2, 3]
    assert ingestion.faults() == {FOREIGN: 2, TORN: 1, END_WITHOUT_START: 1}


def test_other_files_in_the_folder_are_left_alone(ingestion):
    names = [
        "README",
        "x" * 32 + ".0",
        session_hex(1) + ".x",
        session_hex(1)[:-1] + ".0",
        session_hex(1),
    ]
    for name in names:
        (ingestion.spool / name).write_bytes(complete(1))
    (ingestion.spool / (session_hex(2) + ".0")).symlink_to(ingestion.spool / "README")
    (ingestion.spool / (session_hex(3) + ".0")).mkdir()
    ingestion.ingest(tidy=True)
    assert ingestion.events() == []
    assert all((ingestion.spool / name).read_bytes() == complete(1) for name in names)


def test_a_missing_spool_folder_counts_as_an_empty_spool(ingestion):
    ingestion.spool.rmdir()
    assert ingestion.ingest() == Report()


def test_an_ingest_during_another_one_reports_busy(ingestion):
    import fcntl

    ingestion.begin()
    with open(ingestion.lock, "w") as lock_file:
        fcntl.flock(lock_file, fcntl.LOCK_EX)
        assert ingestion.ingest() == Report(busy=True)
    assert ingestion.ingest() == Report()
    ingestion.write(complete(1))
    assert ingestion.ingest() == Report(events=1)


def test_events_that_a_tombstone_covers_are_dropped(ingestion):
    from hx.core.merge import History
    from hx.core.model import Tombstone, Window

    tombstone = Tombstone(b"t" * 16, 1, DEVICE, Window(0, 5_000))
    with ingestion.database.transaction():
        join(ingestion.database, History(tombstones=frozenset({tombstone})), now=moment())
    ingestion.write(complete(1, at=4_999) + complete(2, at=5_000))
    assert ingestion.ingest() == Report(events=1, dropped=1)
    assert ingestion.remaining_text() == b""


def test_a_wipe_overwrites_from_the_end_and_its_first_byte_last(ingestion, monkeypatch):
    """A kill in the middle leaves the first byte, so the next ingest sees that text is left."""
    file = ingestion.write(complete(1, "x" * 3_000_000)[:2_500_000])
    written = []
    true_pwrite = os.pwrite

    def pwrite(descriptor, data, offset):
        data = data[: max(1, len(data) // 2)]  # the system may write less than it was given
        written.append((offset, len(data)))
        return true_pwrite(descriptor, data, offset)

    monkeypatch.setattr(os, "pwrite", pwrite)
    spool.wipe(str(file), 1, 2_400_000)
    assert written[-1] == (1, 1)
    assert all(offset > 1 for offset, _ in written[:-1])
    data = file.read_bytes()
    assert len(data) == 2_500_000
    assert not data[:2_400_000].strip(b"\0")
    assert data[2_400_000:] == b"x" * 100_000


def keyed_records(kind, write, seqs, *values):
    """Draw ((kind, seq), bytes). A shell writes each kind and seq once."""
    return st.builds(lambda seq, *drawn: ((kind, seq), write(seq, *drawn)), seqs, *values)


records = st.one_of(
    keyed_records("S", start, st.integers(1, 4), st.sampled_from(["a", "b\nb"])),
    keyed_records("E", end, st.integers(1, 4), st.integers(0, 2)),
    keyed_records("C", complete, st.integers(5, 8)),
    keyed_records("X", lambda _: record("X", e=1), st.just(0)),
    st.binary(max_size=6).filter(lambda data: b"HX1" not in data).map(lambda data: (data, data)),
)
streams = st.lists(
    st.lists(records, max_size=8, unique_by=lambda drawn: drawn[0]).map(
        lambda drawn: b"".join(data for _, data in drawn)
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=settings.default.max_examples // 4)  # dozens of transactions each
@given(streams, st.lists(st.tuples(st.integers(0, 2), st.integers(1, 90)), max_size=12))
def test_draining_a_growing_spool_gives_the_same_as_draining_it_at_once(shells, steps):
    """Three shells write a few bytes at a time, and ingest runs after each write."""
    with tempfile.TemporaryDirectory() as folder:
        at_once, growing = Ingestion(Path(folder, "one")), Ingestion(Path(folder, "two"))
        rest = [header_record(n) + data for n, data in enumerate(shells)]
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
        assert growing.remaining_text() == at_once.remaining_text()
        at_once.close()
        growing.close()


@pytest.mark.parametrize("sessions", [1, 40])
def test_a_long_spool_is_drained_whole(ingestion, sessions):
    for number in range(sessions):
        ingestion.begin(number)
        ingestion.write(b"".join(complete(seq, f"c{seq}") for seq in range(1, 51)), number)
    assert ingestion.ingest().events == 50 * sessions
    assert ingestion.remaining_text() == b""
