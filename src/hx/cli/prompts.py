"""Recovery words and invitation codes: shown once, asked back, read without being seen."""

from __future__ import annotations

import secrets
import sys

from hx.cli.prompts_ask import at_terminal, secret
from hx.core.errors import InputError, Refused, UsageError
from hx.core.format.phrases import entropy_of, secret_of
from hx.files import reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_MAX_BYTES = 4096  # of a file with words or a code
_TRIES = 3
_ASKED = 2
_IN_A_ROW = 4

_BEFORE = """\
These words bring the vault back when all of its devices are lost. They are shown
once and kept nowhere: write them on paper, in their order. Who has them can read
everything.
"""


def show(words: Sequence[str], *, quiz: bool) -> None:
    """On the terminal; with a quiz they are wiped off, and some asked back. Raises Refused."""
    if not (sys.stdout.isatty() and (at_terminal() or not quiz)):
        raise UsageError(
            "recovery words are shown on a terminal only",
            "run it on one, or say --json and keep what it prints in a safe place",
        )
    lines = [*_BEFORE.splitlines(), "", *_rows(words), ""]
    print("\n".join(lines), flush=True)
    if quiz:
        _wait("Press Enter when they are on paper: ")
        print(f"\x1b[{len(lines) + 1}A\x1b[J", end="", flush=True)
        ask_back(words, sorted(secrets.SystemRandom().sample(range(len(words)), _ASKED)))


def _rows(words: Sequence[str]) -> list[str]:
    cells = [f"{number:>4} {word:<10}" for number, word in enumerate(words, 1)]
    return ["".join(cells[i : i + _IN_A_ROW]).rstrip() for i in range(0, len(cells), _IN_A_ROW)]


def _wait(prompt: str) -> None:
    print(prompt, end="", flush=True)
    if not sys.stdin.readline():
        raise _unconfirmed()


def ask_back(words: Sequence[str], places: Sequence[int]) -> None:
    """Raises Refused when a word is not known after some tries."""
    for place in places:
        for _ in range(_TRIES):
            if _answer(f"word {place + 1} of the sheet (not shown): ") == words[place]:
                break
            print("hx: that is another word: look at the sheet again", file=sys.stderr)
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
        "begin again: there will be other words",
    )


def read_words(path: str | None) -> bytes:
    """The 16 bytes of the recovery words: of `--words-file`, else typed. Raises InputError."""
    if path is not None:
        return entropy_of(_text(path))
    return _typed("recovery words (not shown): ", "--words-file", entropy_of)


def read_code(path: str | None) -> bytes:
    """The 16 bytes of an invitation code: of `--code-file`, else typed. Raises InputError."""
    if path is not None:
        return secret_of(_text(path).partition("\n")[0])
    return _typed("invitation code (not shown): ", "--code-file", secret_of)


def _typed(question: str, option: str, understood: Callable[[str], bytes]) -> bytes:
    if not at_terminal():
        raise UsageError(
            "there is no terminal to ask on", f"say {option} FILE, or {option} - for stdin"
        )
    for _ in range(_TRIES - 1):
        try:
            return understood(_line(question))
        except InputError as error:
            print(f"hx: {error.message}: {error.hint}", file=sys.stderr)
    return understood(_line(question))


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
        raise InputError(f"{_name(path)} {what}", "it holds the words or the code, nothing else")
    return data.decode(errors="replace")


def _name(path: str) -> str:
    return "stdin" if path == "-" else path
