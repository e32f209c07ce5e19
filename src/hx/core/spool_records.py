r"""Parse spool bytes into records, and records into events.

    \0 HX1<type> \0 <tag><value> \0 … <tag><value> \0 \0

The NUL before a record ends a record that was only partly written. No field is empty, so two NULs
are the commit mark and do not occur inside a record. There are no lengths and there is no escaping:
a value may contain any byte but NUL. Incomplete and foreign bytes are counted as faults, not raised
as errors. docs/design/capture.md lists the types and tags.
"""

from __future__ import annotations

from hx.core.model import (
    FINISHED,
    KNOWN_SINCE_US,
    MAX_COMMAND_BYTES,
    MAX_TIME_US,
    STATUS_UNKNOWN,
    Event,
    EventKey,
)
from hx.core.record import NamedTuple

COMMIT = b"\0\0"
ENDS = "EX"  # the end of a shell ends the command that runs
_MAX_INT = (1 << 63) - 1
_TAGS = [chr(code) for code in range(256)]

# Faults: reasons why bytes of a spool file gave no event
TORN = "incomplete record"
FOREIGN = "bytes outside a record"
UNKNOWN_TYPE = "record of an unknown type"
MALFORMED = "record with a field missing or out of range"
TOO_LONG = "command over 1 MiB"
END_WITHOUT_START = "end of a command without its start"


class SpoolRecord(NamedTuple):
    """A record is one type letter and its fields."""

    kind: str  # H header, S start, E end, C complete, X shell exit, K keys of the picker
    fields: dict[str, bytes]  # tag -> value


class Parsed(NamedTuple):
    """The records in the bytes of a spool file."""

    records: list[SpoolRecord]
    size: int  # bytes up to the last commit mark; these may be erased
    faults: dict[str, int]  # reason -> count


class Facts(NamedTuple):
    """What the header of a spool file says about its session."""

    session_id: bytes
    device_id: bytes
    host: bytes | None = None
    user: bytes | None = None
    shell: bytes | None = None
    tty: bytes | None = None
    begin_us: int = 0  # when the session or this generation of its spool file began


class Assembled(NamedTuple):
    """The events that the records gave, and why other records gave none."""

    events: list[Event]  # one version of each event, the later one
    faults: dict[str, int]


def parse(data: bytes, *, closed: bool = False) -> Parsed:
    """Parse bytes up to the last commit mark, or all bytes of a closed file."""
    size = len(data) if closed else data.rfind(COMMIT) + 2
    if size == 1 and not closed:  # no commit mark at all
        return Parsed([], 0, {})
    records: list[SpoolRecord] = []
    faults: dict[str, int] = {}
    # splits from the left: of three NULs the last belongs to the tail
    *committed, tail = data[:size].split(COMMIT)
    for piece in committed:
        fields = piece.split(b"\0")
        if len(fields) > 1 and not fields[0] and _opens(fields[1]) and piece.count(b"\0HX1") == 1:
            kind = chr(fields[1][3])
            records.append(SpoolRecord(kind, {_TAGS[field[0]]: field[1:] for field in fields[2:]}))
        else:
            _read_torn(fields, records, faults, committed=True)
    _read_torn(tail.split(b"\0"), records, faults, committed=False)
    return Parsed(records, size, faults)


def _opens(field: bytes) -> bool:
    return len(field) == 4 and field.startswith(b"HX1")  # noqa: PLR2004  (HX1 and a type)


def _read_torn(
    fields: list[bytes], records: list[SpoolRecord], faults: dict[str, int], *, committed: bool
) -> None:
    """Add the last record among these fields, if it was committed; count all else as faults.

    The fields are those between two commit marks that are not exactly one record.
    """
    record: SpoolRecord | None = None
    for field in fields:
        if _opens(field):
            if record is not None:
                _count(faults, TORN)
            record = SpoolRecord(chr(field[3]), {})
        elif field and record is not None:
            record.fields[chr(field[0])] = field[1:]
        elif field:
            _count(faults, FOREIGN)
    if record is not None and committed:
        records.append(record)
    elif record is not None:
        _count(faults, TORN)


def read_header(record: SpoolRecord, session_id: bytes, device_id: bytes) -> Facts:
    """Return the facts of a file; a field that is missing or invalid is unknown."""
    fields = record.fields
    return Facts(
        session_id,
        device_id,
        fields.get("h"),
        fields.get("u"),
        fields.get("S"),
        fields.get("T"),
        _integer(fields.get("b")) or 0,
    )


def assemble(records: list[SpoolRecord], facts: Facts, started: dict[int, Event]) -> Assembled:
    """Turn records into events.

    `started` contains, by seq, the events whose start was in earlier bytes of the file.
    """
    events: dict[EventKey, Event] = {}
    faults: dict[str, int] = {}
    running = dict(started)
    for record in records:
        if record.kind in "HK" or (record.kind == "X" and "n" not in record.fields):
            continue
        outcome = _READERS.get(record.kind, _unknown)(record.fields, facts, running)
        if isinstance(outcome, str):
            _count(faults, outcome)
        else:
            events[outcome.key] = outcome
    return Assembled(list(events.values()), faults)


def ends_without_start(records: list[SpoolRecord]) -> list[int]:
    """Return the seq of each command whose end is among the records and whose start is not.

    The caller looks for the start among earlier events.
    """
    starts = {record.fields.get("n") for record in records if record.kind == "S"}
    ends = (record.fields.get("n") for record in records if record.kind in ENDS)
    return [seq for n in ends if n not in starts and (seq := _integer(n))]


def _start(fields: dict[str, bytes], facts: Facts, running: dict[int, Event]) -> Event | str:
    event = _event(fields, facts, _started_at_us(fields, facts), _UNFINISHED)
    if not isinstance(event, str):
        running[event.key.seq] = event
    return event


def _complete(fields: dict[str, bytes], facts: Facts, _: dict[int, Event]) -> Event | str:
    started_at_us = _started_at_us(fields, facts)
    return _event(fields, facts, started_at_us, _ending(fields, started_at_us))


def _end(fields: dict[str, bytes], _: Facts, running: dict[int, Event]) -> Event | str:
    seq = _integer(fields.get("n"))
    if seq is None:
        return MALFORMED
    event = running.pop(seq, None)
    if event is None:
        return END_WITHOUT_START
    end = _ending(fields, event.key.started_at_us)
    return event._replace(
        exit_status=end.exit_status,
        pipestatus=end.pipestatus,
        duration_us=_duration_us(fields, event.key.started_at_us),
        flags=event.flags | end.flags,
    )


def _unknown(_: dict[str, bytes], __: Facts, ___: dict[int, Event]) -> Event | str:
    return UNKNOWN_TYPE


_READERS = {"S": _start, "C": _complete, "E": _end, "X": _end}


class _Ending(NamedTuple):
    exit_status: int | None
    pipestatus: tuple[int, ...] | None
    duration_us: int | None
    flags: int


_UNFINISHED = _Ending(None, None, None, 0)


def _event(
    fields: dict[str, bytes], facts: Facts, started_at_us: int | None, end: _Ending
) -> Event | str:
    command, seq = fields.get("c"), _integer(fields.get("n"))
    if not command or not seq or started_at_us is None or started_at_us > MAX_TIME_US:
        return MALFORMED
    if len(command) > MAX_COMMAND_BYTES:
        return TOO_LONG
    return Event(
        EventKey(started_at_us, facts.device_id, facts.session_id, seq),
        command,
        fields.get("d", b""),
        end.exit_status,
        end.pipestatus,
        end.duration_us,
        host=facts.host,
        user=facts.user,
        shell=facts.shell,
        tty=facts.tty,
        flags=end.flags,
    )


def _started_at_us(fields: dict[str, bytes], facts: Facts) -> int | None:
    """Return the start of a command.

    A shell without a clock records the uptime, and the time at which the uptime was 0.
    """
    # for one of several pasted lines only the end may be known
    stamp = fields.get("b") or fields.get("e")
    if stamp is not None:
        return _integer(stamp)
    boot_us, uptime_us = _integer(fields.get("O"), signed=True), _uptime_us(fields.get("U"))
    if boot_us is None or uptime_us is None:
        return facts.begin_us
    return max(0, min(boot_us + uptime_us, MAX_TIME_US))


def _ending(fields: dict[str, bytes], started_at_us: int | None) -> _Ending:
    exit_status = _integer(fields.get("x"), signed=True)
    if exit_status is None:
        return _Ending(None, None, None, FINISHED | STATUS_UNKNOWN)
    statuses = _statuses(fields.get("p"))
    # a list that is left from an earlier pipeline ends in another status
    is_current = statuses is not None and statuses[-1] == exit_status
    duration_us = _duration_us(fields, started_at_us)
    return _Ending(exit_status, statuses if is_current else None, duration_us, FINISHED)


_TICK_US = 10_000  # of the clock of fish: within it, an end may seem to be before its start


def _duration_us(fields: dict[str, bytes], started_at_us: int | None) -> int | None:
    """Return how long a command took, in microseconds; None: that is unknown.

    It is unknown also when the clock was set back while the command ran, or was set for the first
    time.
    """
    if started_at_us is None:
        return None
    duration_ms, ended_at_us = _integer(fields.get("D")), _integer(fields.get("e"))
    if duration_ms is not None:
        ended_at_us = started_at_us + min(duration_ms * 1000, MAX_TIME_US)
    if ended_at_us is None or ended_at_us < started_at_us - _TICK_US:
        return None
    if started_at_us < KNOWN_SINCE_US <= ended_at_us:
        return None
    return max(0, ended_at_us - started_at_us)


def _statuses(value: bytes | None) -> tuple[int, ...] | None:
    """Return the exit statuses of a pipeline, or None for a single command."""
    if value is None or b" " not in value:  # a list of one only repeats the exit status
        return None
    numbers = [_integer(word, signed=True) for word in value.split()]
    known = tuple(number for number in numbers if number is not None)
    return known if known and len(known) == len(numbers) else None


def _uptime_us(value: bytes | None) -> int | None:
    """Convert seconds with two decimals, as in `/proc/uptime`, to microseconds."""
    whole, _, part = (value or b"").partition(b".")
    seconds, fraction = _integer(whole), _integer(part.ljust(6, b"0")[:6])
    return None if seconds is None or fraction is None else seconds * 1_000_000 + fraction


def _integer(value: bytes | None, *, signed: bool = False) -> int | None:
    """Return the value of ASCII digits within 63 bits, else None; a sign only if `signed`."""
    if not value:
        return None
    if value.isdigit():
        number = int(value) if len(value) < 20 else _MAX_INT + 1  # noqa: PLR2004  (64-bit digits)
        return number if number <= _MAX_INT else None
    if signed and value.startswith(b"-"):
        number_below = _integer(value[1:])
        return None if number_below is None else -number_below
    return None


def _count(faults: dict[str, int], reason: str) -> None:
    faults[reason] = faults.get(reason, 0) + 1
