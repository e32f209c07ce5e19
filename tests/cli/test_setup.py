"""`hx setup` edits an rc file by one line, whatever the file is like, and never by more."""

import os
import shutil
import stat

import pytest

from cli.houses import BASH, House
from cli.machine import HX
from hx.core.shells import rc_file
from hx.shells import SHELLS


@pytest.fixture
def house(machine):
    return House(machine)


def mode(path):
    return stat.S_IMODE(path.lstat().st_mode)


SHAPES = {
    "missing": None,
    "empty": b"",
    "ordinary": b"PS1='> '\nalias ll='ls -l'\n",
    "no final newline": b"PS1='> '",
    "CRLF": b"PS1=1\r\nPS2=2\r\n",
    "not UTF-8": b"# caf\xe9 \xff\n\x1b[31m\n",
    "only newlines": b"\n\n\n",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_rc_file_gets_one_line_and_undo_gives_back_the_bytes(house, shape):
    if SHAPES[shape] is not None:
        house.bashrc.write_bytes(SHAPES[shape])
    (house.path / ".bash_profile").write_text(". ~/.bashrc\n")
    before = house.tree
    assert house.setup().code == 0
    text = house.bashrc.read_bytes()
    assert text.count(rc_file.MARK) == 1
    assert text.startswith(SHAPES[shape] or b"")
    assert house.hook.read_text() == house.hx("init", "bash").out
    assert house.undo("--purge").code == 0
    assert house.tree == before


def test_a_second_run_changes_no_byte_and_says_so(house):
    house.bashrc.write_bytes(b"a\n")
    house.setup()
    once = house.tree
    again = house.setup()
    assert "nothing to change" in again.out
    assert house.tree == once
    assert house.hx("setup", "--no-import").code == 0  # nothing to ask


def test_the_change_is_shown_as_a_diff_and_without_a_yes_nothing_is_done(house):
    house.bashrc.write_bytes(b"a\n")
    before = house.tree
    refused = house.hx("setup", "--no-import")
    assert refused.code == 2
    assert "use --yes" in refused.err
    assert f"+++ {house.bashrc}" in refused.out
    [added] = [line for line in refused.out.splitlines() if line.startswith("+__hx_data=")]
    assert "/hook.bash" in added
    assert " a" in refused.out.splitlines()
    assert house.tree == before


def test_mode_and_backup(house):
    house.bashrc.write_bytes(b"a\n")
    house.bashrc.chmod(0o640)
    house.setup()
    backup = house.path / ".bashrc.hx-backup"
    assert (mode(house.bashrc), mode(backup)) == (0o640, 0o640)
    assert backup.read_bytes() == b"a\n"


def test_an_older_backup_is_neither_overwritten_nor_removed(house):
    house.bashrc.write_bytes(b"a\n")
    older = house.path / ".bashrc.hx-backup"
    older.write_bytes(b"much older\n")
    house.setup()
    assert older.read_bytes() == b"much older\n"
    assert (house.path / ".bashrc.hx-backup-2").read_bytes() == b"a\n"
    house.undo()
    assert older.read_bytes() == b"much older\n"
    assert not (house.path / ".bashrc.hx-backup-2").exists()


def test_a_link_stays_a_link_and_what_it_leads_to_is_edited(house):
    real = house.path / "dotfiles" / "bashrc"
    real.parent.mkdir()
    real.write_bytes(b"a\n")
    house.bashrc.symlink_to("dotfiles/bashrc")
    before = house.tree
    house.setup()
    assert os.readlink(house.bashrc) == "dotfiles/bashrc"
    assert rc_file.has_line(real.read_bytes())
    assert os.listdir(real.parent) == ["bashrc"]  # a backup is no file for a repository
    house.undo("--purge")
    assert house.tree == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_the_owner_stays(house):
    house.bashrc.write_bytes(b"a\n")
    os.chown(house.bashrc, 12345, 54321)
    house.setup()
    status = house.bashrc.stat()
    assert (status.st_uid, status.st_gid) == (12345, 54321)


def read_only(path):
    path.write_bytes(b"a\n")
    path.chmod(0o444)


def folder(path):
    path.mkdir()


def pipe(path):
    os.mkfifo(path)


def endless(path):
    path.symlink_to(path.name)


@pytest.mark.parametrize("shape", [read_only, folder, pipe, endless])
def test_what_cannot_be_edited_is_one_sentence_and_nothing_is_changed(house, shape):
    shape(house.bashrc)
    (house.path / ".zshrc").write_bytes(b"a\n")
    before = house.tree
    done = house.setup()
    assert done.code == 2
    assert len(done.err.splitlines()) == 2
    assert str(house.bashrc) in done.err
    assert house.tree == before


def test_without_a_home_folder_nothing_is_made(house):
    done = house.setup(HOME=str(house.path / "gone"))
    assert (done.code, "does not exist" in done.err) == (2, True)
    assert not (house.path / "gone").exists()


def test_a_hook_that_is_loaded_by_hand_is_not_loaded_twice(house):
    house.bashrc.write_text('a\neval "$(hx init bash)"\n')
    before = house.tree
    done = house.setup()
    assert "loads the hook in line 2" in done.out
    assert house.tree == before


def test_a_hook_file_that_is_loaded_by_hand_is_written(house):
    house.bashrc.write_text("a\n. ~/.local/share/hx/hook.bash\n")
    before = house.tree
    assert "loads the hook in line 2" in house.setup().out
    assert house.hook.exists()
    assert house.tree[".bashrc"] == before[".bashrc"]
    house.undo("--purge")
    assert house.tree == before


def test_a_stale_hook_file_is_written_anew(house):
    house.setup()
    current = house.hook.read_bytes()
    house.hook.write_bytes(b"# an older hook\n")
    assert "hook.bash" in house.setup().out
    assert house.hook.read_bytes() == current


def test_a_hook_file_that_is_there_is_kept_current_whoever_loads_it(house):
    house.setup()
    current = house.hook.read_bytes()
    house.bashrc.write_text('eval "$(hx init bash)"\n')
    house.hook.write_bytes(b"# an older hook\n")
    house.setup()
    assert house.hook.read_bytes() == current


@pytest.mark.parametrize("command", ["status", "doctor"])
def test_after_an_upgrade_the_hook_file_is_written_anew_by_itself(house, command):
    house.setup()
    current = house.hook.read_bytes()
    house.hook.write_bytes(b"# an older hook\n")
    house.hx(command)
    assert house.hook.read_bytes() == current
    assert mode(house.hook) == 0o600


def test_another_hx_leaves_the_hook_files_alone_and_doctor_tells(house):
    house.setup()
    note = house.data / "setup.json"
    note.write_text(note.read_text().replace(HX, "/opt/other/hx"))
    house.hook.write_bytes(b"# of the other one\n")
    house.hx("status")
    assert house.hook.read_bytes() == b"# of the other one\n"
    [told] = [one for one in house.hx("doctor", "--json").json if one["check"] == "hook file"]
    assert (told["level"], told["fix"]) == ("warning", "hx setup")
    assert "/opt/other/hx" in told["sentence"]


def test_doctor_tells_whether_the_rc_file_loads_the_hook(house):
    house.bashrc.write_bytes(b"a\n")

    def level():
        found = house.hx("doctor", "--json").json
        return [one["level"] for one in found if one["check"] == "rc file"]

    assert level() == ["warning"]
    house.setup()
    assert level() == ["ok"]
    house.hook.unlink()
    found = house.hx("doctor", "--json").json
    assert [one["level"] for one in found if one["check"] == "hook file"] == ["warning"]


def test_under_its_other_name_hx_is_the_same_one(house):
    house.setup()
    before = house.tree
    other = os.path.join(os.path.dirname(HX), "history-extended")
    line = [other, "setup", "--yes", "--no-import"]
    house.machine.run(line, env={"HX_HOME": "", "SHELL": BASH})
    assert house.tree == before


def test_a_moved_data_folder_moves_the_line(house):
    house.bashrc.write_bytes(b"a\n")
    house.setup()
    elsewhere = house.path / "elsewhere"
    house.setup(HX_HOME=str(elsewhere))
    text = house.bashrc.read_bytes()
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
def test_a_login_file_that_does_not_go_on_to_bashrc_gets_the_line_too(house, name, text, edited):
    house.bashrc.write_bytes(b"a\n")
    login = house.path / name
    login.write_text(text)
    house.setup()
    assert rc_file.has_line(login.read_bytes()) == edited
    house.undo()
    assert login.read_text() == text


def test_sh_reads_the_line_in_profile_without_a_word(house):
    (house.path / ".profile").write_text("A=1\n")
    house.setup()
    sh = shutil.which("dash") or "sh"
    done = house.machine.run([sh, "-c", ". ~/.profile; echo $A $HX_SESSION"])
    assert (done.out, done.err) == ("1\n", "")


def test_the_login_shell_and_those_with_an_rc_file_are_set_up(house):
    (house.path / ".zshrc").write_bytes(b"")
    house.setup()
    hooks = {path.name for path in house.data.iterdir()} - {"setup.json"}
    zsh = {"hook.zsh"} if shutil.which("zsh") else set()
    assert hooks == {"hook.bash"} | zsh


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_that_is_named_is_set_up_without_an_rc_file(house, shell):
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    before = house.tree
    house.setup("--shell", shell, SHELL="/bin/sh")
    assert [path.name for path in house.data.glob("hook.*")] == [f"hook.{shell}"]
    house.undo("--purge", SHELL="/bin/sh")
    assert house.tree == before


def test_zshrc_is_where_zshenv_says(house):
    if not shutil.which("zsh"):
        pytest.skip("zsh is not installed")
    (house.path / ".zshenv").write_text("ZDOTDIR=~/zsh\n")  # not exported
    (house.path / "zsh").mkdir()
    zshrc = house.path / "zsh" / ".zshrc"
    zshrc.write_bytes(b"a\n")
    house.setup("--shell", "zsh")
    assert rc_file.has_line(zshrc.read_bytes())
    assert not (house.path / ".zshrc").exists()


def test_no_shell_to_set_up_is_told(house):
    done = house.setup(SHELL="/bin/sh")
    assert (done.code, "--shell bash" in done.err) == (2, True)
    done = house.setup(PATH="/nowhere", SHELL="/bin/sh")
    assert (done.code, "zsh 5.8" in done.err) == (2, True)
    assert house.setup("--purge").code == 2


def old_program(folder, name, says):
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)


def test_what_a_person_should_know_is_one_line_each(house, tmp_path):
    old_program(tmp_path / "bin", "hx", "helix 25.01")
    old_program(tmp_path / "bin", "bash", "GNU bash, version 3.2.57(1)-release")
    house.bashrc.write_text('eval "$(atuin init bash)"\n')
    (house.path / ".bash_history").write_text("ls\ncd\n")
    done = house.setup(PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}", HX_SESSION="f" * 32)
    notes = [line for line in done.out.splitlines() if line.startswith("note: ")]
    for words in [
        f"{tmp_path / 'bin' / 'hx'}, another program",
        "bash 3.2; hx records bash from 5.0 on",
        "atuin is not changed",
        "holds no times",
        "has loaded a hook already",
        "a login bash",
    ]:
        assert sum(words in note for note in notes) == 1, words
    assert len(notes) == 6


def test_a_stamped_history_of_bash_is_no_matter(house):
    (house.path / ".bash_history").write_text("#1700000000\nls\n")
    (house.path / ".bash_profile").write_text(". ~/.bashrc\n")
    assert "note:" not in house.setup().out


def test_the_way_on_is_told_at_the_end(house):
    *_, first, second = house.setup().out.splitlines()
    assert first.startswith("next: open a new shell")
    assert str(house.hook) in first
    assert "hx find" in second
    assert "hx last" in second


@pytest.mark.parametrize("name", ["a b", "it's", "caf\u00e9", "back\\slash", "$(x)`y`"])
def test_any_name_of_a_folder_is_quoted(house, name):
    data = house.path / name
    house.bashrc.write_bytes(b"")
    house.setup(HX_HOME=str(data))
    (data / "hook.bash").write_text("echo loaded\n")
    done = house.machine.run(["bash", "-c", ". ~/.bashrc"])
    assert (done.out, done.err) == ("loaded\n", "")
    shutil.rmtree(data)
    done = house.machine.run(["bash", "-ec", ". ~/.bashrc"])
    assert (done.code, done.out, done.err) == (0, "", "")


def test_a_folder_with_a_newline_in_its_name_is_refused(house):
    done = house.setup(XDG_DATA_HOME=str(house.path / "a\nb"))
    assert (done.code, "one line" in done.err) == (2, True)
    assert list(house.path.iterdir()) == []
