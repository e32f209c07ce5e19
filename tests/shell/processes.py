"""Counts the processes that a shell starts while lines are typed."""

import contextlib
import re

from shell.terminal import program

# a thread is none; posix_spawn and system(3) come as vfork or clone
STARTS = re.compile(r"\b(?:fork|vfork|clone3?)\((?!.*CLONE_THREAD)|<\.\.\. (?:v?fork) resumed")


class Count:
    def __init__(self, terminal):
        self.terminal = terminal
        self.processes = 0


@contextlib.contextmanager
def processes_of(home, shell):
    """A traced shell at its first prompts; `processes` holds the number at the end."""
    trace = home.path / "trace"
    home.write_rc(shell)
    calls = "trace=fork,vfork,clone,clone3,execve"
    terminal = home.start(
        [program("strace"), "-f", "-qq", "-e", calls, "-o", str(trace), program(shell), "-i"]
    )
    terminal.prompt()
    terminal.run("true warm")  # the first line makes the file and whatever the shell puts off
    terminal.run("true warm")
    before = len(trace.read_text().splitlines())
    count = Count(terminal)
    yield count
    lines = trace.read_text().splitlines()[before:]
    count.processes = len([line for line in lines if STARTS.search(line)])
