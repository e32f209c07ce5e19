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
    from collections.abc import Iterable
    from typing import TypeVar

    from hx.core.model import Artifact, ArtifactKey, EventKey, Tombstone

    _Key = TypeVar("_Key", EventKey, ArtifactKey)

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


def given_back(history: History, tombstones: Iterable[Tombstone]) -> History:
    """Return the records that refused tombstones cover, under keys that are spared of all of these.

    A key that has no room for them stays covered.
    """
    refused = _Refused(tombstones)
    return History(
        frozenset(
            event._replace(key=refused.spared_event(event.key))
            for event in history.events
            if refused.all.event(event.key)
        ),
        frozenset(
            artifact._replace(key=refused.spared_artifact(artifact.key))
            for artifact in history.artifacts
            if refused.all.artifact(artifact.key)
        ),
    )


class _Refused:
    """Gives keys that refused tombstones do not cover."""

    def __init__(self, tombstones: Iterable[Tombstone]) -> None:
        tombstones = [*tombstones]
        self.all = Cover(tombstones)
        self._covers = [(each.tombstone_id, Cover([each])) for each in tombstones]

    def spared_event(self, key: EventKey) -> EventKey:
        return _spared(key, (name for name, cover in self._covers if cover.event(key)))

    def spared_artifact(self, key: ArtifactKey) -> ArtifactKey:
        names = {name for name, cover in self._covers if cover.artifact(key)}
        event = key.event
        if event is not None:
            by_event = (name for name, cover in self._covers if cover.event(event))
            key = key._replace(event=_spared(event, names.intersection(by_event)))
        return _spared(key, names)


def most_spared(artifact: Artifact) -> int:
    """Return of how many tombstones an artifact is spared, or its event if that is more."""
    key: ArtifactKey = artifact.key
    return max(len(key.spared), 0 if key.event is None else len(key.event.spared))


def _spared(key: _Key, tombstone_ids: Iterable[bytes]) -> _Key:
    return key._replace(spared=tuple(sorted({*key.spared, *tombstone_ids})[:MAX_SPARED]))
