"""What is common to the databases of other tools: opening them, their tables, and their values."""

from __future__ import annotations

import apsw
import pytest

from hx.core.errors import InputError
from hx.core.model import KNOWN_SINCE_US
from hx.importers import LAST_US, Reading, databases, hishtory, histdb, mcfly
from hx.importers.databases import Layout
from importers import foreign_databases as made

LAYOUT = Layout("tool", "version 9", "lines", {"lines": frozenset({"a", "b"})})


@pytest.fixture
def path(tmp_path):
    return tmp_path / "history.db"


@pytest.fixture
def memory():
    return apsw.Connection(":memory:")


# ---- values ----


@pytest.mark.parametrize(
    ("seconds", "at_us"),
    [
        (KNOWN_SINCE_US // 1_000_000, KNOWN_SINCE_US),
        (KNOWN_SINCE_US // 1_000_000 - 1, None),
        (LAST_US // 1_000_000 - 1, LAST_US - 1_000_000),
        *((LAST_US // 1_000_000, None), (-5, None), (0, None), (1 << 62, None), (-1 << 63, None)),
        *((None, None), ("1700000000", None), (1.7e9, None), (b"1700000000", None)),
    ],
)
def test_a_time_is_a_whole_number_of_seconds_that_can_be_one(seconds, at_us):
    assert databases.time_us(seconds) == at_us


@pytest.mark.parametrize("value", [0, 1, 130, (1 << 31) - 1])
def test_an_exit_status_has_31_bits(value):
    assert databases.status(value) == value


@pytest.mark.parametrize("value", [-1, 1 << 31, None, "0", b"0", 0.0])
def test_anything_else_is_no_exit_status(value):
    assert databases.status(value) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [(b"\xff", b"\xff"), ("caf\u00e9", b"caf\xc3\xa9"), (None, b""), (7, b"7"), (2.5, b"2.5")],
)
def test_any_value_is_bytes(value, expected):
    assert databases.blob(value) == expected


# ---- tables ----


def test_the_tables_are_named_with_their_columns_and_views_are_not(memory):
    memory.execute("CREATE TABLE lines (a, b); CREATE VIEW seen AS SELECT a FROM lines")
    assert databases.tables(memory) == {"lines": {"a", "b"}}


def test_of_a_thousand_tables_no_more_are_looked_at(memory):
    memory.execute(";".join(f"CREATE TABLE t{number} (a)" for number in range(1_001)))
    assert len(databases.tables(memory)) == 1_000


def test_a_virtual_table_of_an_unknown_module_has_no_columns(path):
    connection = made.made(path, "CREATE TABLE lines (a)")
    connection.execute("PRAGMA writable_schema = 1")
    connection.execute(
        "INSERT INTO sqlite_master VALUES ('table', 'odd', 'odd', 0,"
        " 'CREATE VIRTUAL TABLE odd USING unknown')"
    )
    connection.close()
    with databases.connected(str(path)) as connection:
        assert databases.tables(connection) == {"lines": {"a"}, "odd": frozenset()}


def test_what_is_lacking_is_named_in_order():
    needed = {"lines": frozenset({"a", "b", "c"}), "gone": frozenset({"d"})}
    assert databases.lacking({"lines": frozenset({"b", "x"})}, needed) == [
        *("gone.d", "lines.a", "lines.c")
    ]
    assert databases.lacking(needed, needed) == []


def test_a_database_without_a_column_is_refused_with_what_it_lacks(path):
    made.made(path, "CREATE TABLE lines (a)").close()
    with (
        pytest.raises(InputError, match=r"version of tool that hx does not know: it lacks lines.b"),
        databases.whole(Reading(str(path)), LAYOUT),
    ):
        pytest.fail("it was opened")


def test_a_whole_database_is_opened_with_its_tables_and_its_size(path):
    made.made(path, "CREATE TABLE lines (a, b); INSERT INTO lines VALUES (1, 2), (3, 4)").close()
    reading = Reading(str(path))
    with databases.whole(reading, LAYOUT) as (connection, tables):
        assert tables == LAYOUT.needed
        assert reading.size == 2
        trusted = apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA
        assert connection.config(trusted, -1) == 0, "its schema may call functions"
    with pytest.raises(apsw.ConnectionClosedError):
        connection.execute("SELECT 1")


def test_columns_that_are_not_there_are_null_and_text_is_bytes(memory):
    memory.execute("CREATE TABLE lines (a, b); INSERT INTO lines VALUES (CAST(x'ff' AS TEXT), 7)")
    chosen = databases.as_bytes(memory, ("b", "c", "a"), frozenset({"a", "b"}))
    assert memory.execute(f"SELECT {chosen} FROM lines").fetchall() == [(7, None, b"\xff")]


@pytest.mark.parametrize(
    ("rules", "problems"),
    # without trust in the schema SQLite evaluates no CHECK
    [("a NOT NULL, b", ["NULL value in lines.a"]), ("a, b CHECK (b > 1)", ["ok"])],
    ids=["NULL", "CHECK"],
)
def test_a_row_that_breaks_a_rule_of_the_tool_is_no_damage(path, rules, problems):
    connection = made.made(path, "CREATE TABLE lines (a, b)")
    connection.execute("INSERT INTO lines VALUES (NULL, 0)")
    connection.execute("PRAGMA writable_schema = 1")
    sql = "UPDATE sqlite_master SET sql = ? WHERE name = 'lines'"
    connection.execute(sql, (f"CREATE TABLE lines ({rules})",))
    connection.close()
    with databases.connected(str(path)) as connection:
        assert [problem for (problem,) in connection.execute("PRAGMA quick_check")] == problems
        databases.check_whole(connection, str(path))


# ---- rows ----


def test_rows_of_any_id_come_in_the_order_of_their_ids(memory):
    ids = [-(1 << 63) + 1, -5, 0, 7, (1 << 63) - 1]
    memory.execute("CREATE TABLE lines (id INTEGER PRIMARY KEY)")
    memory.executemany("INSERT INTO lines VALUES (?)", [(each,) for each in reversed(ids)])
    rows = databases.in_steps(memory, "SELECT id, 'text' FROM lines WHERE 1", "id")
    assert [*rows] == [(each, "text") for each in ids]


def test_between_the_steps_of_two_thousand_rows_others_may_write(path):
    other = made.made(path, "CREATE TABLE lines (id INTEGER PRIMARY KEY)")
    other.execute(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2001)"
        " INSERT INTO lines SELECT i FROM n"
    )
    other.set_busy_timeout(0)
    with databases.connected(str(path)) as connection:
        rows = databases.in_steps(connection, "SELECT id, 'text' FROM lines WHERE 1", "id")
        assert next(rows) == (1, "text")
        other.execute("INSERT INTO lines VALUES (2002)")
        other.execute("UPDATE lines SET id = 3000 WHERE id = 2000")
        assert [row_id for row_id, _ in rows] == [*range(2, 2002), 2002, 3000]
    other.close()


# ---- whose it is ----


@pytest.mark.parametrize(
    ("tool", "tables", "is_its"),
    [
        (hishtory, {"history_entries": frozenset()}, True),
        (hishtory, {"history": frozenset({"history_entries"})}, False),
        (mcfly, {"selected_commands": frozenset()}, True),
        (mcfly, {"commands": frozenset({"cmd"})}, True),
        (mcfly, {"commands": frozenset({"argv"})}, False),
        (mcfly, {"cmd": frozenset()}, False),
        (histdb, {name: frozenset() for name in ("history", "commands", "places", "more")}, True),
        (histdb, {name: frozenset() for name in ("history", "commands")}, False),
    ],
)
def test_a_tool_knows_its_database_by_its_tables(tool, tables, is_its):
    assert tool.owns(tables) == is_its


def test_a_database_of_no_tool_is_refused_with_the_names_of_those_that_are_known(path):
    made.made(path, "CREATE TABLE lines (a)").close()
    tools = [hishtory, mcfly, histdb]
    message = "is a database, but not of hishtory, mcfly or zsh-histdb$"
    with pytest.raises(InputError, match=message):
        databases.tool_of(str(path), tools)
    made.made(path, "CREATE TABLE selected_commands (a)").close()
    assert databases.tool_of(str(path), tools) is mcfly


# ---- errors ----


def test_an_error_of_sqlite_while_a_database_is_open_is_told(path):
    made.made(path, "CREATE TABLE lines (a)").close()
    with (
        pytest.raises(InputError, match="cannot be read: no such table: gone"),
        databases.connected(str(path)) as connection,
    ):
        connection.execute("SELECT * FROM gone")


def test_a_damaged_database_is_refused_before_its_first_row_is_read(path):
    made.made(
        path, "CREATE TABLE lines (a, b); INSERT INTO lines VALUES (zeroblob(9000), 1)"
    ).close()
    with open(path, "r+b") as file:
        file.seek(2 * 4096)  # a page with the rest of a long value, which no count of rows reads
        file.write(b"\xff" * 4096)
    with (
        pytest.raises(InputError, match="is not a database that SQLite can read"),
        databases.whole(Reading(str(path)), LAYOUT),
    ):
        pytest.fail("it was opened")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (apsw.BusyError("x"), "is locked by another program"),
        (apsw.LockedError("x"), "is locked by another program"),
        (apsw.NotADBError("x"), "is not a database that SQLite can read"),
        (apsw.CorruptError("x"), "is not a database that SQLite can read"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "x"), "is not a database that SQLite can read"),
        (apsw.IOError("broken"), "cannot be read: broken"),
        (apsw.CantOpenError("closed"), "cannot be read: closed"),
    ],
    ids=repr,
)
def test_each_error_of_sqlite_is_a_sentence(path, error, message):
    found = databases.explained(error, str(path))
    assert found.message == f"{path} {message}"
    assert found.hint


@pytest.mark.parametrize(("data", "is_named"), [(b"x" * 100, True), (b"", False)])
def test_a_full_log_is_named_where_the_database_cannot_be_opened(path, data, is_named):
    (path.parent / f"{path.name}-wal").write_bytes(data)
    closed = databases.explained(apsw.CantOpenError("closed"), str(path))
    assert (f"{path}-wal" in closed.hint) == is_named
    other = databases.explained(apsw.IOError("broken"), str(path))
    assert "-wal" not in other.hint
