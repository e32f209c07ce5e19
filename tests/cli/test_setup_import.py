"""`hx setup` brings the old history along, and a fault of it does not stop the rest."""

import os

import pytest

from cli.houses import House
from hx.core.shells import rc_file


@pytest.fixture
def house(machine):
    return House(machine)


def set_up(house, *arguments):
    return house.hx("setup", "--yes", *arguments)


def found(house):
    return house.hx("find", "--all", "--reverse", "--json").commands


def test_what_shells_remember_is_found_after_setup(house):
    (house.path / ".bash_history").write_text("#1700000000\nmake bash\n")
    (house.path / ".zsh_history").write_text(": 1700000001:0;make zsh\n")
    done = set_up(house)
    assert done.code == 0
    assert "imported: 2 events" in done.out
    assert found(house) == ["make bash", "make zsh"]
    assert "imported: 0 events" in set_up(house).out
    assert len(found(house)) == 2


def test_it_is_left_where_it_is_when_asked(house):
    (house.path / ".bash_history").write_text("#1700000000\nmake bash\n")
    set_up(house, "--no-import")
    assert found(house) == []


def test_a_history_that_cannot_be_read_stops_nothing(house):
    (house.path / ".zsh_history").write_text(": 1700000001:0;make zsh\n")
    (house.path / ".local/share/atuin").mkdir(parents=True)
    (house.path / ".local/share/atuin/history.db").write_bytes(b"SQLite format 3\0" + bytes(5000))
    done = set_up(house)
    assert done.code == 0
    assert "atuin/history.db: " in done.out
    assert found(house) == ["make zsh"]
    assert rc_file.has_line(house.bashrc.read_bytes())


def test_a_database_that_is_none_does_not_keep_shells_from_being_recorded(house):
    house.data.mkdir(parents=True, mode=0o700)
    (house.data / "hx.db").write_bytes(b"a text" * 2000)
    done = set_up(house)
    assert done.code == 8
    assert "the old history is not imported" in done.err
    assert "Traceback" not in done.err
    assert rc_file.has_line(house.bashrc.read_bytes())


def test_purge_leaves_nothing_of_an_import(house):
    (house.path / ".bash_history").write_text("#1700000000\nmake bash\n")
    before = house.tree
    set_up(house)
    house.undo("--purge")
    assert house.tree == before
    assert os.listdir(house.path) == [".bash_history"]
