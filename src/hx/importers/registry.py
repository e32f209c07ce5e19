"""The registry of importers, and which of them reads a file."""

from __future__ import annotations

import os

from hx.core.errors import InputError
from hx.importers import opened, read_block

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.importers import Importer

_HEAD_BYTES = 65_536  # the beginning of a file, from which its format is recognised


def importers() -> tuple[Importer, ...]:
    """Return all importers, in the order in which they are asked whether they recognise a file."""
    from hx.importers import atuin, bash, fish, zsh

    return (atuin, fish, zsh, bash)


def importer(kind: str) -> Importer:
    """Return the importer with this name. Raises KeyError."""
    return {tool.KIND.decode(): tool for tool in importers()}[kind]


def detected(path: str) -> Importer:
    """Return the importer for a file, by its content or else by its name. Raises InputError."""
    with opened(path) as file:
        head = read_block(file, path, _HEAD_BYTES)
    if not head:
        raise InputError(f"{path} is empty", "there is nothing to import")
    for tool in importers():
        if tool.recognises(head):
            return tool
    return importer(_by_name(os.path.basename(path)))


def _by_name(name: str) -> str:
    """Return the shell of a file of plain lines.

    bash and zsh both write such files; they differ only in what a backslash at the end of a line
    means.
    """
    return "zsh" if any(word in name for word in ("zsh", "zhist", "histfile")) else "bash"
