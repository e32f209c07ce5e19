"""Signals as bytes in a pipe, so that `poll` can wait for them and for the terminal.

This uses the C module below `signal`: `signal` itself imports enum, which takes as long as
everything else on the screen.
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
    """In its `with` block, signals only write their numbers to `descriptor`."""

    def __enter__(self) -> SignalPipe:  # noqa: PYI034  (Self is of typing)
        self.descriptor, self._writes = os.pipe()
        os.set_blocking(self.descriptor, False)
        os.set_blocking(self._writes, False)
        self._wakeup = set_wakeup_fd(self._writes, warn_on_full_buffer=False)
        # a signal that was ignored from the start (nohup) stays ignored
        self._before = {number: signal(number, _nothing) for number in _CAUGHT}
        for number in (number for number in ENDS if self._before[number] == SIG_IGN):
            signal(number, SIG_IGN)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal(number, handler)
        set_wakeup_fd(self._wakeup)
        os.close(self.descriptor)
        os.close(self._writes)

    def read(self) -> frozenset[int]:
        """Return the numbers of the signals that came since the last call."""
        try:
            return frozenset(os.read(self.descriptor, 4096))
        except BlockingIOError:
            return frozenset()


def _nothing(_number: int, _frame: object) -> None:
    """Do nothing: Python itself writes the number to the pipe."""
