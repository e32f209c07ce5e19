"""Packets of SFTP version 3: what is sent and what comes back, as bytes.

Source: draft-ietf-secsh-filexfer-02, and PROTOCOL of OpenSSH for its extensions.
"""

from __future__ import annotations

import struct

from hx.core.record import NamedTuple

INIT, VERSION = 1, 2
OPEN, CLOSE, READ, WRITE, LSTAT = 3, 4, 5, 6, 7
OPENDIR, READDIR, REMOVE, MKDIR, STAT, RENAME = 11, 12, 13, 14, 17, 18
STATUS, HANDLE, DATA, NAME, ATTRS = 101, 102, 103, 104, 105
EXTENDED, EXTENDED_REPLY = 200, 201

OK, EOF, NO_SUCH_FILE, PERMISSION_DENIED, FAILURE = range(5)

FOR_READING, FOR_WRITING, CREATE, EXCLUSIVE = 1, 2, 8, 32  # flags of OPEN
FSYNC, STATVFS = b"fsync@openssh.com", b"statvfs@openssh.com"

_HAS_SIZE, _HAS_OWNER, _HAS_MODE, _HAS_TIMES, _HAS_MORE = 1, 2, 4, 8, 0x80000000
_STATVFS_FIELDS = struct.Struct(">11Q")


class Malformed(ValueError):  # noqa: N818  (a word of the protocol)
    """Bytes that are no packet of the protocol."""


class Attributes(NamedTuple):
    """What a server says about a file; None: it does not say."""

    size: int | None
    mode: int | None


class Room(NamedTuple):
    """How much room the disk of a path has."""

    blocks: int  # for this user
    files: int | None  # that can still be made; None: the disk has no such limit
    is_read_only: bool


def number(value: int) -> bytes:
    return struct.pack(">I", value)


def long_number(value: int) -> bytes:
    return struct.pack(">Q", value)


def string(value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + value


def mode(value: int) -> bytes:
    """Return attributes that hold nothing but the mode of a new file or folder."""
    return number(_HAS_MODE) + number(value)


NO_ATTRIBUTES = bytes(4)


class Reader:
    """Reads the fields of a packet one after another. Raises Malformed."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, length: int) -> bytes:
        end = self._at + length
        if end > len(self._data):
            raise Malformed("a packet is too short")
        part = self._data[self._at : end]
        self._at = end
        return part

    def number(self) -> int:
        return int.from_bytes(self.take(4), "big")

    def long_number(self) -> int:
        return int.from_bytes(self.take(8), "big")

    def string(self) -> bytes:
        return self.take(self.number())

    def attributes(self) -> Attributes:
        flags = self.number()
        size = self.long_number() if flags & _HAS_SIZE else None
        if flags & _HAS_OWNER:
            self.take(8)
        permissions = self.number() if flags & _HAS_MODE else None
        if flags & _HAS_TIMES:
            self.take(8)
        if flags & _HAS_MORE:
            for _ in range(self.number()):
                self.string(), self.string()
        return Attributes(size, permissions)

    @property
    def is_at_end(self) -> bool:
        return self._at == len(self._data)


def extensions(body: bytes) -> tuple[int, dict[bytes, bytes]]:
    """Return the version in the answer to INIT and the extensions that the server offers."""
    reader = Reader(body)
    version, offered = reader.number(), {}
    while not reader.is_at_end:
        name = reader.string()
        offered[name] = reader.string()
    return version, offered


def names(body: bytes) -> list[tuple[bytes, Attributes]]:
    """Return the entries of an answer to READDIR, without . and .. ."""
    reader, entries = Reader(body), []
    for _ in range(reader.number()):
        name = reader.string()
        reader.string()  # the line of `ls -l`
        attributes = reader.attributes()
        if name not in {b".", b".."}:
            entries.append((name, attributes))
    return entries


def room(body: bytes) -> Room:
    """Return the room in an answer to statvfs@openssh.com."""
    reader = Reader(body)
    fields = _STATVFS_FIELDS.unpack(reader.take(_STATVFS_FIELDS.size))
    files = fields[7] if fields[5] else None
    return Room(fields[4], files, bool(fields[9] & 1))
