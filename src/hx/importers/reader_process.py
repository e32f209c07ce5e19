"""A large history is read and judged in a child process, while this process writes the events.

Both take about as long. The child sends batches as msgpack through a pipe, each after its length;
the last message says how it ended. It uses nothing but the history file and the pipe.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
from collections import deque
from contextlib import suppress

from msgspec.msgpack import Decoder, Encoder

from hx.core.errors import InputError
from hx.importers import ImportedEntry
from hx.importers.masking import batches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from io import BufferedReader

    from hx.core.redaction.rules import Rules
    from hx.importers import Importer, Reading
    from hx.importers.masking import Judged

LEAST_BYTES = 4 << 20  # a smaller history is imported faster without a second process
_LENGTH_BYTES = 4
_AT_MOST_BYTES = 16 << 20  # bytes that wait in the child, some 150,000 lines
_A_MOMENT_S = 0.002
_PIPE_BYTES = 1 << 20
# the fields of an ImportedEntry
_Fields = tuple[
    bytes,
    int | None,
    int | None,
    int | None,
    bool,
    bytes,
    bytes | None,
    bytes | None,
    bytes | None,
    bytes,
    bytes,
    int,
    int,
    bool,
]
# True: kept unchanged; False: excluded; bytes: the masked command
_Row = tuple[_Fields, bool | bytes]
_State = tuple[int, int, bool, dict[str, int]]  # size, done, cut and faults of the Reading
# the last part comes only in the last message: error and hint, or empty
_Message = tuple[list[_Row], _State, tuple[str, str] | None]


def batches_apart(importer: Importer, reading: Reading, rules: Rules) -> Generator[list[Judged]]:
    """Return what `batches` returns. Raises what reading raises."""
    source, sink = _wide_pipe()
    child = os.fork()
    if child == 0:
        os.close(source)
        _run(importer, reading, rules, sink)
    os.close(sink)
    try:
        with os.fdopen(source, "rb") as pipe:
            yield from _received(pipe, reading)
    finally:  # closing the pipe ends the child
        os.waitpid(child, 0)


def _wide_pipe() -> tuple[int, int]:
    """Return a pipe that holds several batches, where the system allows it."""
    source, sink = os.pipe()
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with suppress(OSError):
            fcntl.fcntl(sink, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return source, sink


def _received(pipe: BufferedReader, reading: Reading) -> Iterator[list[Judged]]:
    decoder, new = Decoder(_Message), tuple.__new__  # it takes half the time of a call of a class
    while length := pipe.read(_LENGTH_BYTES):
        rows, state, ending = decoder.decode(pipe.read(int.from_bytes(length, "big")))
        reading.size, reading.done, reading.cut, reading.faults = state
        if rows:
            yield [
                (new(ImportedEntry, fields), fields[0] if kept is True else _masked(kept))
                for fields, kept in rows
            ]
        if ending is not None:
            if ending[0]:
                raise InputError(*ending)
            return
    raise RuntimeError("the process that reads the history ended too early")


def _masked(kept: bool | bytes) -> bytes | None:
    return kept if isinstance(kept, bytes) else None


# ---- the functions below run in the child ----


def _run(importer: Importer, reading: Reading, rules: Rules, sink: int) -> None:
    """Read and send everything, then exit; os._exit, because the parent owns all open files."""
    # Ctrl-C is for the parent; the closed pipe ends the child
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    code = 1
    try:
        _send_all(importer, reading, rules, _Sender(sink))
        code = 0
    finally:
        os._exit(code)


class _Sender:
    """Sends messages without blocking: while the parent is busy, they wait in a queue."""

    def __init__(self, sink: int) -> None:
        os.set_blocking(sink, False)
        self._sink = sink
        self._waiting: deque[memoryview] = deque()
        self._bytes = 0

    def put(self, message: bytes) -> None:
        framed = len(message).to_bytes(_LENGTH_BYTES, "big") + message
        self._waiting.append(memoryview(framed))
        self._bytes += len(framed)
        self.send(_AT_MOST_BYTES)

    def send(self, leave: int) -> None:
        """Send what the pipe accepts now, and wait until at most `leave` bytes are in the queue."""
        while self._waiting:
            patience_s = None if self._bytes > leave else _A_MOMENT_S
            if not select.select((), (self._sink,), (), patience_s)[1]:
                return  # the parent is busy
            sent = os.write(self._sink, self._waiting[0])
            self._bytes -= sent
            rest = self._waiting.popleft()[sent:]
            if rest:
                self._waiting.appendleft(rest)


def _send_all(importer: Importer, reading: Reading, rules: Rules, sender: _Sender) -> None:
    encoder = Encoder()

    def put(rows: list[Judged], ending: tuple[str, str] | None) -> None:
        state = reading.size, reading.done, reading.cut, reading.faults
        sender.put(encoder.encode(([_row(entry, kept) for entry, kept in rows], state, ending)))

    try:
        for rows in batches(importer, reading, rules):
            put(rows, None)
    except InputError as error:
        put([], (error.message, error.hint))
    else:
        put([], ("", ""))
    sender.send(0)


def _row(entry: ImportedEntry, kept: bytes | None) -> tuple[ImportedEntry, bool | bytes]:
    if kept is None:
        return entry, False
    return entry, True if kept == entry.command else kept
