"""The paths that the text of an rc file names: that of HISTFILE, and those of files that it reads.

Only the shell knows what its variables and functions stand for. So a path counts only if it is
spelled with text, quotes, `~` and the variables that the caller gives.
"""

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
_COMMENT = re.compile(rb"(?:^|\s)#.*", re.MULTILINE)
# a line that reads files, or begins a loop that does: `HISTFILE=~/.zsh_history` names a file too
_READS = re.compile(rb"^.*(?:(?:^|[\s;&|({])\\?(?:source|\.)\s|\bfor(?:each)?\b).*$", re.MULTILINE)
_FOLDER = (
    rb"~|\$\{?\w+(?::?-[^}\n]*)?\}?"  # ~, $HOME, ${ZDOTDIR}, ${XDG_CONFIG_HOME:-$HOME/.config}
)
_PATH = re.compile(
    rb"(?<![\w./)}-])[\"']?(%b|(?=/))[\"']?(/[\w@%%+=:,.\-/*?\[\]$(){}\"']*)" % _FOLDER
)
_NAME = re.compile(rb"\w+")
_NO_PATTERN = re.compile(rb"\([^)]*\)|\$\w+|[\"'{}()]")  # glob qualifiers of zsh, quotes


def of_history(text: bytes, variables: Mapping[bytes, bytes]) -> Iterator[bytes | None]:
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


def of_sourced(text: bytes, variables: Mapping[bytes, bytes]) -> Iterator[bytes]:
    """Yield the paths of the files that the text reads, such as `. ~/.zshrc.d/hx.zsh`.

    `~` and these variables are filled in; a path with another variable is left out. What is
    yielded may be a pattern.
    """
    for line in _READS.findall(_COMMENT.sub(b"", text)):
        for match in _PATH.finditer(line):
            name = _NAME.search(match[1])
            folder = variables.get(name[0] if name else b"HOME") if match[1] else b""
            if folder is not None:
                yield folder + _NO_PATTERN.sub(b"", match[2])
