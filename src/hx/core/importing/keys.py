"""Where imported events of known time stand: the same lines again find their own places.

At one spot (a session and a time, for a text file one second) only `seq` tells events apart. The
k-th line of a text there is the k-th event of that text; a line without such an event takes a seq
behind the greatest. So a file may come again, copied, grown, trimmed or with lines gone, and
nothing doubles. Seqs that a tombstone names take such lines first: what was forgotten stays away.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left

from hx.core.event_name import blake2b, digest64
from hx.core.model import REDACTED, Event
from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    What = tuple["Spot", bytes | None]  # a text at a spot; None: a line that was forgotten

Spot = tuple[bytes, int]  # session, time


class KnownEvent(NamedTuple):
    """An imported event that is there."""

    seq: int
    finished: bool


Texts = dict[int, list[KnownEvent]]  # hash of a command -> its events by seq


class SpotEvents:
    """What is at one spot."""

    def __init__(self) -> None:
        self.texts: Texts = {}
        self.greatest = 0  # seq, of events and of forgotten ones
        self.forgotten = 0  # seqs that a tombstone names


class Placed(NamedTuple):
    fresh: list[Event]  # with their seqs
    ended: list[Event]  # known as unfinished, and finished now
    known: int
    forgotten: int


class Placing:
    """One run over one source, batch by batch.

    `masked` gives the texts of a spot as the rules of today would have them: for a line whose
    text stands there from before a rule came.
    """

    def __init__(self, masked: Callable[[Spot], Texts]) -> None:
        self.greatest_us = -1  # of all batches before this one
        self._masked = masked
        self._before: list[tuple[int, int, array[int]]] = []  # of each batch: times from, to; marks
        self._counts: dict[What, int] = {}
        self._marks: list[int] = []

    def place(self, events: Iterable[Event], groups: Mapping[Spot, SpotEvents]) -> Placed:
        """`event.key.seq` is the first that an event may take at its spot."""
        fresh: list[Event] = []
        ended: list[Event] = []
        known = forgotten = 0
        tops: dict[Spot, int] = {}
        times = []
        for event in events:
            at_us, _, session_id, first = event.key
            times.append(at_us)
            spot = session_id, at_us
            number = self._number((spot, event.command))
            group = groups.get(spot)
            if group is not None:
                known_events = self._known_events(event, spot, group)
                if number <= len(known_events):
                    known += 1
                    seq, finished = known_events[number - 1]
                    if event.finished and not finished:
                        ended.append(event._replace(key=event.key._replace(seq=seq)))
                    continue
                if group.forgotten and self._number((spot, None)) <= group.forgotten:
                    forgotten += 1
                    continue
            top = tops.get(spot)
            if top is None:
                top = max(first - 1, group.greatest if group else 0)
            tops[spot] = top = top + 1
            fresh.append(event if top == first else _at(event, top))
        self._remember(times)
        return Placed(fresh, ended, known, forgotten)

    def _known_events(self, event: Event, spot: Spot, group: SpotEvents) -> list[KnownEvent]:
        digest = digest64(event.command)
        found = group.texts.get(digest)
        if found is None and event.flags & REDACTED:
            found = self._masked(spot).get(digest)
        return found or []

    def _number(self, what: What) -> int:
        """How often it has come in this run, this time included."""
        number = self._counts.get(what)
        if number is None:
            number = self._came_before(what) if what[0][1] <= self.greatest_us else 0
        self._counts[what] = number = number + 1
        self._marks.append(hash((what, number)))
        return number

    def _came_before(self, what: What) -> int:
        number = 0
        while self._has_mark(hash((what, number + 1)), what[0][1]):
            number += 1
        return number

    def _has_mark(self, mark: int, at_us: int) -> bool:
        for since_us, until_us, marks in self._before:
            if since_us <= at_us <= until_us:
                at = bisect_left(marks, mark)
                if at < len(marks) and marks[at] == mark:
                    return True
        return False

    def _remember(self, times: list[int]) -> None:
        """Eight bytes a line: a history of a million lines is to fit beside the rest."""
        if times:
            self._before.append((min(times), max(times), array("q", sorted(self._marks))))
            self.greatest_us = max(self.greatest_us, *times)
        self._counts.clear()
        self._marks.clear()


def _at(event: Event, seq: int) -> Event:
    return event._replace(key=event.key._replace(seq=seq))


def origin_device_id(kind: bytes, source: bytes) -> bytes:
    return _named(b"hx1-origin", kind, source)


def origin_session_id(kind: bytes, session: bytes) -> bytes:
    return _named(b"hx1-origin-ses", kind, session)


def _named(person: bytes, kind: bytes, name: bytes) -> bytes:
    digest = blake2b(kind + b"\0" + name, digest_size=32, person=person).digest()
    return bytes([digest[0] | 0x80]) + digest[1:16]
