"""`hx` in processes that strace kills before a chosen call of the system.

The process is a copy of the test run, which has the modules already: a kill costs a third of what
it would with an interpreter of its own, and `hx.cli.main` is all that runs in it.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import pytest

from capture.kill import forked, outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cli.machine import Machine

# What changes names and bytes of files: ours, and those of SQLite (a commit is a write to its log)
CALLS = (
    *("rename", "renameat", "renameat2", "unlink", "unlinkat", "mkdir"),
    *("fsync", "fdatasync", "pwrite64", "ftruncate"),
)
KILLED = -signal.SIGKILL
_ANYBODY = (0x59616D61, ctypes.c_ulong(-1))  # PR_SET_PTRACER, where only parents may trace


class Point(NamedTuple):
    call: str
    number: int  # from 1


class Ended(NamedTuple):
    code: int
    text: str  # all that it printed


def run(machine: Machine, *arguments: str, stdin: bytes = b"") -> Ended:
    """One command line, to its end."""
    out = machine.cwd / "printed"
    code = outcome(forked(lambda: _main(machine, arguments, stdin, out)))
    return Ended(code, out.read_text(errors="replace"))


def killed(machine: Machine, arguments: tuple[str, ...], point: Point) -> Ended:
    """One command line that ends before a call, or at its own end if it makes fewer."""
    return signalled(machine, arguments, point, signal.SIGKILL)


def signalled(
    machine: Machine,
    arguments: tuple[str, ...],
    point: Point,
    number: signal.Signals,
    meanwhile: Callable[[], object] | None = None,
) -> Ended:
    """One command line that gets a signal at a call; `meanwhile` is done while SIGSTOP holds it."""
    inject = f"inject={point.call}:signal={number.name}:when={point.number}"
    options = ("-e", inject, "-o", os.devnull)
    return _traced(machine, arguments, *options, meanwhile=meanwhile)


def points(machine: Machine, *arguments: str) -> list[Point]:
    """The calls of a command line that is left alone, which must end well."""
    trace = machine.cwd / "trace"
    done = _traced(machine, arguments, "-o", str(trace))
    assert done.code in (0, 3), done
    counts: Counter[str] = Counter()
    found = []
    for line in trace.read_text().splitlines():
        call = line.partition("(")[0].split()[-1]
        if call in CALLS:
            counts[call] += 1
            found.append(Point(call, counts[call]))
    return found


def _traced(
    machine: Machine,
    arguments: tuple[str, ...],
    *options: str,
    meanwhile: Callable[[], object] | None = None,
) -> Ended:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed (tests/shells/install.sh)")
    out = machine.cwd / "printed"
    ready, go = os.pipe()
    pid = forked(lambda: _main(machine, arguments, b"", out, ready))
    os.close(ready)
    line = [strace, "-e", "trace=" + ",".join(CALLS), *options, "-p", str(pid)]
    tracer = subprocess.Popen(line, stderr=subprocess.PIPE, text=True)
    assert tracer.stderr is not None
    said = tracer.stderr.readline()
    if "attached" in said:
        os.write(go, b"!")
    os.close(go)
    if meanwhile is not None:
        assert os.waitid(os.P_PID, pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        meanwhile()
        os.kill(pid, signal.SIGCONT)
    code = outcome(pid)
    tracer.communicate(timeout=60)
    if "attached" not in said:
        pytest.skip(f"strace may not trace here: {said.strip()}")
    return Ended(code, out.read_text(errors="replace"))


def _main(
    machine: Machine, arguments: tuple[str, ...], stdin: bytes, out: Path, ready: int | None = None
) -> None:
    """Never returns where all goes well: `forked` exits with 1 for what is raised."""
    from hx.cli import main

    _take_streams(stdin, out)
    for name in [name for name in os.environ if name.startswith(("HX_", "XDG_"))]:
        del os.environ[name]
    os.environ.update(HOME=str(machine.cwd), HX_HOME=str(machine.home), LANG="C.UTF-8")
    os.chdir(machine.cwd)
    sys.argv = ["hx", *arguments]
    if ready is not None:
        ctypes.CDLL(None).prctl(*_ANYBODY)
        if not os.read(ready, 1):
            os._exit(1)
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _take_streams(stdin: bytes, out: Path) -> None:
    inner, outer = os.pipe()
    os.write(outer, stdin)
    os.close(outer)
    os.dup2(inner, 0)
    target = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(target, 1)
    os.dup2(target, 2)
    sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w")
