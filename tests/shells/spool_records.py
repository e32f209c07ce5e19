"""What a hook leaves behind: records in the spool, processes."""

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
    """The fields of the spool's records of one kind, file by file."""
    return [fields for file in home.spool_files() for fields in records_of(file, kind)]


def records_of(file, kind):
    return [record.fields for record in parse(file.read_bytes()).records if record.kind == kind]


def commands(home):
    return [fields["c"].decode() for fields in records(home, "S")]


def is_drained_at_start(home, shell, kibibytes, patience_s):
    """Whether a new shell runs `hx status`, which drains, when its spool holds that much."""
    program = home.path / "hx-of-the-test"
    program.write_text(f'#!/bin/sh\ncd {home.path}; echo "$@" > ran.new; mv ran.new ran\n')
    program.chmod(0o755)
    home.spool.mkdir(parents=True, mode=0o700)
    (home.spool / "filler").write_bytes(os.urandom(kibibytes * 1024))
    load = re.sub(r"(__hx_exe[= ])'[^']*'", rf"\1'{program}'", hook(shell, str(home.hx_home)))
    terminal = home.open(shell, load=load)
    ran, end = home.path / "ran", time.monotonic() + patience_s
    while not ran.exists() and time.monotonic() < end:
        terminal.run("")
    assert [line for line in terminal.screen() if not line.startswith("<")] == []
    return ran.exists() and ran.read_text() == "status\n"


@contextlib.contextmanager
def spool_on_a_disk_of(home, kibibytes):
    """The spool on a small file system of its own; yields the path of a file to fill it with."""
    home.spool.mkdir(parents=True, mode=0o700)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kibibytes}k,mode=700", "tmpfs", str(home.spool)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("macOS only: a full disk takes root and mount to make")
    try:
        yield home.spool / "filler"
    finally:
        subprocess.run(["umount", "-l", str(home.spool)], check=True)


class Count:
    def __init__(self, terminal):
        self.terminal = terminal
        self.processes = 0  # known at the end


@contextlib.contextmanager
def processes_of(home, shell):
    """A traced shell; what it forks within the context is counted."""
    trace = home.path / "trace"
    home.write_rc(shell)
    calls = "trace=fork,vfork,clone,clone3,execve"
    terminal = home.start(
        [program("strace"), "-f", "-qq", "-e", calls, "-o", str(trace), program(shell), "-i"]
    )
    terminal.prompt()
    terminal.run("true first")  # it makes the file, and whatever the shell has put off
    before = len(trace.read_text().splitlines())
    count = Count(terminal)
    yield count
    lines = trace.read_text().splitlines()
    pid = lines[0].split()[0]  # the check of the spool's size may still run in the background
    own = [line for line in lines[before:] if line.split()[0] == pid]
    count.processes = len([line for line in own if STARTS.search(line)])
