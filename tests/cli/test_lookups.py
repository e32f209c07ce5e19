"""A search does not find itself, unless the settings say so."""

import pytest

from cli.machine import SESSION


@pytest.fixture
def asked(record):
    """A command, and the search for it that runs now."""
    record("make test")
    record("hx find make", finished=False)


@pytest.mark.usefixtures("asked")
def test_the_newest_match_is_the_command_and_not_its_search(hx):
    assert hx("find", "make", "--limit", "1", "--json").commands == ["make test"]


def test_nothing_is_found_when_only_the_search_holds_the_text(hx, record):
    record("hx find hunter2", finished=False)
    assert hx("find", "hunter2").code == 1


@pytest.mark.usefixtures("asked")
def test_nothing_is_counted_as_lost(hx):
    status = hx("status", "--json").json
    assert (status["lost"], status["ignored"], status["database"]["events"]) == ([], 0, 1)


def test_the_setting_records_lookups(machine, hx, record):
    machine.home.mkdir()
    (machine.home / "config.toml").write_text("record_lookups = true\n")
    record("hx find make")
    assert hx("find", "--json").commands == ["hx find make"]


def test_an_import_takes_lookups_in_as_the_other_tool_kept_them(hx, tmp_path):
    history = tmp_path / "old"
    history.write_text("#1700000000\nhx find make\n#1700000001\nmake\n")
    hx("import", "--from", "bash", str(history))
    assert hx("find", "--reverse", "--json").commands == ["hx find make", "make"]


def test_the_first_line_of_a_new_shell_may_be_a_status_that_says_on(hx, record):
    record("hx status", finished=False)
    lines = hx("status", env={"HX_SESSION": SESSION}).out.splitlines()
    assert lines[0] == "capture   on"
    assert "seen      no shell has recorded anything yet" in lines
    assert "seen      no shell has recorded anything yet: run `hx setup`" in hx("status").out
