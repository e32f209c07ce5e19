"""A connection: transactions, settings, the log, what deletes every trace, and its errors."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import apsw
import pytest

from database.sleepless import sleepless
from hx.core.errors import Busy, DatabaseError
from hx.database import connection
from hx.database.connection import explained, open_scratch

SAFE = {"secure_delete": 1, "foreign_keys": 1, "synchronous": 2, "trusted_schema": 0}
FRAME_BYTES = 24 + 4096  # of a page in the log


def settings(database):
    return {name: database.connection.pragma(name) for name in SAFE}


def log_size(database):
    return os.path.getsize(f"{database.path}-wal")


def put(database, key, pages):
    with database.transaction():
        database.set_meta(key, os.urandom(pages * 4096))


# ---- values ----


def test_a_value_is_the_first_column_of_the_first_row(database):
    assert database.value("SELECT 1, 2 UNION SELECT 3, 4 ORDER BY 1") == 1
    assert database.value("SELECT ? WHERE 0", (1,)) is None
    assert database.value("SELECT ?", (0,)) == 0


def test_the_last_value_of_a_key_is_kept_until_it_is_deleted(database):
    for key, value in (("a/1", 1), ("a/2", "text"), ("b/a/", b"\0"), ("a/1", 3)):
        database.set_meta(key, value)
    assert [database.meta(key) for key in ("a/1", "a/2", "b/a/")] == [3, "text", b"\0"]
    assert sorted(database.meta_keys("a/")) == ["a/1", "a/2"]
    assert database.meta_keys("A/") == []
    database.delete_meta("a/1", "b/a/", "never set")
    assert database.meta_keys("") == ["a/2"]


# ---- transactions ----


def test_a_transaction_is_committed_or_rolled_back_as_a_whole(database):
    with database.transaction():
        database.set_meta("kept", 1)

    def fail():
        with database.transaction():
            database.set_meta("lost", 1)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert not database.connection.in_transaction
    assert database.meta_keys("") == ["kept"]


def test_a_transaction_holds_the_only_write_lock_from_its_begin(database):
    second = apsw.Connection(database.path)
    with database.transaction(), pytest.raises(apsw.BusyError):
        second.execute("BEGIN IMMEDIATE")
    second.execute("BEGIN IMMEDIATE")
    second.close()


def test_a_commit_that_fails_leaves_no_transaction_open(database):
    """A row that refers to nothing is noticed by the commit alone where the check is deferred."""
    database.execute("CREATE TABLE child (id REFERENCES event (id) DEFERRABLE INITIALLY DEFERRED)")

    def fail():
        with database.transaction():
            database.execute("INSERT INTO child VALUES (7)")

    with pytest.raises(apsw.ConstraintError):
        fail()
    assert not database.connection.in_transaction
    assert database.value("SELECT count(*) FROM child") == 0


# ---- many rows at once ----


def test_rows_in_bulk_are_written_without_guards_which_come_back(database):
    assert settings(database) == SAFE
    with database.in_bulk():
        assert settings(database) == SAFE | {
            "secure_delete": 0,
            "foreign_keys": 0,
            "synchronous": 1,
        }
        put(database, "rows", 300)
        assert log_size(database) > 300 * 4096, "the log is not emptied meanwhile"
    assert settings(database) == SAFE
    assert log_size(database) == 0
    put(database, "more", connection._WAL_PAGES)
    assert log_size(database) == 0, "a large commit empties it again"


def test_the_guards_come_back_after_a_failure(database):
    def fail():
        with database.in_bulk():
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert settings(database) == SAFE


# ---- the log ----


def test_a_log_of_fewer_pages_is_not_emptied(database):
    put(database, "first", connection._WAL_PAGES)
    assert log_size(database) == 0
    put(database, "small", 16)
    assert log_size(database) > 0


def test_a_log_of_just_as_many_pages_is_emptied(database):
    sizes = []
    for _ in range(3):
        put(database, "small", 8)
        sizes.append(log_size(database))
    of_one_commit = sizes[2] - sizes[1]
    connection._limit_log(database.connection, (sizes[2] + of_one_commit) // FRAME_BYTES)
    put(database, "small", 8)
    assert log_size(database) == 0


def test_a_log_that_another_reads_is_left_without_waiting(path):
    with sleepless(path) as (database, file_system):
        reader = apsw.Connection(path)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM meta").fetchall()
        put(database, "rows", connection._WAL_PAGES)
        assert log_size(database) > 0
        assert file_system.slept_us == 0
        assert database.connection.pragma("busy_timeout") == connection.BUSY_TIMEOUT_MS
        reader.close()


def test_a_writer_waits_for_another_one(path):
    with sleepless(path) as (database, file_system):
        writer = apsw.Connection(path)
        writer.execute("BEGIN IMMEDIATE")
        with pytest.raises(apsw.BusyError):
            database.execute("BEGIN IMMEDIATE")
        assert file_system.slept_us == connection.BUSY_TIMEOUT_MS * 1_000
        writer.close()


def test_a_closed_database_leaves_its_log(database):
    """To write the log into the database costs an fsync, which each short command would pay."""
    put(database, "rows", 1)
    database.close()
    assert log_size(database) > 0
    with pytest.raises(apsw.ConnectionClosedError):
        database.execute("SELECT 1")


def test_a_database_is_usable_whatever_the_umask_takes_away(tmp_path):
    """Then the mode that the file is made with is not enough."""
    before = os.umask(0o777)
    try:
        opened = connection.open_database(str(tmp_path / "hx.db"))
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(opened.path).st_mode) == 0o600
    opened.close()


# ---- every trace of deleted rows ----


def test_scrub_leaves_no_trace_in_the_files(database):
    with database.transaction():
        for number in range(200):
            database.set_meta(f"{number}", f"a trace {number} " * 20)
    database.connection.pragma("secure_delete", 0)
    database.execute("DELETE FROM meta")
    database.scrub()
    files = Path(database.path).parent.glob("hx.db*")
    assert not [file.name for file in files if b"a trace" in file.read_bytes()]
    assert log_size(database) == 0
    folder = database.connection.pragma("temp_store_directory")
    assert folder == os.path.dirname(database.path)


# ---- a database without a name ----


def test_a_scratch_database_has_the_schema_and_leaves_no_file(tmp_path):
    database = open_scratch(str(tmp_path))
    database.connection.pragma("cache_size", 4)  # pages: the rest is written to the file
    database.set_meta("a", "b" * 1_000_000)
    assert database.meta_keys("") == ["a"]
    assert os.listdir(tmp_path) == []
    assert settings(database) == SAFE | {"synchronous": 0}
    assert database.connection.pragma("temp_store_directory") == str(tmp_path)
    database.scrub()
    database.close()
    assert os.listdir(tmp_path) == []


# ---- errors ----

ERRORS = {
    apsw.BusyError: ("is busy", "try again"),
    apsw.LockedError: ("is locked", "try again"),
    apsw.NotADBError: ("is not a file of SQLite", "move the file away"),
    apsw.CorruptError: ("is damaged", "move the file away"),
    apsw.FullError: ("the disk that holds", "free some space"),
    apsw.ReadOnlyError: ("is read-only", "make the file and its folder writable"),
    apsw.CantOpenError: ("cannot open", "its folder"),
    apsw.IOError: ("the disk failed under", "hx doctor"),
    apsw.PermissionsError: ("no permission for", "who owns"),
    apsw.SQLError: ("failed: why", "hx doctor"),
}


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("path", ["/h/hx.db", None])
def test_each_error_of_sqlite_names_the_database_and_what_to_do(kind, path):
    error = explained(kind("why"), path)
    sentence, hint = ERRORS[kind]
    assert sentence in error.message
    assert hint in (error.hint or "")
    assert ("the database /h/hx.db" if path else "the database of hx") in error.message
    is_busy = kind in (apsw.BusyError, apsw.LockedError)
    assert type(error) is (Busy if is_busy else DatabaseError)
