"""The importers by name, and which of them reads a file, or that none does."""

from __future__ import annotations

import os
from importlib import import_module

from hx.core.errors import InputError, UnmarkedError
from hx.core.shell_files import recognition
from hx.core.shell_files.recognition import BASH, SQLITE, ZSH
from hx.importers.history_file import head

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.importers import Importer
    from hx.importers.databases import DatabaseImporter

PLAIN = (BASH, ZSH)  # the tools that may write their histories as plain lines
_DATABASES = ("atuin", "hishtory", "mcfly", "histdb")  # tools that keep an SQLite database
_MODULES = (*_DATABASES, "fish", "zsh", "bash")  # in the order of `importers`


def importers() -> tuple[Importer, ...]:
    """Return all importers, in the order in which they are asked whether they recognise a file."""
    return tuple(import_module(f"hx.importers.{name}") for name in _MODULES)


def _databases() -> Iterator[DatabaseImporter]:
    for name in _DATABASES:
        yield import_module(f"hx.importers.{name}")


def importer(kind: str) -> Importer:
    """Return the importer with this name. Raises KeyError."""
    return {tool.KIND.decode(): tool for tool in importers()}[kind]


def detected(path: str, writer: str | None = None) -> Importer:
    """Return the importer for a file that is a history of some tool. Raises InputError.

    The content decides, or else the `writer`, which is the shell whose rc file names it, or else
    the name. For a file that the user named, `importer_for` decides.
    """
    beginning = known_head(path)
    return recognised(path, beginning) or importer(
        recognition.likely(os.path.basename(path), beginning, writer)
    )


def known_head(path: str) -> bytes:
    """Return the first bytes of a file that may be a history. Raises InputError."""
    beginning = head(path)
    content = recognition.other_content(beginning)
    if content is not None:
        tool = recognised(path, beginning)
        if tool is None or tool.KIND.decode() in recognition.SHELLS:
            raise InputError(
                f"{path} is no history that hx reads: it is {content.noun}", content.hint
            )
    return beginning


def recognised(path: str, beginning: bytes) -> Importer | None:
    """Return the importer whose marks are in the first bytes of a file.

    A database tells its tool by its tables. Raises InputError when it is of no tool.
    """
    if beginning.startswith(SQLITE):
        from hx.importers.databases import tool_of

        return tool_of(path, _databases())
    return next((tool for tool in importers() if tool.recognises(beginning)), None)


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
