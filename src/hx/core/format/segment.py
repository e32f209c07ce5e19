"""A segment: a small history as the payload of an object, and how a history is cut into segments.

Decoding is strict and bounded. The payload is column-wise; docs/format.md, "Segment", lists its
fields.
"""

from __future__ import annotations

from hx.core.format.columns import (
    EVENT_TYPES,
    MAX_EVENTS,
    MAX_SPARED_IDS,
    SPARED_TYPES,
    by_time,
    decode_events,
    decode_spared,
    encode_events,
    require_few_spared,
    spared_numbers,
)
from hx.core.format.payload import decoders, fields, malformed
from hx.core.format.rows import (
    ROW_TYPES,
    decode_artifacts,
    decode_pins,
    decode_tombstones,
    encode_artifacts,
    encode_pins,
    encode_tombstones,
)
from hx.core.format.verdict import AUTHOR, TOO_LARGE, Fault, rejected
from hx.core.history_lines import is_mark
from hx.core.merge import History
from hx.core.model import (
    IMPORTED,
    MAX_COMMAND_BYTES,
    MAX_TIME_US,
    Artifact,
    Event,
    Keys,
    Pin,
    Texts,
    Tombstone,
)
from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    _Record = Event | Artifact | Pin | Tombstone

MAX_PLAIN_BYTES = 4 << 20
MAX_SEGMENT_BYTES = 8 << 20  # of a payload; larger than the largest record that hx writes
_MAX_BYTES = {"pipestatus": MAX_PLAIN_BYTES, "artifacts": MAX_PLAIN_BYTES}  # of a field

_MOST = MAX_SEGMENT_BYTES - 4096  # the names of the fields take the rest

# The most bytes that each of these takes in a payload
_NUMBER_BYTES = 9
_EVENT_BYTES = 63
_KEY_BYTES = 60  # with its session, although keys may share one
_ARTIFACT_KEY_BYTES = 112
_ROW_BYTES = 112
_PART_BYTES = 80
_SPARED_BYTES = 18  # one id in a set
_DIGEST_BYTES = 18
_SPARED_WEIGHT = MAX_PLAIN_BYTES // MAX_SPARED_IDS  # of one id for each record that shares its set

_BYTES_OF_ROW = 2  # of the object, for each event and key; a payload takes 3 and more

_VERSION = 1
_DECODERS = decoders({**SPARED_TYPES, **EVENT_TYPES, **ROW_TYPES})


def encode(history: History) -> bytes:
    """Return the payload of a history that `cut` yielded."""
    from msgspec.msgpack import encode as pack

    sets = spared_numbers(_all_spared(history))
    return pack(
        {
            "v": _VERSION,
            "spared_sets": [ids for ids, number in sets.items() if number],
            **encode_events(history.events, sets),
            **encode_artifacts(history.artifacts, sets),
            **encode_pins(history.pins),
            **encode_tombstones(history.tombstones),
        }
    )


def _all_spared(history: History) -> set[tuple[bytes, ...]]:
    """Return the distinct sets of tombstones of which records are spared."""
    keys = [artifact.key for artifact in history.artifacts]
    of_owners = {key.event.spared for key in keys if key.event is not None}
    return {event[0][4] for event in history.events} | {key.spared for key in keys} | of_owners


def least_size(history: History) -> int:
    """Return how many bytes the object of these records has at least.

    An event and a key to forget cost each reader a row of its database. Without a bound, an object
    of a few bytes that compress well could hold a hundred thousand of them.
    """
    scopes = (tombstone.scope for tombstone in history.tombstones)
    keys = sum(len(scope.events) for scope in scopes if isinstance(scope, Keys))
    return _BYTES_OF_ROW * (len(history.events) + keys)


def decode(payload: bytes, size: int | None = None) -> History:
    """Return the history in a payload; `size`: the bytes of the object that held it.

    Raises Fault if it is too large, is malformed, or needs an upgrade. A payload takes up to ten
    times its size as Python objects, so its size is checked first.
    """
    if len(payload) > MAX_SEGMENT_BYTES:
        raise rejected(TOO_LARGE, "its content is larger than the limit for segments")
    values = fields(payload, _DECODERS, most=_MAX_BYTES)
    rows = len(values["session"]) + len(values["key_session"])
    if size is not None and size < _BYTES_OF_ROW * rows:
        raise malformed("it holds more events and keys to forget than an object of its size may")
    try:
        sets = decode_spared(values)
        _require_few_spared(values, sets)
        return History(
            decode_events(values, sets),
            decode_artifacts(values, sets),
            decode_pins(values),
            decode_tombstones(values),
        )
    except IndexError:
        raise malformed("a number in it is out of range") from None


def _require_few_spared(fields: Mapping[str, Any], sets: list[tuple[bytes, ...]]) -> None:
    """Check the size of what the records share before it is given to each. Raises Fault."""
    if len(sets) > 1:
        owners = [key[4][4] for key, *_ in fields["artifacts"] if key[4] is not None]
        numbers = [*fields["spared"], *owners, *(key[5] for key, *_ in fields["artifacts"])]
        require_few_spared(len(sets[number]) for number in numbers)


def span(history: History) -> tuple[int | None, int | None]:
    """Return the first and the last time by which a tombstone may cover one of these records.

    They are in microseconds, and None when no record has such a time.
    """
    times = {event.key.started_at_us for event in history.events}
    keys = [artifact.key for artifact in history.artifacts]
    times |= {key.created_at_us for key in keys}
    times |= {key.event.started_at_us for key in keys if key.event}
    return min(times, default=None), max(times, default=None)


def require_origins(history: History) -> None:
    """Check that no live event has the id of an import, and no event that of marks. Raises Fault.

    Apart from that the device id of a record is a name and proves nothing: the manifest is signed
    by who publishes a record, whoever has made it.
    """
    if any(is_origin(e.key.device_id) and e.origin != IMPORTED for e in history.events):
        raise rejected(AUTHOR, "it holds a live event under the id of an import")
    if any(is_mark(event.key) for event in history.events):
        raise rejected(AUTHOR, "it holds an event under the id of marks, which no event has")


def is_origin(device_id: bytes) -> bool:
    """Return whether an id is that of the source of an import, not of a device."""
    return bool(device_id[0] & 0x80)


def cut(history: History) -> Iterator[History]:
    """Yield segments that together hold the history; none for an empty history.

    Records that no segment may hold are left out: events with a time beyond 2^62 µs or a command
    over 1 MiB, artifacts of more than 4 MiB, and other records of more than 8 MiB.
    """
    piece: list[_Record] = []
    texts: set[object] = set()
    size = events = 0
    for record in _in_order(history):
        weight = _weight(record, texts)
        if weight > (MAX_PLAIN_BYTES if isinstance(record, Artifact) else _MOST):
            continue
        if piece and (size + weight > MAX_PLAIN_BYTES or events == MAX_EVENTS):
            yield _history(piece)
            piece, texts, size, events = [], set(), 0, 0
            weight = _weight(record, texts)
        piece.append(record)
        size += weight
        events += isinstance(record, Event)
    if piece:
        yield _history(piece)


class Encoded(NamedTuple):
    """A history as the payloads of segments."""

    parts: list[tuple[bytes, History]]  # payload, and what is in it
    refused: int  # records that no reader would take; they are in no part


def encode_readable(
    history: History, report: Callable[[int, int], object] = lambda _done, _size: None
) -> Encoded:
    """Encode a history as segments that `decode` reads.

    Every payload is decoded here first: a reader refuses a whole segment for one record, and then
    would never get the others. `report` is told how many of how many records are encoded.
    """
    parts: list[tuple[bytes, History]] = []
    done, size = 0, sum(map(len, history))
    for piece in cut(history):
        report(done, size)
        done += sum(map(len, piece))
        part = _encoded(piece)
        if part is None:
            part = _encoded(_history([*_readable([*_in_order(piece)])]))
        if part is not None and any(part[1]):
            parts.append(part)
    kept = sum(sum(map(len, content)) for _, content in parts)
    return Encoded(parts, sum(map(len, history)) - kept)


def _encoded(content: History) -> tuple[bytes, History] | None:
    """Return the payload and the history, or None if `decode` would refuse it."""
    try:
        payload = encode(content)
        decode(payload)
    except (Fault, OverflowError, ValueError):  # a number without an encoding
        return None
    return payload, content


def _readable(records: list[_Record]) -> Iterator[_Record]:
    """Yield those of the records that can be decoded again."""
    if _encoded(_history(records)) is not None:
        yield from records
    elif len(records) > 1:
        half = len(records) // 2
        yield from _readable(records[:half])
        yield from _readable(records[half:])


def _in_order(history: History) -> Iterator[_Record]:
    """Yield tombstones first, then pins and artifacts, then events by their keys."""
    yield from sorted(history.tombstones, key=lambda tombstone: tombstone[:3])
    yield from sorted(history.pins)
    yield from sorted(history.artifacts, key=lambda artifact: artifact.key[:4])
    yield from sorted(filter(_fits, history.events), key=by_time)


def _fits(event: Event) -> bool:
    in_range = -MAX_TIME_US <= event.key.started_at_us <= MAX_TIME_US
    return in_range and len(event.command) <= MAX_COMMAND_BYTES


def _weight(record: _Record, texts: set[object]) -> int:
    """Return the most bytes that a record adds to a segment that already contains these texts."""
    if isinstance(record, Event):
        return _event_weight(record, texts)
    if isinstance(record, Artifact):
        evidence = record.evidence
        lines = evidence.error_lines if evidence else ()
        hashes = len(evidence.line_hashes) if evidence else 0
        own = len(record.name) + _PART_BYTES * len(record.parts) + _NUMBER_BYTES * hashes
        # the ids of equal sets are counted twice, as the reader does (`require_few_spared`)
        sets = [record.key.spared, record.key.event.spared if record.key.event else ()]
        own += sum(_spared_weight(spared, texts) for spared in sets)
        return 2 * _ROW_BYTES + own + sum(len(line) + 5 for line in lines)
    if isinstance(record, Tombstone) and isinstance(record.scope, Keys):
        events, artifacts, _ = record.scope
        return _ROW_BYTES + _KEY_BYTES * len(events) + _ARTIFACT_KEY_BYTES * len(artifacts)
    if isinstance(record, Tombstone) and isinstance(record.scope, Texts):
        return _ROW_BYTES + _DIGEST_BYTES * len(record.scope.digests)
    return _ROW_BYTES


def _event_weight(event: Event, texts: set[object]) -> int:
    weight = _EVENT_BYTES + _NUMBER_BYTES * len(event.pipestatus or ())
    weight += _spared_weight(event.key.spared, texts)
    session = (event.key.session_id, event.key.device_id, *event[8:12])
    for text in (event.command, event.cwd, event.repo, event.branch, session):
        if text and text not in texts:
            texts.add(text)
            weight += len(text) + 5 if isinstance(text, bytes) else _session_weight(text)
    return weight


def _spared_weight(spared: tuple[bytes, ...], texts: set[object]) -> int:
    if not spared:
        return 0
    weight = _NUMBER_BYTES + _SPARED_WEIGHT * len(spared)
    if ("spared", spared) not in texts:
        texts.add(("spared", spared))
        weight += 5 + _SPARED_BYTES * len(spared)
    return weight


def _session_weight(session: tuple[bytes | None, ...]) -> int:
    return sum(len(part or b"") + 5 for part in session)


def _history(piece: list[_Record]) -> History:
    return History(
        frozenset(x for x in piece if isinstance(x, Event)),
        frozenset(x for x in piece if isinstance(x, Artifact)),
        frozenset(x for x in piece if isinstance(x, Pin)),
        frozenset(x for x in piece if isinstance(x, Tombstone)),
    )
