"""Signals as bytes that can be waited for beside the terminal.

Of the C module beneath `signal`, which would import enum: as much as the whole screen takes.
"""

from __future__ import annotations

import os
from _signal import (  # type: ignore[import-not-found]
    SIG_IGN,
    SIGCONT,
    SIGHUP,
    SIGINT,
    SIGTERM,
    SIGTSTP,
    SIGWINCH,
    set_wakeup_fd,
    signal,
)

ENDS = frozenset((SIGHUP, SIGINT, SIGTERM))
_CAUGHT = (*ENDS, SIGCONT, SIGTSTP, SIGWINCH)


class SignalPipe:
    """While it is entered, signals wait in `descriptor` and do nothing else."""

    def __enter__(self) -> SignalPipe:  # noqa: PYI034  (Self is of typing)
        self.descriptor, self._writes = os.pipe()
        os.set_blocking(self.descriptor, False)
        os.set_blocking(self._writes, False)
        self._wakeup = set_wakeup_fd(self._writes, warn_on_full_buffer=False)
        # what was ignored from the start (nohup) stays so
        self._before = {one: signal(one, _nothing) for one in _CAUGHT}
        for one in (one for one in ENDS if self._before[one] == SIG_IGN):
            signal(one, SIG_IGN)
        return self

    def __exit__(self, *_: object) -> None:
        for one, handler in self._before.items():
            signal(one, handler)
        set_wakeup_fd(self._wakeup)
        os.close(self.descriptor)
        os.close(self._writes)

    def read(self) -> frozenset[int]:
        """Those that came since the last time."""
        try:
            return frozenset(os.read(self.descriptor, 4096))
        except BlockingIOError:
            return frozenset()


def _nothing(_number: int, _frame: object) -> None:
    """Python writes the number to the pipe."""
