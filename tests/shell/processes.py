"""Counts the processes that a shell starts while lines are typed."""

import contextlib
import re

from shell.terminal import program

STARTS = re.compile(r"\b(?:fork|vfork|clone3?)\((?!.*CLONE_THREAD)")


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
