"""An end for a sync that nobody watches: it must not hang on a store for hours."""

from __future__ import annotations

import signal
import time
from contextlib import contextmanager

from hx.stores import Transient

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

QUIET_S = 120  # without progress
LONGEST_S = 540  # in all: a unit of systemd has ten minutes


class _OutOfTime(BaseException):
    """The time is over. Nothing but `deadline` catches it."""


@contextmanager
def deadline(
    quiet_s: float = QUIET_S, longest_s: float = LONGEST_S
) -> Iterator[Callable[..., None]]:
    """End the block with Transient after `quiet_s` seconds without progress.

    It yields the function that reports progress, which gives the block `quiet_s` seconds more, but
    no more than `longest_s` in all. What a sync has joined until then stays, and the next one goes
    on from there. A system call that the kernel does not interrupt, as of a dead network share,
    ends later.
    """
    end_s = time.monotonic() + longest_s

    def end(_: int, __: FrameType | None) -> None:
        raise _OutOfTime

    def postpone(*_: object) -> None:
        left_s = end_s - time.monotonic()
        if left_s > 0:  # else the alarm that is set already comes
            signal.setitimer(signal.ITIMER_REAL, min(quiet_s, left_s))

    before = signal.signal(signal.SIGALRM, end)
    postpone()
    try:
        yield postpone
    except _OutOfTime:
        raise Transient(
            "the store did not answer in time", "the next sync goes on from there"
        ) from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
