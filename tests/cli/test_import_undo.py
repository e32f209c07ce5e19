"""`hx import --list` and `--undo N` on the command line."""

from __future__ import annotations

import pytest

from cli.vaults import vault

BASH_LINES = b"one\ntwo\nsecret 7qZx\nfour\n"


@pytest.fixture
def history(machine):
    path = machine.cwd / ".bash_history"
    path.write_bytes(BASH_LINES)
    return path


def numbers(result):
    return [(run["number"], run["new"], run["here"]) for run in result.json]


def test_every_run_that_brought_events_is_listed_with_its_number_time_path_tool_and_counts(
    machine, hx, history
):
    hx("import", history)
    hx("import", history)  # brings nothing
    hx("import", "--dry-run", history)
    history.write_bytes(BASH_LINES + b"grown\n")
    hx("import", history)
    runs = hx("import", "--list", "--json").json
    assert numbers(hx("import", "--list", "--json")) == [(1, 4, 4), (2, 1, 1)]
    assert [run["path"] for run in runs] == [str(history)] * 2
    assert {(run["kind"], run["complete"], run["undone_at"]) for run in runs} == {
        ("bash", True, None)
    }
    assert [run["untimed"] for run in runs] == [4, 1]
    shown = hx("import", "--list")
    assert shown.code == 0
    assert [line.split()[0] for line in shown.out.splitlines()] == ["1", "2"]
    assert all(str(history) in line for line in shown.out.splitlines())


def test_a_list_without_an_import_says_so(hx):
    result = hx("import", "--list")
    assert (result.code, result.out) == (1, "")
    assert result.err == "hx: nothing was imported on this device\n"


def test_an_import_is_shown_and_not_taken_back_without_a_yes(hx, history):
    hx("import", history)
    asked = hx("import", "--undo", "1")
    assert asked.code == 2
    assert "4 events to forget (4 here)" in asked.out
    assert "4 events without a time" in asked.out
    assert "four" in asked.out
    dry = hx("import", "--undo", "1", "--dry-run", "--yes")
    assert dry.code == 0
    assert dry.out.endswith("nothing was written\n")
    assert numbers(hx("import", "--list", "--json")) == [(1, 4, 4)]


def test_each_of_two_runs_takes_back_what_it_brought(hx, history):
    hx("import", history)
    history.write_bytes(BASH_LINES + b"grown\n")
    hx("import", history)
    result = hx("import", "--undo", "1", "--yes")
    assert result.code == 0
    assert result.out.startswith("forgotten: 4 events (4 here)\n")
    assert hx("find", "--json").commands == ["grown"]
    assert hx("import", "--undo", "2", "--yes", "--json").json["forgotten"] == 1
    assert hx("find", "--json").commands == []
    assert hx("import", "--undo", "2", "--yes").code == 1


def test_what_was_recorded_stays(hx, machine, history):
    machine.record("recorded here")
    hx("import", history)
    hx("import", "--undo", "1", "--yes")
    assert hx("find", "--json").commands == ["recorded here"]


def test_an_undone_text_is_in_no_file(hx, machine, history):
    hx("import", history)
    hx("import", "--undo", "1", "--yes")
    files = [path for path in machine.home.rglob("*") if path.is_file()]
    assert files
    assert [path for path in files if b"7qZx" in path.read_bytes()] == []


def test_an_import_that_was_undone_is_not_undone_again(hx, history):
    hx("import", history)
    hx("import", "--undo", "1", "--yes")
    again = hx("import", "--undo", "1", "--yes")
    assert again.code == 1
    assert again.err.startswith("hx: import 1 was undone on ")
    assert "4 new (undone)" in hx("import", "--list").out


def test_of_an_import_that_was_forgotten_nothing_is_left(hx, history):
    history.write_bytes(b"lonely\n")
    hx("import", history)
    hx("forget", "--match", "lonely", "--yes")
    result = hx("import", "--undo", "1", "--yes")
    assert (result.code, result.err) == (
        1,
        "hx: nothing of import 1 is left, so nothing was forgotten\n",
    )
    assert "1 new (0 left)" in hx("import", "--list").out


WRONG = {
    "7": "the imports have the numbers 1 to 2",
    "0": "the imports have the numbers 1 to 2",
    "-1": "",
    "9" * 30: "the imports have the numbers 1 to 2",
    "zwei": "the imports have the numbers 1 to 2",
    ".bash_history": "did you mean `hx import --undo 2`?",
}


@pytest.mark.parametrize("text", WRONG)
def test_an_unknown_import_is_refused_with_those_that_there_are(hx, machine, history, text):
    hx("import", history)
    history.write_bytes(BASH_LINES + b"grown\n")
    hx("import", history)
    result = hx("import", "--undo", text, "--yes")
    assert result.code == 2
    assert WRONG[text] in result.err
    assert numbers(hx("import", "--list", "--json")) == [(1, 4, 4), (2, 1, 1)]


@pytest.mark.parametrize(
    "options",
    [
        ("--list", "--undo", "1"),
        ("--list", "file"),
        ("--undo", "1", "file"),
        ("--undo", "1", "--all"),
        ("--list", "--from", "bash"),
        ("--list", "--dry-run"),
        ("--yes",),
    ],
    ids=" ".join,
)
def test_list_and_undo_stand_alone(hx, history, options):
    assert hx("import", *options).code == 2
    assert hx("find", "--json").commands == []


def test_an_undo_reaches_the_other_devices_and_a_new_import_brings_the_lines_back(tmp_path):
    laptop, desktop = vault(tmp_path, "laptop", "desktop")
    path = laptop.home / "history"
    path.write_bytes(BASH_LINES)
    laptop.hx("import", "--from", "bash", str(path))
    for member in (laptop, desktop):
        member.sync(code=None)
    assert len(desktop.hx("find", "--json", "--all").json) == 4
    assert desktop.hx("import", "--list", "--json").json == []
    laptop.hx("import", "--undo", "1", "--yes")
    for member in (laptop, desktop):
        member.sync(code=None)
    assert desktop.hx("find", "--json", "--all").json == []
    laptop.hx("import", "--from", "bash", str(path))
    for member in (laptop, desktop):
        member.sync(code=None)
    commands = [event["command"] for event in desktop.hx("find", "--json", "--all").json]
    assert sorted(commands) == sorted(BASH_LINES.decode().splitlines())
