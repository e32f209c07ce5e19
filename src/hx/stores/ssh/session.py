"""One session with the server of a store: requests by path, and their failures as StoreError."""

from __future__ import annotations

import stat as modes
from contextlib import suppress
from typing import NoReturn

from hx.core.errors import StoreError
from hx.stores import Denied, Full, NotMounted, ReadOnly, Transient
from hx.stores.ssh import packets
from hx.stores.ssh.connection import Connection
from hx.stores.ssh.packets import Attributes, Reader, long_number, number, string
from hx.stores.ssh.sftp import BLOCK, Answer, Sftp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.stores.ssh.address import Address


class Session:
    """A connection to the folder of a store; paths are relative to this folder.

    Every error is a StoreError. `None` or False in a result: the server says that there is no such
    file, and that the folder of the store is there.
    """

    def __init__(self, address: Address, *, asks: bool) -> None:
        self._address = address
        self._connection = Connection(address, asks=asks)
        try:
            self._sftp = Sftp(self._connection, address.host)
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        self._connection.close()

    @property
    def is_lost(self) -> bool:
        """Return whether the connection is of no use any more."""
        return self._connection.is_lost

    @property
    def can_flush(self) -> bool:
        """Return whether the server can make files durable."""
        return packets.FSYNC in self._sftp.extensions

    # ---- reading ----

    def attributes(self, path: str) -> Attributes | None:
        """Return what the server says about a file itself, or about a link."""
        answer, root = self._sftp.ask((packets.LSTAT, self._path(path)), self._stat_root())
        if self._is_absent(answer, root):
            return None
        self._require(answer, path)
        return Reader(answer.body).attributes()

    def read(self, path: str, most: int) -> bytes | None:
        """Return the first bytes of a regular file."""
        found = self.attributes(path)
        if found is None or not is_regular(found):  # opening a pipe would wait for its writer
            return None
        reading = number(packets.FOR_READING) + packets.NO_ATTRIBUTES
        opened, root = self._sftp.ask((packets.OPEN, self._path(path) + reading), self._stat_root())
        if self._is_absent(opened, root):
            return None
        self._require(opened, path)
        handle = Reader(opened.body).string()
        try:
            return self._read(handle, most if found.size is None else min(most, found.size), path)
        finally:
            self._sftp.ask((packets.CLOSE, string(handle)))

    def _read(self, handle: bytes, length: int, path: str) -> bytes:
        starts = range(0, length, BLOCK)
        asked = (
            (packets.READ, self._span(handle, start, min(BLOCK, length - start)))
            for start in starts
        )
        data = bytearray()
        for start, answer in zip(starts, self._sftp.ask_many(asked), strict=True):
            end = min(start + BLOCK, length)
            part = self._block(answer, path)
            while part and start + len(part) < end:  # a server may return less
                more = self._span(handle, start + len(part), end - start - len(part))
                further = self._block(self._sftp.ask((packets.READ, more))[0], path)
                if not further:
                    break
                part += further
            if len(data) == start:  # else the file has ended before
                data += part
        return bytes(data)

    def _block(self, answer: Answer, path: str) -> bytes:
        if answer.code == packets.EOF:
            return b""
        self._require(answer, path)
        return Reader(answer.body).string()

    def entries(self, path: str) -> list[tuple[str, Attributes]] | None:
        """Return the entries of a folder."""
        opened, root = self._sftp.ask((packets.OPENDIR, self._path(path)), self._stat_root())
        if self._is_absent(opened, root):
            return None
        self._require(opened, path)
        handle = Reader(opened.body).string()
        try:
            found = self._sftp.entries(handle)
            if isinstance(found, Answer):
                self._require(found, path)
                return []
            return [(name.decode(errors="surrogateescape"), each) for name, each in found]
        finally:
            self._sftp.ask((packets.CLOSE, string(handle)))

    # ---- writing ----

    def write_new(self, path: str, data: bytes, mode: int) -> bool:
        """Write a file that is not there yet, and make it durable; False: its folder is absent."""
        flags = packets.FOR_WRITING | packets.CREATE | packets.EXCLUSIVE
        opened, root = self._sftp.ask(
            (packets.OPEN, self._path(path) + number(flags) + packets.mode(mode)),
            self._stat_root(),
        )
        if self._is_absent(opened, root):
            return False
        self._require(opened, path)
        handle = string(Reader(opened.body).string())
        for answer in self._sftp.ask_many(self._writes(handle, data)):
            if answer.code != packets.OK:
                self._sftp.ask((packets.CLOSE, handle))
                with suppress(StoreError):
                    self.remove(path)
                self._fail(answer, path)
        return True

    def _writes(self, handle: bytes, data: bytes) -> Iterator[tuple[int, bytes]]:
        for start in range(0, len(data), BLOCK):
            part = string(data[start : start + BLOCK])
            yield packets.WRITE, handle + long_number(start) + part
        if self.can_flush:
            yield packets.EXTENDED, string(packets.FSYNC) + handle
        yield packets.CLOSE, handle

    def rename_new(self, source: str, target: str) -> bool:
        """Give a file another name; False: something has that name already, or may have."""
        [answer] = self._sftp.ask((packets.RENAME, self._path(source) + self._path(target)))
        if answer.code == packets.FAILURE:
            return False
        self._require(answer, target)
        return True

    def flush_folder(self, path: str) -> bool:
        """Make the names in a folder durable; return whether the server has done it."""
        if not self.can_flush:
            return False
        reading = number(packets.FOR_READING) + packets.NO_ATTRIBUTES
        [opened] = self._sftp.ask((packets.OPEN, self._path(path) + reading))
        if opened.code != packets.OK:
            return False
        handle = Reader(opened.body).string()
        flushed, _ = self._sftp.ask(
            (packets.EXTENDED, string(packets.FSYNC) + string(handle)),
            (packets.CLOSE, string(handle)),
        )
        return flushed.code == packets.OK

    def make_folder(self, path: str, mode: int) -> None:
        """Make a folder, unless it is there."""
        [answer] = self._sftp.ask((packets.MKDIR, self._path(path) + packets.mode(mode)))
        if answer.code not in {packets.OK, packets.FAILURE}:
            self._require(answer, path)
        if answer.code == packets.FAILURE and self.attributes(path) is None:
            self._fail(answer, path)

    def remove(self, path: str) -> None:
        """Remove a file, if it is there."""
        answer, root = self._sftp.ask((packets.REMOVE, self._path(path)), self._stat_root())
        if not self._is_absent(answer, root):
            self._require(answer, path)

    # ---- errors ----

    def _path(self, path: str) -> bytes:
        return string(self._place(path).encode(errors="surrogateescape"))

    def _place(self, path: str) -> str:
        return f"{self._address.path}/{path}" if path else self._address.path

    def _stat_root(self) -> tuple[int, bytes]:
        return packets.STAT, self._path("")

    @staticmethod
    def _span(handle: bytes, start: int, length: int) -> bytes:
        return string(handle) + long_number(start) + number(length)

    def _is_absent(self, answer: Answer, root: Answer) -> bool:
        """Return whether a file is not there. Raises NotMounted if the store is not."""
        if answer.code != packets.NO_SUCH_FILE:
            return False
        path, host = self._address.path, self._address.host
        if root.code == packets.NO_SUCH_FILE:
            raise NotMounted(
                f"the folder {path} is not there on {host}",
                "mount its disk there, or make the folder; then try again",
            )
        self._require(root, "")
        mode = Reader(root.body).attributes().mode
        if mode is not None and not modes.S_ISDIR(mode):
            raise NotMounted(f"{path} on {host} is not a folder", "name a folder there")
        return True

    def _require(self, answer: Answer, path: str) -> None:
        if answer.code != packets.OK:
            self._fail(answer, path)

    def _fail(self, answer: Answer, path: str) -> NoReturn:
        place = f"{self._place(path)} on {self._address.host}"
        if answer.code == packets.PERMISSION_DENIED:
            raise Denied(
                f"the user of this store may not use {place}",
                "give that user the right to read and write it, then run `hx sync` again",
            )
        room = self._room()
        if room is not None and room.is_read_only:
            raise ReadOnly(
                f"the disk of {place} is mounted for reading only",
                "mount it with write access there, then run `hx sync` again",
            )
        if room is not None and (room.blocks == 0 or room.files == 0):
            raise Full(
                f"the disk of {place} is full",
                "free some space there, then run `hx sync` again: nothing is lost",
            )
        raise Transient(
            f"the server could not use {place}: {answer.text[:200] or answer.code}",
            "if it fails again, check the quota and the disk there",
        )

    def _room(self) -> packets.Room | None:
        if packets.STATVFS not in self._sftp.extensions:
            return None
        request = packets.EXTENDED, string(packets.STATVFS) + self._path("")
        [answer] = self._sftp.ask(request)
        return packets.room(answer.body) if answer.kind == packets.EXTENDED_REPLY else None


def is_regular(attributes: Attributes) -> bool:
    """Return whether this is a regular file, as far as the server says."""
    return attributes.mode is None or modes.S_ISREG(attributes.mode)


def is_folder(attributes: Attributes) -> bool:
    return attributes.mode is not None and modes.S_ISDIR(attributes.mode)
