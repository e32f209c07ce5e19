"""Ingest where the spool or the database changed since: removed, replaced, of another owner."""

from __future__ import annotations

import os
import shutil
import signal
from typing import TYPE_CHECKING

import pytest

from capture.ingestion import DEVICE, Ingestion
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


def forget(ingestion, *keys) -> None:
    tombstone = Tombstone(b"t" * 16, 1, DEVICE, Keys(frozenset(keys)))
    with ingestion.database.transaction():
        join(ingestion.database, History(tombstones=frozenset({tombstone})))


def test_the_end_of_a_forgotten_command_does_not_restore_it(ingestion):
    ingestion.begin()
    ingestion.write(start(1, "secret", at=1_000))
    ingestion.ingest()
    forget(ingestion, *(event.key for event in ingestion.events()))
    ingestion.write(end(1, 0))
    assert ingestion.ingest().events == 0
    assert ingestion.events() == []
    assert ingestion.remaining_text() == b""


def test_an_ingest_waits_250_ms_for_a_lock_and_restores_the_timeout(ingestion):
    """Read the timeout of SQLite at every statement of the ingest."""
    connection, timeouts_ms = ingestion.database.connection, set()

    def read_timeout(*_: object) -> bool:
        connection.set_exec_trace(None)
        timeouts_ms.add(connection.pragma("busy_timeout"))
        connection.set_exec_trace(read_timeout)
        return True

    ingestion.begin()
    ingestion.write(complete(1))
    connection.set_exec_trace(read_timeout)
    ingestion.ingest(tidy=True)
    connection.set_exec_trace(None)
    assert timeouts_ms == {250}
    assert connection.pragma("busy_timeout") == BUSY_TIMEOUT_MS


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a folder away")
def test_a_spool_of_another_owner_is_refused_and_not_changed(ingestion):
    """`sudo hx` must not take someone's commands into the history of root."""
    ingestion.begin()
    file = ingestion.write(complete(1, "theirs"))
    before = file.read_bytes()
    os.chown(ingestion.spool, NOBODY, NOBODY)
    with pytest.raises(DatabaseError, match="belongs to another user"):
        ingestion.ingest(tidy=True)
    assert file.read_bytes() == before
    assert ingestion.events() == []
    os.chown(ingestion.spool, 0, 0)
    assert ingestion.ingest().events == 1


def test_the_offset_of_a_deleted_file_is_deleted(ingestion):
    ingestion.begin()
    ingestion.write(complete(1) * 9)
    ingestion.ingest()
    ingestion.file().unlink()
    ingestion.ingest(tidy=True)
    assert ingestion.database.execute("SELECT * FROM spool_file").fetchall() == []
    ingestion.write(b"".join(complete(seq, "again", at=seq) for seq in range(1, 30)))
    ingestion.ingest()
    assert ingestion.commands().count("again") == 29


def test_a_new_database_drains_a_spool_of_the_former_one(tmp_path):
    """Drained bytes are NULs, which are no fault; the header still has the facts of the session."""
    first = Ingestion(tmp_path)
    first.begin(u="ann")
    first.write(complete(1, "in the old one"))
    first.ingest()
    first.close()
    for name in ("hx.db", "hx.db-wal", "hx.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    second = Ingestion(tmp_path)
    second.write(complete(2, "in the new one"))
    second.ingest()
    assert [(e.command, e.user) for e in second.events()] == [(b"in the new one", b"ann")]
    assert second.faults() == {}
    assert second.remaining_text() == b""
    second.close()


def test_a_kill_leaves_no_text_after_bytes_that_were_wiped_before(tmp_path):
    """The first drained byte is NUL already there, which must not count as the end of a wipe."""
    template = Ingestion(tmp_path / "template")
    template.begin()
    template.write(bytes(5_000) + complete(1, "secret"))
    template.close()
    call, code = 0, -signal.SIGKILL
    while code == -signal.SIGKILL:
        call += 1
        folder = tmp_path / str(call)
        shutil.copytree(tmp_path / "template", folder)
        code = outcome(forked(lambda call=call, folder=folder: drain(folder, call)))
        ingestion = Ingestion(folder)
        ingestion.ingest()
        assert ingestion.commands() == ["secret"]
        assert ingestion.remaining_text() == b""
        ingestion.close()
    assert code == 0
    assert call > 20


def drain(folder: Path, call: int) -> None:
    kill_at(call)
    Ingestion(folder).ingest()


@pytest.mark.parametrize("left_bytes", range(0, 60, 7))
def test_an_interrupted_wipe_is_repeated(ingestion, left_bytes):
    """A kill within one write leaves its front, because the first byte is overwritten last."""
    ingestion.begin()
    records = complete(1, "secret") + complete(2, "another")
    file = ingestion.write(records)
    ingestion.ingest()
    data = bytearray(file.read_bytes())
    offset = len(data) - len(records)
    leading_nuls = len(records) - len(records.lstrip(b"\0"))
    data[offset + leading_nuls : offset + leading_nuls + 1 + left_bytes] = records[
        leading_nuls : leading_nuls + 1 + left_bytes
    ]
    file.write_bytes(data)
    assert b"HX1C"[:1] in ingestion.remaining_text()
    ingestion.ingest()
    assert ingestion.remaining_text() == b""
    assert len(ingestion.events()) == 2
