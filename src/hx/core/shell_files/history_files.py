r"""Parse the history files of shells without losing a byte.

bash writes one command a line. If it keeps times, the line `#<seconds>` precedes a command, which
may have several lines: hx.core.shell_files.bash_history.

zsh writes `: <start>:<seconds>;<command>`, or only the command. A line that ends in a backslash
continues on the next one. zsh escapes some bytes: 0x83, then the byte xor 32.

A crash may leave NULs at the beginning of a line; they are no part of the command.

fish writes `- cmd: <command>` and further lines, up to the next command. It escapes `\n` and `\\`.
"""

from __future__ import annotations

import re
from bisect import bisect_right

from hx.core.record import NamedTuple
from hx.core.shell_files.bash_history import Groups, content, stamp
from hx.core.shell_files.recognition import BASH, FISH, ZSH, ZSH_STAMP, likely

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_HEAD_BYTES = 1 << 16

_FISH_COMMAND, _FISH_PATH = b"- cmd: ", b"    - "
_META = 0x83  # zsh writes it before an escaped byte, which it writes xor 32
_IS_ESCAPED = frozenset({0, *range(_META, 0xA3)})
_ZSH_ESCAPE = re.compile(rb"\x83(.)", re.DOTALL)
_FISH_ESCAPE = re.compile(rb"\\([\\n])")


class HistoryEntry(NamedTuple):
    """An entry is one command of a history file, with all of its bytes."""

    data: bytes  # the bytes in the file, with stamp and line end
    command: bytes
    paths: bytes = b""  # only fish: the files that the command named


class Wanted(NamedTuple):
    """The commands to find: whole commands, or all that contain a part."""

    commands: frozenset[bytes] = frozenset()
    part: bytes | None = None
    masked: Callable[[bytes], bytes] | None = None  # `commands` are masked by this function


def kind_of(name: str, data: bytes, writer: str | None = None) -> str:
    """Return which shell wrote a file: by its content, the `writer` that is known, or its name."""
    return likely(name, data[:_HEAD_BYTES], writer)


def entries(data: bytes, kind: str) -> Iterator[HistoryEntry]:
    """Yield the entries of a file in order; together their `data` are all bytes of the file."""
    if kind == FISH:
        return _fish(data)
    if kind == ZSH:
        return _zsh(data)
    return _bash(data)


def _bash(data: bytes) -> Iterator[HistoryEntry]:
    for group in Groups(_lines(data)):
        command = b"".join(group[1:] if stamp(group[0]) else group)
        yield HistoryEntry(b"".join(group), content(command))


def _lines(data: bytes) -> list[bytes]:
    """Return lines with their line ends; only LF ends a line."""
    *whole, last = data.split(b"\n")
    return [line + b"\n" for line in whole] + ([last] if last else [])


def _zsh(data: bytes) -> Iterator[HistoryEntry]:
    held: list[bytes] = []
    for line in _lines(data):
        held.append(line)
        if not line.endswith(b"\\\n"):
            yield from _zsh_entry(held)
            held = []
    yield from _zsh_entry(held)


def _zsh_entry(lines: list[bytes]) -> Iterator[HistoryEntry]:
    whole = b"".join(lines)
    if whole:
        written = whole.lstrip(b"\0")
        stamp = ZSH_STAMP.match(written)
        text = written[stamp.end() :] if stamp else written[written.startswith(b"\\:") :]
        text = text.removesuffix(b"\n").replace(b"\\\n", b"\n")
        yield HistoryEntry(whole, _ZSH_ESCAPE.sub(_unescaped_zsh, text))


def _unescaped_zsh(hidden: re.Match[bytes]) -> bytes:
    return bytes((hidden[1][0] ^ 32,))


def _fish(data: bytes) -> Iterator[HistoryEntry]:
    held: list[bytes] = []
    for line in _lines(data):
        if line.lstrip(b"\0").startswith(_FISH_COMMAND):
            yield from _fish_entry(held)
            held = []
        held.append(line)
    yield from _fish_entry(held)


def _fish_entry(lines: list[bytes]) -> Iterator[HistoryEntry]:
    whole = b"".join(lines)
    if whole:
        command = lines[0].lstrip(b"\0").removesuffix(b"\n").removeprefix(_FISH_COMMAND)
        paths = b"".join(line for line in lines[1:] if line.startswith(_FISH_PATH))
        yield HistoryEntry(whole, _unescaped_fish(command), _unescaped_fish(paths))


def _unescaped_fish(text: bytes) -> bytes:
    return _FISH_ESCAPE.sub(lambda match: b"\n" if match[1] == b"n" else b"\\", text)


def matching(file_entries: list[HistoryEntry], wanted: Wanted, kind: str) -> set[int]:
    """Return the indexes of the entries that contain what is wanted."""
    part = wanted.part
    if part is not None:
        held = {
            index
            for index, entry in enumerate(file_entries)
            if part in entry.command or part in entry.paths
        }
    else:
        held = {
            index for index, entry in enumerate(file_entries) if _is_wanted(entry.command, wanted)
        }
    if kind == BASH:
        held |= _spread(file_entries, wanted)
    return held


def _is_wanted(command: bytes, wanted: Wanted) -> bool:
    bare = command.strip()
    if not bare:
        return False
    if bare in wanted.commands or command in wanted.commands:
        return True
    return wanted.masked is not None and wanted.masked(bare) in wanted.commands


def _spread(file_entries: list[HistoryEntry], wanted: Wanted) -> set[int]:
    """Return the indexes of entries that together contain a wanted text of several lines.

    bash without times stores each line as an entry of its own.
    """
    texts = [wanted.part] if wanted.part is not None else wanted.commands
    held: set[int] = set()
    for text in texts:
        if text is not None and b"\n" in text:
            for start, end in _occurrences(file_entries, text):
                if wanted.part is not None or _is_whole(file_entries[start : end + 1], text):
                    held.update(range(start, end + 1))
    return held


def _occurrences(file_entries: list[HistoryEntry], text: bytes) -> Iterator[tuple[int, int]]:
    """Yield the indexes of the first and the last entry of each occurrence of a text."""
    starts: list[int] = []
    size = 0
    for entry in file_entries:
        starts.append(size)
        size += len(entry.command) + 1
    whole = b"\n".join(entry.command for entry in file_entries)
    start = whole.find(text)
    while start >= 0:
        yield bisect_right(starts, start) - 1, bisect_right(starts, start + len(text) - 1) - 1
        start = whole.find(text, start + 1)


def _is_whole(file_entries: list[HistoryEntry], text: bytes) -> bool:
    return b"\n".join(entry.command for entry in file_entries) == text


def forms(text: bytes) -> set[bytes]:
    """Return a text in the forms in which bash, zsh and fish write it.

    Line breaks that a shell inserts are not included.
    """
    zsh = _metafied(text).replace(b"\n", b"\\\n")
    fish = text.replace(b"\\", b"\\\\").replace(b"\n", b"\\n")
    return {text, zsh, fish}


def _metafied(text: bytes) -> bytes:
    return b"".join(
        bytes((_META, byte ^ 32)) if byte in _IS_ESCAPED else bytes((byte,)) for byte in text
    )
