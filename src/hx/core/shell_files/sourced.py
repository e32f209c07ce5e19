"""The files that an rc file may read: the paths in its lines, such as `. ~/.zshrc.d/hx.zsh`."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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


def paths(text: bytes, variables: Mapping[bytes, bytes]) -> Iterator[bytes]:
    """Yield the paths in a text with `~` and variables filled in; they may be patterns.

    A variable that is not among these is not a folder that is known here: its path is left out.
    """
    for line in _READS.findall(_COMMENT.sub(b"", text)):
        for match in _PATH.finditer(line):
            name = _NAME.search(match[1])
            folder = variables.get(name[0] if name else b"HOME") if match[1] else b""
            if folder is not None:
                yield folder + _NO_PATTERN.sub(b"", match[2])
