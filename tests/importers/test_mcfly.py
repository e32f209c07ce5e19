"""What mcfly writes, how it becomes events, and its copy of the shell's history."""

from __future__ import annotations

import pytest

from hx.core.merge import History
from hx.core.model import FINISHED, KNOWN_SINCE_US, Event, EventKey
from hx.importers import Reading
from hx.importers.copied_lines import MOST_LINES
from hx.importers.databases import NO_COMMAND, NO_TIME
from hx.importers.registry import importer
from importers import foreign_databases as made
from importers.foreign_databases import Mcfly
from importers.import_target import FIRST_S, SECOND_US, ImportTarget, zsh_history


@pytest.fixture
def mcfly(tmp_path):
    mcfly = Mcfly(tmp_path / "history.db")
    yield mcfly
    mcfly.connection.close()


def test_a_row_keeps_time_status_and_directory(target, mcfly):
    mcfly.add("make", 5, 2, dir="/srv/app")
    target.import_file(mcfly.path)
    (event,) = target.events()
    assert event.key.started_at_us == (FIRST_S + 5) * SECOND_US
    assert (event.exit_status, event.flags, event.cwd) == (2, FINISHED, b"/srv/app")
    assert (event.host, event.shell, event.duration_us) == (None, None, None)


def test_the_first_version_of_the_schema_is_read(target, tmp_path):
    connection = made.made(tmp_path / "2018.db", made.MCFLY_2018)
    connection.execute(
        "INSERT INTO commands (cmd, when_run, exit_code, dir) VALUES ('make', ?, 0, '/srv')",
        (FIRST_S,),
    )
    assert target.import_file(str(tmp_path / "2018.db")).new == 1
    connection.close()


def test_a_database_whose_first_import_was_interrupted_is_read(target, tmp_path):
    path = tmp_path / "half.db"
    connection = made.made(path, made.MCFLY)
    assert target.import_file(str(path)).new == 0
    connection.execute("DROP TABLE schema_versions")
    connection.execute(
        "INSERT INTO commands (cmd, session_id, when_run, exit_code, selected, dir)"
        " VALUES ('make', 's', ?, 0, 0, '/srv')",
        (FIRST_S,),
    )
    assert target.import_file(str(path)).new == 1
    connection.close()


def test_copies_of_two_databases_do_not_mix(target, tmp_path, mcfly):
    mcfly.add("make", 60, session_id="UNKNOWN")
    mcfly.add_copy(["ls"])
    other = Mcfly(tmp_path / "other.db")
    other.connection.execute("UPDATE schema_versions SET when_run = when_run + 1")
    other.add("make", 60, session_id="UNKNOWN", dir="/other")
    other.add_copy(["make"])
    target.import_file(mcfly.path)
    target.import_file(other.path)
    assert len({event.key for event in target.events()}) == len(target.events())


def test_copied_commands_have_no_time_and_keep_their_order(target, mcfly):
    mcfly.add_copy(["first", "second", "third"])
    mcfly.add("make", 60)
    counts = target.import_file(mcfly.path)
    assert (counts.new, counts.untimed) == (4, 3)
    assert target.commands() == [b"first", b"second", b"third", b"make"]
    assert [event.key.started_at_us < KNOWN_SINCE_US for event in target.events()] == [
        *(True, True, True, False)
    ]
    assert all(event.exit_status is None for event in target.events()[:3])


def test_what_the_shells_own_history_has_is_not_copied_again(target, mcfly):
    lines = [(-500, "ls -l"), (-400, "make"), (-300, "make"), (50, "after")]
    mcfly.add_copy(["trimmed since", "ls -l", "make", "make"])
    mcfly.add("after", 50)
    shell, copies = target.import_both(mcfly.path, zsh_history(*lines))
    assert (shell.new, shell.duplicates) == (3, 1)
    assert (copies.new, copies.untimed, copies.duplicates) == (2, 1, 3)
    assert target.commands() == [b"trimmed since", b"ls -l", b"make", b"make", b"after"]
    for again in target.import_both(mcfly.path, zsh_history(*lines)):
        assert again.new == 0


def test_what_ran_after_the_copy_was_made_is_no_line_of_it(target, mcfly):
    mcfly.add_copy(["make"])
    _, copies = target.import_both(mcfly.path, zsh_history((50, "make")))
    assert (copies.new, copies.duplicates) == (1, 0)


def test_an_untimed_history_of_the_shell_is_not_copied_again(target, mcfly):
    mcfly.add_copy(["trimmed since", "ls -l", "make", "make"])
    _, copies = target.import_both(mcfly.path, b"ls -l\nmake\nmake\nlater\n", "bash")
    assert (copies.new, copies.duplicates) == (1, 3)
    grown = target.import_bytes(b"ls -l\nmake\nmake\nlater\ntrimmed since\n", "bash")
    assert grown.new == 1  # it ran again


def test_the_shells_own_history_may_be_imported_before(target, mcfly):
    mcfly.add_copy(["trimmed since", "ls -l", "make", "make"])
    path = target.write(zsh_history((-500, "ls -l"), (-400, "make")))
    target.import_file(path)
    for histories in ({path: None}, {}):
        counts = target.import_file(mcfly.path, shell_histories=histories)
        assert counts.duplicates == 2
    assert target.commands() == [b"trimmed since", b"make", b"ls -l", b"make"]


def test_a_history_of_which_zsh_set_all_times_anew_is_not_copied_again(target, mcfly):
    lines = ["ls -l", "make", "git push", "cd /srv"]
    mcfly.add_copy(lines)
    _, copies = target.import_both(mcfly.path, zsh_history(*((900, line) for line in lines)))
    assert (copies.new, copies.duplicates) == (0, 4)


def test_a_shell_history_that_cannot_be_read_stops_no_import(target, mcfly, tmp_path):
    mcfly.add_copy(["make"])
    missing = str(tmp_path / "missing")
    assert (
        target.import_file(mcfly.path, shell_histories={missing: None, mcfly.path: None}).new == 1
    )


def test_a_command_of_several_lines_is_one_again(target, mcfly):
    lines = zsh_history((-500, "two\\\nlines"), (-400, "ls"))
    mcfly.add_copy(["for x in y\\", "do z\\", "done", "two\\", "lines", "ls"])
    _, copies = target.import_both(mcfly.path, lines)
    assert (copies.new, copies.duplicates) == (1, 2)
    assert target.commands()[0] == b"for x in y\ndo z\ndone"


def test_the_lines_of_a_command_of_bash_are_not_copied_again(target, mcfly):
    mcfly.add_copy(["cat <<end", "text", "end"])
    data = b"#%d\ncat <<end\ntext\nend\n" % (FIRST_S - 500)
    _, copies = target.import_both(mcfly.path, data)
    assert (copies.new, copies.duplicates) == (0, 3)


def test_commands_of_fish_keep_their_times_and_their_lines(target, mcfly):
    mcfly.add_copy(["echo a\\nb", "ls"], [-500, -400])
    data = b"- cmd: echo a\\nb\n  when: %d\n" % (FIRST_S - 500)
    shell, copies = target.import_both(mcfly.path, data)
    assert (copies.new, copies.untimed, shell.duplicates) == (2, 0, 1)
    assert target.commands() == [b"echo a\nb", b"ls"]


def read(path):
    """Return the entries of a database, and the count of each fault."""
    reading = Reading(path)
    return [*importer("mcfly").read(reading)], reading.faults


def test_a_copied_line_has_the_place_of_its_row_as_long_as_that_is_no_time(mcfly):
    mcfly.add_copy(["first", "last", "beyond"])
    for row_id, place in ((2, MOST_LINES), (3, MOST_LINES + 1)):
        mcfly.connection.execute("UPDATE commands SET id = ? WHERE id = ?", (place, row_id))
    entries, faults = read(mcfly.path)
    assert [(entry.command, entry.place) for entry in entries] == [
        *((b"first", 1), (b"last", MOST_LINES))
    ]
    assert faults == {NO_TIME: 1}


def test_the_second_in_which_the_database_was_made_stands_for_the_device(mcfly):
    sql = "INSERT INTO schema_versions (version, when_run) VALUES (4, ?)"
    mcfly.connection.execute(sql, (FIRST_S + 9,))
    mcfly.add("make", session_id="s")
    mcfly.add_copy(["ls"])
    entries, _ = read(mcfly.path)
    made_at = b"%d" % FIRST_S
    assert {entry.device for entry in entries} == {made_at}
    assert [entry.session for entry in entries] == [made_at + b"\0s", made_at + b"\0IMPORTED"]
    assert [entry.is_end for entry in entries] == [True, False]


def test_the_version_of_the_schema_need_not_be_known(mcfly):
    mcfly.add("make")
    mcfly.connection.execute("DROP INDEX schema_versions_index")
    mcfly.connection.execute("ALTER TABLE schema_versions DROP COLUMN version")
    entries, _ = read(mcfly.path)
    assert [entry.device for entry in entries] == [b"%d" % FIRST_S]


@pytest.mark.parametrize("column", ["id", "when_run"])
def test_a_database_that_does_not_say_when_it_was_made_has_no_device(mcfly, column):
    mcfly.add("make")
    mcfly.connection.execute(f"ALTER TABLE schema_versions RENAME COLUMN {column} TO other")
    entries, _ = read(mcfly.path)
    assert [entry.device for entry in entries] == [b""]


@pytest.mark.parametrize("times", [(0, -FIRST_S), (-FIRST_S, 0), (-FIRST_S, -FIRST_S)])
def test_copied_rows_without_a_time_or_a_command_are_counted(mcfly, times):
    mcfly.add_copy(["ls", "make"], times)
    mcfly.add_copy([""])
    entries, faults = read(mcfly.path)
    with_a_time = [command for command, at in zip((b"ls", b"make"), times, strict=True) if at == 0]
    assert [entry.command for entry in entries] == with_a_time
    assert faults == {NO_TIME: 2 - len(with_a_time), NO_COMMAND: 1}


def test_of_a_tool_with_copies_only_these_are_read_where_only_they_are_asked_for(mcfly):
    mcfly.add("make")
    mcfly.add_copy(["ls"])
    reading = Reading(mcfly.path, only_copies=True)
    assert [entry.command for entry in importer("mcfly").read(reading)] == [b"ls"]


def test_what_was_forgotten_does_not_come_back_from_the_copy(target, mcfly):
    lines = zsh_history(*((-500 + number, f"line {number}") for number in range(9)))
    mcfly.add_copy([f"line {number}" for number in range(9)])
    target.import_both(mcfly.path, lines)
    target.forget_text(b"line 4")
    for counts in target.import_both(mcfly.path, lines):
        assert counts.new == 0
    assert b"line 4" not in target.commands()


def test_a_forgotten_copy_does_not_come_back(target, mcfly):
    mcfly.add_copy(["first", "secret", "third"])
    target.import_file(mcfly.path)
    target.forget_text(b"secret")
    assert target.import_file(mcfly.path).new == 0
    assert target.commands() == [b"first", b"third"]


def test_an_interrupted_import_of_a_copy_is_completed(target, mcfly, tmp_path):
    mcfly.add_copy(["a", "b", "a", "c"])
    target.import_file(mcfly.path)
    (tmp_path / "half").mkdir()
    half = ImportTarget(tmp_path / "half")
    half.join(History(frozenset(target.events()[:2])))
    assert (half.import_file(mcfly.path).known, half.events()) == (2, target.events())
    half.close()


@pytest.mark.parametrize("mcfly_first", [True, False])
def test_a_command_that_ran_long_is_one_with_its_line_in_the_shells_history(
    target, mcfly, mcfly_first
):
    lines = [(0, "ls"), (10, "make all"), (700, "ls"), (800, "make all")]
    mcfly.add("make all", 690)  # it dates its rows at the end, and leaves `ls` out
    mcfly.add("make all", 900)
    if mcfly_first:
        target.import_file(mcfly.path)
        counts = target.import_bytes(zsh_history(*lines))
    else:
        target.import_bytes(zsh_history(*lines))
        counts = target.import_file(mcfly.path)
    assert counts.duplicates == 2
    assert sorted(target.commands()) == [b"ls", b"ls", b"make all", b"make all"]


def test_a_run_of_years_ago_is_not_taken_for_one_that_ended_today(target, mcfly):
    year_s = 365 * 86_400
    mcfly.add("make all", 690)
    mcfly.add("ssh box", 690)
    target.import_file(mcfly.path)
    lines = [(-year_s, "ssh box"), (-year_s, "make all"), (600, "make all")]
    counts = target.import_bytes(zsh_history(*lines))
    assert (counts.new, counts.duplicates) == (2, 1)
    assert target.commands() == [b"ssh box", b"make all", b"make all", b"ssh box"]


def test_what_hx_recorded_beside_mcfly_is_not_imported_again(target, mcfly):
    key = EventKey(FIRST_S * SECOND_US, target.device_id, b"\x0a" * 16, 1)
    event = Event(key, b"make all", b"/srv", 0, duration_us=600 * SECOND_US, shell=b"zsh", flags=1)
    target.join(History(frozenset([event])))
    mcfly.add("make all", 600)
    mcfly.add("make all", 5_000)
    counts = target.import_file(mcfly.path)
    assert (counts.new, counts.duplicates) == (1, 1)
