"""In every shell: private lines and lines during a pause are not written to the disk."""

import os
import time

import pytest

from shells.terminal import PASTE, PASTED, POSIX_SHELLS, family

SECRET = "hunter2"


def assert_kept_off_the_disk(home, commands):
    """Check that only `commands` were recorded, without a gap, and no file has the secret."""
    assert SECRET.encode() not in home.spool_bytes()
    assert home.files_with(SECRET.encode()) == []
    assert home.commands() == commands
    assert home.files_with(SECRET.encode()) == []


def sequence_numbers(home):
    """Return the sequence numbers of the records that are still in the spool, in order."""
    records = home.spool_bytes().split(b"\0")
    return sorted({int(field[1:]) for field in records if field[:1] == b"n"})


def test_a_leading_blank_keeps_a_line_off_the_disk(home, shell):
    terminal = home.open(shell)
    terminal.run("true one")
    terminal.run(f" echo {SECRET}")
    terminal.run("true two")
    assert sequence_numbers(home) == [1, 2]
    assert_kept_off_the_disk(home, ["true one", "true two"])


@pytest.mark.parametrize(
    "own_history", ["", "HISTCONTROL=ignorespace", "HISTCONTROL=ignoreboth:erasedups"]
)
def test_a_leading_blank_keeps_a_line_off_the_disk_whatever_the_settings_of_bash(home, own_history):
    terminal = home.open("bash", before=own_history)
    terminal.run("true one")
    terminal.run(f" echo {SECRET}")
    terminal.run("true two")
    assert_kept_off_the_disk(home, ["true one", "true two"])


@pytest.mark.parametrize("shell", POSIX_SHELLS)  # (fish takes leading blanks off what is pasted)
def test_a_leading_tab_keeps_a_line_off_the_disk(home, shell):
    terminal = home.open(shell)
    terminal.run(PASTE + b"\techo " + SECRET.encode() + PASTED)
    terminal.run("true two")
    assert_kept_off_the_disk(home, ["true two"])


def set_private(shell):
    return "set -g HX_PRIVATE 1" if family(shell) == "fish" else "HX_PRIVATE=1"


def unset_private(shell):
    return "set -e HX_PRIVATE" if family(shell) == "fish" else "unset HX_PRIVATE"


def test_hx_private_keeps_lines_off_the_disk_until_it_is_unset(home, shell):
    terminal = home.open(shell)
    terminal.run("true one")
    terminal.run(set_private(shell))
    terminal.run(f"echo {SECRET}")
    terminal.run(unset_private(shell))
    terminal.run("true two")
    commands = home.commands()
    assert commands[0] == "true one"
    assert commands[-1] == "true two"
    assert home.files_with(SECRET.encode()) == []


def test_an_empty_hx_private_is_not_set(home, shell):
    home.open(shell, env={"HX_PRIVATE": ""}).run("true one")
    assert home.commands() == ["true one"]


def test_hx_private_in_the_environment_of_the_shell_works(home, shell):
    home.open(shell, env={"HX_PRIVATE": "1"}).run(f"echo {SECRET}")
    assert_kept_off_the_disk(home, [])


def test_private_mode_of_fish_keeps_lines_off_the_disk(home):
    terminal = home.open("fish", "--private")
    terminal.run(f"echo {SECRET}")
    assert_kept_off_the_disk(home, [])


def write_pause(home, text):
    home.hx_home.mkdir(exist_ok=True)
    (home.hx_home / "pause").write_text(text)


@pytest.mark.parametrize("text", ["", "\n", "{deadline}\n", "nonsense\n"])
def test_a_pause_file_keeps_lines_off_the_disk(home, shell, text):
    write_pause(home, text.format(deadline=int(time.time()) + 600))
    terminal = home.open(shell)
    terminal.run(f"echo {SECRET}")
    terminal.run(f"echo {SECRET}")
    assert_kept_off_the_disk(home, [])


def test_an_expired_pause_is_ignored(home, shell):
    write_pause(home, f"{int(time.time()) - 5}\n")
    home.open(shell).run("true one")
    assert home.commands() == ["true one"]


def test_a_pause_from_another_window_is_active_at_the_next_prompt(home, shell):
    terminal = home.open(shell)
    terminal.run("true one")
    assert home.hx("pause").returncode == 0
    terminal.run("")
    terminal.run(f"echo {SECRET}")
    assert home.hx("resume").returncode == 0
    terminal.run("")
    terminal.run("true two")
    assert_kept_off_the_disk(home, ["true one", "true two"])


NO_PROGRAMS = "export PATH=/nowhere"  # the typed commands must not really run


@pytest.mark.parametrize(
    "line",
    [
        f"hx forget --match {SECRET}",
        f"hx   redact {SECRET}",
        f"/usr/local/bin/hx forget {SECRET}",
        f"history-extended forget {SECRET}",
        f"true; hx forget {SECRET}",
        f"true | hx redact {SECRET}",
        f"sudo hx forget {SECRET}",
        f"env A=x hx forget {SECRET}",
    ],
)
def test_a_line_that_forgets_or_redacts_is_not_recorded(home, shell, line):
    terminal = home.open(shell, after=NO_PROGRAMS)
    terminal.run(line)
    terminal.run("true two")
    assert_kept_off_the_disk(home, ["true two"])


def test_other_lines_with_hx_are_recorded(home, shell):
    terminal = home.open(shell, after=NO_PROGRAMS)
    terminal.run("hx find something; true")
    terminal.run("git forget it")
    assert home.commands() == ["hx find something; true", "git forget it"]


def test_only_the_owner_may_read_the_files_whatever_the_umask(home, shell):
    terminal = home.open(shell, before="umask 022")
    terminal.run("true one")
    modes = {oct(file.stat().st_mode & 0o777) for file in home.spool_files()}
    modes |= {oct(file.stat().st_mode & 0o777) for file in home.runtime.iterdir()}
    assert modes == {"0o600"}
    assert home.spool.stat().st_mode & 0o777 == 0o700
    terminal.run("umask")
    assert "22" in terminal.screen()[-2]


def test_the_folder_of_another_user_is_not_written_to(home, shell):
    home.spool.mkdir(parents=True)
    try:
        os.chown(home.spool, 12345, 12345)
    except PermissionError:
        pytest.skip("macOS only: a folder of another user takes root to make")
    terminal = home.open(shell)
    terminal.run("true one")
    assert home.spool_files() == []
    assert len(terminal.screen()) == 2


def test_nothing_but_the_session_and_what_bash_says_of_its_line_is_exported(home, shell):
    terminal = home.open(shell, before="" if family(shell) == "fish" else "set -a")
    terminal.run("true one")
    terminal.run("env > names")
    names = [line.partition("=")[0] for line in (home.path / "names").read_text().splitlines()]
    ours = {name for name in names if "hx" in name.lower() and "test" not in name}
    assert ours == {"HX_HOME", "HX_SESSION"} | ({"HX_LINE"} if family(shell) == "bash" else set())
    session = home.events()[0]["session_id"]
    assert f"HX_SESSION={session}" in (home.path / "names").read_text()
