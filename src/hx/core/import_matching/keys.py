"""Keys of imported events: a repeated import of the same source gives the same keys.

    device_id  = BLAKE2b-256(person "hx1-origin", kind | 0 | source)[:16], its top bits 10
    session_id = BLAKE2b-256(person "hx1-origin-ses", kind | 0 | session)[:16], its top bits 10

`source` and `session` are the names that the other tool gives. A text file has none: then both are
the id of the device that imports, and the top bits are 11. `seq` is the order in the source. The
last bits of the seq of a line with a time are a print of its text, of few bits: a tombstone names
the key and must not reveal what it covers (hx.core.history_lines). Source: docs/format.md, "Keys of
imports".

Only `seq` distinguishes events with one session and one time, which for a text file is one second;
these form a spot. The k-th line with a text at a spot is the k-th event with that text there. A
line without such an event gets a seq after the greatest one. So a file may be imported again after
it was copied, has grown or lost lines, and no event is duplicated. A tombstone may name seqs of a
spot; lines without an event are matched with these first, so that forgotten events do not return.
Seqs of an undone import only stay taken: its lines come back under new ones. Where a spot has seqs
of both kinds, no line without an event is taken.
"""

from __future__ import annotations

from array import array
from binascii import crc32
from bisect import bisect_left

from hx.core.event_name import blake2b, digest64
from hx.core.history_lines import FIRST_ID, PRINT, PRINT_BITS
from hx.core.model import REDACTED, Event
from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    SpotText = tuple["Spot", bytes | None]  # a text at a spot; None: a forgotten event

Spot = tuple[bytes, int]  # session id, start in microseconds


class KnownEvent(NamedTuple):
    """An imported event in the database."""

    seq: int
    finished: bool


Texts = dict[int, list[KnownEvent]]  # hash of a command -> its events, ascending by seq


class SpotEvents:
    """The events at one spot in the database."""

    def __init__(self) -> None:
        self.texts: Texts = {}
        self.greatest = 0  # the greatest seq of events, and of those that tombstones name
        self.forgotten = 0  # the number of seqs that were forgotten
        self.undone = 0  # the number of seqs that were undone with their import


class Placed(NamedTuple):
    """The result of placing a batch of events."""

    fresh: list[Event]  # new events, with their keys
    ended: list[Event]  # known as unfinished, and now finished
    known: int  # number of events that were known
    forgotten: int  # number of events that tombstones cover


class Placing:
    """Gives keys to the events of one source in one run, batch by batch.

    `masked` returns the texts at a spot as the current rules would mask them. It finds the event of
    a line that was imported before a rule was added.
    """

    def __init__(self, masked: Callable[[Spot], Texts]) -> None:
        self.greatest_us = -1  # the latest time in all batches before this one
        self._masked = masked
        # for each earlier batch: first time, last time, sorted marks
        self._earlier: list[tuple[int, int, array[int]]] = []
        self._counts: dict[SpotText, int] = {}
        self._marks: list[int] = []

    def place(self, events: Iterable[Event], by_spot: Mapping[Spot, SpotEvents]) -> Placed:
        """Return the events of a batch with their keys.

        `event.key.seq` is the first seq that an event may take at its spot.
        """
        fresh: list[Event] = []
        ended: list[Event] = []
        known = forgotten = 0
        tops: dict[Spot, int] = {}
        times = []
        counts, marks, latest_us = self._counts, self._marks, self.greatest_us
        # it is one long loop, because calls for each of a million events would double its time
        for event in events:
            at_us, _, session_id, first, _ = event[0]
            times.append(at_us)
            spot = session_id, at_us
            spot_text = spot, event[1]
            if at_us > latest_us:  # most lines are later than all before them
                latest_us = at_us
                counts[spot_text] = number = 1
                marks.append(hash((spot_text, 1)))
                top = None
            else:
                number = self._number(spot_text)
                top = tops.get(spot)
            at_spot = by_spot.get(spot) if by_spot else None
            if at_spot is not None:
                known_events = self._known_events(event, spot, at_spot)
                if number <= len(known_events):
                    known += 1
                    seq, finished = known_events[number - 1]
                    if event.finished and not finished:
                        ended.append(event._replace(key=event.key._replace(seq=seq)))
                    continue
                if at_spot.forgotten and (
                    at_spot.undone or self._number((spot, None)) <= at_spot.forgotten
                ):
                    forgotten += 1
                    continue
            kept = PRINT if session_id >= FIRST_ID else 0  # bits of the seq that are no number
            if top is not None:
                top = (top | kept) + 1 + (first & kept)
            elif at_spot is not None:
                top = max(first, (at_spot.greatest | kept) + 1 + (first & kept))
            else:
                top = first
            tops[spot] = top
            fresh.append(event if top == first else _with_seq(event, top))
        self._remember(times)
        return Placed(fresh, ended, known, forgotten)

    def _known_events(self, event: Event, spot: Spot, at_spot: SpotEvents) -> list[KnownEvent]:
        digest = digest64(event.command)
        events = at_spot.texts.get(digest)
        if events is None and event.flags & REDACTED:
            events = self._masked(spot).get(digest)
        return events or []

    def _number(self, spot_text: SpotText) -> int:
        """Return how often a text has come at a spot in this run, this time included."""
        number = self._counts.get(spot_text)
        if number is None:
            number = self._came_before(spot_text) if spot_text[0][1] <= self.greatest_us else 0
        self._counts[spot_text] = number = number + 1
        self._marks.append(hash((spot_text, number)))
        return number

    def _came_before(self, spot_text: SpotText) -> int:
        """Return how often a text came at a spot in the batches before this one."""
        number = 0
        while self._has_mark(hash((spot_text, number + 1)), spot_text[0][1]):
            number += 1
        return number

    def _has_mark(self, mark: int, at_us: int) -> bool:
        for since_us, until_us, marks in self._earlier:
            if since_us <= at_us <= until_us:
                index = bisect_left(marks, mark)
                if index < len(marks) and marks[index] == mark:
                    return True
        return False

    def _remember(self, times: list[int]) -> None:
        """Store the marks of this batch in eight bytes a line.

        So a history of a million lines fits into memory.
        """
        if times:
            self._earlier.append((min(times), max(times), array("q", sorted(self._marks))))
            self.greatest_us = max(self.greatest_us, *times)
        self._counts.clear()
        self._marks.clear()


def _with_seq(event: Event, seq: int) -> Event:
    return event._replace(key=event.key._replace(seq=seq))


def print_of(text: bytes) -> int:
    """Return the print of the text of a line (hx.core.history_lines)."""
    return crc32(text) & PRINT


def first_seqs(texts: Iterable[bytes]) -> list[int]:
    """Return, for each text, the seq of a line with it that is the first one of its second."""
    return [1 << PRINT_BITS | crc32(text) & PRINT for text in texts]


def origin_device_id(kind: bytes, source: bytes, *, is_text: bool = False) -> bytes:
    """Return the device id for events that were imported from a source.

    `is_text`: the source is a text file, whose events are lines.
    """
    return _named(b"hx1-origin", kind, source, is_text)


def origin_session_id(kind: bytes, session: bytes, *, is_text: bool = False) -> bytes:
    """Return the session id for events that were imported from a session of a source."""
    return _named(b"hx1-origin-ses", kind, session, is_text)


def _named(person: bytes, kind: bytes, name: bytes, is_text: bool) -> bytes:
    digest = blake2b(kind + b"\0" + name, digest_size=32, person=person).digest()
    top = FIRST_ID[0] if is_text else 0x80
    return bytes([digest[0] & 0x3F | top]) + digest[1:16]


def may_be_same_host(name: str, other: str) -> bool:
    """Return whether two host names may belong to one machine.

    The host name of one machine varies by network: `box`, `BOX.local` and `box.example.com` may all
    be the same machine. Names are compared by their first label, without case. An address belongs
    to the same machine only if both texts are equal.
    """
    if name.casefold() == other.casefold():
        return True
    if _is_address(name) or _is_address(other):
        return False
    return _first_label(name) == _first_label(other) != ""


def _first_label(name: str) -> str:
    return name.partition(".")[0].casefold()


def _is_address(name: str) -> bool:
    return ":" in name or name.replace(".", "").isdigit()
