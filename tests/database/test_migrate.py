"""The schema of a database: how it is made and migrated, and which databases are refused."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path

import apsw
import pytest

from capture.kill import forked, kill_at, outcome
from hx.core.errors import DatabaseError, UpgradeNeeded
from hx.database.connection import open_database

migrate = sys.modules["hx.database.migrate"]  # the name in hx.database.connection is the function
MIGRATIONS = Path(migrate.__file__).parent / "migrations"


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


@pytest.mark.parametrize("end", ["", "ROLLBACK;"], ids=["open", "ended by SQLite"])
def test_a_failed_migration_tells_why_and_leaves_no_transaction_open(path, next_schema, end):
    next_schema.write_text(f"CREATE TABLE extra (x); {end} SELECT 1 FROM no;")
    Path(path).parent.mkdir()
    connection = apsw.Connection(path)
    with pytest.raises(apsw.SQLError, match="no such table: no"):
        migrate.migrate(connection, path)
    assert not connection.in_transaction
    assert connection.pragma("user_version") == migrate.LATEST - 1
    connection.close()


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


@pytest.mark.parametrize("_", range(10))  # that two meet while they turn to the log is luck
def test_eight_concurrent_first_opens_make_one_database(path, _):
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
