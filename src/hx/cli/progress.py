"""The progress of long work: one line on a terminal, which is overwritten and then removed."""

from __future__ import annotations

import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

_BAR, _EVERY_S = 24, 0.1
_CLEAR = "\r\033[K"


class Progress:
    """Shows a progress bar on stderr; without a terminal there it shows nothing.

    `told(done, size)` may be called as often as the caller likes.
    """

    def __init__(self, title: str) -> None:
        self._title, self._on = title, sys.stderr.isatty()
        self._next_s = 0.0

    def __enter__(self) -> Self:
        return self

    def told(self, done: int, size: int) -> None:
        now_s = time.monotonic()
        if not self._on or now_s < self._next_s:
            return
        self._next_s = now_s + _EVERY_S
        part = min(1.0, done / size) if size else 0.0
        bar = "=" * round(part * _BAR)
        sys.stderr.write(f"{_CLEAR}{self._title} [{bar:<{_BAR}}] {part:4.0%}")
        sys.stderr.flush()

    def __exit__(self, *_: object) -> None:
        if self._on:
            sys.stderr.write(_CLEAR)
            sys.stderr.flush()
