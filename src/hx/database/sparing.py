"""Compute of which known tombstones a new record is spared.

A tombstone never covers what is recorded after this device has come to know it, whatever the clocks
say. So the ids of all known tombstones that would cover a new record become a part of its key. A
command that certainly began before, and is read from the spool later, is not spared. Imports are
not recorded here, so they are spared of nothing. Source: docs/format.md, "The merge".
"""

from __future__ import annotations

from hx.core.model import MAX_SPARED, WholeSession, Window
from hx.core.moment import Moment, certainly_before
from hx.core.record import NamedTuple
from hx.database.tombstones import has_text_orders

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hx.core.model import Artifact, ArtifactKey, Event
    from hx.database.connection import Database

    _Place = tuple[int, bytes, bytes]  # when, on which device and in which session
    _ByText = Callable[[Event], list[bytes]]


class _Known(NamedTuple):
    """A tombstone that this device knows, and since when; None: that was not noted."""

    tombstone_id: bytes
    scope: Window | WholeSession
    since: Moment | None
    is_held: bool


def spared_events(database: Database, events: Iterable[Event], now: Moment) -> list[Event]:
    """Return new events as this device records them now; the caller holds the transaction."""
    events = list(events)
    known = _known(database, [event.key[:3] for event in events])
    by_text = _by_text(database, now)
    if not known and by_text is None:
        return events
    return [_as_spared(event, known, by_text, now) for event in events]


def _as_spared(event: Event, known: list[_Known], by_text: _ByText | None, now: Moment) -> Event:
    key = event.key
    spared = _spared(known, key.started_at_us, [key[:3]], now)
    texts = by_text(event) if by_text is not None else []
    return event._replace(key=key._replace(spared=_in_key(spared, texts)))


def spared_artifact(database: Database, artifact: Artifact, now: Moment) -> Artifact:
    """Return a new artifact as this device records it now; the caller holds the transaction."""
    key = artifact.key
    places = _places(key)
    spared = _spared(_known(database, places), key.created_at_us, places, now)
    return artifact._replace(key=key._replace(spared=_in_key(spared)))


def _places(key: ArtifactKey) -> list[_Place]:
    """Return by what a tombstone may cover an artifact: itself and its event."""
    return [key[:3]] if key.event is None else [key[:3], key.event[:3]]


def _spared(known: list[_Known], begin_us: int, places: list[_Place], now: Moment) -> list[_Known]:
    """Return the tombstones that would cover a record and that it is spared of."""
    return [
        each
        for each in known
        if any(_covers(each.scope, *place) for place in places)
        and not certainly_before(begin_us, each.since, now)
    ]


def _by_text(database: Database, now: Moment) -> _ByText | None:
    """Return a function: event -> ids of the text orders that name it and that it is spared of.

    Those come first that are compared: they would take it. Return None if there is no text order.
    """
    if not has_text_orders(database):
        return None
    from hx.core.text_orders import Matcher
    from hx.database.text_orders import sparing

    orders = sparing(database, now.at_us)
    since = {order.tombstone.tombstone_id: order.since for order in orders}
    matcher = Matcher(order.tombstone for order in orders)

    def spared(event: Event) -> list[bytes]:
        begin_us = event.key.started_at_us
        named = matcher.of_event(event)
        return [
            each
            for each, known in since.items()
            if each in named and not certainly_before(begin_us, known, now)
        ]

    return spared


def _in_key(spared: list[_Known], texts: Iterable[bytes] = ()) -> tuple[bytes, ...]:
    """Return ids as a key contains them; it has no room for more than MAX_SPARED.

    So those come first that would cover the record now, then `texts`, in this order. The held ones
    cover it once they are accepted.
    """
    applied = sorted(each.tombstone_id for each in spared if not each.is_held)
    held = sorted(each.tombstone_id for each in spared if each.is_held)
    return tuple(sorted([*dict.fromkeys([*applied, *texts, *held])][:MAX_SPARED]))


def _covers(scope: Window | WholeSession, at_us: int, device_id: bytes, session_id: bytes) -> bool:
    if isinstance(scope, WholeSession):
        return scope.session_id == session_id
    is_owner = scope.device_id is None or scope.device_id == device_id
    return is_owner and scope.since_us <= at_us < scope.until_us


def _known(database: Database, places: list[_Place]) -> list[_Known]:
    """Return the known tombstones that may cover a record at one of these places.

    Tombstones by keys are left out. They name records that were there, so a record with the same
    key is none that is new: it was read once more.
    """
    if not places:
        return []
    times = [at_us for at_us, _, _ in places]
    windows = database.execute(_WINDOWS, (max(times), min(times)))
    known = [_Known(row[0], Window(*row[1:4]), _since(row[4:7]), bool(row[7])) for row in windows]
    for session in {session for _, _, session in places}:
        for tombstone_id, *since, is_held in database.execute(_SESSIONS, (session,)):
            scope = WholeSession(session)
            known.append(_Known(tombstone_id, scope, _since(since), bool(is_held)))
    return known


def _of_both(sql: str, applied: str = "tombstone") -> str:
    """Return a query for applied and for held tombstones: a held one is known too."""
    return " UNION ALL ".join(
        sql.format(is_held, table) for is_held, table in enumerate((applied, "held"))
    )


_NOTED = "known_at_us, known_boot_us, known_boot_id, {} FROM {}"
_WINDOWS = _of_both(
    f"SELECT tombstone_id, since_us, until_us, scope_id, {_NOTED}"
    " WHERE kind = 'window' AND since_us <= ?1 AND until_us > ?2",
    "tombstone INDEXED BY tombstone_window",  # few of them end later than a new record begins
)
_SESSIONS = _of_both(f"SELECT tombstone_id, {_NOTED} WHERE kind = 'session' AND scope_id = ?1")


def _since(noted: Iterable[object]) -> Moment | None:
    at_us, boot_us, boot_id = noted
    return None if at_us is None else Moment(at_us, boot_us, boot_id)  # type: ignore[arg-type]
