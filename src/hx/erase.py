"""Text out of the files that shells write for hx: overwritten in place, never truncated."""

from __future__ import annotations

import os

from hx import spool
from hx.core.capture import COMMIT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_BEGIN = b"\0HX1"
_HEADER = b"\0HX1H"


def spool_records(folder: str, text: bytes) -> int:
    """Overwrite every record that holds the text, torn ones too; gives how many."""
    return sum(_erase_records(file.path, text) for file in spool.files(folder))


def _erase_records(path: str, text: bytes) -> int:
    data = spool.read(path, 0)
    count = 0
    for start, end in _pieces(data, text):
        record = data[start:end]
        blank = _without(record, text)
        if blank != record:
            _overwrite(path, start, blank)
            count += 1
    return count


def _without(record: bytes, text: bytes) -> bytes:
    """As long as before. A header keeps its other fields: later records need them."""
    fields = record.split(b"\0")
    if not any(text in field[1:] for field in fields):
        return record  # the text is made of tags and values
    if not record.startswith(_HEADER):
        return bytes(len(record))
    hidden = b"x" * len(text)
    return b"\0".join(
        field[:1] + field[1:].replace(text, hidden) if field.startswith(b"d") else field
        for field in fields
    )


def _pieces(data: bytes, text: bytes) -> Iterator[tuple[int, int]]:
    """[start, end) of the records, whole or torn, in which the text occurs."""
    at = data.find(text)
    while at >= 0:
        start = max(data.rfind(_BEGIN, 0, at), data.rfind(COMMIT, 0, at), 0)
        commit = data.find(COMMIT, at)
        end = len(data) if commit < 0 else commit + len(COMMIT)
        yield start, end
        at = data.find(text, end)


def text_files(folder: str, texts: Iterable[bytes]) -> int:
    """Overwrite with blanks the `<session>.t` files that hold one of the texts; gives how many."""
    try:
        names = os.listdir(folder)
    except OSError:
        return 0
    known = list(texts)
    count = 0
    for name in names:
        session, _, kind = name.partition(".")
        path = os.path.join(folder, name)
        if kind != "t" or len(session) != 32 or os.path.islink(path):  # noqa: PLR2004
            continue
        data = spool.read(path, 0)
        if data.strip(b" ") and any(text in data for text in known):
            _overwrite(path, 0, b" " * len(data))
            count += 1
    return count


def _overwrite(path: str, start: int, data: bytes) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        os.pwrite(descriptor, data, start)
    finally:
        os.close(descriptor)
