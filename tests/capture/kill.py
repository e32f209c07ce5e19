"""Processes that end themselves by SIGKILL at a chosen one of the calls that change a disk."""

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
    """From now on count statements of SQLite and calls of the system; die before this one."""
    seen = 0

    def count(*_: object) -> bool:
        nonlocal seen
        seen += 1
        if seen == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return True

    apsw.connection_hooks.append(lambda connection: connection.set_exec_trace(count))
    for name in _CALLS:
        setattr(os, name, _counted(getattr(os, name), count))


def _counted(function: Callable, count: Callable) -> Callable:
    def counted(*arguments: object, **named: object) -> object:
        count()
        return function(*arguments, **named)

    return counted


def forked(work: Callable[[], object]) -> int:
    """Start a process that does the work and exits with 0, or with 1 and a traceback."""
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
    """Wait; the exit code, or minus the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def drop_capabilities() -> None:
    """From now on permissions bind this process.

    Root stays the owner of its files, so a clone in a private folder is read all the same.
    """
    if os.geteuid() == 0:
        header, none = struct.pack("Ii", 0x20080522, 0), bytes(24)  # version 3, this process
        assert ctypes.CDLL(None, use_errno=True).capset(header, none) == 0, ctypes.get_errno()
