"""The merge: what a history is, and how two histories become one.

A segment in the store is a small history, and the local database is a large one; `join` merges one
into the other. It is commutative, associative and idempotent. So histories may arrive in any order
and any number of times, and every device ends with the same history. No record that a tombstone
covers remains in the result. Tombstones test keys only: if they tested another field, one version
of an event could be covered and another not, and the result would depend on the order of arrival.
For the same reason the tombstones of which a record is spared are a part of its key.

Sources: Shapiro et al. 2011; Gomes et al. 2017; docs/format.md, "The merge".
"""

from __future__ import annotations

from operator import itemgetter

from hx.core.history_lines import FIRST_ID, mark_of
from hx.core.model import (
    Artifact,
    ArtifactKey,
    Event,
    EventKey,
    Keys,
    Pin,
    Tombstone,
    WholeSession,
    Window,
    bare_artifact_key,
    bare_key,
)
from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Self

    from hx.core.sparing import Remaining


class InOrder(frozenset[Event]):
    """A set of events that is read in the order of their keys.

    Events that were made in this order lie so in memory, and reading a large set of them in another
    order takes longer.
    """

    _in_order: list[Event]

    def __new__(cls, events: list[Event]) -> Self:
        made = super().__new__(cls, events)
        distinct = events if len(events) == len(made) else list(dict.fromkeys(events))
        made._in_order = sorted(distinct, key=itemgetter(0))  # the key, in C
        return made

    def __iter__(self) -> Iterator[Event]:
        return iter(self._in_order)


class History(NamedTuple):
    """A history is a set of events, artifacts, pins and tombstones."""

    events: frozenset[Event] = frozenset()
    artifacts: frozenset[Artifact] = frozenset()
    pins: frozenset[Pin] = frozenset()
    tombstones: frozenset[Tombstone] = frozenset()


def join(a: History, b: History) -> History:
    """Return the union of two histories.

    Records that a tombstone of either covers are left out. Of two versions of one record the result
    contains the greater one.
    """
    tombstones = a.tombstones | b.tombstones
    cover = Cover(tombstones)
    return History(
        _greatest_events(cover.uncovered(_union(a.events, b.events))),
        _greatest_artifacts(x for x in a.artifacts | b.artifacts if not cover.artifact(x.key)),
        _greatest_pins(a.pins | b.pins),
        tombstones,
    )


def _union(a: frozenset[Event], b: frozenset[Event]) -> frozenset[Event]:
    return a | b if a and b else a or b  # a set that may be read in order stays itself


class Cover:
    """Tells which records a set of tombstones covers.

    The time for one query does not grow with the number of tombstones by session or key, and grows
    with the logarithm of the number of windows. For a key that is spared of tombstones it also
    grows with the number of these.
    """

    def __init__(self, tombstones: Iterable[Tombstone]) -> None:
        self._tombstones = [*tombstones]
        self._remaining: Remaining | None = None  # made for the first key that spares something
        windows: dict[bytes | None, list[tuple[int, int]]] = {}
        self._sessions: set[bytes] = set()
        self._events: set[EventKey] = set()
        self._artifacts: set[ArtifactKey] = set()
        for tombstone in self._tombstones:
            scope = tombstone.scope
            if isinstance(scope, Window):
                windows.setdefault(scope.device_id, []).append((scope.since_us, scope.until_us))
            elif isinstance(scope, WholeSession):
                self._sessions.add(scope.session_id)
            elif isinstance(scope, Keys):  # a text order covers nothing
                self._events |= scope.events
                self._artifacts |= scope.artifacts
        self._windows = {device: _merged(spans) for device, spans in windows.items()}

    def uncovered(self, events: frozenset[Event]) -> frozenset[Event]:
        """Return the events that no tombstone covers."""
        # most histories have no tombstones: then do not test each event
        if not (self._windows or self._sessions or self._events):
            return events
        return frozenset(event for event in events if not self.event(event.key))

    def event(self, key: EventKey) -> bool:
        """Return whether a tombstone of which the event is not spared covers its key."""
        return self._covers_bare_event(key) and (not key.spared or self._rest.event(key))

    def _covers_bare_event(self, key: EventKey) -> bool:
        return (
            bare_key(key) in self._events
            or (key.device_id >= FIRST_ID and mark_of(key) in self._events)
            or key.session_id in self._sessions
            or self._in_window(key.started_at_us, key.device_id)
        )

    def artifact(self, key: ArtifactKey) -> bool:
        """Return whether a tombstone covers the artifact, by its own key or by its event."""
        event = key.event
        covered = (
            bare_artifact_key(key) in self._artifacts
            or key.session_id in self._sessions
            or self._in_window(key.created_at_us, key.device_id)
            or (event is not None and self._covers_bare_event(event))
        )
        is_spared = key.spared or (event is not None and event.spared)
        return covered and (not is_spared or self._rest.artifact(key))

    @property
    def _rest(self) -> Remaining:
        if self._remaining is None:
            from hx.core.sparing import Remaining  # nearly no record is spared of a tombstone

            self._remaining = Remaining(self._tombstones)
        return self._remaining

    def _in_window(self, at_us: int, device_id: bytes) -> bool:
        return any(
            _within(at_us, self._windows[owner])
            for owner in (None, device_id)
            if owner in self._windows
        )


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return disjoint half-open spans in ascending order; empty spans are left out."""
    merged: list[tuple[int, int]] = []
    for since, until in sorted(spans):
        if since >= until:
            continue
        if merged and since <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(until, merged[-1][1]))
        else:
            merged.append((since, until))
    return merged


def _within(at_us: int, spans: list[tuple[int, int]]) -> bool:
    """Return whether one of these disjoint ascending spans contains a time; a binary search."""
    low, high = 0, len(spans)
    while low < high:  # find the last span that begins at or before at_us
        middle = (low + high) // 2
        if spans[middle][0] <= at_us:
            low = middle + 1
        else:
            high = middle
    return low > 0 and at_us < spans[low - 1][1]


def _greatest_events(events: frozenset[Event]) -> frozenset[Event]:
    if len(set(map(itemgetter(0), events))) == len(events):  # the usual case: each has one version
        return events
    best: dict[EventKey, Event] = {}
    for event in events:
        other = best.setdefault(event.key, event)
        if other is not event and event_supersedes(event, other):
            best[event.key] = event
    return frozenset(best.values())


def event_supersedes(event: Event, other: Event) -> bool:
    """Return whether `event` is the greater of two different versions of one event.

    The greater revision wins, then finished over unfinished, then the greater encoded bytes.
    """
    mine, theirs = (event.revision, event.finished), (other.revision, other.finished)
    return mine > theirs if mine != theirs else encoded(event) > encoded(other)


def _greatest_artifacts(artifacts: Iterable[Artifact]) -> frozenset[Artifact]:
    best: dict[ArtifactKey, Artifact] = {}
    for artifact in artifacts:
        other = best.setdefault(artifact.key, artifact)
        if other is not artifact and (
            artifact.revision > other.revision
            or (artifact.revision == other.revision and encoded(artifact) > encoded(other))
        ):
            best[artifact.key] = artifact
    return frozenset(best.values())


def _greatest_pins(pins: Iterable[Pin]) -> frozenset[Pin]:
    best: dict[bytes, Pin] = {}
    for pin in pins:
        other = best.setdefault(pin.session_id, pin)
        if _pin_rank(pin) > _pin_rank(other):
            best[pin.session_id] = pin
    return frozenset(best.values())


def _pin_rank(pin: Pin) -> tuple[int, bool, bytes]:
    return pin.changed_at_us, pin.pinned, pin.device_id


def encoded(record: Event | Artifact) -> bytes:
    """Return one msgpack array of the fields after the key.

    Integers have their shortest forms, bytes are bin, unknown is nil. This decides between two
    versions of one record, so every device must build the same bytes.
    """
    from msgspec.msgpack import encode  # imported here: only ties need it

    return encode(record[1:])


__all__ = ["Cover", "History", "InOrder", "Keys", "encoded", "event_supersedes", "join"]
