"""Keys in a plain file with mode 0600, for machines that start without a user or a keychain."""

from __future__ import annotations

from hx.custody import files
from hx.custody.files import framed, unframed
from hx.custody.place import FILE

_MAGIC = b"HXB1"


class KeyFile:
    """Keeps keys unencrypted in a file."""

    kind = FILE
    ring = ""

    def __init__(self, path: str) -> None:
        self._path = path
        self.label = f"the file {path}, which is not encrypted"

    def read(self) -> bytes:
        body = unframed(_MAGIC, files.read(self._path))
        if body is None:
            raise files.damaged(self._path)
        return body

    def write(self, data: bytes) -> None:
        files.write(self._path, framed(_MAGIC, data))

    def forget(self) -> None:
        files.remove(self._path)

    def check(self) -> None:
        self.read()
