"""`open_database`: what it creates, migrates and refuses."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import sys
from pathlib import Path

import apsw
import pytest

from capture.kill import forked, kill_at, outcome
from hx.core.errors import Busy, DatabaseError, UpgradeNeeded
from hx.database.connection import open_database

migrate = sys.modules["hx.database.migrate"]  # the name in hx.database.connection is the function
MIGRATIONS = Path(migrate.__file__).parent / "migrations"


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "hx" / "hx.db")


def pragma(path, name):
    connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY)
    value = connection.pragma(name)
    connection.close()
    return value


def foreign(path, *statements):
    """Create a database of another program; return its bytes."""
    Path(path).parent.mkdir(exist_ok=True)
    connection = apsw.Connection(path)
    for statement in statements:
        connection.execute(statement)
    connection.close()
    return Path(path).read_bytes()


def test_a_new_database_has_the_application_id_and_the_latest_schema(path):
    open_database(path).close()
    assert pragma(path, "user_version") == migrate.LATEST
    assert pragma(path, "application_id") == int.from_bytes(b"HX1\0", "big")
    assert pragma(path, "journal_mode") == "wal"


def test_files_and_folder_are_private_under_any_umask(path):
    before = os.umask(0)
    try:
        database = open_database(path)
        with database.transaction():
            database.set_meta("a", 1)
        modes = {
            file.name: stat.S_IMODE(file.stat().st_mode) for file in Path(path).parent.iterdir()
        }
        database.close()
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(["hx.db", "hx.db-wal", "hx.db-shm"], 0o600)
    assert stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) == 0o700


def write_once(path, pages=64):
    """Open the database, commit once and close it."""
    database = open_database(path)
    with database.transaction():
        database.set_meta("a", os.urandom(pages * 4096))
    database.close()


def test_the_log_stays_small_when_every_process_commits_once(path):
    sizes = []
    for _ in range(16):
        write_once(path)
        sizes.append(os.path.getsize(f"{path}-wal") >> 20)
    assert max(sizes) <= 1, "MiB"
    assert sizes[-4:].count(0) >= 1, "it is emptied from time to time"


def test_a_log_with_a_reader_is_emptied_later(path):
    write_once(path)
    reader = apsw.Connection(path)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM meta").fetchone()
    write_once(path, pages=300)
    assert os.path.getsize(f"{path}-wal") >> 20
    reader.execute("COMMIT")
    write_once(path)
    assert os.path.getsize(f"{path}-wal") == 0
    reader.close()


def test_a_connection_has_safe_settings(path):
    database = open_database(path)
    settings = {"secure_delete": 1, "foreign_keys": 1, "synchronous": 2, "trusted_schema": 0}
    assert {name: database.connection.pragma(name) for name in settings} == settings
    database.close()


def test_opening_again_changes_nothing(path):
    database = open_database(path)
    with database.transaction():
        database.set_meta("kept", b"\0x")
    database.close()
    database = open_database(path)
    assert database.meta("kept") == b"\0x"
    assert database.meta("never set") is None
    database.close()


def test_an_empty_file_becomes_a_database(path):
    os.mkdir(os.path.dirname(path))
    Path(path).write_bytes(b"")
    open_database(path).close()
    assert pragma(path, "user_version") == migrate.LATEST


def test_a_newer_database_is_refused_and_untouched(path):
    open_database(path).close()
    connection = apsw.Connection(path)
    connection.pragma("user_version", migrate.LATEST + 1)
    connection.close()
    before = Path(path).read_bytes()
    with pytest.raises(UpgradeNeeded, match="was written by a newer hx") as caught:
        open_database(path)
    assert caught.value.exit_code == 7
    assert "upgrade hx" in caught.value.hint
    assert Path(path).read_bytes() == before


@pytest.mark.parametrize(
    "statements",
    [
        ["CREATE TABLE mine (x)"],
        ["CREATE TABLE mine (x)", "PRAGMA user_version = 1"],
        ["CREATE TABLE mine (x)", "PRAGMA user_version = 99"],
        ["CREATE TABLE mine (x)", "PRAGMA user_version = -1", "PRAGMA application_id = 7"],
    ],
)
def test_a_database_of_another_program_is_refused_and_untouched(path, statements):
    before = foreign(path, *statements)
    with pytest.raises(DatabaseError, match=r"not one of hx|belongs to another program") as caught:
        open_database(path)
    assert not isinstance(caught.value, UpgradeNeeded)
    assert Path(path).read_bytes() == before
    assert os.listdir(os.path.dirname(path)) == ["hx.db"]


@pytest.mark.parametrize("data", [b"x" * 4_096, b"SQLite format 3\0" + b"\xff" * 4_080])
def test_a_file_that_is_no_database_is_refused_and_untouched(path, data):
    os.mkdir(os.path.dirname(path))
    Path(path).write_bytes(data)
    with pytest.raises(DatabaseError, match=r"is not a file of SQLite|is damaged") as caught:
        open_database(path)
    assert "move the file away" in caught.value.hint
    assert Path(path).read_bytes() == data


def test_a_folder_in_place_of_the_database_is_an_error(path):
    os.makedirs(path)
    with pytest.raises(DatabaseError, match="cannot open the database"):
        open_database(path)


def test_a_database_that_is_locked_is_busy_and_not_damaged(path, monkeypatch):
    monkeypatch.setattr("hx.database.connection.BUSY_TIMEOUT_MS", 10)
    foreign(path, "PRAGMA journal_mode = wal", "PRAGMA user_version = 0")
    writer = apsw.Connection(path)
    writer.execute("BEGIN IMMEDIATE")
    with pytest.raises(Busy, match="is busy"):
        open_database(path)
    writer.close()
    open_database(path).close()


@pytest.fixture
def next_schema(tmp_path, monkeypatch):
    """Return the path of one more migration, which the test has to write."""
    folder = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder)
    number = migrate.LATEST + 1
    monkeypatch.setattr(migrate, "_FOLDER", str(folder))
    monkeypatch.setattr(migrate, "LATEST", number)
    return folder / f"{number:04d}_next.sql"


def test_a_failed_migration_changes_neither_version_nor_schema(path, next_schema):
    next_schema.write_text(
        "CREATE TABLE extra (x); INSERT INTO extra VALUES (1); SELECT 1 FROM no;"
    )
    with pytest.raises(DatabaseError, match="no such table: no"):
        open_database(path)
    assert pragma(path, "user_version") == migrate.LATEST - 1
    connection = apsw.Connection(path)
    assert not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'extra'").fetchall()
    connection.close()
    next_schema.write_text("CREATE TABLE extra (x);")
    database = open_database(path)
    assert database.connection.pragma("user_version") == migrate.LATEST
    assert database.execute("SELECT * FROM extra").fetchall() == []
    database.close()


def test_a_kill_during_a_migration_leaves_the_old_or_the_new_schema(path, next_schema):
    """The process is killed before each statement; the next open completes the migrations."""
    next_schema.write_text("CREATE TABLE extra (x); INSERT INTO extra VALUES (1);")

    def opening(call):
        kill_at(call)
        open_database(path)

    call, code, versions = 0, -signal.SIGKILL, set()
    while code == -signal.SIGKILL:
        call += 1
        shutil.rmtree(os.path.dirname(path), ignore_errors=True)
        code = outcome(forked(lambda call=call: opening(call)))
        if os.path.exists(path):
            version = pragma(path, "user_version") if os.path.getsize(path) else 0
            versions.add(version)
            connection = apsw.Connection(path)
            tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
            connection.close()
            assert bool(tables) == bool(version)
        database = open_database(path)
        assert database.execute("SELECT x FROM extra").fetchall() == [(1,)]
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        database.close()
    assert code == 0
    assert versions == set(range(migrate.LATEST + 1))


def test_eight_concurrent_first_opens_make_one_database(path):
    def first_open():
        database = open_database(path)
        with database.transaction():
            database.set_meta(str(os.getpid()), 1)
        database.close()

    processes = [forked(first_open) for _ in range(8)]
    assert [outcome(pid) for pid in processes] == [0] * 8
    database = open_database(path)
    assert database.value("SELECT count(*) FROM meta") == 8
    database.close()
