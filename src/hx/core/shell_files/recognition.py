"""Tell from the first bytes and the name of a file which shell wrote it, or that no shell did."""

from __future__ import annotations

import re
from codecs import getincrementaldecoder

from hx.core.record import NamedTuple

SHELLS = BASH, ZSH, FISH = "bash", "zsh", "fish"
BOM = b"\xef\xbb\xbf"  # some editors write it before UTF-8
SQLITE = b"SQLite format 3\0"
# zsh reads more than it writes: `: <start>:<seconds>;`, where both numbers may be missing
ZSH_STAMP = re.compile(rb":[ \t]*(-?\d{1,15})?[ \t]*:[ \t]*(-?\d{1,15})?[:.\d \t]*;")
NULS = re.compile(rb"\0+")
_ENOUGH = 10  # one line in so many has the mark of a shell: the file is its history
_MARKS = {
    FISH: re.compile(rb"^- cmd: ", re.MULTILINE),
    ZSH: re.compile(rb"^: *-?\d{1,15}:-?\d{1,9};", re.MULTILINE),
    BASH: re.compile(rb"^#\d{9,11}$", re.MULTILINE),
}
_LINES = {  # the lines that begin an entry
    FISH: re.compile(rb"^[^ \n]", re.MULTILINE),
    ZSH: re.compile(rb"(?<!\\\n)^.", re.MULTILINE),
    BASH: re.compile(rb"^.", re.MULTILINE),
}
_NAMES = {
    FISH: re.compile(r"fish.*hist"),
    ZSH: re.compile(r"zsh.*hist|zhist|histfile"),  # zsh-newuser-install proposes ~/.histfile
    BASH: re.compile(r"bash.*hist"),
}
_ESCAPED = re.compile(rb"\x83(.)", re.DOTALL)  # zsh writes 0x83 before a byte that it writes xor 32
# many NULs in a row are what a crash leaves, a few are what a program or UTF-16 has
_UNPRINTABLE = re.compile(rb"[\x01-\x08\x0e-\x1a\x1c-\x1f\x7f]|\0+")
_BLOCK = re.compile(rb"\0{4,}")
_MOST = 0.9  # so much of each second byte is 0 in UTF-16
_TEXT_HAS = 50  # at most one unprintable byte in so many


class Content(NamedTuple):
    """What a file holds that is no history of a shell."""

    noun: str
    hint: str = "name a file that a shell wrote as its history"


_UNPACK = "unpack it, then import the history that is in it"
_IN_THE_SHELL = (
    "write it as text in that shell, `fc -ln 1 > FILE`, then: hx import --from bash FILE"
)
_STAMPS = "give its stamps the form of bash: sed 's/^#+/#/' FILE > NEW; hx import --from bash NEW"
_CONVERT = "convert it first: iconv -f UTF-16 -t UTF-8 FILE > NEW"
_BEGINNINGS = (
    ((b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"PK\3\4", b"7z\xbc\xaf"),
     Content("a compressed file", _UNPACK)),
    ((b"\x7fELF", b"MZ\x90\0", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe"), Content("a program")),
    ((b"%PDF-",), Content("a PDF document")),
    ((b"\x89PNG", b"GIF8", b"\xff\xd8\xff"), Content("an image")),
    ((b"\xff\xfe", b"\xfe\xff"), Content("text in UTF-16", _CONVERT)),
    ((b"-----BEGIN ",), Content("a key, a certificate or an encrypted file")),
    ((b"\x81\x01",), Content("that of ksh", _IN_THE_SHELL)),
)  # fmt: skip
_SHAPES = (
    (re.compile(rb"#\+\d{9,11}\r?\n"), Content("that of tcsh", _STAMPS)),
    (re.compile(rb"\s*<(!doctype|html|\?xml|svg)\b", re.IGNORECASE), Content("a web page or XML")),
    (re.compile(rb'\s*(\[\s*)?\{\s*"[^"\n]*"\s*:'), Content("JSON")),
)


def plain(head: bytes) -> bytes:
    """Return the first bytes of a file without a BOM, NULs and carriage returns of line ends."""
    return NULS.sub(b"\n", head.removeprefix(BOM)).replace(b"\r\n", b"\n")


def other_content(head: bytes) -> Content | None:
    """Return what a file certainly holds instead of the history of a shell, or None."""
    for beginnings, content in _BEGINNINGS:
        if head.startswith(beginnings):
            return content
    return next((content for shape, content in _SHAPES if shape.match(head)), _not_text(head))


def _not_text(head: bytes) -> Content | None:
    head = _BLOCK.sub(b"", head)
    if head and max(head[::2].count(0), head[1::2].count(0)) * 2 > len(head) * _MOST:
        return Content("text in UTF-16", _CONVERT)
    strange = sum(1 for _ in _UNPRINTABLE.finditer(head))
    is_text = strange * _TEXT_HAS <= len(head) + _TEXT_HAS
    return None if is_text else Content("no text")


def marks(kind: str, head: bytes) -> int:
    """Return how many time stamps or items of a shell are in the beginning of a file."""
    return len(_MARKS[kind].findall(plain(head)))


def marked(head: bytes) -> str | None:
    """Return the shell whose time stamps or items are in a file, or None."""
    text = plain(head)
    counts = {kind: len(marks.findall(text)) for kind, marks in _MARKS.items()}
    kind = max(counts, key=lambda kind: counts[kind])
    lines = sum(1 for _ in _LINES[kind].finditer(text))
    return kind if counts[kind] and counts[kind] * _ENOUGH >= lines else None


def named(name: str, head: bytes) -> str | None:
    """Return the shell of a file without marks, by its name or by escapes of zsh, or None."""
    for kind, pattern in _NAMES.items():
        if pattern.search(name):
            return kind
    return ZSH if _is_escaped(head) else None


def likely(name: str, head: bytes, writer: str | None = None) -> str:
    """Return the most likely shell of a file that certainly is the history of some shell.

    `writer` is the shell whose rc file names it. The marks in a file count more, and its name
    less. A line of zsh that ends with a backslash goes on; bash hardly writes such lines.
    """
    known = marked(head) or writer or named(name, head)
    return known or (ZSH if b"\\\n" in head else BASH)


def _is_escaped(head: bytes) -> bool:
    """Return whether text is UTF-8 only after the escapes of zsh are undone."""
    if b"\x83" not in head or _is_utf8(head):
        return False
    return _is_utf8(_ESCAPED.sub(lambda match: bytes((match[1][0] ^ 32,)), head))


def _is_utf8(head: bytes) -> bool:
    try:
        getincrementaldecoder("utf-8")().decode(head)  # the last letter may be cut
    except UnicodeDecodeError:
        return False
    return True
