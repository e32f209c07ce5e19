"""The merge, on one page: what a history is, and how two of them become one.

A segment in the store is a small history, the local database is a large one, and taking one into
the other is `join`. It is commutative, associative and idempotent, so histories may arrive in any
order, any number of times, and every device ends up with the same one; nothing that a tombstone
covers survives it. Tombstones test keys only: were another field tested, two versions of one
event could part ways, and the order of arrival would show.
Anchors: Shapiro et al. 2011; Gomes et al. 2017; sync contract v1, section 2.
"""

from __future__ import annotations

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
)
from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


class History(NamedTuple):
    """A set of events, artifacts, pins and tombstones."""

    events: frozenset[Event] = frozenset()
    artifacts: frozenset[Artifact] = frozenset()
    pins: frozenset[Pin] = frozenset()
    tombstones: frozenset[Tombstone] = frozenset()


def join(a: History, b: History) -> History:
    """Union with tombstones; of two versions of one record the greater."""
    tombstones = a.tombstones | b.tombstones
    cover = Cover(tombstones)
    return History(
        _greatest_events(cover.spared_events(a.events | b.events)),
        _greatest_artifacts(x for x in a.artifacts | b.artifacts if not cover.artifact(x.key)),
        _greatest_pins(a.pins | b.pins),
        tombstones,
    )


class Cover:
    """What a set of tombstones covers; a question costs the same however many there are."""

    def __init__(self, tombstones: Iterable[Tombstone]) -> None:
        windows: dict[bytes | None, list[tuple[int, int]]] = {}
        self._sessions: set[bytes] = set()
        self._events: set[EventKey] = set()
        self._artifacts: set[ArtifactKey] = set()
        for tombstone in tombstones:
            scope = tombstone.scope
            if isinstance(scope, Window):
                windows.setdefault(scope.device_id, []).append((scope.since_us, scope.until_us))
            elif isinstance(scope, WholeSession):
                self._sessions.add(scope.session_id)
            else:
                self._events |= scope.events
                self._artifacts |= scope.artifacts
        self._windows = {device: _merged(spans) for device, spans in windows.items()}

    def spared_events(self, events: frozenset[Event]) -> frozenset[Event]:
        """Those that nothing covers; where there is no tombstone, no event is asked."""
        if not (self._windows or self._sessions or self._events):
            return events
        return frozenset(event for event in events if not self.event(event.key))

    def event(self, key: EventKey) -> bool:
        return (
            key in self._events
            or key.session_id in self._sessions
            or self._in_window(key.started_at_us, key.device_id)
        )

    def artifact(self, key: ArtifactKey) -> bool:
        """By its own key, or by the event that it belongs to."""
        return (
            key in self._artifacts
            or key.session_id in self._sessions
            or self._in_window(key.created_at_us, key.device_id)
            or (key.event is not None and self.event(key.event))
        )

    def _in_window(self, at_us: int, device_id: bytes) -> bool:
        return any(
            _within(at_us, self._windows[owner])
            for owner in (None, device_id)
            if owner in self._windows
        )


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Disjoint half-open spans in ascending order; empty ones vanish."""
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
    low, high = 0, len(spans)
    while low < high:  # the last span that begins at or before at_us
        middle = (low + high) // 2
        if spans[middle][0] <= at_us:
            low = middle + 1
        else:
            high = middle
    return low > 0 and at_us < spans[low - 1][1]


def _greatest_events(events: frozenset[Event]) -> frozenset[Event]:
    best: dict[EventKey, Event] = {event.key: event for event in events}
    if len(best) == len(events):  # no two versions: almost always
        return events
    for event in events:
        other = best.setdefault(event.key, event)
        if other is not event and event_supersedes(event, other):
            best[event.key] = event
    return frozenset(best.values())


def event_supersedes(event: Event, other: Event) -> bool:
    """The greater revision, then finished before unfinished, then the greater encoded bytes."""
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
    """One msgpack array of the fields after the key: shortest forms, bytes as bin, unknown nil.

    It decides between two versions of one record, so every device must build the same bytes.
    """
    from msgspec.msgpack import encode  # only ties need it

    return encode(record[1:])


__all__ = ["Cover", "History", "Keys", "encoded", "event_supersedes", "join"]
