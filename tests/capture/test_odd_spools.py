"""Spools and databases that are not as ingest left them: rebuilt, another's, forgotten, removed."""

from __future__ import annotations

import os
import shutil
import signal
from typing import TYPE_CHECKING

import pytest

from capture.box import DEVICE, Box
from capture.kill import forked, kill_at, outcome
from hx.core.errors import DatabaseError
from hx.core.merge import History
from hx.core.model import Keys, Tombstone
from hx.database.connection import BUSY_TIMEOUT_MS
from hx.database.join import join
from spooled import complete, end, start

if TYPE_CHECKING:
    from pathlib import Path

NOBODY = 65_534


def forget(box, *keys) -> None:
    order = Tombstone(b"t" * 16, 1, DEVICE, Keys(frozenset(keys)))
    with box.database.transaction():
        join(box.database, History(tombstones=frozenset({order})))


def test_the_end_of_a_forgotten_command_does_not_bring_it_back(box):
    box.begin()
    box.write(start(1, "secret", at=1_000))
    box.ingest()
    forget(box, *(event.key for event in box.events()))
    box.write(end(1, 0))
    assert box.ingest().events == 0
    assert box.events() == []
    assert box.text() == b""


def test_a_drain_has_a_quarter_of_a_second_for_a_lock_and_others_what_they_had(box):
    """The value that SQLite works with, at every statement of the drain."""
    connection, seen = box.database.connection, set()

    def look(*_: object) -> bool:
        connection.set_exec_trace(None)
        seen.add(connection.pragma("busy_timeout"))
        connection.set_exec_trace(look)
        return True

    box.begin()
    box.write(complete(1))
    connection.set_exec_trace(look)
    box.ingest(tidy=True)
    connection.set_exec_trace(None)
    assert seen == {250}
    assert connection.pragma("busy_timeout") == BUSY_TIMEOUT_MS


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a folder away")
def test_a_spool_of_another_owner_is_refused_and_untouched(box):
    """`sudo hx` must not take someone's commands into the history of root."""
    box.begin()
    file = box.write(complete(1, "theirs"))
    before = file.read_bytes()
    os.chown(box.spool, NOBODY, NOBODY)
    with pytest.raises(DatabaseError, match="belongs to another user"):
        box.ingest(tidy=True)
    assert file.read_bytes() == before
    assert box.events() == []
    os.chown(box.spool, 0, 0)
    assert box.ingest().events == 1


def test_the_offset_of_a_file_that_vanished_is_forgotten(box):
    box.begin()
    box.write(complete(1) * 9)
    box.ingest()
    box.file().unlink()
    box.ingest(tidy=True)
    assert box.database.execute("SELECT * FROM spool_file").fetchall() == []
    box.write(b"".join(complete(seq, "again", at=seq) for seq in range(1, 30)))
    box.ingest()
    assert box.commands().count("again") == 29


def test_a_new_database_drains_what_the_old_one_left(tmp_path):
    """Drained bytes are NULs, and NULs are no fault; the header still says whose they were."""
    old = Box(tmp_path)
    old.begin(u="ann")
    old.write(complete(1, "in the old one"))
    old.ingest()
    old.close()
    for name in ("hx.db", "hx.db-wal", "hx.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    new = Box(tmp_path)
    new.write(complete(2, "in the new one"))
    new.ingest()
    assert [(e.command, e.user) for e in new.events()] == [(b"in the new one", b"ann")]
    assert new.faults() == {}
    assert new.text() == b""
    new.close()


def test_a_kill_leaves_no_text_behind_bytes_that_were_wiped_for_an_older_database(tmp_path):
    """The first drained byte is NUL there long since: it must not pass for the mark of a wipe."""
    template = Box(tmp_path / "template")
    template.begin()
    template.write(bytes(5_000) + complete(1, "secret"))
    template.close()
    call, code = 0, -signal.SIGKILL
    while code == -signal.SIGKILL:
        call += 1
        folder = tmp_path / str(call)
        shutil.copytree(tmp_path / "template", folder)
        code = outcome(forked(lambda call=call, folder=folder: drain(folder, call)))
        box = Box(folder)
        box.ingest()
        assert box.commands() == ["secret"]
        assert box.text() == b""
        box.close()
    assert code == 0
    assert call > 20


def drain(folder: Path, call: int) -> None:
    kill_at(call)
    Box(folder).ingest()


@pytest.mark.parametrize("kept", range(0, 60, 7))
def test_a_wipe_that_ended_early_is_done_again(box, kept):
    """A kill inside one write: its end is blank, its front is not (the first byte goes last)."""
    box.begin()
    records = complete(1, "secret") + complete(2, "another")
    file = box.write(records)
    box.ingest()
    data = bytearray(file.read_bytes())
    at = len(data) - len(records)
    first = len(records) - len(records.lstrip(b"\0"))
    data[at + first : at + first + 1 + kept] = records[first : first + 1 + kept]
    file.write_bytes(data)
    assert b"HX1C"[:1] in box.text()
    box.ingest()
    assert box.text() == b""
    assert len(box.events()) == 2
