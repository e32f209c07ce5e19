"""Run `hx` in processes that strace kills, stops or signals before a chosen system call.

The process is a fork of the test run, which has imported the modules already: a kill costs a third
of what it would with a new interpreter. Only `hx.cli.main` runs in it.
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

# Calls that change names or bytes of files, by hx and by SQLite (a commit is a write to its log)
CALLS = (
    *("rename", "renameat", "renameat2", "unlink", "unlinkat", "mkdir"),
    *("fsync", "fdatasync", "pwrite64", "ftruncate"),
)
KILLED = -signal.SIGKILL
# PR_SET_PTRACER_ANY, for systems where only parents may trace
_ANY_TRACER = (0x59616D61, ctypes.c_ulong(-1))


class Point(NamedTuple):
    """One system call of a run: the n-th call of this name."""

    call: str
    number: int  # from 1


class Ended(NamedTuple):
    """How a process ended; the code of a killed one is the negative signal number."""

    code: int
    text: str  # standard output and standard error


def run(machine: Machine, *arguments: str, stdin: bytes = b"") -> Ended:
    """Run one command line to its end."""
    out = machine.cwd / "printed"
    code = outcome(forked(lambda: _main(machine, arguments, stdin, out)))
    return Ended(code, out.read_text(errors="replace"))


def killed(
    machine: Machine, arguments: tuple[str, ...], point: Point, *, stdin: bytes = b""
) -> Ended:
    """Run one command line and kill it before a call; it ends by itself if it makes fewer calls."""
    return signalled(machine, arguments, point, signal.SIGKILL, stdin=stdin)


def signalled(  # noqa: PLR0913  (what happens to the process, and when)
    machine: Machine,
    arguments: tuple[str, ...],
    point: Point,
    number: signal.Signals,
    meanwhile: Callable[[], object] | None = None,
    *,
    stdin: bytes = b"",
) -> Ended:
    """Run one command line and send it a signal at a call.

    With SIGSTOP, `meanwhile` is called while the process is stopped; then it continues.
    """
    inject = f"inject={point.call}:signal={number.name}:when={point.number}"
    options = ("-e", inject, "-o", os.devnull)
    return _traced(machine, arguments, *options, meanwhile=meanwhile, stdin=stdin)


def points(
    machine: Machine, *arguments: str, codes: tuple[int, ...] = (0, 3), stdin: bytes = b""
) -> list[Point]:
    """Return the system calls of a command line that runs undisturbed and ends with a code."""
    trace = machine.cwd / "trace"
    ended = _traced(machine, arguments, "-o", str(trace), stdin=stdin)
    assert ended.code in codes, ended
    counts: Counter[str] = Counter()
    calls = []
    for line in trace.read_text().splitlines():
        call = line.partition("(")[0].split()[-1]
        if call in CALLS:
            counts[call] += 1
            calls.append(Point(call, counts[call]))
    return calls


def _traced(
    machine: Machine,
    arguments: tuple[str, ...],
    *options: str,
    meanwhile: Callable[[], object] | None = None,
    stdin: bytes = b"",
) -> Ended:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed (tests/shells/install.sh)")
    out = machine.cwd / "printed"
    ready, go = os.pipe()
    pid = forked(lambda: _main(machine, arguments, stdin, out, ready))
    os.close(ready)
    command = [strace, "-e", "trace=" + ",".join(CALLS), *options, "-p", str(pid)]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert tracer.stderr is not None
    message = tracer.stderr.readline()
    if "attached" in message:
        os.write(go, b"!")
    os.close(go)
    if meanwhile is not None:
        assert os.waitid(os.P_PID, pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        meanwhile()
        os.kill(pid, signal.SIGCONT)
    code = outcome(pid)
    tracer.communicate(timeout=60)
    if "attached" not in message:
        pytest.skip(f"strace may not trace here: {message.strip()}")
    return Ended(code, out.read_text(errors="replace"))


def _main(
    machine: Machine, arguments: tuple[str, ...], stdin: bytes, out: Path, ready: int | None = None
) -> None:
    """Run hx and end the process with its exit code; `forked` exits with 1 for an exception."""
    from hx.cli import main

    _take_streams(stdin, out)
    for name in [name for name in os.environ if name.startswith(("HX_", "XDG_"))]:
        del os.environ[name]
    os.environ.update(HOME=str(machine.cwd), HX_HOME=str(machine.home), LANG="C.UTF-8")
    os.environ.update(machine.variables)
    os.chdir(machine.cwd)
    sys.argv = ["hx", *arguments]
    if ready is not None:
        ctypes.CDLL(None).prctl(*_ANY_TRACER)
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
