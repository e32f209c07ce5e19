"""`hx setup --undo` reverts what setup did, and nothing else."""

import shutil
import sys

import pytest

from cli.home_folders import BASH, HomeFolder
from cli.machine import HX
from hx.cli.setup_undo import _uninstall as uninstall
from hx.core.errors import InputError
from hx.core.shell_files import rc_file
from hx.setup import user_file as dotfile
from hx.shells import SHELLS


@pytest.fixture
def home(machine):
    return HomeFolder(machine)


# path -> text; the target of a link begins with "->"
DOTFILES = {
    "ordinary": {
        ".bashrc": "PS1=1\n",
        ".zshrc": "PS1=1",
        ".config/fish/config.fish": "set -g fish_greeting\n",
        ".profile": "A=1\r\nB=2\r\n",
    },
    "links of stow": {
        ".bashrc": "->dotfiles/bash/.bashrc",
        "dotfiles/bash/.bashrc": "a\n",
        ".zshrc": "->dotfiles/zsh/.zshrc",
        "dotfiles/zsh/.zshrc": "b\n\n",
        ".config/fish": "->../dotfiles/fish",
        "dotfiles/fish/config.fish": "# c",
        ".config/hx": "->../dotfiles/hx",
        "dotfiles/hx/config.toml": "limit = 7 # mine\n[redact_rules]\n",
    },
    "a link of a link, and one that leads nowhere": {
        ".bashrc": "->one",
        "one": "->two",
        "two": "a\n",
        ".zshrc": "->not/there/yet",
    },
    "ZDOTDIR": {".zshenv": "ZDOTDIR=~/.config/zsh\n", ".config/zsh/.zshrc": "a\n"},
    "nothing": {},
}


@pytest.mark.parametrize("shape", DOTFILES)
@pytest.mark.parametrize("options", [[], ["--up-arrow", "--enter", "edit"]])
def test_undo_leaves_the_home_as_it_was(home, shape, options):
    """Every path below the home is compared, with modes, bytes and the targets of links."""
    for name, text in DOTFILES[shape].items():
        path = home.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text.startswith("->"):
            path.symlink_to(text[2:])
        else:
            path.write_bytes(text.encode())
            path.chmod(0o640)
    before = home.tree
    shells = [word for name in SHELLS if shutil.which(name) for word in ("--shell", name)]
    assert home.setup(*shells, *options).code == 0
    assert home.tree != before
    assert home.setup(*shells).code == 0
    assert home.undo().code == 0
    assert home.tree == before
    if ".config/hx" not in DOTFILES[shape]:  # a purge removes the user's settings too
        home.setup(*shells, *options)
        home.undo("--purge")
        assert home.tree == before


@pytest.mark.parametrize(
    "options",
    [
        ["--shell", "bash"],
        ["--no-import"],
        ["--no-ctrl-r"],
        ["--up-arrow", "--purge"],
        ["--enter", "run"],
    ],
    ids=" ".join,
)
def test_undo_takes_no_option_of_a_setup(home, options):
    """`--undo --shell bash` does not undo zsh too."""
    home.setup()
    before = home.tree
    result = home.undo(*options)
    assert (result.code, result.out) == (2, "")
    said = "--undo takes back what setup did for every shell, so it does not take"
    assert f"{said} {options[0]}\n" in result.err
    assert home.tree == before


def test_undo_says_what_it_does_not_take_back(home):
    (home.path / ".bash_history").write_text("#1700000000\nmake bash\n")
    home.hx("setup", "--yes")
    out = home.undo().out
    assert "those that are open keep the hook and its keys until they end" in out
    assert "the history is kept, with what was imported" in out
    assert "pip uninstall history-extended` removes it" in out
    home.setup()
    assert "pip uninstall history-extended` removes it" in home.undo("--purge").out


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


def test_a_file_that_cannot_be_edited_keeps_its_line_and_the_rest_is_undone(home):
    home.bashrc.write_bytes(b"a\n")
    (home.path / ".zshrc").write_bytes(b"b\n")
    before = home.tree
    home.setup()
    home.bashrc.chmod(0o444)
    with_line = home.bashrc.read_bytes()
    result = home.undo()
    assert result.code == 3
    assert f"{home.bashrc} is read-only, so it is not changed" in result.err
    assert "remove line 3 from it yourself" in result.err
    assert home.bashrc.read_bytes() == with_line
    assert (home.path / ".bashrc.hx-backup").exists()
    assert (home.path / ".zshrc").read_bytes() == b"b\n"
    assert not home.hook.exists()
    home.bashrc.chmod(0o644)
    assert home.undo().code == 0
    assert home.tree == before


def test_the_line_that_is_left_is_named_after_all_else(home):
    home.bashrc.write_bytes(b"a\n")
    home.setup()
    home.bashrc.chmod(0o444)
    words = f"SHELL={BASH} HX_HOME= {HX} setup --undo --yes 2>&1"
    *_, last_but_one, last = home.machine.bash(words).out.splitlines()
    assert last_but_one == f"hx: warning: {home.bashrc} is read-only, so it is not changed"
    assert last.startswith("hx: hint: remove line 3 from it yourself")


def test_after_a_purge_a_line_that_stays_is_silent_and_can_still_be_undone(home):
    home.bashrc.write_bytes(b"a\n")
    before = home.tree
    home.setup()
    home.hx("find")
    home.bashrc.chmod(0o444)
    for _ in range(2):
        result = home.undo("--purge")
        assert result.code == 3
        assert "everything" not in result.out
        assert "remove line 3 from it yourself" in result.err
        assert {path.name for path in home.data.iterdir()} == {"setup.json", "hook.missing"}
    shell = home.machine.bash(f"HOME={home.path} bash --rcfile {home.bashrc} -ic :")
    assert "hx:" not in shell.err
    home.bashrc.chmod(0o644)
    result = home.undo("--purge")
    assert (result.code, home.tree) == (0, before)
    assert "removed everything of hx except the program" in result.out


def test_settings_that_may_not_be_changed_do_not_hold_back_a_purge(home):
    before = home.tree
    home.setup("--up-arrow")
    (home.path / ".config/hx/config.toml").chmod(0o444)
    assert home.undo("--purge").code == 0
    assert home.tree == before


def test_a_folder_in_place_of_the_rc_file_does_not_stop_the_undo(home):
    home.bashrc.write_bytes(b"a\n")
    home.setup()
    home.bashrc.unlink()
    home.bashrc.mkdir()
    assert home.undo().code == 0
    assert {path.name for path in home.path.iterdir()} == {".bashrc"}


def test_a_line_that_lost_its_mark_is_named(home):
    home.bashrc.write_bytes(b"a\n")
    home.setup()
    home.bashrc.write_bytes(home.bashrc.read_bytes().replace(b" " + rc_file.MARK, b""))
    assert "loads the hook in line 3 and is not changed" in home.setup().out
    assert f"{home.bashrc} still loads the hook in line 3: remove that line" in home.undo().out


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


@pytest.mark.parametrize(
    ("prefix", "command"),
    [
        ("/home/ann/.local/share/pipx/venvs/history-extended", "pipx uninstall history-extended"),
        ("/home/ann/.local/share/uv/tools/history-extended", "uv tool uninstall history-extended"),
        ("/home/ann/venv", f"{sys.executable} -m pip uninstall history-extended"),
    ],
)
def test_the_command_that_removes_the_program_is_that_of_its_installer(prefix, command):
    assert uninstall(prefix) == command
