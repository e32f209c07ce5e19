"""Remove text from the files that shells write for hx: it is overwritten in place."""

from __future__ import annotations

import os

from hx.capture import spool
from hx.core.record import NamedTuple
from hx.core.spool_records import COMMIT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_BEGIN = b"\0HX1"
_HEADER = b"\0HX1H"


class Overwrite(NamedTuple):
    """Bytes that replace a piece of a file of the same length."""

    path: str
    offset: int
    data: bytes


def in_spool(folder: str, text: bytes) -> list[Overwrite]:
    """Return an overwrite of NULs for every record that holds the text, also for torn records."""
    return [overwrite for file in spool.files(folder) for overwrite in _in_file(file.path, text)]


def _in_file(path: str, text: bytes) -> Iterator[Overwrite]:
    data = spool.read(path, 0)
    for start, end in _pieces(data, text):
        blank = _without(data[start:end], text)
        if blank != data[start:end]:
            yield Overwrite(path, start, blank)


def _without(record: bytes, text: bytes) -> bytes:
    """Return a record of the same length without the text.

    A header keeps its other fields, because later records need them.
    """
    fields = record.split(b"\0")
    if not any(text in field[1:] for field in fields):
        return record  # the text spans tags and values: it is not in one value
    if not record.startswith(_HEADER):
        return bytes(len(record))
    hidden = b"x" * len(text)
    return b"\0".join(
        field[:1] + field[1:].replace(text, hidden) if field.startswith(b"d") else field
        for field in fields
    )


def _pieces(data: bytes, text: bytes) -> Iterator[tuple[int, int]]:
    """Yield [start, end) of each record that holds the text, whole or torn."""
    index = data.find(text)
    while index >= 0:
        start = max(data.rfind(_BEGIN, 0, index), data.rfind(COMMIT, 0, index), 0)
        commit = data.find(COMMIT, index)
        end = len(data) if commit < 0 else commit + len(COMMIT)
        yield start, end
        index = data.find(text, end)


def in_text_files(folder: str, texts: Iterable[bytes]) -> list[Overwrite]:
    """Return an overwrite of blanks for each file `<session>.t` that holds one of the texts."""
    wanted = list(texts)
    files = ((path, spool.read(path, 0)) for path in spool.text_files(folder))
    return [
        Overwrite(path, 0, b" " * len(data))
        for path, data in files
        if any(text in data for text in wanted)
    ]


def apply(overwrites: Iterable[Overwrite]) -> int:
    """Overwrite the pieces in their files; return how many were overwritten."""
    count = 0
    for overwrite in overwrites:
        try:
            descriptor = os.open(overwrite.path, os.O_WRONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            os.pwrite(descriptor, overwrite.data, overwrite.offset)
        finally:
            os.close(descriptor)
        count += 1
    return count
