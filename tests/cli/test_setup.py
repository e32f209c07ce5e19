"""`hx setup` adds one line to an rc file, and never more, in whatever state the file is."""

import os
import shutil
import stat

import pytest

from cli import mounts
from cli.home_folders import BASH, HomeFolder
from cli.machine import HX
from hx.core.shell_files import rc_file
from hx.shells import SHELLS


@pytest.fixture
def home(machine):
    return HomeFolder(machine)


def mode(path):
    return stat.S_IMODE(path.lstat().st_mode)


RC_FILES = {
    "missing": None,
    "empty": b"",
    "ordinary": b"PS1='> '\nalias ll='ls -l'\n",
    "no final newline": b"PS1='> '",
    "CRLF": b"PS1=1\r\nPS2=2\r\n",
    "not UTF-8": b"# caf\xe9 \xff\n\x1b[31m\n",
    "only newlines": b"\n\n\n",
}


@pytest.mark.parametrize("shape", RC_FILES)
def test_the_rc_file_gets_one_line_and_undo_restores_its_bytes(home, shape):
    if RC_FILES[shape] is not None:
        home.bashrc.write_bytes(RC_FILES[shape])
    (home.path / ".bash_profile").write_text(". ~/.bashrc\n")
    before = home.tree
    assert home.setup().code == 0
    text = home.bashrc.read_bytes()
    assert text.count(rc_file.MARK) == 1
    assert text.startswith(RC_FILES[shape] or b"")
    assert home.hook.read_text() == home.hx("init", "bash").out
    assert home.undo("--purge").code == 0
    assert home.tree == before


def test_a_second_run_changes_no_byte_and_says_so(home):
    home.bashrc.write_bytes(b"a\n")
    home.setup()
    tree_after_first_run = home.tree
    result = home.setup()
    assert "nothing to change" in result.out
    assert home.tree == tree_after_first_run
    assert home.hx("setup", "--no-import").code == 0  # there is nothing to ask


def test_the_change_is_shown_as_a_diff_and_without_a_yes_nothing_is_changed(home):
    home.bashrc.write_bytes(b"a\n")
    before = home.tree
    result = home.hx("setup", "--no-import")
    assert result.code == 2
    assert "use --yes" in result.err
    assert f"+++ {home.bashrc}" in result.out
    [added] = [line for line in result.out.splitlines() if "__hx_data=" in line]
    assert "/hook.bash" in added
    assert " a" in result.out.splitlines()
    assert home.tree == before


def test_the_rc_file_keeps_its_mode_and_gets_a_backup(home):
    home.bashrc.write_bytes(b"a\n")
    home.bashrc.chmod(0o640)
    home.setup()
    backup = home.path / ".bashrc.hx-backup"
    assert (mode(home.bashrc), mode(backup)) == (0o640, 0o640)
    assert backup.read_bytes() == b"a\n"


def test_an_older_backup_is_neither_overwritten_nor_removed(home):
    home.bashrc.write_bytes(b"a\n")
    older = home.path / ".bashrc.hx-backup"
    older.write_bytes(b"much older\n")
    home.setup()
    assert older.read_bytes() == b"much older\n"
    assert (home.path / ".bashrc.hx-backup-2").read_bytes() == b"a\n"
    home.undo()
    assert older.read_bytes() == b"much older\n"
    assert not (home.path / ".bashrc.hx-backup-2").exists()


def test_a_link_stays_a_link_and_its_target_is_edited(home):
    real = home.path / "dotfiles" / "bashrc"
    real.parent.mkdir()
    real.write_bytes(b"a\n")
    home.bashrc.symlink_to("dotfiles/bashrc")
    before = home.tree
    home.setup()
    assert os.readlink(home.bashrc) == "dotfiles/bashrc"
    assert rc_file.has_line(real.read_bytes())
    assert os.listdir(real.parent) == ["bashrc"]  # no backup is left in a folder of dotfiles
    home.undo("--purge")
    assert home.tree == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_the_rc_file_keeps_its_owner(home):
    home.bashrc.write_bytes(b"a\n")
    os.chown(home.bashrc, 12345, 54321)
    home.setup()
    status = home.bashrc.stat()
    assert (status.st_uid, status.st_gid) == (12345, 54321)


def read_only(path):
    path.write_bytes(b"a\n")
    path.chmod(0o444)


def folder(path):
    path.mkdir()


def pipe(path):
    os.mkfifo(path)


def link_to_itself(path):
    path.symlink_to(path.name)


def in_a_store(path):
    """As Nix makes it: a link to a file that nobody may write."""
    store = path.parent / "store"
    store.mkdir()
    read_only(store / "hm_bashrc")
    path.symlink_to(store / "hm_bashrc")


@pytest.mark.parametrize("shape", [read_only, in_a_store, folder, pipe, link_to_itself])
def test_an_rc_file_that_cannot_be_edited_is_named_with_the_line_and_the_rest_is_done(home, shape):
    shape(home.bashrc)
    zshrc = home.path / ".zshrc"
    zshrc.write_bytes(b"a\n")
    before = home.tree
    result = home.setup()
    assert result.code == 3
    said, hint = result.err.splitlines()
    assert f"{home.bashrc} " in said or f"{home.bashrc}:" in said
    assert home.tree[".bashrc"] == before[".bashrc"]
    assert home.hook.exists()
    if shutil.which("zsh"):
        assert rc_file.has_line(zshrc.read_bytes())
    home.undo("--purge")
    assert home.tree == before
    assert hint.startswith("hx: hint: add this line to it: ")


def test_a_login_file_that_cannot_be_read_is_named_and_the_rest_is_done(home):
    home.bashrc.write_bytes(b"a\n")
    (home.path / ".bash_profile").write_bytes(b"#\n" * (3 << 20))
    result = home.setup()
    assert result.code == 3
    assert ".bash_profile is longer than 4 MiB, so it is not changed" in result.err
    assert rc_file.has_line(home.bashrc.read_bytes())


def test_a_file_that_is_mounted_by_itself_is_edited_and_restored(home):
    """A container often has single files of the host in its home folder."""
    host = home.path / "host"
    host.write_bytes(b"a\n")
    home.bashrc.touch()
    with mounts.bound(host, home.bashrc):
        assert home.setup().code == 0
        assert rc_file.has_line(host.read_bytes())
        assert home.undo().code == 0
    assert host.read_bytes() == b"a\n"


@pytest.mark.parametrize("shell", SHELLS)
def test_the_line_for_a_file_that_only_its_owner_changes_loads_the_hook(home, shell):
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    rc = home.path / SHELLS[shell].rc_path.format(home=".", zsh=".", config=".config")
    rc.parent.mkdir(parents=True, exist_ok=True)
    read_only(rc)
    result = home.setup("--shell", shell)
    line = result.err.splitlines()[-1].removeprefix("hx: hint: add this line to it: ")
    rc.chmod(0o644)
    rc.write_text(line + "\n")
    rc.chmod(0o444)
    (home.data / f"hook.{shell}").write_text("echo loaded\n")
    # fish reads its file also when it is not interactive
    shown = home.machine.run([shell, "-c", "true" if shell == "fish" else f"source {rc}"])
    assert (shown.out, shown.err) == ("loaded\n", "")
    (home.data / f"hook.{shell}").unlink()
    assert home.machine.run([shell, "-c", f"source {rc}"]).err == ""
    again = home.setup("--shell", shell)
    assert (again.code, "loads the hook in line 1" in again.out) == (0, True)


def test_without_a_home_folder_nothing_is_made(home):
    result = home.setup(HOME=str(home.path / "gone"))
    assert (result.code, "does not exist" in result.err) == (2, True)
    assert not (home.path / "gone").exists()


def test_a_hook_that_the_user_loads_is_not_loaded_twice(home):
    home.bashrc.write_text('a\neval "$(hx init bash)"\n')
    before = home.tree
    result = home.setup()
    assert "loads the hook in line 2" in result.out
    assert home.tree == before


def test_a_hook_file_that_the_user_loads_is_written(home):
    home.bashrc.write_text("a\n. ~/.local/share/hx/hook.bash\n")
    before = home.tree
    assert "loads the hook in line 2" in home.setup().out
    assert home.hook.exists()
    assert home.tree[".bashrc"] == before[".bashrc"]
    home.undo("--purge")
    assert home.tree == before


def test_an_old_hook_file_is_replaced(home):
    home.setup()
    current = home.hook.read_bytes()
    home.hook.write_bytes(b"# an older hook\n")
    assert "hook.bash" in home.setup().out
    assert home.hook.read_bytes() == current


def test_an_existing_hook_file_is_kept_current_whoever_loads_it(home):
    home.setup()
    current = home.hook.read_bytes()
    home.bashrc.write_text('eval "$(hx init bash)"\n')
    home.hook.write_bytes(b"# an older hook\n")
    home.setup()
    assert home.hook.read_bytes() == current


@pytest.mark.parametrize("command", ["status", "doctor"])
def test_after_an_upgrade_any_command_replaces_the_hook_file(home, command):
    home.setup()
    current = home.hook.read_bytes()
    home.hook.write_bytes(b"# an older hook\n")
    home.hx(command)
    assert home.hook.read_bytes() == current
    assert mode(home.hook) == 0o600


def test_another_installation_of_hx_does_not_change_the_hook_file_and_doctor_warns(home):
    home.setup()
    note = home.data / "setup.json"
    note.write_text(note.read_text().replace(HX, "/opt/other/hx"))
    home.hook.write_bytes(b"# of the other one\n")
    home.hx("status")
    assert home.hook.read_bytes() == b"# of the other one\n"
    report = home.hx("doctor", "--json").json
    [finding] = [row for row in report if row["check"] == "hook file"]
    assert (finding["level"], finding["fix"]) == ("warning", "hx setup")
    assert "/opt/other/hx" in finding["sentence"]


def test_doctor_reports_whether_the_rc_file_loads_the_hook(home):
    home.bashrc.write_bytes(b"a\n")

    def level():
        found = home.hx("doctor", "--json").json
        return [row["level"] for row in found if row["check"] == "rc file"]

    assert level() == ["warning"]
    home.setup()
    assert level() == ["ok"]
    home.hook.unlink()
    found = home.hx("doctor", "--json").json
    assert [row["level"] for row in found if row["check"] == "hook file"] == ["warning"]


def test_hx_under_its_other_name_is_the_same_installation(home):
    home.setup()
    before = home.tree
    other_name = os.path.join(os.path.dirname(HX), "history-extended")
    line = [other_name, "setup", "--yes", "--no-import"]
    home.machine.run(line, env={"HX_HOME": "", "SHELL": BASH})
    assert home.tree == before


def test_after_the_data_folder_moved_the_line_names_the_new_one(home):
    home.bashrc.write_bytes(b"a\n")
    home.setup()
    elsewhere = home.path / "elsewhere"
    home.setup(HX_HOME=str(elsewhere))
    text = home.bashrc.read_bytes()
    assert text.count(rc_file.MARK) == 1
    assert b"/elsewhere" in text


@pytest.mark.parametrize(
    ("name", "text", "edited"),
    [
        (".bash_profile", "export A=1\n", True),
        (".bash_profile", "# source ~/.bashrc\n", True),
        (".bash_profile", "[ -f ~/.bashrc ] && . ~/.bashrc\n", False),
        (".bash_login", "export A=1\n", True),
        (".profile", "export A=1\n", True),
        (".profile", '. "$HOME/.bashrc"\n', False),
    ],
)
def test_a_login_file_that_does_not_load_bashrc_gets_the_line_too(home, name, text, edited):
    home.bashrc.write_bytes(b"a\n")
    login = home.path / name
    login.write_text(text)
    home.setup()
    assert rc_file.has_line(login.read_bytes()) == edited
    home.undo()
    assert login.read_text() == text


def test_sh_reads_the_line_in_profile_without_output(home):
    (home.path / ".profile").write_text("A=1\n")
    home.setup()
    sh = shutil.which("dash") or "sh"
    result = home.machine.run([sh, "-c", ". ~/.profile; echo $A $HX_SESSION"])
    assert (result.out, result.err) == ("1\n", "")


def test_the_login_shell_and_those_with_an_rc_file_are_set_up(home):
    (home.path / ".zshrc").write_bytes(b"")
    home.setup()
    hooks = {path.name for path in home.data.iterdir()} - {"setup.json"}
    zsh = {"hook.zsh"} if shutil.which("zsh") else set()
    assert hooks == {"hook.bash"} | zsh


@pytest.mark.parametrize("shell", SHELLS)
def test_a_requested_shell_is_set_up_even_without_an_rc_file(home, shell):
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    before = home.tree
    home.setup("--shell", shell, SHELL="/bin/sh")
    assert [path.name for path in home.data.glob("hook.*")] == [f"hook.{shell}"]
    home.undo("--purge", SHELL="/bin/sh")
    assert home.tree == before


def test_zshrc_is_edited_where_zshenv_places_it(home):
    if not shutil.which("zsh"):
        pytest.skip("zsh is not installed")
    (home.path / ".zshenv").write_text("ZDOTDIR=~/zsh\n")  # not exported
    (home.path / "zsh").mkdir()
    zshrc = home.path / "zsh" / ".zshrc"
    zshrc.write_bytes(b"a\n")
    home.setup("--shell", "zsh")
    assert rc_file.has_line(zshrc.read_bytes())
    assert not (home.path / ".zshrc").exists()


def test_without_a_supported_shell_setup_is_an_error(home):
    result = home.setup(SHELL="/bin/sh")
    assert (result.code, "--shell bash" in result.err) == (2, True)
    result = home.setup(PATH="/nowhere", SHELL="/bin/sh")
    assert (result.code, "zsh 5.8" in result.err) == (2, True)
    assert home.setup("--purge").code == 2


def fake_program(folder, name, version_text):
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{version_text}'\n")
    path.chmod(0o755)


def test_each_note_is_printed_once_on_one_line(home, tmp_path):
    fake_program(tmp_path / "bin", "hx", "helix 25.01")
    fake_program(tmp_path / "bin", "bash", "GNU bash, version 3.2.57(1)-release")
    home.bashrc.write_text('eval "$(atuin init bash)"\n')
    (home.path / ".bash_history").write_text("ls\ncd\n")
    result = home.setup(PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}", HX_SESSION="f" * 32)
    notes = [line for line in result.out.splitlines() if line.startswith("note: ")]
    for words in [
        f"{tmp_path / 'bin' / 'hx'}, another program",
        "bash 3.2; hx records bash from 5.0 on",
        "atuin is not changed, but Ctrl-R opens the picker of hx now",
        "holds no times",
        "has loaded a hook already",
        "a login bash",
    ]:
        assert sum(words in note for note in notes) == 1, words
    assert len(notes) == 6


def test_a_bash_history_with_times_gives_no_note(home):
    (home.path / ".bash_history").write_text("#1700000000\nls\n")
    (home.path / ".bash_profile").write_text(". ~/.bashrc\n")
    assert "note:" not in home.setup().out


def test_the_next_steps_are_printed_at_the_end(home):
    *_, first, second = home.setup().out.splitlines()
    assert first.startswith("next: open a new shell")
    assert str(home.hook) in first
    assert "hx find" in second
    assert "hx last" in second


def test_where_the_line_is_left_to_the_user_the_next_step_is_to_add_it(home):
    """stdout and stderr may lead to one pipe: the line is below the step that names it."""
    read_only(home.bashrc)
    words = f"SHELL={BASH} HX_HOME= {HX} setup --yes --no-import 2>&1"
    for _ in range(2):  # the second run has nothing else to do
        *_, first, _, third, fourth = home.machine.bash(words).out.splitlines()
        assert first.startswith("next: add the line below, then open a new shell")
        assert third == f"hx: warning: {home.bashrc} is read-only, so it is not changed"
        assert fourth.startswith("hx: hint: add this line to it: ")


@pytest.mark.parametrize("name", ["a b", "it's", "caf\u00e9", "back\\slash", "$(x)`y`"])
def test_any_name_of_the_data_folder_is_quoted(home, name):
    data = home.path / name
    home.bashrc.write_bytes(b"")
    home.setup(HX_HOME=str(data))
    (data / "hook.bash").write_text("echo loaded\n")
    result = home.machine.run(["bash", "-c", ". ~/.bashrc"])
    assert (result.out, result.err) == ("loaded\n", "")
    shutil.rmtree(data)
    result = home.machine.run(["bash", "-ec", ". ~/.bashrc"])
    assert (result.code, result.out, result.err) == (0, "", "")


def test_the_next_steps_name_the_program_that_this_path_runs(home):
    assert "then: `hx find TEXT`" in home.setup(PATH=f"{os.path.dirname(HX)}:/usr/bin:/bin").out
    helix = home.path / "bin/hx"
    helix.parent.mkdir()
    helix.write_text("#!/bin/sh\n")
    helix.chmod(0o755)
    out = home.setup(PATH=f"{helix.parent}:{os.path.dirname(HX)}:/usr/bin:/bin").out
    assert "then: `history-extended find TEXT`" in out
    assert "`hx find" not in out


def test_a_folder_with_a_newline_in_its_name_is_refused(home):
    result = home.setup(XDG_DATA_HOME=str(home.path / "a\nb"))
    assert (result.code, "one line" in result.err) == (2, True)
    assert list(home.path.iterdir()) == []


FOLDERS = ["{home}/.config/fish/config.fish", "{home}/.config/hx/config.toml"]


@pytest.mark.parametrize("path", FOLDERS)
def test_a_file_whose_folder_cannot_be_made_is_known_before_the_first_change(home, path):
    config = home.path / ".config"
    config.mkdir()
    with mounts.read_only(config):
        before = home.tree
        if path.endswith("toml"):
            result = home.setup("--enter", "edit")
            assert result.code == 2
            assert home.tree == before
        else:
            if not shutil.which("fish"):
                pytest.skip("fish is not installed")
            result = home.setup("--shell", "fish")
            assert result.code == 3
            assert "add this line to it" in result.err
        assert f"{path.format(home=home.path)} cannot be made: {config} is not" in result.err


def test_a_home_folder_with_a_slash_at_its_end_is_the_same(home):
    home.bashrc.write_bytes(b"a\n")
    assert f" {home.bashrc}.hx-backup" in home.setup(HOME=f"{home.path}/").out
    assert "nothing to change" in home.setup().out
