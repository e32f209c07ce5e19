"""The copies of events that are to be forgotten: lines of one history file on several devices.

A tombstone names the copies that are here by their keys, and by marks also those that are not here
yet: what another device has not synced, or imports later. A mark that would take anything else is
left out. Copies of a line without a time are named by their keys only.
"""

from __future__ import annotations

from collections import Counter

from hx.core.history_lines import FIRST_ID, NEAR_S, SECOND_US, is_line, mark_at
from hx.core.import_matching.keys import print_of
from hx.core.model import KNOWN_SINCE_US, EventKey
from hx.database.event_rows import has_lines, lines_of_mark, rows_of
from hx.database.rows import among, from_sql

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hx.database.connection import Database
    from hx.database.event_rows import Line

_CHUNK = 500


def of_events(database: Database, keys: Iterable[EventKey]) -> set[EventKey]:
    """Return the marks of events, and the keys of their copies that are here.

    `keys`: all events that are to be forgotten together.
    """
    rows = sorted(set(rows_of(database, keys)))
    chosen = frozenset(rows)
    marked: dict[EventKey, set[int]] = {}
    places: set[tuple[int, int]] = set()  # command and place of lines without a time
    for start in range(0, len(rows), _CHUNK):
        condition, _ = among(rows[start : start + _CHUNK], "event.id")
        for at_us, device_id, seq, command, text in database.execute(_EVENTS.format(condition)):
            key = EventKey(at_us, device_id, b"", seq)
            if at_us < KNOWN_SINCE_US and is_line(key):
                places.add((command, at_us))
            for mark in _marks(key, from_sql(text) or b""):
                marked.setdefault(mark, set()).add(command)
    if not has_lines(database):
        return {*marked}
    found = {
        key for place in places for row, key in _at_place(database, *place) if row not in chosen
    }
    for mark, commands in marked.items():
        found |= _checked(database, mark, commands, chosen)
    return found


def _at_place(database: Database, command: int, place: int) -> Iterator[tuple[int, EventKey]]:
    """Yield row id and key of the lines without a time that have a text and a place."""
    for row, *key in database.execute(_AT_PLACE, (command, place, FIRST_ID)):
        yield row, EventKey(*key)


def _marks(key: EventKey, text: bytes) -> Iterator[EventKey]:
    """Yield the marks of the lines that are copies of an event with this text."""
    at_us = key.started_at_us
    if at_us < KNOWN_SINCE_US:
        return
    if is_line(key):
        yield mark_at(at_us, key.seq)
        return
    second_us = at_us // SECOND_US * SECOND_US
    print_ = print_of(text)
    for seconds in range(-NEAR_S, NEAR_S + 1):
        yield mark_at(second_us + seconds * SECOND_US, print_)


def _checked(
    database: Database, mark: EventKey, commands: set[int], chosen: frozenset[int]
) -> set[EventKey]:
    """Return the mark, if it names nothing that stays, and the keys of copies that are here."""
    lines = list(lines_of_mark(database, mark))
    ranks: Counter[tuple[int, int]] = Counter()
    ranked: list[tuple[Line, int]] = []
    for line in sorted(lines, key=lambda line: (line.seq, line.row)):
        ranks[line.session, line.command] += 1
        ranked.append((line, ranks[line.session, line.command]))
    gone = {(line.command, rank) for line, rank in ranked if line.row in chosen}
    stay = {line.command for line in lines if not line.duplicate and line.row not in chosen}
    # row id of a command -> whether an event that stays stands for its lines
    stand = dict.fromkeys(stay, True)
    copies: set[EventKey] = set()
    stays = False
    for line, rank in ranked:
        if line.row in chosen:
            continue
        is_copy = line.duplicate and line.command in commands
        if is_copy and line.command not in stand:
            stand[line.command] = _is_recorded(database, line, chosen)
        if is_copy and not stand[line.command]:
            copies.add(line.key)
            continue
        stays = True
        if is_copy and (line.command, rank) in gone:
            copies.add(line.key)
    return copies if stays else copies | {mark}


def _is_recorded(database: Database, line: Line, chosen: frozenset[int]) -> bool:
    """Return whether an event that is no line, and is not chosen, stands for a line."""
    at_us = line.key.started_at_us
    span = at_us - NEAR_S * SECOND_US, at_us + (NEAR_S + 1) * SECOND_US
    values = (line.command, *span, FIRST_ID)
    return any(row not in chosen for (row,) in database.execute(_NEAR, values))


_EVENTS = (
    "SELECT started_at_us, device_id, seq, command, coalesce(raw, text) FROM event"
    " JOIN session ON session.id = event.session JOIN device ON device.id = session.device"
    " JOIN command ON command.id = event.command WHERE {}"
)
_AT_PLACE = (
    "SELECT event.id, started_at_us, device_id, session_id, seq FROM event"
    " CROSS JOIN session ON session.id = event.session"
    " CROSS JOIN device ON device.id = session.device"
    " WHERE command = ? AND started_at_us = ? AND device_id >= ?"
)
_NEAR = (
    "SELECT event.id FROM event CROSS JOIN session ON session.id = event.session"
    " CROSS JOIN device ON device.id = session.device"
    " WHERE command = ? AND started_at_us >= ? AND started_at_us < ? AND device_id < ?"
)
