"""A client of SFTP: requests that are sent one after another before the answers are read."""

from __future__ import annotations

from hx.core.record import NamedTuple
from hx.stores import Denied
from hx.stores.ssh import packets
from hx.stores.ssh.packets import Malformed, Reader, number, string

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Protocol

    class Pipe(Protocol):
        """Bytes to and from a server."""

        def write(self, data: bytes) -> None: ...

        def read(self, length: int) -> bytes: ...


_VERSION = 3
_MOST = 256 * 1024 + 1024  # bytes of a packet, as in OpenSSH
BLOCK = 32 * 1024  # bytes that every server reads or writes at once
AT_ONCE = 64  # requests with a block that wait for their answers: 2 MiB
_LISTINGS_AT_ONCE = 4


class Answer(NamedTuple):
    """The answer to a request: its kind, and its body without the number of the request."""

    kind: int
    body: bytes

    @property
    def code(self) -> int:
        """Return the code of a status; OK where the server has sent what was asked for."""
        return Reader(self.body).number() if self.kind == packets.STATUS else packets.OK

    @property
    def text(self) -> str:
        """Return what a status says."""
        reader = Reader(self.body)
        reader.number()
        return "" if reader.is_at_end else reader.string().decode(errors="replace")


class Sftp:
    """One session. Errors of the pipe pass; a packet that is none raises Denied."""

    def __init__(self, pipe: Pipe, host: str) -> None:
        self._pipe = pipe
        self._host = host
        self._next = 0
        self._answers: dict[int, Answer] = {}
        pipe.write(_framed(packets.INIT, number(_VERSION)))
        kind, body = self._packet()
        try:
            version, self.extensions = packets.extensions(body)
        except Malformed:
            raise self._strange() from None
        if kind != packets.VERSION or version < _VERSION:
            raise self._strange()

    def ask(self, *requests: tuple[int, bytes]) -> list[Answer]:
        """Send requests of (kind, body) at once and return their answers in the same order."""
        numbers = [self.send(*request) for request in requests]
        return [self.answer(each) for each in numbers]

    def ask_many(self, requests: Iterable[tuple[int, bytes]]) -> Iterator[Answer]:
        """Yield the answers to any number of requests, of which AT_ONCE wait at a time."""
        waiting: list[int] = []
        for request in requests:
            waiting.append(self.send(*request))
            if len(waiting) == AT_ONCE:
                yield self.answer(waiting.pop(0))
        for each in waiting:
            yield self.answer(each)

    def entries(self, handle: bytes) -> Iterator[tuple[bytes, packets.Attributes]] | Answer:
        """Return the entries of an open folder, or the status with which reading it failed."""
        found: list[tuple[bytes, packets.Attributes]] = []
        while True:
            request = packets.READDIR, string(handle)
            for answer in self.ask(*[request] * _LISTINGS_AT_ONCE):
                if answer.kind == packets.NAME:
                    found += packets.names(answer.body)
                elif answer.code == packets.EOF:
                    return iter(found)
                else:
                    return answer

    def send(self, kind: int, body: bytes) -> int:
        """Send a request and return its number."""
        self._next = (self._next + 1) & 0xFFFFFFFF
        self._pipe.write(_framed(kind, number(self._next) + body))
        return self._next

    def answer(self, request: int) -> Answer:
        """Return the answer to a request, which is read once."""
        while request not in self._answers:
            kind, body = self._packet()
            try:
                reader = Reader(body)
                self._answers[reader.number()] = Answer(kind, body[4:])
            except Malformed:
                raise self._strange() from None
        return self._answers.pop(request)

    def _packet(self) -> tuple[int, bytes]:
        head = self._pipe.read(5)
        length = int.from_bytes(head[:4], "big")
        if not 0 < length <= _MOST:
            raise self._strange(head)
        return head[4], self._pipe.read(length - 1)

    def _strange(self, head: bytes = b"") -> Denied:
        """Return the error for an answer that is no SFTP; a start file there may print text."""
        text = head.decode(errors="replace") if head.isascii() else ""
        shown = f": it begins with {text!r}" if text.isprintable() and text else ""
        return Denied(
            f"{self._host} answers with something else than SFTP{shown}",
            "if a start file of the shell there prints text, let it do so only on a terminal",
        )


def _framed(kind: int, body: bytes) -> bytes:
    return number(len(body) + 1) + bytes([kind]) + body
