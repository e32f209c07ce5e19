"""Keys in a bare file, 0600: for machines without a keychain that start without a person."""

from __future__ import annotations

from hx.custody import small_file
from hx.custody.frame import framed, unframed
from hx.custody.place import FILE

_MAGIC = b"HXB1"


class KeyFile:
    kind = FILE
    ring = ""

    def __init__(self, path: str) -> None:
        self._path = path
        self.label = f"the file {path}, which is not encrypted"

    def read(self) -> bytes:
        body = unframed(_MAGIC, small_file.read(self._path))
        if body is None:
            raise small_file.damaged(self._path)
        return body

    def write(self, data: bytes) -> None:
        small_file.write(self._path, framed(_MAGIC, data))

    def forget(self) -> None:
        small_file.remove(self._path)

    def check(self) -> None:
        self.read()
