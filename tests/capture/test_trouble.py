"""A database, a disk or a file that will not do: nothing is lost, the next ingest has it all."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import apsw
import pytest

from capture.box import Box
from capture.kill import drop_capabilities, forked, outcome
from cli.mounts import small_disk
from hx.capture.ingest import Report
from hx.core.errors import DatabaseError
from hx.database.connection import BUSY_TIMEOUT_MS, open_database
from spooled import complete

NOBODY = 65_534


@pytest.fixture
def as_nobody():
    """Runs a function in a folder of its own, in a process whom permissions bind (not root)."""
    folder = tempfile.mkdtemp(prefix="hx-nobody-")

    def run(work):
        def bound():
            drop_capabilities()
            work(Path(folder))

        assert outcome(forked(bound)) == 0

    yield run
    shutil.rmtree(folder)


def lock(path, *, mode="IMMEDIATE"):
    other = apsw.Connection(path)
    other.execute(f"BEGIN {mode}")
    return other


def test_a_database_that_another_process_writes_to_fails_nothing_and_loses_nothing(box):
    records = complete(1, "patient")
    box.begin()
    box.write(records)
    other = lock(box.path)
    assert box.ingest() == Report(busy=True)
    assert box.events() == []
    assert box.file().read_bytes().endswith(records)
    assert box.database.connection.pragma("busy_timeout") == BUSY_TIMEOUT_MS
    other.execute("ROLLBACK")
    assert box.ingest() == Report(events=1)
    other.close()


def test_a_drain_waits_for_a_database_a_quarter_of_a_second_at_most(box):
    """Told by SQLite at the moment of each BEGIN; a clock would tell how busy this machine is."""
    waits_ms = []

    def look(cursor, sql, _):
        if sql.startswith("BEGIN"):
            waits_ms.append(cursor.connection.pragma("busy_timeout"))
        return True

    box.write(complete(1))
    box.database.connection.set_exec_trace(look)
    box.ingest(tidy=True)
    assert waits_ms
    assert max(waits_ms) <= 250


def test_a_database_that_is_locked_while_files_are_deleted_keeps_them(box):
    box.ingest()  # has looked for files to delete, and does so unasked in ten minutes
    box.begin()
    box.write(complete(1))
    box.begin(generation=1)
    box.ingest()
    other = lock(box.path)
    assert box.ingest(tidy=True) == Report(busy=True)
    assert box.file().exists()
    other.execute("ROLLBACK")
    other.close()
    box.ingest(tidy=True)
    assert not box.file().exists()


def test_a_database_with_a_rollback_journal_that_is_locked_loses_nothing(box):
    """On a network file system even reading may have to wait."""
    assert box.database.connection.pragma("journal_mode", "delete") == "delete"
    box.write(complete(1))
    other = lock(box.path, mode="EXCLUSIVE")
    assert box.ingest() == Report(busy=True)
    other.execute("ROLLBACK")
    other.close()
    assert box.ingest() == Report(events=1)


def test_a_read_only_database_keeps_the_spool_as_it_is(as_nobody):
    def work(folder):
        Box(folder).close()
        os.chmod(folder / "hx.db", 0o400)
        box = Box(folder)
        file = box.write(complete(1, "kept"))
        with pytest.raises(apsw.ReadOnlyError):
            box.ingest()
        assert box.events() == []
        assert file.read_bytes() == complete(1, "kept")
        box.close()
        os.chmod(folder / "hx.db", 0o600)
        box = Box(folder)
        assert box.ingest() == Report(events=1)

    as_nobody(work)


def test_a_read_only_folder_is_told_in_a_sentence(as_nobody):
    def work(folder):
        (folder / "hx").mkdir()
        os.chmod(folder / "hx", 0o500)
        with pytest.raises(DatabaseError, match=r"cannot make the database .*: permission denied"):
            open_database(str(folder / "hx" / "hx.db"))
        with pytest.raises(DatabaseError, match=r"cannot create the folder .*: permission denied"):
            open_database(str(folder / "hx" / "deep" / "hx.db"))

    as_nobody(work)


def test_a_lock_that_cannot_be_made_is_told_and_drains_nothing(as_nobody):
    def work(folder):
        box = Box(folder)
        Path(box.lock).write_bytes(b"")
        os.chmod(box.lock, 0o400)
        box.write(complete(1))
        with pytest.raises(PermissionError):
            box.ingest()
        os.chmod(box.lock, 0o600)
        assert box.ingest() == Report(events=1)

    as_nobody(work)


def test_a_file_that_may_not_be_read_holds_up_no_other(as_nobody):
    """`sudo` left it there: it is told each time, and everything else is drained."""

    def work(folder):
        box = Box(folder)
        for number, mode in ((1, 0o000), (2, 0o600), (3, 0o400)):
            os.chmod(box.write(complete(1, f"shell {number}"), number), mode)
        for _ in range(2):
            with pytest.raises(PermissionError):
                box.ingest(tidy=True)
            assert box.commands() == ["shell 2", "shell 3"]
        for number in (1, 3):
            os.chmod(box.file(number), 0o600)
        box.ingest()
        assert box.commands() == ["shell 1", "shell 2", "shell 3"]
        assert box.text() == b""

    as_nobody(work)


def unchanged(folder: Path) -> dict[Path, tuple[int, ...]]:
    """What a write would change of each file; reading it may change its access time."""
    status = {path: path.stat() for path in folder.rglob("*")}
    return {
        path: (one.st_ino, one.st_mode, one.st_uid, one.st_size, one.st_mtime_ns, one.st_ctime_ns)
        for path, one in status.items()
    }


def test_a_data_folder_of_another_owner_is_refused_and_untouched(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root may give a folder away")
    Box(tmp_path).close()
    before = unchanged(tmp_path)
    os.chown(tmp_path, NOBODY, NOBODY)
    with pytest.raises(DatabaseError, match=r"belongs to another user \(uid 65534, you are 0\)"):
        open_database(str(tmp_path / "hx.db"))
    os.chown(tmp_path, 0, 0)
    assert unchanged(tmp_path) == before
    os.chown(tmp_path / "hx.db", NOBODY, NOBODY)
    with pytest.raises(DatabaseError, match="belongs to another user"):
        open_database(str(tmp_path / "hx.db"))


def fill(folder: Path) -> Path:
    """Takes all the room that is left."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        while os.fstatvfs(file.fileno()).f_bavail:
            file.write(bytes(512))
    return filler


def test_a_full_disk_loses_nothing_and_blanks_nothing(tmp_path):
    with small_disk(tmp_path / "disk", "2m"):
        box = Box(tmp_path / "disk")
        box.write(complete(1, "before"))
        box.ingest()
        records = b"".join(complete(seq, f"echo {seq} {'x' * 500}") for seq in range(2, 200))
        file = box.write(records)
        filler = fill(tmp_path / "disk")
        for _ in range(2):
            with pytest.raises((apsw.FullError, apsw.IOError)):
                box.ingest()
            assert box.commands() == ["before"]
            assert file.read_bytes().endswith(records)
        filler.unlink()
        assert box.ingest() == Report(events=198)
        assert box.text() == b""
        box.close()


def test_a_commit_that_finds_no_room_is_undone(box):
    """The connection goes on to work: the next transaction is a new one."""
    pages = box.database.connection.pragma("page_count")
    box.database.connection.pragma("max_page_count", pages)
    box.write(b"".join(complete(seq, "x" * 9_000 + str(seq)) for seq in range(1, 20)))
    with pytest.raises(apsw.FullError):
        box.ingest()
    assert not box.database.connection.in_transaction
    box.database.connection.pragma("max_page_count", 1 << 20)
    assert box.ingest() == Report(events=19)


def test_a_transaction_whose_commit_fails_is_rolled_back(box):
    """Beside a reader a rollback journal lets the rows be written, but not committed."""
    box.database.connection.pragma("journal_mode", "delete")
    box.database.connection.set_busy_timeout(1)
    other = apsw.Connection(box.path)
    rows = other.execute("SELECT * FROM sqlite_schema")
    next(rows)
    with pytest.raises(apsw.BusyError), box.database.transaction():
        box.database.set_meta("a", 1)
    assert not box.database.connection.in_transaction
    assert box.database.meta("a") is None
    other.close(force=True)
    with box.database.transaction():
        box.database.set_meta("a", 2)
    assert box.database.meta("a") == 2
