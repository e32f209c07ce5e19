"""The outbox: sealed objects on this disk until the manifest that lists them is in the store.

A push that was cut short is continued with the same names and the same bytes. The journal is
written last and removed first: without a journal no manifest was ever written for these objects.
"""

from __future__ import annotations

import os

from hx.core.errors import DatabaseError
from hx.core.format.object_names import parsed
from hx.core.record import NamedTuple
from hx.files import private_folder, reason, replace_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_JOURNAL = "journal"


class Journal(NamedTuple):
    """The store keys of the objects in the outbox, in the order of their writing."""

    seq: int  # of the manifest
    keys: tuple[str, ...]  # the last one is the manifest's


class Outbox:
    """The outbox is one folder. Whoever uses it holds the push lock."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def write(self, seq: int, objects: list[tuple[str, bytes]]) -> None:
        """Write all objects (store key, bytes); the last one is the manifest with this seq.

        After a crash in between, `read` returns None. Raises DatabaseError.
        """
        try:
            self._write(seq, objects)
        except OSError as error:
            raise DatabaseError(
                f"cannot write to {self._folder}: {reason(error)}",
                "free some space, or make the folder writable; nothing is lost",
            ) from None

    def _write(self, seq: int, objects: list[tuple[str, bytes]]) -> None:
        self.clear()
        private_folder(self._folder)
        for number, (_, data) in enumerate(objects):
            replace_file(self._path(number), data)
        from msgspec import msgpack

        journal = msgpack.encode([seq, [key for key, _ in objects]])
        replace_file(os.path.join(self._folder, _JOURNAL), journal)

    def read(self) -> Journal | None:
        """Return the journal; None when no push was cut short.

        It is None also when a failing disk has lost a file. The records are then still unpublished.
        """
        try:
            with open(os.path.join(self._folder, _JOURNAL), "rb") as file:
                data = file.read()
        except FileNotFoundError:
            return None
        from msgspec import MsgspecError, msgpack

        try:
            journal = Journal(*msgpack.decode(data, type=tuple[int, tuple[str, ...]]))
        except (MsgspecError, UnicodeDecodeError):
            return None
        return journal if self._is_whole(journal) else None

    def _is_whole(self, journal: Journal) -> bool:
        return all(
            parsed(key) is not None and os.path.exists(self._path(number))
            for number, key in enumerate(journal.keys)
        )

    def objects(self, journal: Journal) -> Iterator[tuple[str, bytes]]:
        """Yield (store key, bytes) in the order of their writing."""
        for number, key in enumerate(journal.keys):
            with open(self._path(number), "rb") as file:
                yield key, file.read()

    def clear(self) -> None:
        """Remove the journal, then the objects: a journal without its objects is of no use."""
        try:
            names = sorted(os.listdir(self._folder), key=lambda name: name != _JOURNAL)
        except FileNotFoundError:
            return
        for name in names:
            os.unlink(os.path.join(self._folder, name))

    def _path(self, number: int) -> str:
        return os.path.join(self._folder, f"{number:06d}.hx")
