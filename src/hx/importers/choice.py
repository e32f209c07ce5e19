"""Deciding which importer reads a file that the user named, or that none does."""

from __future__ import annotations

import os

from hx.core.errors import InputError, UnmarkedError
from hx.core.shell_files import recognition
from hx.core.shell_files.recognition import BASH, SQLITE, ZSH
from hx.importers import importer, known_head, recognised

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.importers import Importer

PLAIN = (BASH, ZSH)  # the tools that may write their histories as plain lines


def importer_for(path: str, kind: str | None) -> Importer:
    """Return the importer for a named file; `kind` is the tool that the user named.

    Raises InputError when the file is of another tool or certainly no history, and UnmarkedError
    when it only may be one: plain text, and nothing in it says that a shell wrote it.
    """
    beginning = known_head(path)
    seen = recognised(path, beginning)
    if kind is not None:
        return _named(path, importer(kind), seen, beginning)
    if seen is not None:
        return seen
    shell = recognition.named(os.path.basename(path), beginning)
    if shell is None:
        raise UnmarkedError(
            f"{path} is plain text without time stamps, and may be no history",
            "if it is one, say which shell wrote it: --from bash or --from zsh",
        )
    return importer(shell)


def _named(path: str, tool: Importer, seen: Importer | None, beginning: bytes) -> Importer:
    """Return the tool that the user named, if the file may be its history."""
    kind = tool.KIND.decode()
    if seen is tool:
        return tool
    if beginning.startswith(SQLITE) and tool.IS_TEXT:
        raise InputError(
            f"{path} is no history of {kind}: it is an SQLite database",
            "leave --from out if another tool that hx knows wrote it",
        )
    if seen is not None and not (tool.IS_TEXT and recognition.marks(kind, beginning)):
        other = seen.KIND.decode()
        raise InputError(
            f"{path} is no history of {kind}: it looks like one of {other}",
            f"use --from {other}, or leave --from out",
        )
    if seen is None and kind not in PLAIN and not beginning.startswith(SQLITE):
        raise InputError(
            f"{path} is no history of {kind}: it looks like plain text",
            "if it is the history of a shell, use --from bash or --from zsh",
        )
    return tool
