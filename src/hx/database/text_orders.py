"""Text orders in the database: which are in force, which events they take, and when they end.

A text order covers nothing by itself. Each event that is here, or arrives, is compared with it
once; what matches, and was recorded before the order was known, goes by a tombstone by keys. What
is recorded later is spared. Source: docs/format.md, "Text orders".
"""

from __future__ import annotations

from hx.core.merge import History
from hx.core.model import MAX_KEYS_IN_TOMBSTONE, Keys, Tombstone, bare_key
from hx.core.moment import Moment
from hx.core.record import NamedTuple
from hx.core.text_orders import MOST_COMPARED, MOST_SPARING, SPARES_US, Matcher
from hx.database.connection import UNCLEAN
from hx.database.join import join
from hx.database.rows import among, from_sql, select_events
from hx.database.sync import held
from hx.database.tombstones import has_uncompared, to_texts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hx.core.model import Event, EventKey
    from hx.database.connection import Database

_CHUNK = 500
_ID_BYTES = 16


class Order(NamedTuple):
    """A text order that this device knows, and since when; None: that was not noted."""

    tombstone: Tombstone
    since: Moment | None


def sparing(database: Database, now_us: int) -> list[Order]:
    """Return the orders of which a new event is spared: the last that became known here.

    A held order is known too. Those that are compared come first: they take what is not spared.
    """
    waiting = [
        Order(held.record(database, row), row.known)
        for row in held.read(database)
        if row.kind == "texts"
    ]
    applied = _last(database, now_us - SPARES_US, MOST_SPARING)
    compared, others = applied[:MOST_COMPARED], applied[MOST_COMPARED:]
    return [*compared, *waiting, *others][:MOST_SPARING]


def _last(database: Database, until_us: int, most: int, where: str = "1") -> list[Order]:
    """Return those of the last `most` orders, with an end after `until_us`, that fulfil `where`."""
    sql = (
        "SELECT tombstone_id, created_at_us, device_id, texts, until_us, known_at_us,"  # noqa: S608
        " known_boot_us, known_boot_id FROM (SELECT * FROM tombstone WHERE kind = 'texts'"
        f"  AND until_us > ? ORDER BY id DESC LIMIT {most}) WHERE {where}"
    )
    return [
        Order(
            Tombstone._make((*row[:3], to_texts(row[3], row[4]))),
            None if row[5] is None else Moment(*row[5:]),
        )
        for row in database.execute(sql, (until_us,))
    ]


def _matcher(database: Database, now_us: int, where: str = "1") -> Matcher | None:
    """Return the matcher of the orders that are compared now; None: there are none.

    Orders that were refused are left out.
    """
    orders = _last(database, now_us, MOST_COMPARED, f"{where} AND NOT {held.IS_REFUSED}")
    return Matcher(order.tombstone for order in orders) if orders else None


def left(database: Database, events: Iterable[Event], now_us: int) -> list[Event]:
    """Return those of the events that no order takes; the other ones are not to be stored."""
    matcher = _matcher(database, now_us)
    return [*events] if matcher is None else [e for e in events if not matcher.takes(e)]


def compare(database: Database, me: bytes, now: Moment) -> int:
    """Compare the events here with the new orders, forget what matches, return how many went.

    `me`: the device that forgets. Each text is read once, however many orders there are.
    """
    if not has_uncompared(database):
        return 0
    with database.transaction():
        return compare_within(database, me, now)


def compare_within(database: Database, me: bytes, now: Moment) -> int:
    """Do the same as `compare`, in the transaction of the caller."""
    matcher = _matcher(database, now.at_us, "compared = 0")
    keys = () if matcher is None else [event.key for _, event in _matching(database, matcher)]
    gone = _forget(database, keys, me, now)
    database.execute("UPDATE tombstone SET compared = 1 WHERE compared = 0")
    return gone


def taken_by(database: Database, order: Tombstone) -> dict[Event, int]:
    """Return the events here, with their row ids, that a text order takes, or would take."""
    return {event: row for row, event in _matching(database, Matcher([order]))}


def compare_taken(database: Database, events: Iterable[Event], me: bytes, now: Moment) -> int:
    """Forget those events of a segment, which was just joined, that older orders take.

    Return how many went. The caller holds the transaction. Orders with which nothing was compared
    yet are left to `compare`.
    """
    matcher = _matcher(database, now.at_us, "compared = 1")
    if matcher is None:
        return 0
    return _forget(database, (event.key for event in events if matcher.takes(event)), me, now)


def compare_removed(database: Database, events: Iterable[Event], me: bytes, now: Moment) -> None:
    """Forget those events of own segments that orders take and that retention has removed here."""
    matcher = _matcher(database, now.at_us)
    if matcher is not None:
        with database.transaction():
            _forget(database, (event.key for event in events if matcher.takes(event)), me, now)


def retire(database: Database, now_us: int) -> None:
    """End the orders that spare nothing any more; their hashes stay.

    A segment that still holds one is not rewritten for that: its next rewrite leaves it out.
    """
    ended = "FROM tombstone WHERE kind = 'texts' AND until_us <= ?"
    border = (now_us - SPARES_US,)
    if database.value(f"SELECT 1 {ended} LIMIT 1", border) is not None:
        with database.transaction():
            database.execute(f"INSERT INTO text_order_done SELECT record_hash {ended}", border)
            database.execute(f"DELETE {ended}", border)


def _matching(database: Database, matcher: Matcher) -> Iterator[tuple[int, Event]]:
    """Yield row id and event of the events here that an order of the matcher takes."""
    for column, rows in _named(database, matcher).items():
        for start in range(0, len(rows), _CHUNK):
            condition, _ = among(rows[start : start + _CHUNK], f"event.{column}")
            for row, event in select_events(database, condition):
                if matcher.takes(event):
                    yield row, event


_TEXTS = {
    "command": "SELECT id, coalesce(raw, text) FROM command",
    "directory": "SELECT id, path FROM directory",
    "checkout": "SELECT id, repo, branch FROM checkout",
}


def _named(database: Database, matcher: Matcher) -> dict[str, list[int]]:
    """Return column of `event` -> the rows of its table that hold a text which an order names."""
    return {
        column: [
            row
            for row, *texts in database.execute(sql)
            if any(matcher.of_text(from_sql(text) or b"") for text in texts)
        ]
        for column, sql in _TEXTS.items()
    }


def _forget(database: Database, keys: Iterable[EventKey], me: bytes, now: Moment) -> int:
    """Forget events by tombstones by keys; return how many. The caller holds the transaction."""
    from secrets import token_bytes  # a search that drains the spool forgets nothing here

    named = sorted({bare_key(key) for key in keys})
    gone = 0
    for first in range(0, len(named), MAX_KEYS_IN_TOMBSTONE):
        scope = Keys(frozenset(named[first : first + MAX_KEYS_IN_TOMBSTONE]))
        tombstone = Tombstone(token_bytes(_ID_BYTES), now.at_us, me, scope)
        gone += join(database, History(tombstones=frozenset([tombstone])), now=now).forgotten
    if gone:  # the text is in the pages of the files until they are cleaned
        database.set_meta(UNCLEAN, now.at_us)
    return gone
