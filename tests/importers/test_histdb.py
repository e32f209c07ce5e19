"""What zsh-histdb writes, and how it becomes events."""

from __future__ import annotations

import pytest

from hx.core.model import FINISHED, STATUS_UNKNOWN
from hx.importers import Reading
from hx.importers.databases import NO_COMMAND, NO_TIME
from hx.importers.registry import importer
from importers.foreign_databases import HISTDB_2017, Histdb
from importers.import_target import FIRST_S, SECOND_US, ImportTarget, zsh_history


@pytest.fixture(params=["version 0", "version 2"])
def histdb(request, tmp_path):
    statements = {"statements": HISTDB_2017} if request.param == "version 0" else {}
    histdb = Histdb(tmp_path / "zsh-history.db", **statements)
    yield histdb
    histdb.connection.close()


def test_a_row_keeps_time_duration_status_host_and_directory(target, histdb):
    histdb.add("make", 5, 7, exit_status=2, host="laptop", dir="/srv/app")
    target.import_file(histdb.path)
    (event,) = target.events()
    assert event.key.started_at_us == (FIRST_S + 5) * SECOND_US
    assert (event.duration_us, event.exit_status, event.flags) == (7 * SECOND_US, 2, FINISHED)
    assert (event.host, event.cwd, event.shell) == (b"laptop", b"/srv/app", b"zsh")


def test_a_lost_status_is_unknown_and_the_last_row_of_a_session_may_still_run(target, histdb):
    histdb.add("lost", 0, None, exit_status=None)
    histdb.add("running", 1, None, exit_status=None)
    target.import_file(histdb.path)
    lost, running = target.events()
    assert (lost.flags, running.flags) == (FINISHED | STATUS_UNKNOWN, 0)
    histdb.connection.execute(
        "update history set exit_status = 3, duration = 9 where start_time = ?", (FIRST_S + 1,)
    )
    assert target.import_file(histdb.path).known == 2
    assert target.events()[1].exit_status == 3


@pytest.mark.parametrize("took_s", [1, (1 << 31) - 1])
def test_a_duration_is_in_seconds(target, histdb, took_s):
    histdb.add("make", 0, took_s)
    target.import_file(histdb.path)
    (event,) = target.events()
    assert event.duration_us == took_s * SECOND_US


@pytest.mark.parametrize("took_s", [0, -3, None, 1 << 31, 1 << 40, "text"])
def test_a_duration_that_is_not_one_is_unknown(target, histdb, took_s):
    histdb.add("make", 0, took_s)
    target.import_file(histdb.path)
    (event,) = target.events()
    assert event.duration_us is None


def test_only_the_newest_row_of_each_session_may_still_run(target, histdb):
    for session, host in ((1, "laptop"), (2, "laptop"), (1, "server")):
        for number in range(2):
            histdb.add("make", number, None, exit_status=None, session=session, host=host)
    target.import_file(histdb.path)
    assert len(target.events()) == 6
    running = [event.key.started_at_us for event in target.events() if not event.flags]
    assert running == [(FIRST_S + 1) * SECOND_US] * 3


def test_a_row_with_its_status_has_ended_also_if_it_is_the_newest(target, histdb):
    histdb.add("make", 0, exit_status=0)
    target.import_file(histdb.path)
    (event,) = target.events()
    assert (event.flags, event.exit_status) == (FINISHED, 0)


@pytest.mark.parametrize("change", [
    {"session": 1}, {"argv": "ls"}, {"dir": "/other"}, {"host": "server"}, {"offset_s": 1},
])  # fmt: skip
def test_rows_that_differ_are_no_copies_of_each_other(target, histdb, change):
    for _ in range(2):
        histdb.add("make")
    histdb.add(**{"argv": "make", **change})
    assert target.import_file(histdb.path).new == 2


def test_the_same_session_number_on_two_hosts_is_two_sessions(target, histdb):
    histdb.add("make", 0, host="laptop")
    histdb.add("make", 0, host="server")
    assert target.import_file(histdb.path).new == 2
    assert len({event.key.session_id for event in target.events()}) == 2


def test_two_machines_that_merged_with_other_row_ids_import_the_same_events(tmp_path):
    rows = [("ls", 0, "laptop"), ("make", 0, "server"), ("make", 0, "laptop"), ("ls", 9, "server")]
    results = []
    for name, order in (("a", [0, 1, 2, 3]), ("b", [1, 3, 0, 2])):
        (tmp_path / name).mkdir()
        histdb = Histdb(tmp_path / name / "zsh-history.db")
        for command, offset_s, host in (rows[index] for index in order):
            histdb.add(command, offset_s, host=host)
        target = ImportTarget(tmp_path / name, name.encode() * 16)
        target.import_file(histdb.path)
        results.append(target.events())
        target.close()
        histdb.connection.close()
    assert results[0] == results[1]


def test_a_row_that_a_merge_copied_is_imported_once(target, histdb):
    for _ in range(3):
        histdb.add("make", 0)
    histdb.add("make", 1)
    assert target.import_file(histdb.path).new == 2


@pytest.mark.parametrize(("named", "host", "user"), [
    ("box", b"box", None),
    ("ann@box", b"box", b"ann"),
    ("", None, None),
])  # fmt: skip
def test_a_host_may_be_named_with_its_user(target, histdb, named, host, user):
    histdb.add("make", host=named)
    target.import_file(histdb.path)
    (event,) = target.events()
    assert (event.host, event.user) == (host, user)
    assert target.import_bytes(zsh_history((0, "make"))).duplicates == 1


def test_a_row_without_its_command_or_its_place_stops_no_other_row(target, histdb):
    histdb.add("no command", 0)
    histdb.add("no place", 1, dir="/gone")
    histdb.add("make", 2)
    histdb.connection.execute("delete from commands where argv = 'no command'")
    histdb.connection.execute("delete from places where dir = '/gone'")
    counts = target.import_file(histdb.path)
    assert (counts.new, sum(counts.unreadable.values())) == (2, 1)
    assert [event.cwd for event in target.events()] == [b"", b"/srv"]


def test_a_row_without_a_time_is_told_from_one_without_a_command(histdb):
    histdb.add("make", -FIRST_S)
    histdb.add("make", 0)
    histdb.add("", 1)
    histdb.add("", 2)
    reading = Reading(histdb.path)
    assert [entry.command for entry in importer("zsh-histdb").read(reading)] == [b"make"]
    assert reading.faults == {NO_TIME: 1, NO_COMMAND: 2}


def test_the_shells_own_history_adds_only_what_histdb_left_out(target, histdb):
    lines = [(0, "make"), (60, "ls"), (120, "git push")]
    histdb.add("make", 0)
    histdb.add("git push", 120)  # it does not record `ls`
    target.import_file(histdb.path)
    counts = target.import_bytes(zsh_history(*lines))
    assert (counts.new, counts.duplicates) == (1, 2)
    assert target.commands() == [b"make", b"ls", b"git push"]


def test_an_untimed_history_of_zsh_adds_only_what_histdb_left_out(target, histdb):
    for number, command in enumerate(["make", "git push"]):
        histdb.add(command, number)
    target.import_file(histdb.path)
    counts = target.import_bytes(b"older\nmake\nls\ngit push\n", "zsh")
    assert (counts.new, counts.duplicates) == (2, 2)


def test_an_untimed_history_of_bash_is_no_copy_of_what_zsh_ran(target, histdb):
    histdb.add("make")
    target.import_file(histdb.path)
    assert target.import_bytes(b"make\n", "bash").new == 1
