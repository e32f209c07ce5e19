"""Edits of files, shown as `git diff` shows them."""

from __future__ import annotations

import difflib
import os

from hx.cli.output import BOLD, GREEN, RED, Paint, visible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hx.config import Config
    from hx.setup.user_file import Edit

_STYLES = {"+": GREEN, "-": RED}


def print_edits(edits: Iterable[Edit], config: Config) -> None:
    paint = Paint({}, config)
    for edit in edits:
        name = visible(os.fsencode(edit.file.path))
        print(paint(BOLD, f"--- {name if edit.file.exists else os.devnull}"))
        print(paint(BOLD, f"+++ {name}"))
        for line in changes(edit.file.text, edit.text):
            style = _STYLES.get(line[0])
            print(paint(style, line) if style else line)


def changes(before: bytes, after: bytes) -> Iterator[str]:
    """Lines of a unified diff, safe to print."""
    lines = difflib.unified_diff(_lines(before), _lines(after), lineterm="")
    for line in list(lines)[2:]:
        yield line.replace("\n", "\n\\ ")


def _lines(text: bytes) -> list[str]:
    """A last line without its newline is another one than with it."""
    whole = text.split(b"\n")
    shown = [visible(line) for line in whole]
    last = shown.pop()
    return [*shown, f"{last}\nNo newline at end of file"] if last else shown
