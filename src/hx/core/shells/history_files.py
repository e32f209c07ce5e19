r"""The shells' own history files, taken apart without losing a byte.

bash  a command a line; `#<seconds>` before it when it keeps times, and if the first line of the
      file is such a stamp, a command goes on until the next one
zsh   `: <start>:<seconds>;<command>` or the command; a line that ends in a backslash goes on; some
      bytes are hidden: 0x83, then the byte xor 32
fish  `- cmd: <command>` and the lines until the next; `\n` and `\\` in the command
"""

from __future__ import annotations

import re
from bisect import bisect_right

from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BASH, ZSH, FISH = "bash", "zsh", "fish"
_HEAD_BYTES = 1 << 16
_ZSH_NAMES = (".zsh", ".zh", ".histfile")  # the last is what zsh-newuser-install proposes

_ZSH_STAMP = re.compile(rb": *\d+:\d+;")
_BASH_STAMP = re.compile(rb"#\d")  # as readline tells one
_ZSH_FILE = re.compile(rb"^: *\d+:\d+;", re.MULTILINE)
_FISH_FILE = re.compile(rb"^- cmd: ", re.MULTILINE)
_FISH_COMMAND, _FISH_PATH = b"- cmd: ", b"    - "
_META = 0x83  # zsh writes it before a byte it must hide, and that byte xor 32
_IS_HIDDEN = frozenset({0, *range(_META, 0xA3)})
_HIDDEN = re.compile(rb"\x83(.)", re.DOTALL)
_ESCAPED = re.compile(rb"\\([\\n])")


class HistoryEntry(NamedTuple):
    data: bytes  # all of it as it stands in the file, with stamp and line end
    command: bytes
    paths: bytes = b""  # of fish: files that the command named


class Wanted(NamedTuple):
    """What to look for: whole commands, or any part of one."""

    commands: frozenset[bytes] = frozenset()
    part: bytes | None = None
    masked: Callable[[bytes], bytes] | None = None  # commands stand as this leaves them


def kind_of(name: str, data: bytes) -> str:
    """The shell that wrote the file: by its content, else by the file's name."""
    head = data[:_HEAD_BYTES]
    if _FISH_FILE.search(head) or "fish" in name:
        return FISH
    if _ZSH_FILE.search(head) or name.startswith(_ZSH_NAMES):
        return ZSH
    return BASH


def entries(data: bytes, kind: str) -> Iterator[HistoryEntry]:
    """In their order; their data joined is the file."""
    if kind == FISH:
        return _fish(data)
    if kind == ZSH:
        return _zsh(data)
    return _bash(data)


def _bash(data: bytes) -> Iterator[HistoryEntry]:
    goes_on = _BASH_STAMP.match(data) is not None
    held: list[bytes] = []  # a stamp, and lines behind it
    for line in _lines(data):
        is_stamp = _BASH_STAMP.match(line) is not None
        if held and (is_stamp or (len(held) > 1 and not goes_on)):
            yield _bash_entry(held)
            held = []
        if is_stamp or held:
            held.append(line)
        else:
            yield HistoryEntry(line, line.removesuffix(b"\n"))
    if held:
        yield _bash_entry(held)


def _bash_entry(lines: list[bytes]) -> HistoryEntry:
    return HistoryEntry(b"".join(lines), b"".join(lines[1:]).removesuffix(b"\n"))


def _lines(data: bytes) -> list[bytes]:
    """Lines with their ends; only a newline ends one."""
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
        stamp = _ZSH_STAMP.match(whole)
        text = whole[stamp.end() :] if stamp else whole[whole.startswith(b"\\:") :]
        text = text.removesuffix(b"\n").replace(b"\\\n", b"\n")
        yield HistoryEntry(whole, _HIDDEN.sub(_shown, text))


def _shown(hidden: re.Match[bytes]) -> bytes:
    return bytes((hidden[1][0] ^ 32,))


def _fish(data: bytes) -> Iterator[HistoryEntry]:
    held: list[bytes] = []
    for line in _lines(data):
        if line.startswith(_FISH_COMMAND):
            yield from _fish_entry(held)
            held = []
        held.append(line)
    yield from _fish_entry(held)


def _fish_entry(lines: list[bytes]) -> Iterator[HistoryEntry]:
    whole = b"".join(lines)
    if whole:
        command = lines[0].removesuffix(b"\n").removeprefix(_FISH_COMMAND)
        paths = b"".join(line for line in lines[1:] if line.startswith(_FISH_PATH))
        yield HistoryEntry(whole, _unescaped(command), _unescaped(paths))


def _unescaped(text: bytes) -> bytes:
    return _ESCAPED.sub(lambda found: b"\n" if found[1] == b"n" else b"\\", text)


def matching(found: list[HistoryEntry], wanted: Wanted, kind: str) -> set[int]:
    """Which of these entries hold it, by their places."""
    part = wanted.part
    if part is not None:
        held = {at for at, one in enumerate(found) if part in one.command or part in one.paths}
    else:
        held = {at for at, one in enumerate(found) if _is_wanted(one.command, wanted)}
    if kind == BASH:
        held |= _spread(found, wanted)
    return held


def _is_wanted(command: bytes, wanted: Wanted) -> bool:
    bare = command.strip()
    if not bare:
        return False
    if bare in wanted.commands or command in wanted.commands:
        return True
    return wanted.masked is not None and wanted.masked(bare) in wanted.commands


def _spread(found: list[HistoryEntry], wanted: Wanted) -> set[int]:
    """Entries that hold a text of several lines together: bash without stamps keeps each as one."""
    texts = [wanted.part] if wanted.part is not None else wanted.commands
    held: set[int] = set()
    for text in texts:
        if text is not None and b"\n" in text:
            for start, end in _occurrences(found, text):
                if wanted.part is not None or _is_whole(found[start : end + 1], text):
                    held.update(range(start, end + 1))
    return held


def _occurrences(found: list[HistoryEntry], text: bytes) -> Iterator[tuple[int, int]]:
    """(first, last) entry of each place where it stands in the lines of the file."""
    starts: list[int] = []
    size = 0
    for one in found:
        starts.append(size)
        size += len(one.command) + 1
    whole = b"\n".join(one.command for one in found)
    at = whole.find(text)
    while at >= 0:
        yield bisect_right(starts, at) - 1, bisect_right(starts, at + len(text) - 1) - 1
        at = whole.find(text, at + 1)


def _is_whole(found: list[HistoryEntry], text: bytes) -> bool:
    return b"\n".join(one.command for one in found) == text


def forms(text: bytes) -> set[bytes]:
    """As bash, zsh and fish write it, but for where one shell begins a new line."""
    zsh = _metafied(text).replace(b"\n", b"\\\n")
    fish = text.replace(b"\\", b"\\\\").replace(b"\n", b"\\n")
    return {text, zsh, fish}


def _metafied(text: bytes) -> bytes:
    return b"".join(
        bytes((_META, byte ^ 32)) if byte in _IS_HIDDEN else bytes((byte,)) for byte in text
    )
