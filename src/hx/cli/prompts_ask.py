"""Questions to the person at the terminal."""

from __future__ import annotations

import sys

from hx.core.errors import InputError, Refused


def at_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def confirm(question: str) -> None:
    """Return on a yes. Raises Refused on anything else, and where nobody can be asked."""
    if not at_terminal():
        raise Refused("this needs a yes, and there is no terminal to ask on", "say --yes")
    if not agreed(question):
        raise Refused("nothing was changed")


def agreed(question: str) -> bool:
    """Whether the answer on the terminal is a yes."""
    sys.stdout.flush()  # what the question is about comes first
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def secret(question: str) -> bytes:
    """A line that is not shown: from the terminal, else the first one of stdin."""
    if at_terminal():
        from getpass import getpass

        try:
            line = getpass(question).encode(errors="surrogateescape")
        except EOFError:  # Ctrl-D
            line = b""
    else:
        line = sys.stdin.buffer.readline().rstrip(b"\n") if sys.stdin is not None else b""
    if not line:
        raise InputError("no text was given")
    return line
