"""`hx setup` says what it will do before it asks, and its answers are settings."""

import os
import shutil
import tomllib

import pytest

from cli.home_folders import HomeFolder
from hx.core.shell_files import rc_file
from hx.importers.estimate import estimates

START = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "start.md")


@pytest.fixture
def home(machine):
    return HomeFolder(machine)


def settings_file(home):
    return home.path / ".config/hx/config.toml"


def settings(home):
    path = settings_file(home)
    return tomllib.loads(path.read_text()) if path.exists() else {}


def binds(home):
    """Return whether the hook of bash binds keys of the picker: which of them."""
    text = home.hook.read_text()
    return [key for key in ("ctrl-r", "up") if f" {key}" in text.partition("__hx_key in")[2][:20]]


def test_everything_is_said_before_the_question(home):
    home.bashrc.write_text('eval "$(fzf --bash)"\n')
    (home.path / ".bash_history").write_text("ls\n" * 300)
    (home.path / ".zsh_history").write_text(": 1700000001:0;make \\\nall\n: 1700000002:0;b\n")
    before = home.tree
    result = home.hx("setup")
    assert (result.code, "use --yes" in result.err) == (2, True)
    for words in [
        f"+++ {home.bashrc}",
        "write ~/.local/share/hx/hook.bash",
        "to ~/.bashrc; a backup stays beside it",
        "Ctrl-R opens the picker of hx, in place of fzf in bash",
        "the up arrow stays as it is",
        "Enter in the picker only edits the command",
        'write picker_enter = "edit" to ~/.config/hx/config.toml',
        "import 300 commands of bash from ~/.bash_history",
        "import 2 commands of zsh from ~/.zsh_history",
        "`hx setup --undo` takes it back; an import: `hx import --undo N`",
    ]:
        assert words in result.out, words
    assert home.tree == before


def test_a_history_that_cannot_be_read_is_named_before_the_question(home):
    (home.path / ".local/share/atuin").mkdir(parents=True)
    (home.path / ".local/share/atuin/history.db").write_bytes(b"SQLite format 3\0" + bytes(5000))
    assert "history.db is not a database" in home.hx("setup").out


def test_a_history_of_10_gb_without_a_line_end_does_not_delay_the_question(home):
    with (home.path / ".bash_history").open("wb") as file:
        file.write(b"make test\nmake")
        file.truncate(10 << 30)
    assert "import ~/.bash_history of bash, which is too large" in home.hx("setup").out


def test_without_an_import_no_history_is_counted(home):
    (home.path / ".bash_history").write_text("ls\n")
    result = home.hx("setup", "--no-import")
    assert "nothing is imported" in result.out
    assert ".bash_history" not in result.out


@pytest.mark.parametrize(
    ("rc", "enter"),
    [
        ('eval "$(fzf --bash)"', "edit"),
        ("source /usr/share/doc/fzf/examples/key-bindings.bash", "edit"),
        ('eval "$(fzf --bash)"\neval "$(atuin init bash)"', "run"),  # the last one has the key
        ('eval "$(atuin init bash)"\n[ -f ~/.fzf.bash ] && source ~/.fzf.bash', "edit"),
        ("alias pick=fzf", "run"),
        ("# fzf", "run"),
        ("", "run"),
    ],
)
def test_with_yes_enter_is_as_in_the_tool_that_has_the_key(home, rc, enter):
    home.bashrc.write_text(rc + "\n")
    home.setup()
    expected = {"picker_enter": "edit"} if enter == "edit" else {}
    assert settings(home) == expected
    assert binds(home) == ["ctrl-r"]


def test_what_is_said_of_other_tools_is_true(home):
    home.bashrc.write_text('eval "$(fzf --bash)"\n')
    result = home.setup("--no-ctrl-r")
    assert "Ctrl-R stays as it is: fzf in bash" in result.out
    assert "fzf is not changed, and Ctrl-R stays as it is" in result.out
    assert binds(home) == []
    result = home.setup("--ctrl-r")
    assert "fzf is not changed, but Ctrl-R opens the picker of hx now" in result.out
    assert binds(home) == ["ctrl-r"]


@pytest.mark.parametrize(
    ("options", "values", "bound"),
    [
        (["--no-ctrl-r"], {"picker_ctrl_r": False}, []),
        (["--up-arrow"], {"picker_up_arrow": True}, ["ctrl-r", "up"]),
        (["--enter", "edit"], {"picker_enter": "edit"}, ["ctrl-r"]),
        (["--ctrl-r", "--no-up-arrow", "--enter", "run"], {}, ["ctrl-r"]),
    ],
)
def test_options_for_scripts_are_settings_and_undo_removes_them(home, options, values, bound):
    home.bashrc.write_text("")
    before = home.tree
    home.setup(*options)
    assert settings(home) == values
    assert [key for key in ("ctrl-r", "up") if key in bound] == bound
    if "up" in bound:
        assert "ctrl-r up" in home.hook.read_text()
    else:
        assert binds(home) == bound
    tree_after = home.tree
    assert "nothing to change" in home.setup(*options).out
    assert home.tree == tree_after
    home.undo()
    assert home.tree == before


MINE = '# mine\r\nlimit = 5\n\n[redact_rules]\nx = "(abc)"  # why\n'


def test_the_user_s_settings_file_keeps_every_byte(home):
    settings_file(home).parent.mkdir(parents=True)
    settings_file(home).write_bytes(MINE.encode())
    settings_file(home).chmod(0o640)
    home.bashrc.write_bytes(b"")
    before = home.tree
    home.setup("--no-ctrl-r", "--enter", "edit")
    text = settings_file(home).read_bytes()
    assert text.endswith(MINE.encode())
    parsed = tomllib.loads(text.decode())
    assert (parsed["picker_ctrl_r"], parsed["picker_enter"], parsed["limit"]) == (False, "edit", 5)
    home.setup("--ctrl-r")
    assert settings(home)["picker_ctrl_r"] is True
    assert settings(home)["picker_enter"] == "edit"
    home.undo()
    assert home.tree == before


def test_a_setting_that_the_user_wrote_is_neither_proposed_otherwise_nor_changed(home):
    settings_file(home).parent.mkdir(parents=True)
    settings_file(home).write_text('picker_enter = "run"\npicker_ctrl_r = false\n')
    home.bashrc.write_text('eval "$(fzf --bash)"\n')
    result = home.setup()
    assert "Ctrl-R stays as it is: fzf in bash" in result.out
    assert settings_file(home).read_text() == 'picker_enter = "run"\npicker_ctrl_r = false\n'
    before = home.tree
    result = home.setup("--ctrl-r")
    assert (result.code, "says picker_ctrl_r = false" in result.err) == (2, True)
    assert home.tree == before


@pytest.mark.parametrize("damage", ["read-only", "not TOML"])
def test_a_settings_file_that_cannot_be_changed(home, damage):
    settings_file(home).parent.mkdir(parents=True)
    settings_file(home).write_text("limit = 5\n" if damage == "read-only" else "limit = \n")
    settings_file(home).chmod(0o444)
    home.bashrc.write_text('eval "$(fzf --bash)"\n')
    text = settings_file(home).read_bytes()
    result = home.setup("--no-ctrl-r")
    assert (result.code, str(settings_file(home)) in result.err) == (2, True)
    assert not home.hook.exists()
    assert home.setup().code == 0
    assert settings_file(home).read_bytes() == text


def test_a_second_run_proposes_nothing(home):
    """Who chose that Enter runs is not asked again, though fzf only edits."""
    home.bashrc.write_text('eval "$(fzf --bash)"\n')
    home.setup("--enter", "run")
    assert "nothing to change" in home.setup().out
    assert settings(home) == {}


def test_chezmoi_is_named_where_its_next_apply_would_remove_the_line(home):
    home.bashrc.write_text("a\n")
    source = home.path / ".local/share/chezmoi"
    source.mkdir(parents=True)
    (source / "dot_zshrc").write_text("")
    assert "chezmoi manages" not in home.setup().out
    home.undo()
    (source / "private_dot_bashrc.tmpl").write_text("")
    assert f"chezmoi manages {home.bashrc}" in home.setup().out


@pytest.mark.skipif(not shutil.which("fish"), reason="fish is not installed")
def test_keys_that_fish_binds_after_the_hook_are_named(home):
    path = home.path / ".config/fish/functions/fish_user_key_bindings.fish"
    path.parent.mkdir(parents=True)
    path.write_text("function fish_user_key_bindings; fzf_key_bindings; end\n")
    assert "call __hx_bind_keys at its end" in home.setup("--shell", "fish").out


def test_an_estimate_is_exact_for_a_small_history_and_rounded_for_a_large_one(
    tmp_path, monkeypatch
):
    small, large = tmp_path / ".bash_history", tmp_path / ".zsh_history"
    small.write_text("#1700000000\nls\ncd\n#1700000001\nmake\n")
    large.write_text("".join(f": 17{number:08}:0;make {number}\n" for number in range(30_000)))
    [exact] = estimates({str(small): None})
    assert (exact.kind, exact.entries, exact.is_exact) == ("bash", 3, True)
    monkeypatch.setattr("hx.importers.estimate._PATIENCE_S", 0)
    [rough] = estimates({str(large): None})
    assert rough.entries is not None
    assert not rough.is_exact
    assert 20_000 <= rough.entries <= 45_000
    assert str(rough.entries).strip("0") in {str(number) for number in range(100)}


def test_a_full_disk_leaves_the_files_of_the_user_as_they_were(home):
    home.bashrc.write_bytes(b"a\n" * 3000)
    before = home.tree
    command = "ulimit -f 0; exec hx setup --yes --no-import"
    path = f"{os.path.dirname(home.machine.executable)}:{os.environ['PATH']}"
    result = home.machine.run(
        ["bash", "-c", command], env={"HX_HOME": "", "SHELL": shutil.which("bash"), "PATH": path}
    )
    assert result.code == 8
    assert "Traceback" not in result.err
    assert home.tree[".bashrc"] == before[".bashrc"]
    assert not rc_file.has_line(home.bashrc.read_bytes())
    home.undo("--purge")
    assert home.tree == before


def test_a_disk_that_is_full_before_the_hook_is_named_and_undo_leaves_no_folder(home):
    home.bashrc.write_bytes(b"a\n")
    before = home.tree
    path = f"{os.path.dirname(home.machine.executable)}:{os.environ['PATH']}"
    result = home.machine.run(
        ["bash", "-c", "ulimit -f 8; exec hx setup --yes --no-import"],
        env={"HX_HOME": "", "SHELL": shutil.which("bash"), "PATH": path},
    )
    assert result.code == 8
    assert f"cannot use {home.hook}: " in result.err
    assert home.undo().code == 0
    assert home.tree == before


@pytest.mark.parametrize(
    "command",
    [["setup", "--yes"], ["setup", "--undo", "--yes"], ["import"], ["import", "/etc/hosts"]],
)
def test_without_a_home_no_file_is_read_or_changed(home, command):
    """Else these are the files in the home folder of the password database: perhaps of root."""
    before = home.tree
    result = home.hx(*command, HOME="")
    assert (result.code, result.out) == (2, "")
    assert "HOME is not set" in result.err
    assert home.tree == before


def test_the_plan_in_the_docs_is_what_is_printed(home):
    if not shutil.which("zsh"):
        pytest.skip("zsh is not installed")
    (home.path / ".zshrc").write_text("source <(fzf --zsh)\n")
    lines = [f": {1_700_000_000 + number}:0;make {number}\n" for number in range(1_247)]
    (home.path / ".zsh_history").write_text("".join(lines))
    with open(START, encoding="utf-8") as page:
        shown = page.read().partition("```text\nhx setup will do this:")[2].partition("```")[0]
    printed = home.hx("setup", "--shell", "zsh").out.partition("hx setup will do this:")[2]
    assert printed == shown
