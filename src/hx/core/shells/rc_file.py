"""The one line that hx puts into a shell's rc file: put in, found again, taken out exactly.

The line goes to the end, behind a newline of its own. So a file that lacked its final newline is
told from one that had it, and taking the line out gives the bytes that were there before.
"""

from __future__ import annotations

import re

from hx.core.record import NamedTuple

MARK = b"# hx: `hx setup --undo` removes this line"
_HEADS = (b"[ ", b"test ")
_RIVALS = re.compile(rb"^[^#\n]*\b(atuin|mcfly|hstr|fzf)\b", re.MULTILINE)
_BASHRC = re.compile(rb"^[^#\n]*\bbashrc\b", re.MULTILINE)


def line(quoted: bytes, *, posix: bool = True, other_shells: bool = False) -> bytes:
    """Return the line that loads a hook file, and does nothing when there is no such file.

    `posix`: the shell tests as sh does; else as fish does. `other_shells`: sh may read it too.
    """
    if not posix:
        return b"test -r %b; and source %b %b" % (quoted, quoted, MARK)
    guard = b'[ -z "${BASH_VERSION-}" ] || ' if other_shells else b""
    return guard + b"[ ! -r %b ] || . %b %b" % (quoted, quoted, MARK)


def with_line(text: bytes, added: bytes) -> bytes:
    """The file with the line: in the place of an older one, else at the end."""
    lines = _lines(text)
    if any(map(_is_ours, lines)):
        return b"".join(added + _newline(one) if _is_ours(one) else one for one in lines)
    newline = b"\r\n" if b"\n" in text and text.count(b"\n") == text.count(b"\r\n") else b"\n"
    return text + (newline if text else b"") + added + newline


def without_line(text: bytes) -> bytes:
    """The file as it was; what was written behind the line stays, on lines of its own."""
    kept, owed = b"", b""  # owed: the newline that a line behind ours needs before it
    for one in _lines(text):
        if not _is_ours(one):
            kept, owed = kept + owed + one, b""
            continue
        newline = _newline(one) or _newline(kept)
        if newline and kept.endswith(newline) and kept != newline:
            kept = kept.removesuffix(newline)
            owed = b"" if kept.endswith(b"\n") else newline
    return kept


def has_line(text: bytes) -> bool:
    return any(map(_is_ours, _lines(text)))


class Loader(NamedTuple):
    """A line, not ours, that loads the hook."""

    number: int
    from_file: bool  # of a hook file; else what `hx init` prints


def loader(text: bytes, shell: str, hook: bytes) -> Loader | None:
    """The first one: `hx init zsh`, or a hook file (this one, or where it is by default)."""
    init = re.compile(rb"^[^#\n]*?(?:^|[\s/\"'`(])(?:hx|history-extended)[\"']?\s+init\s")
    file = re.compile(rb"^[^#\n]*(?:%b|hx/hook\.%b)" % (re.escape(hook), shell.encode()))
    for number, one in enumerate(_lines(text), 1):
        from_file = file.search(one) is not None
        if not _is_ours(one) and (from_file or init.search(one)):
            return Loader(number, from_file)
    return None


def mentions_bashrc(text: bytes) -> bool:
    """Whether a login file of bash goes on to ~/.bashrc."""
    return _BASHRC.search(text) is not None


def rivals(text: bytes) -> list[str]:
    """Other tools for histories that the file loads."""
    return sorted({found.decode() for found in _RIVALS.findall(text)})


def _lines(text: bytes) -> list[bytes]:
    """With their newlines; only LF ends one."""
    return [one for one in re.split(rb"(?<=\n)", text) if one]


def _newline(one: bytes) -> bytes:
    return b"\r\n" if one.endswith(b"\r\n") else b"\n" if one.endswith(b"\n") else b""


def _is_ours(one: bytes) -> bool:
    return one.rstrip(b"\r\n").endswith(MARK) and one.startswith(_HEADS)
