"""What still stands of a history that is, or was, on its way to the store.

An order to forget may have come since, or a greater version. What is not in the database is
neither covered nor beaten for that: retention may have taken it.
"""

from __future__ import annotations

from hx.core.record import NamedTuple
from hx.database import artifacts
from hx.database.event_rows import events_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.core.merge import Cover, History
    from hx.core.model import Artifact, EventKey
    from hx.database.connection import Database


class Valid(NamedTuple):
    history: History  # without what is covered or beaten; orders stay
    rows: dict[EventKey, int]  # of its events those that are in the database -> row id


def still_valid(database: Database, whole: History, cover: Cover) -> Valid:
    """`cover`: what the database knows that may cover records of `whole`."""
    present = events_at(database, (event.key for event in whole.events))
    newest = {event.key: event for event in present}
    events = frozenset(
        event
        for event in whole.events
        if not cover.event(event.key) and newest.get(event.key, event) == event
    )
    history = whole._replace(
        events=events,
        artifacts=_artifacts(database, whole, cover),
        pins=whole.pins & artifacts.touched_pins(database, whole),
    )
    return Valid(history, {e.key: row for e, row in present.items() if e in events})


def _artifacts(database: Database, whole: History, cover: Cover) -> frozenset[Artifact]:
    newest = {one.key: one for one in artifacts.touched_artifacts(database, whole, ())}
    return frozenset(
        one
        for one in whole.artifacts
        if not cover.artifact(one.key) and newest.get(one.key, one) == one
    )


def holds_forgotten(whole: History, cover: Cover) -> bool:
    """Whether a record in it is forgotten."""
    return any(cover.event(event.key) for event in whole.events) or any(
        cover.artifact(artifact.key) for artifact in whole.artifacts
    )
