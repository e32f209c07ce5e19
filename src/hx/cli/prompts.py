"""What a running command asks and shows on the terminal.

It asks for yes or no, secrets, recovery words and invitation codes, and it shows progress.
"""

from __future__ import annotations

import os
import sys
import time
from codecs import BOM_UTF16_BE, BOM_UTF16_LE

from hx.core.errors import InputError, Refused, UsageError
from hx.files import reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterable, Sequence
    from typing import Self


_BAR, _EVERY_S = 24, 0.1  # of a progress bar: its width, the time between two updates
_CLEAR = "\r\033[K"
_MAX_BYTES = 4096  # of a file with words or with a code
_TRIES = 3
_ASKED = 2
_IN_A_ROW = 4

_BEFORE = """\
These words open the vault when all of its devices are lost. They are shown once
and stored nowhere: write them on paper, in this order. Whoever has them can read
everything.
"""


def show(words: Sequence[str], *, quiz: bool) -> None:
    """Show recovery words on the terminal; with `quiz` clear them and ask for two of them.

    Raises Refused when a word is wrong, UsageError without a terminal.
    """
    if not (sys.stdout.isatty() and (at_terminal() or not quiz)):
        raise UsageError(
            "recovery words are shown on a terminal only",
            "run the command on a terminal, or use --json and keep its output in a safe place",
        )
    lines = [*_BEFORE.splitlines(), "", *_rows(words), ""]
    print("\n".join(lines), flush=True)
    if quiz:
        _wait("Press Enter when they are on paper: ")
        # clear the words: they are asked for from the sheet, not from the screen
        print(f"\r\x1b[{len(lines) + 1}A\x1b[J", end="", flush=True)
        from random import SystemRandom

        ask_back(words, sorted(SystemRandom().sample(range(len(words)), _ASKED)))


def _rows(words: Sequence[str]) -> list[str]:
    cells = [f"{number:>4} {word:<10}" for number, word in enumerate(words, 1)]
    return ["".join(cells[i : i + _IN_A_ROW]).rstrip() for i in range(0, len(cells), _IN_A_ROW)]


def _wait(prompt: str) -> None:
    """Wait for Enter. What was typed before the question does not answer it."""
    drop_typed()
    print(prompt, end="", flush=True)
    if not sys.stdin.readline():
        raise _unconfirmed()


def ask_back(words: Sequence[str], places: Sequence[int]) -> None:
    """Ask for the words at these places. Raises Refused when one is wrong three times."""
    for place in places:
        for _ in range(_TRIES):
            if _answer(f"word {place + 1} of the sheet (not shown): ") == words[place]:
                break
            print("hx: this word is wrong: look at the sheet again", file=sys.stderr)
        else:
            raise _unconfirmed()


def _answer(question: str) -> str:
    try:
        return _line(question).strip().lower()
    except InputError:  # nothing was typed
        return ""


def _unconfirmed() -> Refused:
    return Refused(
        "the recovery words were not confirmed: nothing was changed",
        "run the command again: it makes new words",
    )


def read_words(path: str | None) -> bytes:
    """Return the 16 bytes of recovery words, from `--words-file` or the terminal.

    Raises InputError, and UsageError without a terminal.
    """
    from hx.core.format.phrases import entropy_of, has_all_words

    if path is not None:
        return entropy_of(_text(path))

    def typed(question: str) -> str:
        from hx.cli.pasted import unseen_lines

        return unseen_lines(question, has_all_words)

    return _typed("recovery words (not shown): ", "--words-file", entropy_of, typed)


def read_code(path: str | None) -> bytes:
    """Return the 16 bytes of an invitation code, from `--code-file` or the terminal.

    Raises InputError, and UsageError without a terminal.
    """
    from hx.core.format.phrases import secret_of

    if path is not None:
        return secret_of(_text(path).partition("\n")[0])
    return _typed("invitation code (not shown): ", "--code-file", secret_of, _line)


def _typed(
    question: str,
    option: str,
    understood: Callable[[str], bytes],
    read: Callable[[str], str],
) -> bytes:
    if not at_terminal():
        raise UsageError(
            "there is no terminal to ask on", f"use {option} FILE, or {option} - for stdin"
        )
    # the error of the last try is raised and ends the command
    for _ in range(_TRIES - 1):
        try:
            return understood(read(question))
        except InputError as error:
            print(f"hx: {error.message}: {error.hint}", file=sys.stderr)
    return understood(read(question))


def _line(question: str) -> str:
    return secret(question).decode(errors="replace")


def _text(path: str) -> str:
    try:
        if path == "-":
            data = sys.stdin.buffer.read(_MAX_BYTES + 1) if sys.stdin is not None else b""
        else:
            with open(path, "rb") as file:
                data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"cannot read {path}: {reason(error)}", "check the path") from None
    if len(data) > _MAX_BYTES or not data.strip():
        what = "is empty" if len(data) <= _MAX_BYTES else f"is longer than {_MAX_BYTES >> 10} KiB"
        raise InputError(
            f"{_name(path)} {what}", "it must hold the words or the code, and nothing else"
        )
    if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace")
    return data.decode("utf-8-sig", errors="replace")


def _name(path: str) -> str:
    return "stdin" if path == "-" else path


def at_terminal() -> bool:
    """Return whether a person at a terminal can answer questions."""
    return sys.stdin is not None and sys.stdin.isatty()


def drop_typed() -> None:
    """Drop what was typed before a question, such as the next lines that were pasted with it."""
    if at_terminal():
        from termios import TCIFLUSH, tcflush

        tcflush(sys.stdin, TCIFLUSH)


def confirm(question: str) -> None:
    """Ask a question and return on a yes. Raises Refused otherwise, and without a terminal."""
    if not at_terminal():
        raise Refused("this needs a yes, and there is no terminal to ask on", "use --yes")
    if not agreed(question):
        raise Refused(
            "nothing was changed: the answer was not yes",
            "run the command again and answer y, or use --yes",
        )


def confirm_after(lines: Iterable[str], question: str, given: Namespace) -> None:
    """Print what a command will do and ask, unless --yes is given. Raises Refused.

    With --json the lines go to stderr, because stdout is for the JSON.
    """
    if given.yes:
        return
    print("\n".join(lines), file=sys.stderr if given.json else sys.stdout)
    confirm(question)


def chosen(question: str, answers: Sequence[str], default: str) -> str:
    """Ask a question on the terminal and return one of the answers, which are words.

    The first letter of an answer is enough, Enter is the default, and another answer is asked
    again. Raises Refused after three of them, and at the end of the input.
    """
    letters = [answer[0].upper() if answer == default else answer[0] for answer in answers]
    for _ in range(_TRIES):
        sys.stdout.flush()  # what the question is about comes first
        print(f"{question} [{'/'.join(letters)}] ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line:
            print(file=sys.stderr)
            break
        typed = line.strip().lower()
        for answer in answers:
            if typed in (answer, answer[0]) or (not typed and answer == default):
                return answer
        print(f"hx: answer {' or '.join(answers)}", file=sys.stderr)
    raise Refused(
        "nothing was changed: a question was not answered",
        "run the command again and answer it, or use --yes",
    )


def agreed(question: str) -> bool:
    """Ask a question on the terminal and return whether the answer is a yes."""
    sys.stdout.flush()  # what the question is about comes first
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def choice(question: str, answers: Sequence[str]) -> str | None:
    """Ask for one of the answers; return None for any other line."""
    sys.stdout.flush()
    print(f"{question} [{'/'.join(answers)}/No] ", end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline().strip().lower()
    return answer if answer in answers else None


def secret(question: str) -> bytes:
    """Return a line that is typed on the terminal and not shown, or else the first line of stdin.

    Raises InputError for an empty line.
    """
    if at_terminal():
        from getpass import getpass

        try:
            line = getpass(question).encode(errors="surrogateescape")
        except EOFError:  # Ctrl-D
            line = b""
    else:
        line = sys.stdin.buffer.readline().rstrip(b"\n") if sys.stdin is not None else b""
    if not line:
        raise InputError("no text was given", "type it on the terminal, or write it to stdin")
    return line


def clear_progress() -> None:
    """Remove a progress bar that stands in the line, before a question."""
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        sys.stderr.write(_CLEAR)
        sys.stderr.flush()


def notice(sentence: str) -> None:
    """Print a line on stderr about a command that goes on, in place of a progress bar."""
    clear = _CLEAR if sys.stderr.isatty() and os.environ.get("TERM") != "dumb" else ""
    print(f"{clear}hx: {sentence}", file=sys.stderr, flush=True)


class Progress:
    """Shows a progress bar on stderr, in one line that is removed at the end.

    Without a terminal on stderr, with one that is `dumb`, or with `quiet`, it shows nothing.
    `told(done, size)` may be called as often as the caller likes.
    """

    def __init__(self, title: str, *, quiet: bool = False) -> None:
        self._title = title
        self._on = not quiet and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._next_s = 0.0

    def __enter__(self) -> Self:
        return self

    def told(self, done: int, size: int) -> None:
        now_s = time.monotonic()
        if not self._on or now_s < self._next_s:
            return
        self._next_s = now_s + _EVERY_S
        # a file may grow while it is read
        part = min(1.0, done / size) if size else 0.0
        bar = "=" * round(part * _BAR)
        sys.stderr.write(f"{_CLEAR}{self._title} [{bar:<{_BAR}}] {part:4.0%}")
        sys.stderr.flush()

    def __exit__(self, *_: object) -> None:
        if self._on:
            sys.stderr.write(_CLEAR)
            sys.stderr.flush()
