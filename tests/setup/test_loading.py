"""Which files are searched for a line that loads the hook: those that a shell may read."""

from __future__ import annotations

import os

import pytest

from hx.setup.loading import Loading, found
from hx.shells import BASH, FISH, SHELLS, ZSH, UserFolders, hook

INIT = b'eval "$(hx init zsh)"\n'
INIT_OF_ANY_SHELL = b'eval "$(hx init $shell)"\n'
MOST_FILES = 500
MOST_BYTES = 256 << 10


@pytest.fixture
def home(tmp_path):
    return tmp_path


def put(path, data=b""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return str(path)


def search(home, text=b"", shell=ZSH):
    """Search from an rc file with this text; return the place of the line, below the home."""
    place = str(home)
    folders = UserFolders(place, f"{place}/config", f"{place}/share", f"{place}/zsh")
    rc_file = put(home / "rc", text)
    loading = found(rc_file, text, shell, f"{place}/data", folders)
    return loading and loading._replace(path=os.path.relpath(loading.path, home))


def test_a_line_in_the_rc_file_itself_is_found_with_its_number(home):
    assert search(home, b"a\n" + INIT) == Loading("rc", 2, from_file=False)
    assert search(home, b"a\n") is None


@pytest.mark.parametrize("shell", SHELLS)
def test_a_line_that_loads_the_hook_of_another_shell_is_passed_over(home, shell):
    """Two shells may read one file."""
    own = b"hx init %b\n" % shell.encode()
    others = [b"hx init %b\n" % name.encode() for name in SHELLS if name != shell]
    assert search(home, b"".join(others), shell) is None
    number = len(others) + 1
    assert search(home, b"".join([*others, own]), shell) == Loading("rc", number, from_file=False)


def test_a_line_that_reads_the_hook_file_is_told_from_one_that_runs_hx_init(home):
    line = b". %b\n" % os.fsencode(hook.path(str(home / "data"), ZSH))
    assert search(home, line) == Loading("rc", 1, from_file=True)


@pytest.mark.parametrize(
    ("variable", "folder"),
    [
        *((b"~", "."), (b"$HOME", "."), (b"$ZDOTDIR", "zsh"), (b"${XDG_CONFIG_HOME}", "config")),
        *((b"$XDG_DATA_HOME", "share"), (b"$ZSH", ".oh-my-zsh")),
        (b"$__fish_config_dir", "config/fish"),
    ],
)
def test_a_file_is_found_by_each_variable_of_a_folder(home, variable, folder):
    put(home / folder / "mine.sh", b"\n" + INIT)
    found_in = os.path.normpath(f"{folder}/mine.sh")
    assert search(home, b". %b/mine.sh\n" % variable) == Loading(found_in, 2, from_file=False)


def test_a_file_two_steps_away_is_searched_and_one_three_steps_away_is_not(home):
    put(home / "one", b". ~/two\n")
    put(home / "two", INIT)
    assert search(home, b". ~/one\n") == Loading("two", 1, from_file=False)
    put(home / "two", b". ~/three\n")
    put(home / "three", INIT)
    assert search(home, b". ~/one\n") is None


@pytest.mark.parametrize(
    ("shell", "word", "name"),
    [
        (FISH, b"", "config/fish/conf.d/mine.fish"),
        (FISH, b"", "config/fish/functions/fish_user_key_bindings.fish"),
        (ZSH, b"source $ZSH/oh-my-zsh.sh", ".oh-my-zsh/custom/mine.zsh"),
        (ZSH, b"prezto", "zsh/.zpreztorc"),
    ],
)
def test_a_file_that_a_shell_or_framework_reads_unnamed_is_searched(home, shell, word, name):
    put(home / name, INIT_OF_ANY_SHELL)
    assert search(home, word, shell) == Loading(name, 1, from_file=False)
    assert search(home, word, BASH) is None
    if word:
        assert search(home, b"", shell) is None


def test_of_a_pattern_the_first_file_by_name_is_told(home):
    for name in ("c", "a", "b"):
        put(home / "rc.d" / f"{name}.zsh", INIT if name != "a" else b"")
    (home / "rc.d" / "a0.zsh").mkdir()
    assert search(home, b"for f in ~/rc.d/*.zsh; do . $f; done\n") == Loading(
        "rc.d/b.zsh", 1, from_file=False
    )


def test_the_hook_file_and_the_rc_file_are_not_searched_again(home):
    put(home / "data" / "hook.zsh", INIT)
    os.symlink(home / "rc", home / "link")
    text = b"# `hx init`\n. ~/link\n. ~/data/hook.zs?\n"
    assert search(home, text) is None


def test_files_that_read_each_other_are_read_once(home):
    put(home / "one", b". ~/two\n. ~/one\n")
    put(home / "two", b". ~/one\n")
    assert search(home, b". ~/one\n") is None


@pytest.mark.parametrize(("number", "is_found"), [(MOST_FILES - 2, True), (MOST_FILES - 1, False)])
def test_no_more_than_500_files_are_read(home, number, is_found):
    """The rc file and the hook file are two of them."""
    for index in range(number - 1):
        put(home / f"file{index:04}")
    put(home / "last", INIT)
    names = [f". ~/file{index:04}\n" for index in range(number - 1)]
    assert bool(search(home, "".join([*names, ". ~/last\n"]).encode())) == is_found


def test_of_a_pattern_no_more_than_500_names_are_looked_at(home):
    for index in range(MOST_FILES):
        (home / "rc.d" / f"{index:04}").mkdir(parents=True)
    names = [entry.name for entry in os.scandir(home / "rc.d")]
    os.rmdir(home / "rc.d" / names[-1])
    put(home / "rc.d" / names[-1], INIT)
    assert search(home, b". ~/rc.d/*\n")


@pytest.mark.parametrize(("over", "is_found"), [(0, True), (1, False)])
def test_of_a_file_the_first_256_kib_are_searched(home, over, is_found):
    put(home / "long", b"hx init ".rjust(MOST_BYTES + over, b"\n"))
    assert bool(search(home, b". ~/long\n")) == is_found
