"""Two databases, record by record, whatever their rows are numbered; a few records in memory."""

from __future__ import annotations

from itertools import groupby

from hx.core.event_name import ident, spelled
from hx.core.model import Artifact, Pin
from hx.core.record import NamedTuple
from hx.database import artifacts, tombstones
from hx.database.rows import select_events

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.core.model import Event, Tombstone
    from hx.database.connection import Database

_EXAMPLES = 5


class Difference(NamedTuple):
    """Records of one kind that the databases do not have alike."""

    kind: str  # event, artifact, pin, tombstone
    lacking: int  # that only the first has
    more: int  # that only the second has
    other: int  # of which they have different versions
    examples: list[str]  # ids


def event_pairs(
    one: Database, other: Database
) -> Iterator[tuple[tuple[int, Event] | None, tuple[int, Event] | None]]:
    """(row id, event) of both for each key, None where there is none; in the order of the keys."""
    left, right = _by_key(one), _by_key(other)
    ours, theirs = next(left, None), next(right, None)
    while ours or theirs:
        if theirs is None or (ours and ours[1].key < theirs[1].key):
            yield ours, None
            ours = next(left, None)
        elif ours is None or theirs[1].key < ours[1].key:
            yield None, theirs
            theirs = next(right, None)
        else:
            yield ours, theirs
            ours, theirs = next(left, None), next(right, None)


def _by_key(database: Database) -> Iterator[tuple[int, Event]]:
    rows = select_events(database, "1 ORDER BY started_at_us")
    for _, together in groupby(rows, key=lambda row: row[1].key.started_at_us):
        yield from sorted(together, key=lambda row: row[1].key)


def differences(one: Database, other: Database) -> list[Difference]:
    """Empty when they hold the same history."""
    kinds = [
        _events(one, other),
        _rest("artifact", artifacts.read_artifacts(one), artifacts.read_artifacts(other)),
        _rest("pin", artifacts.read_pins(one), artifacts.read_pins(other)),
        _rest("tombstone", tombstones.read(one), tombstones.read(other)),
    ]
    return [kind for kind in kinds if kind.lacking or kind.more or kind.other]


def _events(one: Database, other: Database) -> Difference:
    found = Difference("event", 0, 0, 0, [])
    for ours, theirs in event_pairs(one, other):
        if ours and theirs and ours[1] == theirs[1]:
            continue
        named = ours or theirs
        if named and len(found.examples) < _EXAMPLES:
            found.examples.append(spelled(ident(named[1].key)))
        found = found._replace(
            lacking=found.lacking + (theirs is None),
            more=found.more + (ours is None),
            other=found.other + bool(ours and theirs),
        )
    return found


def _rest(
    kind: str,
    one: frozenset[Artifact] | frozenset[Pin] | frozenset[Tombstone],
    other: frozenset[Artifact] | frozenset[Pin] | frozenset[Tombstone],
) -> Difference:
    ours = {_id(record) for record in one - other}
    theirs = {_id(record) for record in other - one}
    both = ours & theirs
    examples = sorted(ours | theirs)[:_EXAMPLES]
    return Difference(kind, len(ours - both), len(theirs - both), len(both), examples)


def _id(record: Artifact | Pin | Tombstone) -> str:
    """Artifacts by their own, pins by their session's, orders to forget by theirs."""
    if isinstance(record, Artifact):
        return record.key.artifact_id.hex()
    return (record.session_id if isinstance(record, Pin) else record.tombstone_id).hex()


def totals(database: Database) -> dict[str, int]:
    tables = ("event", "artifact", "pin", "tombstone")
    return {one: int(database.value(f"SELECT count(*) FROM {one}")) for one in tables}  # noqa: S608
