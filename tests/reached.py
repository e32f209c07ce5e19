"""Runs of tests, each in a process of its own: which lines they reach, and whether they pass.

All of it happens inside one session of pytest that has collected the tests.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from types import FrameType

    import pytest

WAITS = 20
MOST_BYTES = 4 << 30  # of memory: a fault may let a list grow without end


class Reaching(NamedTuple):
    """One test, the seconds that it took, and the lines of a module that it ran.

    What it runs in another process or in another thread is not seen.
    """

    test: str
    seconds: float
    lines: set[int]


def forked(run: Callable[[], object], limit_s: float) -> str:
    """Run this in a process of its own; return "" when it ends well in time, else how it ended.

    `limit_s`: of the time of the processor; of the clock WAITS times as much, because others may be
    at work on the machine.
    """
    child = os.fork()
    if not child:
        resource.setrlimit(resource.RLIMIT_CPU, (int(limit_s) + 1, resource.RLIM_INFINITY))
        with suppress(ValueError):  # a system may refuse it
            resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, resource.RLIM_INFINITY))
        _run_and_exit(run)
    ends = time.monotonic() + WAITS * limit_s
    try:
        while time.monotonic() < ends:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                is_late = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU
                return "took too long" if is_late else "failed" if status else ""
            time.sleep(0.005)
        return "took too long"
    finally:
        with suppress(ProcessLookupError):  # and what its tests have started
            os.killpg(child, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(child, 0)


def _run_and_exit(run: Callable[[], object]) -> None:
    """Never returns."""
    try:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in range(3):
            os.dup2(nowhere, descriptor)
        os._exit(1 if run() else 0)
    finally:
        os._exit(1)


class Runs:
    """A plugin of pytest that runs chosen tests in a chosen order, and notes the first to fail."""

    def __init__(self, notes: Path) -> None:
        self._notes = notes
        self._failed = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._failed = self._failed or report.nodeid

    def first_to_fail(self, items: Sequence[pytest.Item]) -> str:
        """Run these tests here until one fails; return its name, or ""."""
        for item, following in zip(items, [*items[1:], None], strict=True):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if self._failed:
                break
        self._notes.write_text(self._failed, encoding="utf-8")
        return self._failed

    def noted(self) -> str:
        """Return the test that has failed in the last process, or ""."""
        return self._notes.read_text(encoding="utf-8") if self._notes.exists() else ""

    def reaching(self, items: Sequence[pytest.Item], module: str, limit_s: float) -> list[Reaching]:
        """Run all these tests; return what each has run of the module at this path.

        Raises AssertionError when one of them fails.
        """

        def run() -> str:
            traced = [self._traced(item, module) for item in items]
            self._notes.write_text(json.dumps(traced), encoding="utf-8")
            return self._failed

        how = forked(run, limit_s)
        assert not how, "the tests do not pass without any fault"
        rows = json.loads(self.noted())
        return [Reaching(test, took, set(lines)) for test, took, lines in rows]

    def _traced(self, item: pytest.Item, module: str) -> tuple[str, float, list[int]]:
        lines: set[int] = set()

        def called(frame: FrameType, _event: str, _given: object):
            return ran if frame.f_code.co_filename == module else None

        def ran(frame: FrameType, _event: str, _given: object):
            lines.add(frame.f_lineno)
            return ran

        began = time.monotonic()
        sys.settrace(called)
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
        sys.settrace(None)
        return item.nodeid, time.monotonic() - began, sorted(lines)
