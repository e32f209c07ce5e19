"""The path to which an rc file sets HISTFILE, as far as its text says it."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_QUOTED = rb"\"[^\"\n\0]*\"|'[^'\n\0]*'"
_SETTING = re.compile(
    rb"^[ \t]*(?:(?:export|typeset|declare)[ \t]+(?:-\w+[ \t]+)*)?"
    rb"HISTFILE=((?:%b|[^\s\0\"';&|()])*)(?=[\s;&|]|$)" % _QUOTED,
    re.MULTILINE,
)
_ANY = re.compile(rb"^[ \t]*(?:(?:export|typeset|declare)[ \t].*)?\bHISTFILE=", re.MULTILINE)
_PART = re.compile(rb"%b|[^\"']+" % _QUOTED)
_VARIABLE = re.compile(rb"\$(?:\{(\w+)\}|(\w+))")
_UNKNOWN = re.compile(rb"[$`\\*?\[]")  # only the shell knows what these stand for


def paths(text: bytes, variables: Mapping[bytes, bytes]) -> Iterator[bytes | None]:
    """Yield the absolute path of each plain `HISTFILE=…`, or None for one that is not plain.

    A plain one is spelled with text, quotes, `~` and these variables.
    """
    values = _SETTING.findall(text)
    yield from (_path(value, variables) for value in values if value)  # without one there is none
    yield from [None] * (len(_ANY.findall(text)) - len(values))


def _path(value: bytes, variables: Mapping[bytes, bytes]) -> bytes | None:
    if value.startswith(b"~/"):
        value = b"$HOME" + value[1:]
    parts = [_filled(part, variables) for part in _PART.findall(value)]
    path = b"".join(part for part in parts if part is not None)
    return path if None not in parts and path.startswith(b"/") else None


def _filled(part: bytes, variables: Mapping[bytes, bytes]) -> bytes | None:
    """Return a part of a word with its variables filled in; None if it holds anything else."""
    if part.startswith(b"'"):
        return part[1:-1]
    bare = part[1:-1] if part.startswith(b'"') else part
    names = [first or second for first, second in _VARIABLE.findall(bare)]
    if _UNKNOWN.search(_VARIABLE.sub(b"", bare)) or any(name not in variables for name in names):
        return None
    return _VARIABLE.sub(lambda match: variables[match[1] or match[2]], bare)
