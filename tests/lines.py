"""Strategies of Hypothesis for lines of history files, and which of them are counted."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from hx.core.history_lines import OF_MARK, PRINT_BITS, SECOND_US
from hx.core.merge import History
from hx.core.model import (
    FINISHED,
    IMPORTED,
    KNOWN_SINCE_US,
    LIVE,
    Event,
    EventKey,
    Keys,
    Tombstone,
    WholeSession,
    Window,
)
from hx.database.rows import select_events

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hx.database.connection import Database

BEGIN_US = KNOWN_SINCE_US + 100 * SECOND_US
DEVICE, DATABASE, FILE, COPY, THIRD = (bytes([top]) * 16 for top in (0x01, 0x81, 0xC1, 0xC2, 0xFF))
TOMBSTONES = [b"\x0a" * 16, b"\x0b" * 16]

seconds = st.integers(0, 4).map(lambda second: BEGIN_US + second * SECOND_US)
untimed = st.just(KNOWN_SINCE_US - 1)
texts = st.sampled_from([b"make", b"git push"])
spared = st.sampled_from([(), (), (), (TOMBSTONES[0],), (TOMBSTONES[1],)])
seqs = st.builds(
    lambda ordinal, print_: ordinal << PRINT_BITS | print_, st.integers(1, 3), st.integers(0, 1)
)
line_keys = st.builds(
    lambda at_us, device, seq, tombstones: EventKey(at_us, device, device, seq, tombstones),
    seconds | seconds | seconds | untimed,
    st.sampled_from([FILE, COPY, THIRD]),
    seqs,
    spared,
)
other_keys = st.builds(
    lambda at_us, ahead_us, device, seq, tombstones: EventKey(
        at_us + ahead_us, device, device, seq, tombstones
    ),
    seconds,
    st.sampled_from([0, 1, SECOND_US // 2, SECOND_US - 1]),
    st.sampled_from([DEVICE, DATABASE]),
    st.integers(1, 3),
    spared,
)


def _event(key: EventKey, command: bytes, status: int | None, revision: int) -> Event:
    origin = LIVE if key.device_id == DEVICE else IMPORTED
    return Event(key, command, b"", status, flags=FINISHED, origin=origin, revision=revision)


statuses = st.sampled_from([None, 0, 1])
events = st.builds(_event, line_keys | line_keys | other_keys, texts, statuses, st.integers(0, 1))
marks = st.builds(EventKey, seconds, st.just(OF_MARK), st.just(OF_MARK), st.integers(0, 1))
bare_keys = (line_keys | other_keys).map(lambda key: key._replace(spared=()))
scopes = (
    st.builds(Keys, st.frozensets(marks | bare_keys, min_size=1, max_size=3))
    | st.builds(Window, seconds, seconds, st.none() | st.sampled_from([DEVICE, FILE]))
    | st.builds(WholeSession, st.sampled_from([DEVICE, FILE, COPY]))
)
tombstones = st.builds(Tombstone, st.sampled_from(TOMBSTONES), st.just(1), st.just(DEVICE), scopes)
histories = st.builds(
    History,
    st.frozensets(events, max_size=8),
    st.just(frozenset()),
    st.just(frozenset()),
    st.just(frozenset()) | st.just(frozenset()) | st.frozensets(tombstones, max_size=2),
)


def counted(events: Iterable[Event]) -> Counter[tuple[EventKey, bytes]]:
    """Return (bare key, text) of the counted events, by the literal rule of docs/format.md."""
    events = list(events)
    return Counter(
        (event.key._replace(spared=()), event.command)
        for event in events
        if not is_duplicate(event, events)
    )


def is_duplicate(event: Event, events: list[Event]) -> bool:
    at_us, device_id, session_id, seq, _ = event.key
    if not is_line(event):
        return False
    same = [other for other in events if other.command == event.command]
    if at_us >= KNOWN_SINCE_US and any(
        not is_line(other) and -1 <= other.key.started_at_us // SECOND_US - at_us // SECOND_US <= 1
        for other in same
    ):
        return True
    there = [other for other in same if is_line(other) and other.key.started_at_us == at_us]
    # lines that differ only in what they are spared of may change places
    mine = [other for other in there if other.key.session_id == session_id]
    rank = sum(other.key.seq < seq for other in mine) + 1
    of_others = Counter(
        other.key.session_id for other in there if other.key[1:3] < (device_id, session_id)
    )
    return rank <= max(of_others.values(), default=0)


def is_line(event: Event) -> bool:
    return event.key.device_id[0] >= 0xC0


def counted_rows(database: Database) -> Counter[tuple[EventKey, bytes]]:
    where = "event.id IN (SELECT id FROM counted)"
    return Counter(
        (event.key._replace(spared=()), event.command)
        for _, event in select_events(database, where)
    )


def has_spared_pairs(events: Iterable[Event]) -> bool:
    keys = [event.key._replace(spared=()) for event in events]
    return len(keys) != len({*keys})
