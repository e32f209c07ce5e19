"""Lines of an rc file that need a command after them, such as `if true; then` and `[ -t 0 ] &&`.

This is no parser: it looks at the end of the line before a place, and at the beginning of the line
after it.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# what may hold a `#` that begins no comment, or a comment: `#` at the beginning of a word
_PARTS = re.compile(
    rb"\\.|\$'(?:\\.|[^'\\])*'|'[^']*'|\"(?:\\.|[^\"\\])*\"|\$\{[^}]{0,256}\}"
    rb"|(?P<comment>(?<![^\s;&|()<>])#.*)",
    re.DOTALL,
)
_OPENS = re.compile(
    rb"(?:^|[\s;&|)!])(?:then|else|do|if|elif|while|until|\{|\()$"
)  # a command must follow before the block goes on
_CLOSES = re.compile(rb"(?:(?:then|do|fi|elif|else|done)\b|[})])")
_JOINS = re.compile(rb"&&$|\|&?$")  # a command must follow, also at the end of the file
_GOES_ON = re.compile(rb"(?:^|[\s;&|({])!$")  # a command that follows belongs to this line


def without_comment(line: bytes) -> bytes:
    """Return a line without its comment; a `#` in quotes, in `$#` or in `${x#y}` begins none."""
    return _PARTS.sub(lambda part: b"" if part["comment"] else part[0], line)


def need_command(before: list[bytes], after: list[bytes]) -> bool:
    """Return whether the lines before and after a place need a command between them.

    Without one they are a syntax error, or a line after the place would belong to one before it.
    """
    opening, following = next(_code(reversed(before)), b""), next(_code(after), b"")
    is_continued = bool(before) and _masked(before[-1]).endswith(b"\\")
    if _JOINS.search(opening) or (following and (is_continued or _GOES_ON.search(opening))):
        return True
    return bool(_OPENS.search(opening) and _CLOSES.match(following))


def _code(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what the lines hold besides blanks and comments; lines that hold nothing are left out.

    What is quoted stands as `_`.
    """
    for each in lines:
        code = _masked(each).strip()
        if code:
            yield code


def _masked(line: bytes) -> bytes:
    line = line.rstrip(b"\r\n")
    return _PARTS.sub(lambda part: b"" if part["comment"] else b"_", line)
