"""In every shell: sessions that end in different ways, concurrent sessions, long sessions."""

import os
import random
import shutil
import signal
import subprocess
import threading

import pytest

from shells.terminal import HX, family, program

WITH_STARTS = ("bash 5.3", "zsh", "fish")  # these hooks write a record when a command starts


@pytest.mark.parametrize("shell", WITH_STARTS)
def test_a_command_that_replaces_the_shell_has_a_start_and_no_end(home, shell):
    terminal = home.open(shell)
    terminal.run("true before")
    terminal.leave("exec sh -c true")
    assert home.statuses() == [("true before", 0), ("exec sh -c true", None)]


@pytest.mark.parametrize("shell", WITH_STARTS)
def test_a_shell_that_is_killed_leaves_the_start_of_its_last_command(home, shell):
    terminal = home.open(shell)
    terminal.run("true before")
    kill = f"kill -9 {terminal.pid}"
    terminal.leave(kill)
    assert home.statuses() == [("true before", 0), (kill, None)]


def test_bash_before_5_3_keeps_ended_commands_when_it_is_replaced_or_killed(home):
    terminal = home.open("bash")
    terminal.run("true before")
    terminal.leave("exec sh -c true")
    terminal = home.open("bash")
    terminal.run("true again")
    terminal.leave(f"kill -9 {terminal.pid}")
    assert home.statuses() == [("true before", 0), ("true again", 0)]


def test_a_header_has_the_session_the_terminal_and_the_boot_id(home, shell):
    terminal = home.open(shell)
    terminal.run("true one")
    [file] = [file for file in home.spool_files() if file.suffix == ".0"]
    fields = file.read_bytes().split(b"\0")
    header = {field[:1]: field[1:].decode() for field in fields[2:] if field}
    assert fields[:2] == [b"", b"HX1H"]
    assert file.name == f"{header[b's']}.0"
    assert len(header[b"s"]) == 32
    assert int(header[b"s"][:16], 16) // 10**8 == int(header[b"b"]) // 10**8
    assert header[b"P"] == str(terminal.pid)
    assert header[b"S"] == family(shell)
    assert header[b"d"] == str(home.path)
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as boot_id:
        assert header[b"B"] == boot_id.read().strip()


def test_a_shell_that_ended_leaves_no_text_file(home, shell):
    terminal = home.open(shell)
    terminal.run("true one")
    terminal.leave()
    assert home.commands() == ["true one", "exit"]
    assert list(home.runtime.glob("*.t")) == []


def test_two_panes_of_tmux_are_two_sessions(home, shell):
    home.write_rc(shell)
    (home.path / ".bash_profile").write_text(". ~/.bashrc\n")  # tmux starts login shells
    settings = home.path / "tmux.conf"
    settings.write_text(
        "set -g assume-paste-time 0\n"  # or tmux takes fast keys for a paste
        "set-hook -g pane-exited 'wait-for -S closed'\n"
    )
    argv = [program("tmux"), "-f", str(settings), "-S", str(home.path / "tmux")]
    try:
        terminal = home.start([*argv, "new-session"], SHELL=program(shell))
        terminal.prompt()
        terminal.run("true left")
        terminal.type(b"\x02%")
        while len({marker.partition(b":")[0] for marker in terminal.prompts}) < 2:
            terminal.prompt()  # (the left one is drawn again for its new width)
        terminal.run("true right")
        terminal.type(b"\x02o")
        terminal.run("true left again")
        terminal.type("exit\r")
        # (tmux may draw the prompt of the right one before the left one is gone)
        subprocess.run([*argv, "wait-for", "closed"], check=True, timeout=30)
        terminal.leave()
    finally:
        subprocess.run([*argv, "kill-server"], capture_output=True, check=False)
    sessions = {}
    for event in home.events():
        sessions.setdefault(event["session_id"], []).append(event["command"])
    panes = [["true left", "true left again", "exit"], ["true right", "exit"]]
    assert sorted(sessions.values()) == panes


@pytest.mark.long
def test_the_4097th_command_begins_a_generation_and_none_is_lost(home, shell):
    terminal = home.open(shell)
    lines = [f"true {number}" for number in range(4097)]
    for line in lines:
        terminal.run(line)
    assert {file.suffix for file in home.spool_files()} == {".0", ".1"}
    assert home.commands() == lines
    for lock in home.hx_home.glob("*.lock"):
        os.utime(lock, (0, 0))  # so that the next ingest tidies up
    terminal.run("true last")
    assert home.commands() == [*lines, "true last"]
    assert {file.suffix for file in home.spool_files()} == {".1"}


def keep_killing_ingest(home, stop):
    """Start ingests and kill each after a random time, until `stop` is set."""
    while not stop.is_set():
        with subprocess.Popen(
            [HX, "find", "--all", "--json"], env=home.environment(), stdout=subprocess.DEVNULL
        ) as drain:
            stop.wait(random.uniform(0.02, 0.4))
            drain.send_signal(signal.SIGKILL)


@pytest.mark.long
def test_eight_busy_sessions_lose_nothing_while_ingest_is_killed(home):
    shells = [name for name in ("bash", "zsh", "fish") if shutil.which(name)]
    terminals = [home.open(shells[number % len(shells)]) for number in range(8)]
    stop = threading.Event()
    killer = threading.Thread(target=keep_killing_ingest, args=(home, stop))
    killer.start()
    try:
        for number in range(1000):
            for index, terminal in enumerate(terminals):
                terminal.type(f"true {index} {number}\r")
            for terminal in terminals:
                terminal.prompt()
    finally:
        stop.set()
        killer.join()
    expected = {f"true {index} {number}" for index in range(8) for number in range(1000)}
    commands = home.commands()
    assert len(commands) == 8000
    assert set(commands) == expected
