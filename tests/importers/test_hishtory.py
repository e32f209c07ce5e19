"""What hishtory writes, how it becomes events, and its copies of the histories of shells."""

from __future__ import annotations

import pytest

from hx.core.model import FINISHED, KNOWN_SINCE_US
from hx.importers import Reading
from hx.importers.copied_lines import MOST_LINES
from hx.importers.databases import NO_COMMAND, NO_TIME
from hx.importers.go_times import time_ns
from hx.importers.registry import importer
from importers import foreign_databases as made
from importers.foreign_databases import Hishtory
from importers.import_target import FIRST_S, SECOND_US, ImportTarget, zsh_history


@pytest.fixture
def hishtory(tmp_path):
    hishtory = Hishtory(tmp_path / ".hishtory.db")
    yield hishtory
    hishtory.connection.close()


def test_a_row_keeps_all_that_hx_knows_of_a_run(target, hishtory):
    hishtory.add("make", 5.25, 7.5, exit_code=2)
    target.import_file(hishtory.path)
    (event,) = target.events()
    assert event.key.started_at_us == FIRST_S * SECOND_US + 5_250_000
    assert (event.duration_us, event.exit_status, event.flags) == (7_500_000, 2, FINISHED)
    assert (event.host, event.user, event.cwd) == (b"box", b"ann", b"/home/ann/src")


@pytest.mark.parametrize(("cwd", "home", "path"), [
    ("~/", "/home/ann", b"/home/ann"),
    ("~/a b", "/home/ann", b"/home/ann/a b"),
    ("~2/src", "/home/ann", b"/home/ann2/src"),
    ("~/src", "", b"~/src"),
    ("~/src", None, b"~/src"),
    ("/srv", "/home/ann", b"/srv"),
    (None, None, b""),
])  # fmt: skip
def test_a_directory_is_the_whole_path(target, hishtory, cwd, home, path):
    hishtory.add("make", current_working_directory=cwd, home_directory=home)
    target.import_file(hishtory.path)
    (event,) = target.events()
    assert event.cwd == path


@pytest.mark.parametrize(("text", "expected_ns"), [
    (b"2023-11-14 22:13:20+00:00", 1_700_000_000_000_000_000),
    (b"2023-11-14 22:13:20.5+00:00", 1_700_000_000_500_000_000),
    (b"2023-11-14 22:13:20.000000001+00:00", 1_700_000_000_000_000_001),
    (b"2023-11-14T22:13:20Z", 1_700_000_000_000_000_000),
    (b"2023-11-14 14:13:20.25-08:00", 1_700_000_000_250_000_000),
    (b"2023-11-15 03:58:20+05:45", 1_700_000_000_000_000_000),
    (b"2023-11-14 14:13:20.25 -0800 PST m=+0.015", 1_700_000_000_250_000_000),
    (b"2023-11-14 22:13:20", 1_700_000_000_000_000_000),
    (b"1970-01-01 00:00:00+00:00", 0),
    (b"0001-01-01 00:00:00+00:00", -62_135_596_800_000_000_000),
    (b"2023-02-30 00:00:00+00:00", None),
    (b"", None),
    (b"1700000000", None),
    (b"2023-11-14", None),
])  # fmt: skip
def test_times_of_go_are_read_with_their_zones(text, expected_ns):
    assert time_ns(text) == expected_ns


def test_the_first_version_of_the_table_is_read(target, tmp_path):
    connection = made.made(tmp_path / "2022.db", made.HISHTORY_2022)
    sql = "INSERT INTO history_entries VALUES ('ann', 'box', 'make', '/srv', 1, ?, ?)"
    connection.execute(sql, ("2022-04-08 20:11:01.5-07:00", "2022-04-08 20:11:02-07:00"))
    target.import_file(str(tmp_path / "2022.db"))
    (event,) = target.events()
    assert (event.exit_status, event.duration_us) == (1, SECOND_US // 2)
    connection.close()


def test_a_command_that_runs_is_unfinished_and_its_end_is_imported_later(target, hishtory):
    hishtory.add("make", 0, None)
    target.import_file(hishtory.path)
    (running,) = target.events()
    assert (running.flags, running.exit_status, running.duration_us) == (0, None, None)
    hishtory.connection.execute("DELETE FROM history_entries")
    hishtory.add("make", 0, 60, exit_code=130)
    assert target.import_file(hishtory.path).known == 1
    (ended,) = target.events()
    assert (ended.flags, ended.exit_status, ended.key) == (FINISHED, 130, running.key)


def test_the_rows_of_one_run_are_one_event(target, hishtory):
    hishtory.add("make", 0, None)  # it is not always removed at the end
    hishtory.add("make", 0, 90)  # Ctrl-C at the prompt saves the last command again
    hishtory.add("make", 0, 60)
    target.import_file(hishtory.path)
    (event,) = target.events()
    assert event.duration_us == 60 * SECOND_US


def test_a_beginning_that_was_saved_in_the_same_second_as_its_run_is_no_event(target, hishtory):
    hishtory.add("make", 0.1, None)  # bash sets the time again at Ctrl-R
    hishtory.add("make", 0.4, 1)
    hishtory.add("make", 1.6, None)
    target.import_file(hishtory.path)
    assert [event.flags for event in target.events()] == [FINISHED, 0]


def test_a_beginning_and_a_run_in_any_part_of_one_second_are_one_event(target, hishtory):
    """A second of the clock, from its beginning to its end."""
    for second in range(4):
        hishtory.add("make", second, None)
        hishtory.add("make", second + 0.999999, 1)
    target.import_file(hishtory.path)
    assert [event.flags for event in target.events()] == [FINISHED] * 4


def test_one_command_twice_in_one_second_is_two_events(target, hishtory):
    hishtory.add("ls", 0.1, 0.1)
    hishtory.add("ls", 0.5, 0.2)
    target.import_file(hishtory.path)
    assert [event.duration_us for event in target.events()] == [100_000, 200_000]


def test_an_end_before_its_beginning_gives_no_duration(target, hishtory):
    hishtory.add("make", 5, -1)
    hishtory.add("ls", 6, 0)
    target.import_file(hishtory.path)
    assert [event.duration_us for event in target.events()] == [None, 0]


def test_two_commands_of_one_time_are_two_events_in_a_fixed_order(target, hishtory, tmp_path):
    hishtory.add("make")
    hishtory.add("ls")
    target.import_file(hishtory.path)
    (tmp_path / "other").mkdir()
    other = Hishtory(tmp_path / "other" / ".hishtory.db")
    other.add("ls")
    other.add("make")
    other_target = ImportTarget(tmp_path / "other", b"\x0e" * 16)
    other_target.import_file(other.path)
    assert other_target.events() == target.events()
    assert len(target.events()) == 2
    other_target.close()
    other.connection.close()


def read(path):
    """Return the entries of a database, and the count of each fault."""
    reading = Reading(path)
    return [*importer("hishtory").read(reading)], reading.faults


def test_commands_of_one_time_and_device_are_numbered_from_that_time_on(hishtory):
    """So a command that is left out on one device changes no key of another command."""
    for command, device in (("make", "a"), ("ls", "a"), ("ls", "b"), ("pwd", "a")):
        hishtory.add(command, device_id=device)
    entries, _ = read(hishtory.path)
    first = FIRST_S * 1_000_000_000
    assert [(entry.command, entry.device[-1:], entry.seq - first) for entry in entries] == [
        *((b"ls", b"a", 0), (b"make", b"a", 1), (b"pwd", b"a", 2), (b"ls", b"b", 0))
    ]


@pytest.mark.parametrize(("start", "is_time"), [
    ("1970-01-01 00:16:40+00:00", True),
    ("1970-01-01 00:16:39.999999+00:00", False),
    ("2242-03-16 12:56:31.999999+00:00", True),
    ("2242-03-16 12:56:32+00:00", False),
])  # fmt: skip
def test_a_time_is_one_between_the_first_and_the_last_that_hx_takes(hishtory, start, is_time):
    hishtory.add("make", start_time=start)
    hishtory.add("")
    entries, faults = read(hishtory.path)
    assert len(entries) == is_time
    assert faults == {NO_COMMAND: 1} | ({} if is_time else {NO_TIME: 1})


def test_an_entry_has_its_microseconds_and_what_hishtory_knows_of_its_device(hishtory):
    hishtory.add("make", 0.000009, 0.000007, hostname="", local_username="", device_id="d")
    ((entry, *_), _) = read(hishtory.path)
    assert (entry.at_us, entry.duration_us) == (FIRST_S * SECOND_US + 9, 7)
    assert (entry.host, entry.user, entry.shell) == (None, None, None)
    assert (entry.device, entry.session, entry.place) == (b"\0d", b"\0d", 0)


def test_a_copy_has_its_place_in_its_batch_and_an_old_one_that_of_its_made_up_time(hishtory):
    unknown = {"current_working_directory": "Unknown", "hostname": "h", "device_id": "d"}
    hishtory.add_copy(["a", "b"], **unknown)
    hishtory.add("old", 0, 0.001, entry_id="", **unknown)
    hishtory.add(f": {FIRST_S}:12;timed", 60, 0.001, entry_id=f"{made.BATCH}7", **unknown)
    entries, _ = read(hishtory.path)
    at_us = FIRST_S * SECOND_US
    batch, old = made.BATCH.encode(), b"%d" % (at_us // MOST_LINES)
    found = {entry.command: entry for entry in entries}
    assert {command: (entry.session, entry.place) for command, entry in found.items()} == {
        b"a": (b"h\0d\0" + batch, 1),
        b"b": (b"h\0d\0" + batch, 2),
        b"old": (b"h\0d\0" + old, at_us % MOST_LINES + 1),
        b"timed": (b"h\0d\0" + batch, 0),
    }
    timed, untimed = found[b"timed"], found[b"a"]
    assert (timed.at_us, timed.duration_us, timed.shell) == (at_us, 12 * SECOND_US, b"zsh")
    assert (untimed.at_us, untimed.duration_us, untimed.shell) == (at_us, None, None)
    assert {(entry.device, entry.host, entry.user) for entry in entries} == {
        (b"h\0d", b"h", b"ann")
    }


def test_what_came_from_json_stands_among_the_copies_in_the_order_of_its_time(hishtory):
    unknown = {"current_working_directory": "Unknown", "entry_id": f"{made.BATCH}-0"}
    hishtory.add_copy(["first"])
    hishtory.add("of json", 5, 3, **unknown)
    hishtory.add_copy(["last"], 60)
    entries, _ = read(hishtory.path)
    assert [entry.command for entry in entries] == [b"first", b"of json", b"last"]
    assert entries[1].seq == (FIRST_S + 5) * 1_000_000_000


def test_rows_deleted_in_hishtory_change_no_other_key(target, hishtory):
    for number, command in enumerate(["a", "b", "c"]):
        hishtory.add(command, number)
    hishtory.add_copy(["x", "y", "z"], 60)
    target.import_file(hishtory.path)
    hishtory.connection.execute("DELETE FROM history_entries WHERE command IN ('a', 'x')")
    counts = target.import_file(hishtory.path)
    assert (counts.new, counts.known) == (0, 4)


def test_what_the_shells_own_history_has_is_not_copied_again(target, hishtory):
    lines = [(-500, "ls -l"), (-400, "make"), (-300, "make"), (60, "after")]
    hishtory.add_copy(["trimmed since", "ls -l", "make", "make"])
    hishtory.add("after", 60.3)
    shell, copies = target.import_both(hishtory.path, zsh_history(*lines))
    assert (shell.new, shell.duplicates) == (3, 1)
    assert (copies.new, copies.untimed, copies.duplicates) == (2, 1, 3)
    assert target.commands() == [b"trimmed since", b"ls -l", b"make", b"make", b"after"]
    for again in target.import_both(hishtory.path, zsh_history(*lines)):
        assert again.new == 0


def test_a_second_import_inside_hishtory_gives_no_second_copy(target, hishtory):
    hishtory.add_copy(["ls -l", "make"])
    hishtory.add_copy(["ls -l", "make", "git push"], 500, "c0ffee00-0000-4000-8000-000000000002")
    counts = target.import_file(hishtory.path)
    assert (counts.new, counts.duplicates) == (3, 2)
    assert target.commands() == [b"ls -l", b"make", b"git push"]
    assert target.import_file(hishtory.path).new == 0


def test_the_time_that_is_left_in_a_copied_line_of_zsh_is_its_time(target, hishtory):
    hishtory.add_copy([f": {FIRST_S - 900}:12;make all", "ls"])  # it removes durations below 10
    data = b": %d:12;make all\n: %d:0;ls\n" % (FIRST_S - 900, FIRST_S - 800)
    shell, copies = target.import_both(hishtory.path, data)
    assert (copies.new, copies.untimed, copies.duplicates) == (1, 0, 1)
    assert (shell.new, shell.duplicates) == (1, 1)
    target.forget_text(b"make all")
    assert target.import_file(hishtory.path).new == 0


def test_escapes_of_zsh_in_a_copied_line_are_undone(target, hishtory):
    hishtory.add_copy([b"echo \xc4\x83\xa3", "echo \u0403"])
    target.import_file(hishtory.path)
    assert set(target.commands()) == {b"echo \xc4\x83", "echo \u0403".encode()}


@pytest.mark.parametrize("took_s", [0, 0.000002, 0.001])
def test_the_copies_of_older_versions_have_no_time_either(target, hishtory, took_s):
    for number in range(3):
        hishtory.add(f"line {number}", number / 500, took_s, entry_id="",
                     current_working_directory="Unknown")  # fmt: skip
    assert target.import_file(hishtory.path).untimed == 3
    assert target.commands() == [b"line 0", b"line 1", b"line 2"]


@pytest.mark.parametrize(("facts", "untimed"), [
    ({"took_s": 0.0005}, 1),
    ({"took_s": 0.001}, 1),
    ({"took_s": 0.002}, 0),
    ({"took_s": None}, 0),
    ({"took_s": -1}, 0),
    ({"took_s": 0.001, "exit_code": 1}, 0),
])  # fmt: skip
def test_a_row_without_a_directory_has_no_time_only_if_hishtory_made_it_up(
    target, hishtory, facts, untimed
):
    """It makes up an end after a millisecond at most, and no failure."""
    where = {"current_working_directory": "Unknown", "entry_id": f"{made.BATCH}0"}
    hishtory.add("make", 60, **where, **facts)
    counts = target.import_file(hishtory.path)
    assert (counts.new, counts.untimed) == (1, untimed)


@pytest.mark.parametrize("column", ["start_time", "end_time"])
def test_a_copy_whose_times_cannot_be_read_stops_no_import(target, hishtory, column):
    hishtory.add_copy(["make"], **{column: "soon"})
    hishtory.add("ls", 60)
    counts = target.import_file(hishtory.path)
    assert b"ls" in target.commands()
    assert sum(counts.unreadable.values()) == (column == "start_time")


def test_commands_from_json_keep_the_times_that_they_had(target, hishtory):
    facts = {"current_working_directory": "Unknown", "entry_id": f"{made.BATCH}-0"}
    hishtory.add("make", 0, 0, **facts)
    hishtory.add("ls", 5, 3, **facts)
    hishtory.add("without a time", 60, 0.001, **facts)
    counts = target.import_file(hishtory.path)
    assert (counts.new, counts.untimed) == (3, 1)
    assert all(event.cwd == b"" for event in target.events())


def test_two_devices_give_the_copies_the_same_keys(target, hishtory, tmp_path):
    hishtory.add_copy(["ls -l", "make", "git push"])
    (tmp_path / "other").mkdir()
    other_target = ImportTarget(tmp_path / "other", b"\x0e" * 16)
    other_target.import_file(hishtory.path)
    target.import_both(hishtory.path, zsh_history((-500, "make")))
    own = {event for event in target.events() if event.key.started_at_us < KNOWN_SINCE_US}
    assert len(own) == 2
    assert own < set(other_target.events())
    other_target.close()


def test_a_copy_of_another_host_is_imported_but_not_beside_the_events_of_that_host(
    target, hishtory
):
    hishtory.add_copy(["make", "ls -l"], hostname="server")
    target.import_bytes(zsh_history((-500, "make")))  # of this host
    assert target.import_file(hishtory.path).new == 2


def test_an_untimed_history_of_the_shell_adds_only_what_hishtory_left_out(target, hishtory):
    hishtory.add("make")
    target.import_file(hishtory.path)
    counts = target.import_bytes(b"older\nmake\n", "bash")
    assert (counts.new, counts.duplicates) == (1, 1)
