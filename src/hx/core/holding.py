"""Which tombstones of other devices wait for a person, and what a refusal makes of the records.

A tombstone that arrives is held, and covers nothing yet, if its window ends far in the future or if
it would take much of what is here. A person accepts or refuses it. A refused tombstone is applied
too, but first each record that it covers goes on under another key, which contains the id of the
tombstone. The new key follows from the old one, so devices that refuse independently agree. Source:
docs/format.md, "The merge".
"""

from __future__ import annotations

from hx.core.merge import Cover, History
from hx.core.model import MAX_SPARED
from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.core.model import Artifact, ArtifactKey, Event, EventKey, Tombstone

FUTURE = "future"  # its window ends more than a day beyond the clock here
LARGE = "large"  # with it, its maker would have taken more than `most_taken`
MANY = "many"  # with it, more than MAX_AHEAD would cover what is recorded next, were it not spared
OF_REVOKED = "revoked"  # it was held when its maker, or who has published it, was revoked

FUTURE_US = 86_400_000_000
# Applied windows of which all that is recorded is spared; as many tombstones of its session. The
# rest of the room in a key, 128, is for the text orders that are compared
MAX_AHEAD = 448
MAX_HELD = 64  # ids of held tombstones in a manifest
MAX_DECIDED = 1_024  # ids of tombstones that were accepted; as many that were refused
_LEAST = 1_000  # events that the tombstones of one maker may always take
_PART = 10  # and one part in so many of the events that are here


class Stance(NamedTuple):
    """What a device does with tombstones, by their ids, ascending."""

    holds: int = 0  # how many it holds
    held: tuple[bytes, ...] = ()  # the first of these
    accepted: tuple[bytes, ...] = ()
    refused: tuple[bytes, ...] = ()


def most_taken(events: int) -> int:
    """Return how many of so many events the tombstones of one maker may take unasked."""
    return max(_LEAST, events // _PART)


def given_back(history: History, tombstone: Tombstone) -> History:
    """Return the records that a refused tombstone covers, under the keys that are spared of it.

    `has_room` is true of these records; else one of them could stay covered.
    """
    cover, tombstone_id = Cover([tombstone]), tombstone.tombstone_id
    return History(
        frozenset(_event(e, tombstone_id) for e in history.events if cover.event(e.key)),
        frozenset(
            _artifact(artifact, tombstone_id, cover)
            for artifact in history.artifacts
            if cover.artifact(artifact.key)
        ),
    )


def has_room(history: History) -> bool:
    """Return whether each record, and the event of each artifact, may be spared of one more."""
    sets = [event.key.spared for event in history.events]
    for artifact in history.artifacts:
        sets.append(artifact.key.spared)
        if artifact.key.event is not None:
            sets.append(artifact.key.event.spared)
    return all(len(spared) < MAX_SPARED for spared in sets)


def _event(event: Event, tombstone_id: bytes) -> Event:
    return event._replace(key=_spared_key(event.key, tombstone_id))


def _artifact(artifact: Artifact, tombstone_id: bytes, cover: Cover) -> Artifact:
    key: ArtifactKey = artifact.key
    if key.event is not None and cover.event(key.event):
        key = key._replace(event=_spared_key(key.event, tombstone_id))
    return artifact._replace(key=key._replace(spared=_with(key.spared, tombstone_id)))


def _spared_key(key: EventKey, tombstone_id: bytes) -> EventKey:
    return key._replace(spared=_with(key.spared, tombstone_id))


def _with(spared: tuple[bytes, ...], tombstone_id: bytes) -> tuple[bytes, ...]:
    return tuple(sorted({*spared, tombstone_id})[:MAX_SPARED])
