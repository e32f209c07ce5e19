"""The shells' own history files: which of them hold a text. They are read and never changed."""

from __future__ import annotations

import re

from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_ZSH_STAMP = re.compile(rb"^: \d+:\d+;")
_FISH_ITEM = b"- cmd: "
_META = 0x83  # zsh writes it before a byte it must hide, and that byte xor 32


class Wanted(NamedTuple):
    """What to look for: whole commands, or any part of one."""

    commands: frozenset[bytes] = frozenset()
    part: bytes | None = None


def holding(paths: Iterable[str], wanted: Wanted) -> list[str]:
    """The files that hold it; one that cannot be read is left out."""
    return [path for path in paths if _holds(path, wanted)]


def _holds(path: str, wanted: Wanted) -> bool:
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        return False
    if wanted.part is not None:
        return any(form in data for form in _forms(wanted.part))
    lines = {_bare(line) for line in data.splitlines()}
    return any(
        form in lines or (b"\n" in form and form in data)
        for command in wanted.commands
        for form in _forms(command)
    )


def _bare(line: bytes) -> bytes:
    if line.startswith(_FISH_ITEM):
        return line[len(_FISH_ITEM) :]
    return _ZSH_STAMP.sub(b"", line)


def _forms(text: bytes) -> set[bytes]:
    """As bash, zsh and fish write it."""
    zsh = _metafied(text).replace(b"\n", b"\\\n")
    fish = text.replace(b"\\", b"\\\\").replace(b"\n", b"\\n")
    return {text, zsh, fish}


def _metafied(text: bytes) -> bytes:
    hidden = {0, *range(_META, 0xA3)}
    return b"".join(
        bytes((_META, byte ^ 32)) if byte in hidden else bytes((byte,)) for byte in text
    )
