"""`hx setup --undo` reverts what setup did, and nothing else."""

import shutil

import pytest

from cli.home_folders import HomeFolder
from hx.core.errors import InputError
from hx.core.shell_files import rc_file
from hx.setup import user_file as dotfile


@pytest.fixture
def home(machine):
    return HomeFolder(machine)


def test_undo_keeps_the_history(home):
    home.bashrc.write_bytes(b"a\n")
    home.hx("find")
    names_before = {path.name for path in home.data.iterdir()}
    home.setup()
    result = home.undo()
    assert "the history is kept" in result.out
    assert home.bashrc.read_bytes() == b"a\n"
    assert not home.hook.exists()
    assert {path.name for path in home.data.iterdir()} - {"setup.json"} == names_before


def test_lines_that_the_user_added_since_are_kept(home):
    home.bashrc.write_bytes(b"a")
    home.setup()
    with home.bashrc.open("ab") as file:
        file.write(b"mine\n")
    home.undo()
    assert home.bashrc.read_bytes() == b"a\nmine\n"


def test_an_rc_file_that_setup_made_is_kept_if_it_has_other_lines(home):
    home.setup()
    with home.bashrc.open("ab") as file:
        file.write(b"mine\n")
    home.undo("--purge")
    assert home.bashrc.read_bytes() == b"mine\n"


def test_undo_removes_the_line_even_if_the_note_of_setup_is_damaged(home):
    home.bashrc.write_bytes(b"a\n")
    home.setup()
    (home.data / "setup.json").write_text("{ damaged")
    home.undo()
    assert home.bashrc.read_bytes() == b"a\n"


@pytest.mark.skipif(not shutil.which("zsh"), reason="zsh is not installed")
def test_undo_finds_an_rc_file_that_setup_would_no_longer_choose(home):
    folder = home.path / "zsh"
    folder.mkdir()
    (folder / ".zshrc").write_bytes(b"a\n")
    before = home.tree
    home.setup("--shell", "zsh", ZDOTDIR=str(folder))
    home.undo("--purge")
    assert home.tree == before


def test_undo_without_a_setup_says_that_there_is_nothing_to_undo(home):
    home.bashrc.write_bytes(b"a\n")
    before = home.tree
    result = home.undo()
    assert (result.code, "nothing to undo" in result.out) == (0, True)
    assert home.tree == before


def test_undo_does_not_delete_a_backup_that_existed_before_setup(home):
    home.bashrc.write_bytes(b"a\n")
    older = home.path / ".bashrc.hx-backup"
    older.write_bytes(b"a\n")
    before = home.tree
    home.setup()
    home.undo("--purge")
    assert home.tree == before


@pytest.mark.skipif(not shutil.which("fish"), reason="fish is not installed")
def test_undo_deletes_empty_folders_that_setup_made(home):
    home.setup("--shell", "fish")
    assert (home.path / ".config/fish/config.fish").exists()
    home.undo()
    assert not (home.path / ".config").exists()


def test_a_line_that_the_user_wrote_is_kept_and_named(home):
    home.bashrc.write_text('eval "$(hx init bash)"\n')
    home.setup()
    result = home.undo("--purge")
    assert home.bashrc.read_text() == 'eval "$(hx init bash)"\n'
    assert "still loads the hook in line 1" in result.out


def test_undo_without_a_terminal_and_yes_is_refused(home):
    home.bashrc.write_bytes(b"a\n")
    home.setup()
    before = home.tree
    result = home.hx("setup", "--undo", "--purge")
    assert (result.code, "use --yes" in result.err) == (2, True)
    assert home.tree == before


def test_purge_deletes_everything_that_hx_made(home):
    """The test makes settings, a pause, pending and drained commands, a text file and keys."""
    home.bashrc.write_bytes(b"a\n")
    before = home.tree
    home.setup()
    machine = home.machine
    machine.spool = home.path / ".local/state/hx/spool"
    session = machine.record("make").session_id.hex()
    (machine.spool / f"{session}.t").write_bytes(b"   ")
    home.hx("find", "make")
    machine.record("make again")
    settings = home.path / ".config" / "hx" / "config.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text("limit = 5\n")
    home.hx("pause")
    home.hx("status")
    assert home.undo("--purge").code == 0
    settings.parent.parent.rmdir()  # the test made ~/.config, not setup
    assert home.tree == before


def test_purge_keeps_foreign_files_and_names_their_folder(home):
    home.setup()
    machine = home.machine
    machine.spool = home.path / ".local/state/hx/spool"
    mine = [home.data / "notes.txt", machine.spool / "README", home.data / "hx.db.bak"]
    for path in mine:
        path.write_text("mine")
    result = home.undo("--purge")
    assert [path.read_text() for path in mine] == ["mine"] * 3
    assert f"{home.data} is not removed" in result.out
    assert sorted(home.data.iterdir()) == sorted([mine[0], mine[2]])


def test_purge_deletes_a_custom_hx_home(home):
    home.bashrc.write_bytes(b"a\n")
    before = home.tree
    variables = {"HX_HOME": str(home.path / "all of hx")}
    home.setup(**variables)
    home.hx("find", **variables)
    home.undo("--purge", **variables)
    assert home.tree == before


def test_an_rc_file_that_changed_during_the_question_is_not_overwritten(home):
    home.bashrc.write_bytes(b"a\n")
    read = dotfile.read(str(home.bashrc))
    home.bashrc.write_bytes(b"b\n")
    with pytest.raises(InputError, match="another program has changed"):
        dotfile.replace(read, rc_file.with_line(read.text, b"# x"))
    assert home.bashrc.read_bytes() == b"b\n"
