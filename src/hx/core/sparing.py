"""Whether a tombstone covers a key that is spared of some tombstones.

This is the slow part of `hx.core.merge.Cover`: nearly no key is spared of anything. The time for
one query grows with the number of tombstones that the key is spared of, and with the logarithm of
the number of windows; how many other tombstones cover the key does not matter.
"""

from __future__ import annotations

from bisect import bisect_right

from hx.core.history_lines import names_of
from hx.core.model import Keys, WholeSession, Window, bare_artifact_key, bare_key
from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hx.core.model import ArtifactKey, EventKey, Tombstone

    _Named = bytes | EventKey | ArtifactKey  # what a tombstone names: a session, or a record


class _Windows(NamedTuple):
    """The beginnings and the ends of windows, each in ascending order."""

    since_us: list[int]
    until_us: list[int]

    def around(self, at_us: int) -> int:
        """Return how many of the windows contain a time."""
        return bisect_right(self.since_us, at_us) - bisect_right(self.until_us, at_us)


class Remaining:
    """Tells whether a tombstone covers a key, other than those of which the key is spared."""

    def __init__(self, tombstones: Iterable[Tombstone]) -> None:
        self._first: dict[_Named, bytes] = {}  # what is named -> a tombstone that names it
        self._others: dict[_Named, set[bytes]] = {}  # the further ones: there are few
        self._all: dict[bytes | None, _Windows] = {}  # by device
        self._of: dict[tuple[bytes, bytes | None], _Windows] = {}  # by tombstone and device
        for tombstone in tombstones:
            scope = tombstone.scope
            if isinstance(scope, Window):
                self._add_window(tombstone.tombstone_id, scope)
            elif isinstance(scope, WholeSession):
                self._add_named(tombstone.tombstone_id, scope.session_id)
            elif isinstance(scope, Keys):
                for event in scope.events:
                    self._add_named(tombstone.tombstone_id, event)
                for artifact in scope.artifacts:
                    self._add_named(tombstone.tombstone_id, artifact)
        for windows in (*self._all.values(), *self._of.values()):
            windows.since_us.sort()
            windows.until_us.sort()

    def _add_window(self, tombstone_id: bytes, window: Window) -> None:
        since_us, until_us, device_id = window
        if since_us >= until_us:
            return
        for windows in (
            self._all.setdefault(device_id, _Windows([], [])),
            self._of.setdefault((tombstone_id, device_id), _Windows([], [])),
        ):
            windows.since_us.append(since_us)
            windows.until_us.append(until_us)

    def _add_named(self, tombstone_id: bytes, named: _Named) -> None:
        if self._first.setdefault(named, tombstone_id) != tombstone_id:
            self._others.setdefault(named, set()).add(tombstone_id)

    def event(self, key: EventKey) -> bool:
        """Return whether a tombstone covers an event that is not spared of it."""
        return self._event(key, key.spared)

    def artifact(self, key: ArtifactKey) -> bool:
        """Return whether a tombstone covers an artifact, itself or its event, and spares neither.

        An artifact that is spared of a tombstone is not covered by it through its event either.
        """
        spared = key.spared
        if self._names(bare_artifact_key(key), spared) or self._covers(
            key.session_id, key.created_at_us, key.device_id, spared
        ):
            return True
        return key.event is not None and self._event(key.event, spared + key.event.spared)

    def _event(self, key: EventKey, spared: tuple[bytes, ...]) -> bool:
        return any(self._names(name, spared) for name in names_of(bare_key(key))) or self._covers(
            key.session_id, key.started_at_us, key.device_id, spared
        )

    def _covers(
        self, session_id: bytes, at_us: int, device_id: bytes, spared: tuple[bytes, ...]
    ) -> bool:
        return self._names(session_id, spared) or any(
            self._contains(at_us, owner, spared) for owner in (None, device_id)
        )

    def _contains(self, at_us: int, owner: bytes | None, spared: tuple[bytes, ...]) -> bool:
        """Return whether a window of this owner contains a time, other than those spared."""
        count = self._all[owner].around(at_us) if owner in self._all else 0
        for tombstone_id in frozenset(spared) if count else ():
            own = self._of.get((tombstone_id, owner))
            count -= own.around(at_us) if own else 0
        return count > 0

    def _names(self, named: _Named, spared: tuple[bytes, ...]) -> bool:
        """Return whether a tombstone names this, other than those spared."""
        first = self._first.get(named)
        if first is None:
            return False
        others = self._others.get(named, set())
        # more tombstones than those spared: one is not among them
        return len(others) >= len(spared) or not {first, *others} <= frozenset(spared)
