"""After a failure of the database, the disk or a file, the next ingest gets every record."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import apsw
import pytest

from capture.ingestion import Ingestion
from capture.kill import drop_capabilities, forked, outcome
from cli.mounts import small_disk
from hx.capture.ingest import Report
from hx.core.errors import DatabaseError
from hx.database.connection import BUSY_TIMEOUT_MS, open_database
from spooled import complete

NOBODY = 65_534


@pytest.fixture
def without_privileges():
    """Return a function that runs `work(folder)` in a process to which permissions apply."""
    folder = tempfile.mkdtemp(prefix="hx-nobody-")

    def run(work):
        def work_without_privileges():
            drop_capabilities()
            work(Path(folder))

        assert outcome(forked(work_without_privileges)) == 0

    yield run
    shutil.rmtree(folder)


def lock(path, *, mode="IMMEDIATE"):
    connection = apsw.Connection(path)
    connection.execute(f"BEGIN {mode}")
    return connection


def test_an_ingest_into_a_locked_database_reports_busy_and_loses_nothing(ingestion):
    records = complete(1, "patient")
    ingestion.begin()
    ingestion.write(records)
    other_connection = lock(ingestion.path)
    assert ingestion.ingest() == Report(busy=True)
    assert ingestion.events() == []
    assert ingestion.file().read_bytes().endswith(records)
    assert ingestion.database.connection.pragma("busy_timeout") == BUSY_TIMEOUT_MS
    other_connection.execute("ROLLBACK")
    assert ingestion.ingest() == Report(events=1)
    other_connection.close()


def test_an_ingest_waits_at_most_250_ms_for_a_lock(ingestion):
    """Read the timeout of SQLite at each BEGIN; a clock would measure the load of the machine."""
    waits_ms = []

    def read_timeout(cursor, sql, _):
        if sql.startswith("BEGIN"):
            waits_ms.append(cursor.connection.pragma("busy_timeout"))
        return True

    ingestion.write(complete(1))
    ingestion.database.connection.set_exec_trace(read_timeout)
    ingestion.ingest(tidy=True)
    assert waits_ms
    assert max(waits_ms) <= 250


def test_no_spool_file_is_deleted_while_the_database_is_locked(ingestion):
    ingestion.ingest()  # it looked for files to delete; it does so again in ten minutes
    ingestion.begin()
    ingestion.write(complete(1))
    ingestion.begin(generation=1)
    ingestion.ingest()
    other_connection = lock(ingestion.path)
    assert ingestion.ingest(tidy=True) == Report(busy=True)
    assert ingestion.file().exists()
    other_connection.execute("ROLLBACK")
    other_connection.close()
    ingestion.ingest(tidy=True)
    assert not ingestion.file().exists()


def test_a_locked_database_with_a_rollback_journal_loses_nothing(ingestion):
    """With a rollback journal, as on a network file system, reading may have to wait too."""
    assert ingestion.database.connection.pragma("journal_mode", "delete") == "delete"
    ingestion.write(complete(1))
    other_connection = lock(ingestion.path, mode="EXCLUSIVE")
    assert ingestion.ingest() == Report(busy=True)
    other_connection.execute("ROLLBACK")
    other_connection.close()
    assert ingestion.ingest() == Report(events=1)


def test_with_a_read_only_database_the_spool_stays_as_it_is(without_privileges):
    def work(folder):
        Ingestion(folder).close()
        os.chmod(folder / "hx.db", 0o400)
        ingestion = Ingestion(folder)
        file = ingestion.write(complete(1, "kept"))
        with pytest.raises(apsw.ReadOnlyError):
            ingestion.ingest()
        assert ingestion.events() == []
        assert file.read_bytes() == complete(1, "kept")
        ingestion.close()
        os.chmod(folder / "hx.db", 0o600)
        ingestion = Ingestion(folder)
        assert ingestion.ingest() == Report(events=1)

    without_privileges(work)


def test_a_read_only_folder_is_an_error_with_its_reason(without_privileges):
    def work(folder):
        (folder / "hx").mkdir()
        os.chmod(folder / "hx", 0o500)
        with pytest.raises(DatabaseError, match=r"cannot make the database .*: permission denied"):
            open_database(str(folder / "hx" / "hx.db"))
        with pytest.raises(DatabaseError, match=r"cannot create the folder .*: permission denied"):
            open_database(str(folder / "hx" / "deep" / "hx.db"))

    without_privileges(work)


def test_an_unusable_lock_file_is_an_error_and_nothing_is_drained(without_privileges):
    def work(folder):
        ingestion = Ingestion(folder)
        Path(ingestion.lock).write_bytes(b"")
        os.chmod(ingestion.lock, 0o400)
        ingestion.write(complete(1))
        with pytest.raises(PermissionError):
            ingestion.ingest()
        os.chmod(ingestion.lock, 0o600)
        assert ingestion.ingest() == Report(events=1)

    without_privileges(work)


def test_an_unreadable_file_does_not_stop_the_other_files(without_privileges):
    """A file that `sudo` left is an error each time, and every other file is drained."""

    def work(folder):
        ingestion = Ingestion(folder)
        for number, mode in ((1, 0o000), (2, 0o600), (3, 0o400)):
            os.chmod(ingestion.write(complete(1, f"shell {number}"), number), mode)
        for _ in range(2):
            with pytest.raises(PermissionError):
                ingestion.ingest(tidy=True)
            assert ingestion.commands() == ["shell 2", "shell 3"]
        for number in (1, 3):
            os.chmod(ingestion.file(number), 0o600)
        ingestion.ingest()
        assert ingestion.commands() == ["shell 1", "shell 2", "shell 3"]
        assert ingestion.remaining_text() == b""

    without_privileges(work)


def file_statuses(folder: Path) -> dict[Path, tuple[int, ...]]:
    """Return the fields of each file that a write would change, without the access time."""
    status = {path: path.stat() for path in folder.rglob("*")}
    return {
        path: (
            stat.st_ino,
            stat.st_mode,
            stat.st_uid,
            stat.st_size,
            stat.st_mtime_ns,
            stat.st_ctime_ns,
        )
        for path, stat in status.items()
    }


def test_a_data_folder_of_another_owner_is_refused_and_not_changed(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root may give a folder away")
    Ingestion(tmp_path).close()
    before = file_statuses(tmp_path)
    os.chown(tmp_path, NOBODY, NOBODY)
    with pytest.raises(DatabaseError, match=r"belongs to another user \(uid 65534, you are 0\)"):
        open_database(str(tmp_path / "hx.db"))
    os.chown(tmp_path, 0, 0)
    assert file_statuses(tmp_path) == before
    os.chown(tmp_path / "hx.db", NOBODY, NOBODY)
    with pytest.raises(DatabaseError, match="belongs to another user"):
        open_database(str(tmp_path / "hx.db"))


def fill_disk(folder: Path) -> Path:
    """Write a file that takes all the space that is left; return its path."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        while os.fstatvfs(file.fileno()).f_bavail:
            file.write(bytes(512))
    return filler


def test_on_a_full_disk_no_record_is_lost_or_overwritten(tmp_path):
    with small_disk(tmp_path / "disk", "2m"):
        ingestion = Ingestion(tmp_path / "disk")
        ingestion.write(complete(1, "before"))
        ingestion.ingest()
        records = b"".join(complete(seq, f"echo {seq} {'x' * 500}") for seq in range(2, 200))
        file = ingestion.write(records)
        filler = fill_disk(tmp_path / "disk")
        for _ in range(2):
            with pytest.raises((apsw.FullError, apsw.IOError)):
                ingestion.ingest()
            assert ingestion.commands() == ["before"]
            assert file.read_bytes().endswith(records)
        filler.unlink()
        assert ingestion.ingest() == Report(events=198)
        assert ingestion.remaining_text() == b""
        ingestion.close()


def test_a_commit_without_disk_space_is_rolled_back(ingestion):
    """The connection can be used afterwards: the next transaction is a new one."""
    pages = ingestion.database.connection.pragma("page_count")
    ingestion.database.connection.pragma("max_page_count", pages)
    ingestion.write(b"".join(complete(seq, "x" * 9_000 + str(seq)) for seq in range(1, 20)))
    with pytest.raises(apsw.FullError):
        ingestion.ingest()
    assert not ingestion.database.connection.in_transaction
    ingestion.database.connection.pragma("max_page_count", 1 << 20)
    assert ingestion.ingest() == Report(events=19)


def test_a_transaction_whose_commit_fails_is_rolled_back(ingestion):
    """While another connection reads, a rollback journal allows writing rows but not the commit."""
    ingestion.database.connection.pragma("journal_mode", "delete")
    ingestion.database.connection.set_busy_timeout(1)
    other_connection = apsw.Connection(ingestion.path)
    rows = other_connection.execute("SELECT * FROM sqlite_schema")
    next(rows)
    with pytest.raises(apsw.BusyError), ingestion.database.transaction():
        ingestion.database.set_meta("a", 1)
    assert not ingestion.database.connection.in_transaction
    assert ingestion.database.meta("a") is None
    other_connection.close(force=True)
    with ingestion.database.transaction():
        ingestion.database.set_meta("a", 2)
    assert ingestion.database.meta("a") == 2
