"""`open_database`: the file, its modes, its log and what is refused."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import apsw
import pytest

from database.descriptors import next_descriptor
from hx.core.errors import Busy, DatabaseError, UpgradeNeeded
from hx.database.connection import _CACHE_KIB, open_database
from hx.database.migrate import LATEST


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
    assert database.connection.pragma("cache_size") == -_CACHE_KIB
    database.close()


def test_no_statement_writes_into_the_schema_or_the_pages_of_the_index(path):
    database = open_database(path)
    database.connection.pragma("writable_schema", 1)
    for statement in ("DELETE FROM sqlite_schema", "DELETE FROM command_text_data"):
        with pytest.raises(apsw.SQLError, match="may not be modified"):
            database.execute(statement)
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


@pytest.mark.parametrize("data", [b"x" * 4_096, b"SQLite format 3\0" + b"\xff" * 4_080])
def test_a_file_that_is_no_database_is_refused_and_untouched(path, data):
    os.mkdir(os.path.dirname(path))
    Path(path).write_bytes(data)
    with pytest.raises(DatabaseError, match=r"is not a file of SQLite|is damaged") as caught:
        open_database(path)
    assert "move the file away" in caught.value.hint
    assert Path(path).read_bytes() == data


def test_the_journal_of_a_database_stays_as_it_is(path):
    """It was made on a network disk, and then moved to this one."""
    database = open_database(path)
    database.connection.pragma("journal_mode", "delete")
    database.close()
    database = open_database(path)
    assert database.connection.pragma("journal_mode") == "delete"
    database.close()


def test_a_database_that_was_made_and_closed_leaves_no_file_open(path):
    before = next_descriptor()
    open_database(path).close()
    assert next_descriptor() == before


@pytest.mark.parametrize("version", [None, LATEST + 1], ids=["not SQLite", "newer"])
def test_a_database_that_is_refused_is_closed(path, version):
    if version is None:
        os.mkdir(os.path.dirname(path))
        Path(path).write_bytes(b"x" * 4_096)
    else:
        database = open_database(path)
        database.connection.pragma("user_version", version)
        database.close()
    before = next_descriptor()
    with pytest.raises(DatabaseError if version is None else UpgradeNeeded) as caught:
        open_database(path)
    assert next_descriptor() == before, f"while {caught.value!r} is held"


def test_a_file_that_cannot_be_made_is_an_error(tmp_path):
    too_long = str(tmp_path / ("x" * 300))
    with pytest.raises(DatabaseError, match="cannot make the database") as caught:
        open_database(too_long)
    assert "HX_HOME" in caught.value.hint


def test_a_database_in_a_folder_that_others_may_write_into_is_refused(path):
    open_database(path).close()
    os.chmod(os.path.dirname(path), 0o770)
    with pytest.raises(DatabaseError, match="other users may write into"):
        open_database(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_database_of_another_user_is_refused(path):
    open_database(path).close()
    os.chown(path, 65_534, 65_534)
    with pytest.raises(DatabaseError, match="belongs to another user"):
        open_database(path)


def test_a_folder_in_place_of_the_database_is_an_error(path):
    os.makedirs(path)
    with pytest.raises(DatabaseError, match="cannot open the database"):
        open_database(path)


def test_a_database_that_is_locked_is_busy_and_not_damaged(path, monkeypatch):
    monkeypatch.setattr("hx.database.connection.BUSY_TIMEOUT_MS", 10)
    Path(path).parent.mkdir()
    writer = apsw.Connection(path)
    writer.pragma("journal_mode", "wal")
    writer.execute("BEGIN IMMEDIATE")
    with pytest.raises(Busy, match="is busy"):
        open_database(path)
    writer.close()
    open_database(path).close()
