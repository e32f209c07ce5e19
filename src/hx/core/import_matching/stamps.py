"""Match the lines of a history whose stamps were added or removed since it was imported.

zsh with EXTENDED_HISTORY gives all lines of a file without stamps the time at which it read them.
Without that option it writes no stamps. A line that was imported in the other form is then known by
its text, one for one and in the order of the file, never by its time. A run of lines with one stamp
at the start of a file was written so by a shell; the stamp is not the time of these commands.

If only the position among its neighbours is known of a forgotten line, the line between these
neighbours is left out.
"""

from __future__ import annotations

from array import array
from collections import Counter
from itertools import pairwise

from hx.core.import_matching.align import (
    FORGOTTEN,
    KNOWN,
    NEW,
    aligned,
    forgotten_lines,
    has_common_stretch,
)
from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hx.core.import_matching.evidence import Hashes, Pairs

    # (time, hash of the text; None: forgotten), ascending by time
    Timed = list[tuple[int, int | None]]

# Statuses besides NEW, KNOWN, FORGOTTEN. DUPLICATE: hx recorded the command, or it was imported
# from another tool. BY_TIME: the time of the line decides.
DUPLICATE, BY_TIME = 3, 4
UNSTAMPED = 0  # the time of a line without a stamp
_FEW = 50  # events; so many of them may be in a file by chance
RUN = 3  # so many lines with one stamp were stamped by a shell when it read the file


class Lines:
    """The lines of a file in their order, in 17 bytes for each."""

    def __init__(self) -> None:
        self.hashes = array("q")
        self.times = array("q")
        self.bare = bytearray()  # 1: the line has only its text and perhaps a stamp

    def add(self, hash_: int, at_us: int | None, *, bare: bool) -> None:
        """Add a line; `bare` says that it has only its text and perhaps a stamp."""
        self.hashes.append(hash_)
        self.times.append(UNSTAMPED if at_us is None else at_us)
        self.bare.append(bare)

    def __len__(self) -> int:
        return len(self.hashes)


class KnownHistory(NamedTuple):
    """What the database contains before a file is imported."""

    untimed: Hashes  # events of its origin without a time: hashes, None if forgotten
    timed: Timed  # events of its origin with a time
    elsewhere: dict[int, int]  # hash -> count: recorded by hx, or imported from another tool
    around: Timed  # the same in order, with forgotten events
    forgotten_us: int  # time of the last tombstone for an event of `untimed`
    # runs of prints of its events, and None for forgotten ones; empty unless some are undone too
    undone: Sequence[Hashes] = ()


class LineStatuses(NamedTuple):
    """The status of each line, and which new lines are older than all that was imported."""

    statuses: bytearray
    older: int  # new lines without a time before this index are older


def judge(known: KnownHistory, lines: Lines) -> LineStatuses:
    """Return the status of each line; a line whose own time is right is BY_TIME.

    Where events of the origin were undone, only their prints show the place of a forgotten one.
    """
    if not known.undone:
        return _judge(known, lines)
    untimed: Hashes = [hash_ for hash_ in known.untimed if hash_ is not None]
    timed = [entry for entry in known.timed if entry[1] is not None]
    judged = _judge(known._replace(untimed=untimed, timed=timed), lines)
    for index in forgotten_lines(known.undone, lines.hashes):
        if judged.statuses[index] in (NEW, BY_TIME):
            judged.statuses[index] = FORGOTTEN
    return judged


def _judge(known: KnownHistory, lines: Lines) -> LineStatuses:
    claimed, free = _by_spot(known.timed, lines)
    head = _length_of_run(lines, claimed, 0) if lines else 0
    statuses = bytearray(
        NEW if at_us == UNSTAMPED or index < head >= RUN else BY_TIME
        for index, at_us in enumerate(lines.times)
    )
    runs = set(_runs(lines, claimed))
    candidates = [index for index in range(len(lines)) if statuses[index] == NEW or index in runs]
    older = _match_untimed(known.untimed, lines, candidates, statuses)
    rest = _unmatched(known.untimed, lines, statuses)
    _match_timed(known, free, lines, statuses)
    _match_untimed_by_time(known, rest, lines, statuses, claimed)
    if head < RUN:  # too few to be sure, but they may be the events without a time
        candidates = [index for index in range(head) if statuses[index] == BY_TIME]
        _match_untimed(_unmatched(known.untimed, lines, statuses), lines, candidates, statuses)
    return LineStatuses(statuses, older)


def _by_spot(timed: Timed, lines: Lines) -> tuple[bytearray, Timed]:
    """Return a byte for each line, and the events that match none.

    The byte is 1 for a line that is known or forgotten at its own time.
    """
    claimed = bytearray(len(lines))
    there = Counter(timed)
    for wanted in (True, False):
        for index, at_us in enumerate(lines.times):
            spot = at_us, lines.hashes[index] if wanted else None
            if at_us != UNSTAMPED and not claimed[index] and there[spot] > 0:
                there[spot] -= 1
                claimed[index] = 1
    free = []
    for entry in timed:
        if there[entry] > 0:
            there[entry] -= 1
            free.append(entry)
    return claimed, free


def _runs(lines: Lines, claimed: bytearray) -> Iterator[int]:
    """Yield the indexes of lines in runs of one stamp, which a shell may have written."""
    index = 0
    while index < len(lines):
        length = _length_of_run(lines, claimed, index)
        if length >= RUN:
            yield from range(index, index + length)
        index += length or 1


def _length_of_run(lines: Lines, claimed: bytearray, start: int) -> int:
    """Return how many lines from `start` share one stamp and are not known by it."""
    end = start
    while (
        end < len(lines)
        and lines.times[end] == lines.times[start] != UNSTAMPED
        and lines.bare[end]
        and not claimed[end]
    ):
        end += 1
    return end - start


def _match_untimed(there: Hashes, lines: Lines, candidates: list[int], statuses: bytearray) -> int:
    """Match lines with events without a time, by their order.

    Returns the index before which new lines are older than all of these events.
    """
    if not there:
        return 0
    new_statuses, pairs = aligned(there, array("q", (lines.hashes[index] for index in candidates)))
    for index, status in zip(candidates, new_statuses, strict=True):
        if status != NEW:
            statuses[index] = status
    if pairs and all(hash_ is None for hash_ in there[: pairs[0][0]]):
        return candidates[pairs[0][1]]
    return 0


def _match_timed(known: KnownHistory, free: Timed, lines: Lines, statuses: bytearray) -> None:
    """Match lines without a time with events that have one.

    Where a text has more lines than events, its last lines are matched.
    """
    own = Counter(hash_ for _, hash_ in free)
    forgotten = own.pop(None, 0)
    elsewhere = Counter(known.elsewhere)
    for counted, events in ((elsewhere, known.around), (own, known.timed)):
        if not _may_hold(lines, events):
            counted.clear()
    remaining = [index for index, status in enumerate(statuses) if status == NEW]
    for index in reversed(remaining):
        for counted, status in ((elsewhere, DUPLICATE), (own, KNOWN)):
            if statuses[index] == NEW and counted[lines.hashes[index]] > 0:
                counted[lines.hashes[index]] -= 1
                statuses[index] = status
    if forgotten:
        _forget(free, lines, remaining, statuses)
    if any(hash_ is None for _, hash_ in known.around):
        _forget_around(known.around, lines, remaining, statuses)


def _may_hold(lines: Lines, events: Timed) -> bool:
    """Return whether a file may hold these events, which another machine's file does not.

    Of few events there is no evidence, and little is lost.
    """
    hashes = [hash_ for _, hash_ in events if hash_ is not None]
    return len(hashes) <= _FEW or has_common_stretch(hashes, lines.hashes)


def _forget(there: Timed, lines: Lines, remaining: list[int], statuses: bytearray) -> None:
    """Mark lines as forgotten that are in the place of a forgotten event of this origin."""
    hashes = [hash_ for _, hash_ in there]
    new_statuses, pairs = aligned(hashes, array("q", (lines.hashes[index] for index in remaining)))
    if not pairs and hashes.count(None) < len(hashes):  # the lines have another order
        end = _end_of_known(remaining, statuses)
        new = [index for index in remaining if statuses[index] == NEW and index < end]
        new_statuses = bytearray(len(remaining))
        for index in new[: hashes.count(None)]:
            statuses[index] = FORGOTTEN
    _take_over(new_statuses, remaining, statuses)


def _forget_around(there: Timed, lines: Lines, remaining: list[int], statuses: bytearray) -> None:
    """Mark lines as forgotten that are in the place of a forgotten event of another origin.

    These are the last lines of the file, compared from the end.
    """
    hashes, candidates = [hash_ for _, hash_ in reversed(there)], remaining[::-1]
    lines_back = array("q", (lines.hashes[index] for index in candidates))
    new_statuses, pairs = aligned(hashes, lines_back, careful=False)
    if pairs:
        _take_over(new_statuses, candidates, statuses)


def _take_over(new_statuses: bytearray, candidates: list[int], statuses: bytearray) -> None:
    """Mark the new lines that are forgotten in `new_statuses`."""
    for index, status in zip(candidates, new_statuses, strict=True):
        if status == FORGOTTEN and statuses[index] == NEW:
            statuses[index] = FORGOTTEN


def _end_of_known(remaining: list[int], statuses: bytearray) -> int:
    """Return the index of the last known line if most lines are known, else 0."""
    known = [index for index in remaining if statuses[index] in (KNOWN, DUPLICATE)]
    return known[-1] if 2 * len(known) >= len(remaining) else 0


def _unmatched(there: Hashes, lines: Lines, statuses: bytearray) -> list[int | None]:
    """Return the events without a time that no line without a time was matched with."""
    matched = Counter(
        None if status == FORGOTTEN else lines.hashes[index]
        for index, status in enumerate(statuses)
        if status in (KNOWN, FORGOTTEN)
    )
    rest = []
    for hash_ in reversed(there):
        if matched[hash_] > 0:
            matched[hash_] -= 1
        else:
            rest.append(hash_)
    return rest[::-1]


def _match_untimed_by_time(
    known: KnownHistory,
    rest: list[int | None],
    lines: Lines,
    statuses: bytearray,
    claimed: bytearray,
) -> None:
    """Match lines with a time with events without one.

    They are matched only if they follow each other in the file as they do in the database.
    """
    candidates = [index for index, status in enumerate(statuses) if status == BY_TIME]
    if not rest or not candidates:
        return
    # a line that is known by its time gets a hash that equals nothing, so it is not matched again
    hashes = array("q", (~index if claimed[index] else lines.hashes[index] for index in candidates))
    new_statuses, pairs = aligned(rest, hashes)
    alone = len(candidates) == len(lines) and known.untimed.count(None) == len(known.untimed)
    if not (alone or _is_one_run(pairs, rest)):
        return
    for index, status in zip(candidates, new_statuses, strict=True):
        is_late = status == FORGOTTEN and lines.times[index] > known.forgotten_us
        if status != NEW and not claimed[index] and not is_late:
            statuses[index] = status


def _is_one_run(pairs: Pairs, there: Hashes) -> bool:
    """Return whether the pairs are one run and not a coincidence.

    In a run most pairs follow each other as closely in the database as in the file.
    """
    if len(pairs) < min(RUN, len(there) - list(there).count(None)) or not pairs:
        return False
    close = sum(a[0] - b[0] == a[1] - b[1] for a, b in pairwise(pairs))
    return 2 * close >= len(pairs) - 1


__all__ = [
    "BY_TIME",
    "DUPLICATE",
    "FORGOTTEN",
    "KNOWN",
    "NEW",
    "KnownHistory",
    "LineStatuses",
    "Lines",
    "judge",
]
