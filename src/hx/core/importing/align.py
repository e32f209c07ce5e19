"""Which lines of a history without times were imported before: two sequences of hashes, aligned.

A file is trimmed at its top, grows at its end, and loses lines in between; an older copy of it
begins before what is there. Both sides then share runs in the same order: those lines are known,
the rest is new. A place whose event was forgotten is None: it matches whatever line stands there,
so that the line stays away. Between two lines that are known, where something was forgotten, all
that is unknown stays away: nobody can tell which line it was. The cost is bounded: near the sizes
for large ones, their product for small ones.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Hashes = Sequence[int | None]
    Pairs = list[tuple[int, int]]  # (place in what is there, place in the file), both ascending

NEW, KNOWN, FORGOTTEN = 0, 1, 2
_SMALL = 250_000  # cells of a table that are no waste
_RUN = 3  # equal lines in a row that are no chance
_SURE = 100  # lines of a file's beginning that end what is there: no need to look further
_TRIES = 1_000
_WIDTH = 8  # bytes of a hash


def align(there: Hashes, lines: Sequence[int]) -> bytearray:
    """NEW, KNOWN or FORGOTTEN for each line. Hashes are signed and of 64 bits."""
    return aligned(there, lines)[0]


def aligned(
    there: Hashes, lines: Sequence[int], *, careful: bool = True
) -> tuple[bytearray, Pairs]:
    """What `align` gives, and the pairs that it goes by: none when it is another file.

    Unless `careful`, a forgotten place takes one line and no more.
    """
    if None not in there:
        pairs = _run(array("q", there), array("q", lines))  # type: ignore[arg-type]
        if len(pairs) >= _SURE or 2 * len(pairs) >= min(len(there), len(lines)):
            return _statuses(there, lines, pairs, careful), pairs
    elif all(one is None for one in there):
        return bytearray(FORGOTTEN if at < len(there) else NEW for at in range(len(lines))), []
    pairs = _pairs(there, lines)
    statuses = _statuses(there, lines, pairs, careful)
    return (statuses, pairs) if _is_credible(statuses) else (bytearray(len(lines)), [])


def _run(there: array[int], lines: array[int]) -> Pairs:
    """The file goes on where what is there ends, or it is an older copy: the other way round."""
    start, length = _overlap(there, lines)
    older, length_of_older = _overlap(lines, there)
    if length_of_older > length:
        return [(at, older + at) for at in range(length_of_older)]
    return [(start + at, at) for at in range(length)]


def _overlap(there: array[int], lines: array[int]) -> tuple[int, int]:
    """(where in what is there, how long): the file's beginning is its end, or all lies within."""
    old, new = there.tobytes(), lines.tobytes()
    for at in _occurrences(old, new[: _WIDTH * _RUN]):
        if old[at:].startswith(new) or new.startswith(old[at:]):
            return at // _WIDTH, min(len(old) - at, len(new)) // _WIDTH
    for length in range(min(_RUN, len(there), len(lines)), 0, -1):
        if old[-_WIDTH * length :] == new[: _WIDTH * length]:
            return len(there) - length, length
    return 0, 0


def _occurrences(old: bytes, part: bytes) -> Iterator[int]:
    """Places of whole hashes, at most _TRIES."""
    at = tries = 0
    while tries < _TRIES and (at := old.find(part, at)) >= 0:
        if at % _WIDTH == 0:
            tries += 1
            yield at
        at += 1


def _is_credible(statuses: bytearray) -> bool:
    """Whether most lines up to the last known one were there: else it is another file."""
    seen = statuses.rstrip(bytes((NEW,)))
    return 2 * seen.count(NEW) <= len(seen)


def _statuses(there: Hashes, lines: Sequence[int], pairs: Pairs, careful: bool) -> bytearray:
    """What the pairs tell of each line, and of the lines between them."""
    statuses = bytearray(len(lines))
    for _, at in pairs:
        statuses[at] = KNOWN
    left: Counter[int | None] = Counter()  # of what is there, behind the first pair
    for old, new in _gaps(len(there), len(lines), pairs):
        counted = Counter(there[at] for at in old)
        _match(statuses, lines, new, counted)
        side = _side(new, pairs)
        _leave_out(statuses, new, counted[None], side if side or careful else 1)
        if old.start or not pairs:
            left += counted
    last = pairs[-1][1] if pairs else 0
    _match(
        statuses, lines, range(last), left
    )  # lines that once came into the middle stand at the end
    return statuses


def _match(
    statuses: bytearray, lines: Sequence[int], where: range, counted: Counter[int | None]
) -> None:
    """The k-th line of a text is the k-th that is there."""
    for at in where:
        if statuses[at] == NEW and counted[lines[at]] > 0:
            counted[lines[at]] -= 1
            statuses[at] = KNOWN


def _side(new: range, pairs: Pairs) -> int:
    """Where a gap lies: -1 before all pairs, 1 behind them, 0 between two of them."""
    if not pairs or new.start > pairs[-1][1]:
        return 1
    return -1 if new.stop <= pairs[0][1] else 0


def _leave_out(statuses: bytearray, where: range, holes: int, side: int) -> None:
    """Forgotten places take what is unknown: as many lines next to a pair, or all between two."""
    if not holes:
        return
    unknown = [at for at in where if statuses[at] == NEW]
    taken = unknown[-holes:] if side < 0 else unknown[:holes] if side > 0 else unknown
    for at in taken:
        statuses[at] = FORGOTTEN


def _gaps(old: int, new: int, pairs: Pairs) -> Iterator[tuple[range, range]]:
    old_at = new_at = 0
    for old_end, new_end in [*pairs, (old, new)]:
        if old_at < old_end or new_at < new_end:
            yield range(old_at, old_end), range(new_at, new_end)
        old_at, new_at = old_end + 1, new_end + 1


def _pairs(there: Hashes, lines: Sequence[int]) -> Pairs:
    """Equal lines in the same order on both sides; as many as possible where that is cheap."""
    if len(there) * len(lines) <= _SMALL:
        return _longest(there, lines, 0, 0)
    pairs: Pairs = []
    old_at = new_at = 0
    for old, new in [*_anchored(there, lines), (len(there), len(lines))]:
        if (old - old_at) * (new - new_at) <= _SMALL:
            pairs += _longest(there[old_at:old], lines[new_at:new], old_at, new_at)
        if old < len(there) or new < len(lines):
            pairs.append((old, new))
        old_at, new_at = old + 1, new + 1
    return pairs


def _longest(there: Hashes, lines: Sequence[int], old_from: int, new_from: int) -> Pairs:
    """The longest common subsequence, by a table of its lengths from the end."""
    if not there or not lines:
        return []
    table = [[0] * (len(lines) + 1)]
    for old in reversed(there):
        below, row, right = table[-1], [0] * (len(lines) + 1), 0
        for at in range(len(lines) - 1, -1, -1):
            right = below[at + 1] + 1 if old == lines[at] else max(below[at], right)
            row[at] = right
        table.append(row)
    table.reverse()
    pairs, old_at, new_at = [], 0, 0
    while old_at < len(there) and new_at < len(lines):
        if there[old_at] == lines[new_at]:
            pairs.append((old_from + old_at, new_from + new_at))
            old_at, new_at = old_at + 1, new_at + 1
        elif table[old_at + 1][new_at] >= table[old_at][new_at + 1]:
            old_at += 1
        else:
            new_at += 1
    return pairs


def _anchored(there: Hashes, lines: Sequence[int]) -> Pairs:
    """Runs that stand once on either side, in one order, and the equal lines around them."""
    old, new = _single_runs(there), _single_runs(lines)
    anchors = _ascending([(old[run], at) for run, at in new.items() if run in old])
    pairs: Pairs = []
    for old_at, new_at in anchors:
        pairs += _grown(there, lines, (old_at, new_at), pairs[-1] if pairs else (-1, -1))
    return pairs


def _single_runs(hashes: Hashes) -> dict[int, int]:
    """hash of _RUN lines in a row -> where they begin, in the order of that; only single ones."""
    found: dict[int, int] = {}
    for at in range(len(hashes) - _RUN + 1):
        run = tuple(hashes[at : at + _RUN])
        if None not in run:
            key = hash(run)
            found[key] = -1 if key in found else at
    return {run: at for run, at in found.items() if at >= 0}


def _ascending(anchors: Pairs) -> Pairs:
    """The longest part in which both sides ascend; it comes ordered by the second."""
    ends: list[int] = []  # smallest first place that ends a part of each length
    last: list[int] = []  # the anchor that it belongs to
    before: list[int] = []  # for each anchor the one before it in its part
    for at, (old, _) in enumerate(anchors):
        length = bisect_left(ends, old)
        before.append(last[length - 1] if length else -1)
        ends[length : length + 1], last[length : length + 1] = [old], [at]
    part, at = [], last[-1] if last else -1
    while at >= 0:
        part.append(anchors[at])
        at = before[at]
    return part[::-1]


def _grown(
    there: Hashes, lines: Sequence[int], anchor: tuple[int, int], floor: tuple[int, int]
) -> Pairs:
    """The anchor with what is equal before it, as far as the floor, and behind it."""
    old, new = anchor
    if old <= floor[0] or new <= floor[1]:
        return []  # the one before has reached it
    first = 0
    while (
        old - first - 1 > floor[0]
        and new - first - 1 > floor[1]
        and (there[old - first - 1] == lines[new - first - 1])
    ):
        first += 1
    end = 0
    while (
        old + end < len(there) and new + end < len(lines) and there[old + end] == lines[new + end]
    ):
        end += 1
    return [(old + step, new + step) for step in range(-first, end)]
