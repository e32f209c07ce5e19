"""Which records of a segment are still valid, when others may have changed since it was made.

A tombstone may cover a record by now, or a greater version may supersede it. A record that the
database does not hold is valid: retention may have removed it here. It is not where retention has
removed a version that was redacted more often.
"""

from __future__ import annotations

from hx.core.record import NamedTuple
from hx.database import artifacts
from hx.database.event_rows import events_at
from hx.database.redactions import without_outdated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.core.merge import Cover, History
    from hx.core.model import Artifact, EventKey
    from hx.database.connection import Database


class Valid(NamedTuple):
    """The records of a segment that are still valid."""

    history: History  # the valid records, with all tombstones
    rows: dict[EventKey, int]  # the row ids of those of its events that the database holds


def still_valid(database: Database, whole: History, cover: Cover) -> Valid:
    """Return the valid records of `whole`; `cover`: the tombstones that may cover one of them."""
    present = events_at(database, (event.key for event in whole.events))
    newest = {event.key: event for event in present}
    events = frozenset(
        event
        for event in without_outdated(database, whole).events
        if not cover.event(event.key) and newest.get(event.key, event) == event
    )
    history = whole._replace(
        events=events,
        artifacts=_artifacts(database, whole, cover),
        pins=whole.pins & artifacts.touched_pins(database, whole),
    )
    return Valid(history, {e.key: row for e, row in present.items() if e in events})


def _artifacts(database: Database, whole: History, cover: Cover) -> frozenset[Artifact]:
    present = artifacts.touched_artifacts(database, whole, ())
    newest = {artifact.key: artifact for artifact in present}
    return frozenset(
        artifact
        for artifact in whole.artifacts
        if not cover.artifact(artifact.key) and newest.get(artifact.key, artifact) == artifact
    )


def holds_forgotten(whole: History, cover: Cover) -> bool:
    """Return whether a tombstone covers a record of `whole`."""
    return any(cover.event(event.key) for event in whole.events) or any(
        cover.artifact(artifact.key) for artifact in whole.artifacts
    )
