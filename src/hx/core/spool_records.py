r"""Spool bytes -> records -> events. Torn and foreign bytes are counted values, not exceptions.

    \0 HX1<type> \0 <tag><value> \0 … <tag><value> \0 \0

A record's leading NUL closes whatever a torn write left; no field is empty, so two NULs are the
commit mark and cannot occur inside a record. There are no lengths and no escaping: any byte but
NUL may stand in a value. docs/design.md has the table of types and tags.
"""

from __future__ import annotations

from hx.core.model import FINISHED, MAX_COMMAND_BYTES, MAX_TIME_US, STATUS_UNKNOWN, Event, EventKey
from hx.core.record import NamedTuple

COMMIT = b"\0\0"
_MAX_INT = (1 << 63) - 1
_TAGS = [chr(code) for code in range(256)]

# Reasons why bytes of a spool file gave no event
TORN = "torn record"
FOREIGN = "bytes that are no record"
UNKNOWN_TYPE = "record of an unknown type"
MALFORMED = "record with a field missing or out of range"
TOO_LONG = "command over 1 MiB"
END_WITHOUT_START = "end of a command without its start"


class SpoolRecord(NamedTuple):
    kind: str  # H header, S start, E end, C complete, X shell exit
    fields: dict[str, bytes]  # tag -> value


class Parsed(NamedTuple):
    records: list[SpoolRecord]
    size: int  # bytes up to the last commit mark: what may be wiped
    faults: dict[str, int]  # reason -> how often


class Facts(NamedTuple):
    """What the header of a spool file says about its session."""

    session_id: bytes
    device_id: bytes
    host: bytes | None = None
    user: bytes | None = None
    shell: bytes | None = None
    tty: bytes | None = None
    begin_us: int = 0  # when the session (or this generation) began
    uptime_us: int | None = None  # of the machine at that moment, where the shell has no clock


class Assembled(NamedTuple):
    events: list[Event]  # of two versions of one event the later one
    faults: dict[str, int]


def parse(data: bytes, *, closed: bool = False) -> Parsed:
    """Read up to the last commit mark; of a closed file everything."""
    size = len(data) if closed else data.rfind(COMMIT) + 2
    if size == 1 and not closed:  # no commit mark at all
        return Parsed([], 0, {})
    records: list[SpoolRecord] = []
    faults: dict[str, int] = {}
    *committed, tail = data[:size].split(COMMIT)  # from the left: three NULs leave one to the tail
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
    """Fields that are not exactly one record: the last one counts, if it was committed."""
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
    """Facts of a file; what the header does not say, or says badly, stays unknown."""
    fields = record.fields
    return Facts(
        session_id,
        device_id,
        fields.get("h"),
        fields.get("u"),
        fields.get("S"),
        fields.get("T"),
        _integer(fields.get("b")) or 0,
        _uptime_us(fields.get("U")),
    )


def assemble(records: list[SpoolRecord], facts: Facts, started: dict[int, Event]) -> Assembled:
    """Turn records into events. `started` holds, by seq, the events that earlier bytes began."""
    events: dict[EventKey, Event] = {}
    faults: dict[str, int] = {}
    running = dict(started)
    for record in records:
        if record.kind in "HX":
            continue
        outcome = _READERS.get(record.kind, _unknown)(record.fields, facts, running)
        if isinstance(outcome, str):
            _count(faults, outcome)
        else:
            events[outcome.key] = outcome
    return Assembled(list(events.values()), faults)


def ends_without_start(records: list[SpoolRecord]) -> list[int]:
    """The seqs whose start must be looked up among earlier events."""
    starts = {record.fields.get("n") for record in records if record.kind == "S"}
    ends = (record.fields.get("n") for record in records if record.kind == "E")
    return [seq for n in ends if n not in starts and (seq := _integer(n))]


def _start(fields: dict[str, bytes], facts: Facts, running: dict[int, Event]) -> Event | str:
    event = _begun(fields, facts, _started_at_us(fields, facts), _UNFINISHED)
    if not isinstance(event, str):
        running[event.key.seq] = event
    return event


def _complete(fields: dict[str, bytes], facts: Facts, _: dict[int, Event]) -> Event | str:
    started_at_us = _started_at_us(fields, facts)
    return _begun(fields, facts, started_at_us, _ending(fields, started_at_us))


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
        duration_us=end.duration_us,
        flags=event.flags | end.flags,
    )


def _unknown(_: dict[str, bytes], __: Facts, ___: dict[int, Event]) -> Event | str:
    return UNKNOWN_TYPE


_READERS = {"S": _start, "C": _complete, "E": _end}


class _Ending(NamedTuple):
    exit_status: int | None
    pipestatus: tuple[int, ...] | None
    duration_us: int | None
    flags: int


_UNFINISHED = _Ending(None, None, None, 0)


def _begun(
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
    """The stamp itself, or for a shell without a clock the header's moved by the uptime."""
    stamp = fields.get("b") or fields.get("e")  # of a pasted line only the end may be known
    if stamp is not None:
        return _integer(stamp)
    uptime_us = _uptime_us(fields.get("U"))
    if uptime_us is None or facts.uptime_us is None:
        return facts.begin_us
    return min(facts.begin_us + max(0, uptime_us - facts.uptime_us), MAX_TIME_US)


def _ending(fields: dict[str, bytes], started_at_us: int | None) -> _Ending:
    exit_status = _integer(fields.get("x"), signed=True)
    if exit_status is None:
        return _Ending(None, None, None, FINISHED | STATUS_UNKNOWN)
    statuses = _statuses(fields.get("p"))
    # a stale list (of an earlier pipeline) ends in another status
    told = statuses is not None and statuses[-1] == exit_status
    duration_us = _duration_us(fields, started_at_us)
    return _Ending(exit_status, statuses if told else None, duration_us, FINISHED)


def _duration_us(fields: dict[str, bytes], started_at_us: int | None) -> int | None:
    duration_ms = _integer(fields.get("D"))
    if duration_ms is not None:
        return min(duration_ms * 1000, _MAX_INT)
    ended_at_us = _integer(fields.get("e"))
    if ended_at_us is None or started_at_us is None:
        return None
    return max(0, ended_at_us - started_at_us)


def _statuses(value: bytes | None) -> tuple[int, ...] | None:
    if value is None or b" " not in value:  # a list of one says nothing new
        return None
    numbers = [_integer(word, signed=True) for word in value.split()]
    known = tuple(number for number in numbers if number is not None)
    return known if known and len(known) == len(numbers) else None


def _uptime_us(value: bytes | None) -> int | None:
    """`/proc/uptime` seconds with two decimals -> microseconds."""
    whole, _, part = (value or b"").partition(b".")
    seconds, fraction = _integer(whole), _integer(part.ljust(6, b"0")[:6])
    return None if seconds is None or fraction is None else seconds * 1_000_000 + fraction


def _integer(value: bytes | None, *, signed: bool = False) -> int | None:
    """ASCII digits within 63 bits, nothing else; a sign only where one makes sense."""
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
