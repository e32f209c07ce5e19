"""What becomes of the lines of a history whose stamps came or went since it was imported.

zsh with EXTENDED_HISTORY gives all lines of a file that had none the time at which it read them;
without, it leaves the stamps out. The same line is then known by its text: one for one, in the
order of the file, never by its time. A run of lines that share one stamp at the head of a file is
such work of a shell, and its times are none.

Where the position of a forgotten line among its neighbours is all that is known of it, the line
between these neighbours stays away.
"""

from __future__ import annotations

from array import array
from collections import Counter
from itertools import pairwise

from hx.core.importing.align import FORGOTTEN, KNOWN, NEW, aligned
from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.core.importing.align import Hashes, Pairs

    Timed = list[tuple[int, int | None]]  # (time, hash of the text; None: forgotten), by time

TWIN, BY_TIME = 3, 4  # beside NEW, KNOWN, FORGOTTEN: there from elsewhere; the stamp decides
UNSTAMPED = 0  # the time of a line that has none
RUN = 3  # lines of one stamp that no hand has typed


class Lines:
    """The lines of a file in its order, 17 bytes for each."""

    def __init__(self) -> None:
        self.hashes = array("q")
        self.times = array("q")
        self.bare = bytearray()  # 1: nothing but the text, and a stamp at most

    def add(self, hash_: int, at_us: int | None, *, bare: bool) -> None:
        self.hashes.append(hash_)
        self.times.append(UNSTAMPED if at_us is None else at_us)
        self.bare.append(bare)

    def __len__(self) -> int:
        return len(self.hashes)


class KnownHistory(NamedTuple):
    """What is there when a file comes."""

    untimed: list[int | None]  # of its origin, in order: hashes, None for the forgotten
    timed: Timed  # of its origin
    elsewhere: dict[int, int]  # hash -> how often: recorded by hx, or imported from another tool
    around: Timed  # the same in order, with what was forgotten; empty where nothing was
    forgotten_us: int  # when the last order came to forget some of `untimed`


class LineStatuses(NamedTuple):
    """What becomes of each line, and which of the new ones are older than all that is there."""

    statuses: bytearray
    older: int  # new lines without a time before this place are


def judge(known: KnownHistory, lines: Lines) -> LineStatuses:
    """Lines with a time of their own that nothing contradicts are BY_TIME."""
    claimed, free = _by_spot(known.timed, lines)
    head = _length_of_run(lines, claimed, 0) if lines else 0
    statuses = bytearray(
        NEW if at == UNSTAMPED or place < head >= RUN else BY_TIME
        for place, at in enumerate(lines.times)
    )
    runs = set(_runs(lines, claimed))
    asked = [at for at in range(len(lines)) if statuses[at] == NEW or at in runs]
    older = _meet_untimed(known.untimed, lines, asked, statuses)
    rest = _unmatched(known.untimed, lines, statuses)
    _meet_timed(known, free, lines, statuses)
    _meet_untimed_by_time(known, rest, lines, statuses, claimed)
    if head < RUN:  # too few to be sure, but what is there without a time may be they
        asked = [at for at in range(head) if statuses[at] == BY_TIME]
        _meet_untimed(_unmatched(known.untimed, lines, statuses), lines, asked, statuses)
    return LineStatuses(statuses, older)


def _by_spot(timed: Timed, lines: Lines) -> tuple[bytearray, Timed]:
    """1 for each line that stands at its time already, or was forgotten there; what is left."""
    claimed = bytearray(len(lines))
    there = Counter(timed)
    for wanted in (True, False):
        for place, at_us in enumerate(lines.times):
            spot = at_us, lines.hashes[place] if wanted else None
            if at_us != UNSTAMPED and not claimed[place] and there[spot] > 0:
                there[spot] -= 1
                claimed[place] = 1
    free = []
    for one in timed:
        if there[one] > 0:
            there[one] -= 1
            free.append(one)
    return claimed, free


def _runs(lines: Lines, claimed: bytearray) -> Iterator[int]:
    """Lines whose stamp may be a shell's work: many share it."""
    place = 0
    while place < len(lines):
        length = _length_of_run(lines, claimed, place)
        if length >= RUN:
            yield from range(place, place + length)
        place += length or 1


def _length_of_run(lines: Lines, claimed: bytearray, start: int) -> int:
    """How many lines share the stamp of this one, and are not known by it."""
    end = start
    while (
        end < len(lines)
        and lines.times[end] == lines.times[start] != UNSTAMPED
        and lines.bare[end]
        and not claimed[end]
    ):
        end += 1
    return end - start


def _meet_untimed(
    there: list[int | None], lines: Lines, asked: list[int], statuses: bytearray
) -> int:
    """Their order decides. Gives the place before which new lines are older than all of it."""
    if not there:
        return 0
    found, pairs = aligned(there, array("q", (lines.hashes[at] for at in asked)))
    for at, status in zip(asked, found, strict=True):
        if status != NEW:
            statuses[at] = status
    if pairs and all(one is None for one in there[: pairs[0][0]]):
        return asked[pairs[0][1]]
    return 0


def _meet_timed(known: KnownHistory, free: Timed, lines: Lines, statuses: bytearray) -> None:
    """Lines without a time are there with one: the last of a text are the last of it there."""
    own = Counter(hash_ for _, hash_ in free)
    buried = own.pop(None, 0)
    elsewhere = Counter(known.elsewhere)
    left = [at for at, status in enumerate(statuses) if status == NEW]
    for at in reversed(left):
        for counted, status in ((elsewhere, TWIN), (own, KNOWN)):
            if statuses[at] == NEW and counted[lines.hashes[at]] > 0:
                counted[lines.hashes[at]] -= 1
                statuses[at] = status
    if buried:
        _bury(free, lines, left, statuses)
    if known.around:
        _bury_around(known.around, lines, left, statuses)


def _bury(there: Timed, lines: Lines, left: list[int], statuses: bytearray) -> None:
    """Lines that stand where one of this origin was forgotten."""
    hashes = [hash_ for _, hash_ in there]
    found, pairs = aligned(hashes, array("q", (lines.hashes[at] for at in left)))
    if not pairs and hashes.count(None) < len(hashes):  # its lines stand in another order
        end = _end_of_known(left, statuses)
        new = [at for at in left if statuses[at] == NEW and at < end]
        found = bytearray(len(left))
        for at in new[: hashes.count(None)]:
            statuses[at] = FORGOTTEN
    _take_over(found, left, statuses)


def _bury_around(there: Timed, lines: Lines, left: list[int], statuses: bytearray) -> None:
    """The same of what ran elsewhere: the last lines of the file, beside others of unknown kind."""
    hashes, asked = [hash_ for _, hash_ in reversed(there)], left[::-1]
    lines_back = array("q", (lines.hashes[at] for at in asked))
    found, pairs = aligned(hashes, lines_back, careful=False)
    if pairs:
        _take_over(found, asked, statuses)


def _take_over(found: bytearray, asked: list[int], statuses: bytearray) -> None:
    for at, status in zip(asked, found, strict=True):
        if status == FORGOTTEN and statuses[at] == NEW:
            statuses[at] = FORGOTTEN


def _end_of_known(left: list[int], statuses: bytearray) -> int:
    """Behind the last line that is known, if most lines are."""
    known = [at for at in left if statuses[at] in (KNOWN, TWIN)]
    return known[-1] if 2 * len(known) >= len(left) else 0


def _unmatched(there: list[int | None], lines: Lines, statuses: bytearray) -> list[int | None]:
    """What stands there without a time and in no line of the file without one."""
    matched = Counter(
        None if status == FORGOTTEN else lines.hashes[at]
        for at, status in enumerate(statuses)
        if status in (KNOWN, FORGOTTEN)
    )
    rest = []
    for one in reversed(there):
        if matched[one] > 0:
            matched[one] -= 1
        else:
            rest.append(one)
    return rest[::-1]


def _meet_untimed_by_time(
    known: KnownHistory,
    rest: list[int | None],
    lines: Lines,
    statuses: bytearray,
    claimed: bytearray,
) -> None:
    """Lines with a time are there without one, if they stand in a row as they do there."""
    asked = [at for at, status in enumerate(statuses) if status == BY_TIME]
    if not rest or not asked:
        return
    # what is known by its time is no other event as well: it equals nothing
    hashes = array("q", (~at if claimed[at] else lines.hashes[at] for at in asked))
    found, pairs = aligned(rest, hashes)
    alone = len(asked) == len(lines) and known.untimed.count(None) == len(known.untimed)
    if not (alone or _is_one_run(pairs, rest)):
        return
    for at, status in zip(asked, found, strict=True):
        is_late = status == FORGOTTEN and lines.times[at] > known.forgotten_us
        if status != NEW and not claimed[at] and not is_late:
            statuses[at] = status


def _is_one_run(pairs: Pairs, there: Hashes) -> bool:
    """Whether most pairs follow each other as closely there as in the file, and no chance few."""
    if len(pairs) < min(RUN, len(there) - list(there).count(None)) or not pairs:
        return False
    close = sum(a[0] - b[0] == a[1] - b[1] for a, b in pairwise(pairs))
    return 2 * close >= len(pairs) - 1


__all__ = [
    "BY_TIME",
    "FORGOTTEN",
    "KNOWN",
    "NEW",
    "TWIN",
    "KnownHistory",
    "LineStatuses",
    "Lines",
    "judge",
]
