"""The records that a hook writes into the spool, and the processes that it starts."""

import contextlib
import os
import re
import subprocess
import time

import pytest

from hx.core.spool_records import parse
from shells.terminal import hook, program

STARTS = re.compile(r"\b(?:fork|vfork|clone3?)\((?!.*CLONE_THREAD)")


def records(home, kind):
    """Return the fields of all records of one kind in the spool, file by file."""
    return [fields for file in home.spool_files() for fields in records_of(file, kind)]


def records_of(file, kind):
    return [record.fields for record in parse(file.read_bytes()).records if record.kind == kind]


def commands(home):
    return [fields["c"].decode() for fields in records(home, "S")]


def is_drained_at_start(home, shell, kibibytes, patience_s):
    """Return whether a new shell runs `hx status`, which drains, with so much in its spool."""
    fake_hx = home.path / "hx-of-the-test"
    fake_hx.write_text(f'#!/bin/sh\ncd {home.path}; echo "$@" > ran.new; mv ran.new ran\n')
    fake_hx.chmod(0o755)
    home.spool.mkdir(parents=True, mode=0o700)
    (home.spool / "filler").write_bytes(os.urandom(kibibytes * 1024))
    load = re.sub(r"(__hx_exe[= ])'[^']*'", rf"\1'{fake_hx}'", hook(shell, str(home.hx_home)))
    terminal = home.open(shell, load=load)
    ran_file, deadline = home.path / "ran", time.monotonic() + patience_s
    while not ran_file.exists() and time.monotonic() < deadline:
        terminal.run("")
    assert [line for line in terminal.screen() if not line.startswith("<")] == []
    return ran_file.exists() and ran_file.read_text() == "status\n"


@contextlib.contextmanager
def spool_on_a_disk_of(home, kibibytes):
    """Mount a small disk on the spool; yield the path of a file with which the test can fill it."""
    home.spool.mkdir(parents=True, mode=0o700)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kibibytes}k,mode=700", "tmpfs", str(home.spool)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("macOS only: a full disk takes root and mount to make")
    try:
        yield home.spool / "filler"
    finally:
        subprocess.run(["umount", "-l", str(home.spool)], check=True)


class ProcessCount:
    def __init__(self, terminal):
        self.terminal = terminal
        self.processes = 0  # set at the end of the context


@contextlib.contextmanager
def processes_of(home, shell):
    """Start a shell under strace; count the processes that it forks within the context."""
    trace = home.path / "trace"
    home.write_rc(shell)
    calls = "trace=fork,vfork,clone,clone3,execve"
    terminal = home.start(
        [program("strace"), "-f", "-qq", "-e", calls, "-o", str(trace), program(shell), "-i"]
    )
    terminal.prompt()
    terminal.run("true first")  # the first command makes the file and what the shell loads late
    before = len(trace.read_text().splitlines())
    count = ProcessCount(terminal)
    yield count
    lines = trace.read_text().splitlines()
    pid = lines[0].split()[0]  # the check of the spool's size may still run in the background
    own = [line for line in lines[before:] if line.split()[0] == pid]
    count.processes = len([line for line in own if STARTS.search(line)])
