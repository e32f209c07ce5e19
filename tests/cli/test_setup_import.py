"""`hx setup` imports existing histories, and an unreadable one does not stop the setup."""

import os

import pytest

from cli.home_folders import HomeFolder
from hx.core.shell_files import rc_file


@pytest.fixture
def home(machine):
    return HomeFolder(machine)


def set_up(home, *arguments):
    return home.hx("setup", "--yes", *arguments)


def found_commands(home):
    return home.hx("find", "--all", "--reverse", "--json").commands


def test_existing_shell_histories_are_found_after_setup(home):
    (home.path / ".bash_history").write_text("#1700000000\nmake bash\n")
    (home.path / ".zsh_history").write_text(": 1700000001:0;make zsh\n")
    result = set_up(home)
    assert result.code == 0
    assert "imported: 2 events" in result.out
    assert found_commands(home) == ["make bash", "make zsh"]
    assert "imported: 0 events" in set_up(home).out
    assert len(found_commands(home)) == 2


def test_a_history_that_an_rc_file_names_is_shown_in_the_plan_and_imported(home):
    home.bashrc.write_text('HISTFILE="${HOME}/.mine"\n')
    (home.path / ".mine").write_text("#1700000000\nmake mine\n")
    result = set_up(home)
    assert "import 1 command of bash from ~/.mine" in result.out
    assert "cannot tell" not in result.out
    assert found_commands(home) == ["make mine"]


def test_no_import_imports_nothing(home):
    (home.path / ".bash_history").write_text("#1700000000\nmake bash\n")
    set_up(home, "--no-import")
    assert found_commands(home) == []


def test_an_unreadable_history_does_not_stop_the_setup(home):
    (home.path / ".zsh_history").write_text(": 1700000001:0;make zsh\n")
    (home.path / ".local/share/atuin").mkdir(parents=True)
    (home.path / ".local/share/atuin/history.db").write_bytes(b"SQLite format 3\0" + bytes(5000))
    result = set_up(home)
    assert result.code == 0
    assert "atuin/history.db is not a database" in result.out
    assert found_commands(home) == ["make zsh"]
    assert rc_file.has_line(home.bashrc.read_bytes())


def test_an_invalid_database_does_not_stop_the_setup_of_shells(home):
    home.data.mkdir(parents=True, mode=0o700)
    (home.data / "hx.db").write_bytes(b"a text" * 2000)
    result = set_up(home)
    assert result.code == 8
    assert "the old history is not imported" in result.err
    assert "Traceback" not in result.err
    assert rc_file.has_line(home.bashrc.read_bytes())


def test_a_purge_deletes_imported_events(home):
    (home.path / ".bash_history").write_text("#1700000000\nmake bash\n")
    before = home.tree
    set_up(home)
    home.undo("--purge")
    assert home.tree == before
    assert os.listdir(home.path) == [".bash_history"]
