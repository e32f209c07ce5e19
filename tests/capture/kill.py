"""Processes that kill themselves with SIGKILL before a chosen call that changes a disk."""

from __future__ import annotations

import ctypes
import os
import signal
import struct
import sys
import traceback
from typing import TYPE_CHECKING

import apsw

if TYPE_CHECKING:
    from collections.abc import Callable

_CALLS = ("pwrite", "unlink", "utime", "open")


def kill_at(call: int) -> None:
    """From now on count SQLite statements and system calls; kill this process before one of them.

    `call` is the number of that one, counted from 1.
    """
    calls = 0

    def count(*_: object) -> bool:
        nonlocal calls
        calls += 1
        if calls == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return True

    apsw.connection_hooks.append(lambda connection: connection.set_exec_trace(count))
    for name in _CALLS:
        setattr(os, name, _counted(getattr(os, name), count))


def _counted(function: Callable, count: Callable) -> Callable:
    def counted(*arguments: object, **keywords: object) -> object:
        count()
        return function(*arguments, **keywords)

    return counted


def forked(work: Callable[[], object]) -> int:
    """Start a process that does the work and exits with 0, or 1 and a traceback; return its pid."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        work()
        code = 0
    except BaseException:  # noqa: BLE001  (nothing may return into the copy of the test run)
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def outcome(pid: int) -> int:
    """Wait for the process; return its exit code, or minus the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def drop_capabilities() -> None:
    """Drop the capabilities of root, so that file permissions apply to this process from now on.

    Root stays the owner of its files, so a source tree in a private folder can still be read.
    """
    if os.geteuid() == 0:
        header, none = struct.pack("Ii", 0x20080522, 0), bytes(24)  # version 3, this process
        assert ctypes.CDLL(None, use_errno=True).capset(header, none) == 0, ctypes.get_errno()
