"""What holds for the databases of all other tools: recognition, damage, locks, odd values."""

from __future__ import annotations

import os
import shutil
import tracemalloc

import pytest

from hx.core.errors import InputError
from hx.core.model import MAX_COMMAND_BYTES
from hx.importers import TOO_LONG, Reading
from hx.importers.registry import detected, importer, importer_for, importers
from importers import foreign_databases as made
from importers.foreign_databases import FIRST_S, Hishtory, Histdb, Mcfly
from importers.import_target import ImportTarget

TOOLS = {"hishtory": Hishtory, "mcfly": Mcfly, "zsh-histdb": Histdb}
TIMES = {  # the table and the column with the time of a row
    "hishtory": ("history_entries", "start_time"),
    "mcfly": ("commands", "when_run"),
    "zsh-histdb": ("history", "start_time"),
}
TEXTS = {  # the table and the column with its command
    "hishtory": ("history_entries", "command"),
    "mcfly": ("commands", "cmd"),
    "zsh-histdb": ("commands", "argv"),
}


def test_each_database_that_is_imported_is_tested_here():
    databases = {tool.KIND.decode() for tool in importers() if not tool.IS_TEXT}
    assert databases - {"atuin"} == TOOLS.keys()  # test_atuin.py has a real one of atuin


@pytest.fixture(params=TOOLS)
def kind(request):
    return request.param


@pytest.fixture
def tool(kind, tmp_path):
    """Return a database of each tool in turn, with a name that says nothing."""
    tool = TOOLS[kind](tmp_path / "copy")
    yield tool
    tool.connection.close()


def filled(tool, rows=1_000):
    with tool.connection:
        for number in range(rows):
            tool.add(f"make {number} {'x' * 200}", number)
    return tool.path


def test_a_database_is_recognised_by_its_tables(kind, tool):
    tool.add("ls")
    assert detected(tool.path).KIND.decode() == kind


def test_a_database_with_all_its_tables_in_the_log_is_recognised_and_read(target, tmp_path):
    hishtory = Hishtory(tmp_path / "used.db")
    hishtory.add("make")
    assert os.path.getsize(hishtory.path) <= 4096 < os.path.getsize(f"{hishtory.path}-wal")
    assert target.import_file(hishtory.path).new == 1


def test_a_database_with_a_further_column_and_a_further_table_is_read(kind, tool, target):
    tool.add("make")
    table, _ = TIMES[kind]
    tool.connection.execute(f"ALTER TABLE {table} ADD COLUMN hidden INTEGER")
    tool.connection.execute("CREATE TABLE notes (text)")
    assert target.import_file(tool.path).new == 1


def test_a_database_without_a_needed_column_is_of_another_version(kind, tool, target):
    tool.add("make")
    table, column = TIMES[kind]
    tool.connection.execute(f"ALTER TABLE {table} RENAME COLUMN {column} TO at")
    with pytest.raises(InputError, match=f"of {kind} that hx does not know: .*{column}") as caught:
        target.import_file(tool.path)
    assert "up to" in caught.value.hint
    assert target.commands() == []


@pytest.mark.parametrize("other", [*TOOLS, "atuin"])
def test_a_database_is_read_as_that_of_its_own_tool_only(kind, tool, other):
    tool.add("make")
    if other == kind:
        assert importer_for(str(tool.path), other).KIND.decode() == kind
        return
    with pytest.raises(InputError, match=f"no history of {other}: it looks like one of {kind}"):
        importer_for(str(tool.path), other)


def test_a_view_is_not_taken_for_a_table(target, tmp_path):
    path = tmp_path / "view.db"
    made.made(path, "CREATE VIEW commands AS SELECT 1 AS id, 'rm' AS cmd").close()
    with pytest.raises(InputError, match="a database, but not of"):
        target.import_file(str(path))


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_of_half_a_database_nothing_is_taken(kind, tool, target, tmp_path, share):
    filled(tool, 6_000)
    half = copied(tool, tmp_path / "half")
    os.truncate(half, int(os.path.getsize(half) * share))
    refused_at_once(half, kind)


@pytest.mark.parametrize("size", [100, 3_000, 10_000])
def test_beside_a_damaged_database_no_file_stays(kind, tool, tmp_path, size):
    filled(tool, 6_000)
    half = copied(tool, tmp_path / "half")
    with open(half, "r+b") as file:
        file.seek(18)
        file.write(b"\x02\x02")  # its tool keeps a write-ahead log
        file.truncate(size)
    before = sorted(os.listdir(os.path.dirname(half)))
    for read in (detected, lambda path: next(importer(kind).read(Reading(path)))):
        with pytest.raises(InputError):
            read(half)
        assert sorted(os.listdir(os.path.dirname(half))) == before


@pytest.mark.parametrize("missing", [1, 4_095])
def test_of_a_database_without_the_end_of_its_last_page_nothing_is_taken(
    kind, tool, tmp_path, missing
):
    """SQLite reads zeros there, in the place of rows, and calls the database whole."""
    filled(tool, 10)
    copy = copied(tool, tmp_path / "cut")
    os.truncate(copy, os.path.getsize(copy) - missing)
    refused_at_once(copy, kind)


@pytest.mark.parametrize("more", [1, 4_096, 5_000])
def test_bytes_behind_the_last_page_are_no_damage(kind, tool, target, tmp_path, more):
    """SQLite does not read them."""
    filled(tool, 10)
    longer = copied(tool, tmp_path / "longer")
    with open(longer, "ab") as file:
        file.write(b"x" * more)
    assert target.import_file(longer).new == 10


def test_of_a_database_with_an_overwritten_page_nothing_is_taken(kind, tool, tmp_path):
    filled(tool, 6_000)
    copy = copied(tool, tmp_path / "overwritten")
    with open(copy, "r+b") as file:
        file.seek(os.path.getsize(copy) // 2 // 4096 * 4096)
        file.write(b"\xff" * 4096)
    refused_at_once(copy, kind)


def copied(tool, copy):
    """Return the path of a copy of a database that has no log."""
    tool.connection.execute("VACUUM INTO ?", (str(copy),))
    return str(copy)


def refused_at_once(path, kind):
    """Check that the damage is an error before the first row is read, so nothing is committed."""
    entries = importer(kind).read(Reading(path))
    with pytest.raises(InputError, match="not a database that SQLite can read"):
        next(entries)


def test_a_large_database_takes_bounded_memory(kind, tool):
    path = filled(tool, 15_000)
    tracemalloc.start()
    assert sum(1 for _ in importer(kind).read(Reading(path))) == 15_000
    assert tracemalloc.get_traced_memory()[1] < 5 << 20
    tracemalloc.stop()


@pytest.mark.parametrize("copied", [0, 1, 2])
def test_each_row_counts_as_progress(kind, tool, copied):
    for number in range(3):
        tool.add("make", number)
    if not hasattr(tool, "add_copy"):
        copied = 0  # it copies no history
    if copied:
        tool.add_copy(["ls"] * copied, *([(0, 5)] if kind == "mcfly" and copied > 1 else []))
    reading = Reading(tool.path)
    assert all(reading.done for _ in importer(kind).read(reading))
    assert reading.done == reading.size == 3 + copied


def test_a_locked_database_is_an_error_and_nothing_is_taken(target, tmp_path, kind, monkeypatch):
    monkeypatch.setattr("hx.importers.foreign._PATIENCE_MS", 1)
    tool = TOOLS[kind](tmp_path / "copy")
    tool.connection.pragma("journal_mode", "delete")
    tool.add("make")
    tool.connection.execute("BEGIN EXCLUSIVE")
    with pytest.raises(InputError, match="locked by another program"):
        target.import_file(tool.path)
    tool.connection.close()
    assert target.commands() == []


def test_a_change_that_was_not_completed_is_named_and_nothing_is_taken(target, tmp_path):
    mcfly = Mcfly(tmp_path / "history.db")
    filled(mcfly)
    mcfly.connection.pragma("cache_size", 10)  # so that the change reaches the file
    mcfly.connection.execute("BEGIN")
    mcfly.connection.execute("UPDATE commands SET cmd = 'half ' || cmd")
    (tmp_path / "killed").mkdir()
    for name in ("history.db", "history.db-journal"):
        shutil.copy(tmp_path / name, tmp_path / "killed" / name)
    before = contents(tmp_path / "killed")
    with pytest.raises(InputError, match="was being changed") as caught:
        target.import_file(str(tmp_path / "killed" / "history.db"))
    assert "history.db-journal" in caught.value.hint
    assert contents(tmp_path / "killed") == before
    assert target.commands() == []
    mcfly.connection.close()


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_tool_can_write_while_its_database_is_read(target, tmp_path):
    """mcfly keeps no log: a reader that holds its lock would make mcfly fail."""
    mcfly = Mcfly(tmp_path / "history.db")
    filled(mcfly, 6_000)
    mcfly.connection.set_busy_timeout(0)
    entries = importer("mcfly").read(Reading(mcfly.path))
    next(entries)
    mcfly.add("written meanwhile", 7_000)
    assert sum(1 for _ in entries) == 6_000


def test_a_database_in_use_is_read_and_left_as_it_is(kind, tool, target):
    tool.add("make")
    folder = os.path.dirname(tool.path)
    before = sorted(os.listdir(folder))
    assert target.import_file(tool.path).new == 1
    assert sorted(set(os.listdir(folder)) - {"hx.db", "hx.db-wal", "hx.db-shm"}) == sorted(
        set(before) - {"hx.db", "hx.db-wal", "hx.db-shm"}
    )
    tool.add("still works", 60)


def test_two_devices_give_one_database_the_same_keys(kind, tool, target, tmp_path):
    for number, command in enumerate([b"ls", b"make", b"ls", b"x\xff", b"make"]):
        tool.add(made.text(command), number // 2)
    (tmp_path / "other").mkdir()
    other_target = ImportTarget(tmp_path / "other", b"\x0e" * 16)
    for device_target in (target, other_target):
        assert device_target.import_file(tool.path).new == 5
        assert device_target.import_file(tool.path).known == 5
    assert target.events() == other_target.events()
    other_target.close()


@pytest.mark.parametrize("seconds", [0, -5, 1 << 40, None, "soon", 1.5, b"\xff"])
def test_a_row_without_a_possible_time_is_counted(kind, tool, target, seconds):
    tool.add("make", 60)
    tool.add("ls")
    table, column = TIMES[kind]
    if kind == "mcfly" and seconds is None:
        return  # its table does not allow it
    value = go_seconds(seconds) if kind == "hishtory" else seconds
    first = f"(SELECT max(rowid) FROM {table})"
    tool.connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = {first}", (value,))
    counts = target.import_file(tool.path)
    assert (counts.new, sum(counts.unreadable.values())) == (1, 1)
    assert target.commands() == [b"make"]


def go_seconds(seconds):
    """Return what hishtory would write for such a time."""
    known = {0: "1970-01-01 00:00:00+00:00", -5: "1969-12-31 23:59:55+00:00",
             1 << 40: "9999-99-99 00:00:00+00:00"}  # fmt: skip
    return known.get(seconds, seconds) if isinstance(seconds, int) else seconds


def test_a_command_that_is_too_long_or_empty_stops_no_other_row(kind, tool, target):
    tool.add("x" * (MAX_COMMAND_BYTES + 1))
    tool.add("", 1)
    tool.add("   ", 2)
    tool.add("make", 3)
    counts = target.import_file(tool.path)
    assert counts.new == 1
    assert counts.unreadable[TOO_LONG] == 1


def test_commands_of_any_bytes_and_types_are_read(kind, tool, target):
    values = [b"\xff\0", b"nul\0inside", "caf\u00e9", 7, 2.5, "two\nlines"]
    for number, value in enumerate(values):
        tool.add(value, number)
    assert target.import_file(tool.path).new == len(values)
    assert set(target.commands()) == {
        *(b"\xff\0", b"nul\0inside", b"caf\xc3\xa9", b"7", b"2.5", b"two\nlines")
    }


def test_text_that_is_not_utf_8_is_read_as_bytes(kind, tool, target):
    table, column = TEXTS[kind]
    tool.add("make")
    tool.connection.execute(f"UPDATE {table} SET {column} = CAST(X'636174FF' AS TEXT)")
    target.import_file(tool.path)
    assert target.commands() == [b"cat\xff"]


def test_a_database_in_utf_16_is_read(kind, tmp_path, target, monkeypatch):
    path = tmp_path / "utf16"
    for name in ("HISHTORY", "MCFLY", "HISTDB"):
        monkeypatch.setattr(made, name, "PRAGMA encoding = 'UTF-16';" + getattr(made, name))
    tool = Histdb(path, made.HISTDB) if kind == "zsh-histdb" else None
    tool = tool or (Hishtory(path, wal=False) if kind == "hishtory" else Mcfly(path))
    tool.add("caf\u00e9")
    assert tool.connection.pragma("encoding") == "UTF-16le"
    target.import_file(tool.path)
    assert target.commands() == ["caf\u00e9".encode()]
    tool.connection.close()


def test_the_first_second_is_kept(kind, tool, target):
    tool.add("make")
    target.import_file(tool.path)
    (event,) = target.events()
    assert event.key.started_at_us == FIRST_S * 1_000_000
