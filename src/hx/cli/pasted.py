"""Read several lines that are pasted at once on the terminal, such as a sheet of words, unseen.

getpass reads one line and drops the others.
"""

from __future__ import annotations

import os
import select
import sys
import termios
from contextlib import contextmanager

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PAUSE_S = 0.2  # between two lines of one paste
_MAX_BYTES = 4096


def unseen_lines(question: str, enough: Callable[[str], bool]) -> str:
    """Return what is typed or pasted: one line, and more while they are there already.

    `enough` is asked after each line whether the text so far is complete. The terminal is stdin.
    """
    descriptor = sys.stdin.fileno()
    data = b""
    with _without_echo(descriptor):
        # afterwards, because what was typed before the question is dropped
        print(question, end="", file=sys.stderr, flush=True)
        while len(data) < _MAX_BYTES:
            part = os.read(descriptor, _MAX_BYTES)
            data += part
            if not part or enough(data.decode(errors="replace")):
                break
            if part.endswith(b"\n") and not select.select([descriptor], [], [], _PAUSE_S)[0]:
                break
    print(file=sys.stderr)
    return data.decode(errors="replace")


@contextmanager
def _without_echo(descriptor: int) -> Iterator[None]:
    """Show nothing of what is typed; drop what was typed before, and what is left afterwards."""
    before = termios.tcgetattr(descriptor)
    silent = [*before]
    silent[3] &= ~termios.ECHO
    termios.tcsetattr(descriptor, termios.TCSAFLUSH, silent)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSAFLUSH, before)
