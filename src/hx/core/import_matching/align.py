"""Align a history without times with what was imported from it before: two sequences of hashes.

A history file loses lines at its top and in between, and grows at its end; an older copy of it
begins earlier. Both sequences then contain common runs in the same order. Those lines are known,
and all others are new. A forgotten event is None: it matches any line at its place, so that the
line does not return. If an event was forgotten between two known lines, all unknown lines between
them are left out, as nobody can tell which of them it was.

The cost is bounded: almost linear in the sizes of large sequences, and the product of the sizes for
small ones.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from itertools import chain

from hx.core.import_matching.evidence import believed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hx.core.import_matching.evidence import Hashes, Pairs

NEW, KNOWN, FORGOTTEN = 0, 1, 2
_SMALL = 250_000  # cells of a table of lengths; larger tables cost too much
_RUN = 3  # so many equal lines in a row are taken for a common run
_SURE = 100  # a common run of so many lines is sufficient: no further search
_TRIES = 1_000  # occurrences that are tested
_WIDTH = 8  # bytes of a hash
_PAIR = 1 << 20  # what a pair counts in that table; a forgotten event with a line counts 1
PRINT, NO_PRINT = 0xFFFF, -1  # the last 16 bits of a hash are the print of an undone event


def align(there: Hashes, lines: Sequence[int]) -> bytearray:
    """Return one status for each line: NEW, KNOWN or FORGOTTEN.

    `there` contains the hashes of what was imported, `lines` those of the file. Hashes are signed
    integers of 64 bits.
    """
    return aligned(there, lines)[0]


def aligned(
    there: Hashes, lines: Sequence[int], *, careful: bool = True
) -> tuple[bytearray, Pairs]:
    """Return the statuses of `align` and the pairs of equal lines.

    There are no pairs if it is another file. If not `careful`, a forgotten event takes only one
    line.
    """
    if None not in there:
        run = _run(array("q", there), array("q", lines))  # type: ignore[arg-type]
        is_most = 2 * len(run) >= min(len(there), len(lines))
        if is_most or len(run) >= _SURE or believed(there, lines, run) == [run]:
            return _statuses(there, lines, [run], careful), run
    else:
        run = []
    pairs = _pairs(there, lines)
    stretches = believed(there, lines, pairs) or _border(there, lines, run)
    if stretches:
        return _statuses(there, lines, stretches, careful), [*chain(*stretches)]
    return _in_doubt(there, lines, pairs)


def _in_doubt(there: Hashes, lines: Sequence[int], pairs: Pairs) -> tuple[bytearray, Pairs]:
    """Return what `aligned` does for a file that is another one, as far as the evidence goes.

    It may be the same one nevertheless, and what was forgotten must not return. So each forgotten
    event takes a line at its place. Pairs are known lines only if they are all that is left.
    """
    holes = there.count(None)
    statuses = bytearray(len(lines))
    if holes == len(there) or holes >= len(lines):  # any line may be a forgotten one
        statuses[:holes] = bytes([FORGOTTEN]) * min(holes, len(lines))
        return statuses, []
    if not holes or not pairs:
        return statuses, []
    statuses = _statuses(there, lines, [pairs], careful=False)
    if holes + len(pairs) == len(there):
        return statuses, pairs
    return statuses.replace(bytes([KNOWN]), bytes([NEW])), []


def _border(there: Hashes, lines: Sequence[int], run: Pairs) -> list[Pairs]:
    """Return a run from one end of what is there to the other end of the file, if it is certain.

    It has several lines, or lines that are rare.
    """
    is_rare = all(there.count(there[old]) == lines.count(lines[new]) == 1 for old, new in run)
    return [run] if run and (len(run) >= _RUN or is_rare) else []


def has_common_stretch(there: Hashes, lines: Sequence[int]) -> bool:
    """Return whether so many events are in the file in their order that it is no coincidence."""
    return bool(believed(there, lines, _pairs(there, lines)))


def forgotten_lines(blocks: Sequence[Hashes], lines: Sequence[int]) -> set[int]:
    """Return the indexes of the lines that may be forgotten, in a file that was undone.

    Each block is a run of the events that the file had before: the print of each, None for a
    forgotten one, NO_PRINT where nothing is known of an undone one. It is aligned with the prints
    of the lines. A block without any print may be anywhere, so then every line may be forgotten.
    """
    prints = array("q", (hash_ & PRINT for hash_ in lines))
    found: set[int] = set()
    for block in blocks:
        if None not in block:
            continue
        if all(print_ is None or print_ == NO_PRINT for print_ in block):
            return set(range(len(lines)))
        pairs = _pairs(block, prints)
        statuses = _statuses(block, prints, [pairs], careful=True)
        found.update(index for index, status in enumerate(statuses) if status == FORGOTTEN)
    return found


def _run(there: array[int], lines: array[int]) -> Pairs:
    """Return the pairs of the run of equal lines that both sequences have, if there is one.

    The run begins the file and ends what is there: the file has grown. Or it ends the file and
    begins what is there: the file is an older copy. Or the whole of one sequence is in the other.
    """
    start, length = _overlap(there, lines)
    older, length_of_older = _overlap(lines, there)
    if length_of_older > length:
        return [(index, older + index) for index in range(length_of_older)]
    return [(start + index, index) for index in range(length)]


def _overlap(there: array[int], lines: array[int]) -> tuple[int, int]:
    """Return (index in `there`, length) of a run at the start of the file, or (0, 0).

    The run extends to the end of what is there, or contains the whole file.
    """
    old, new = there.tobytes(), lines.tobytes()
    for offset in _occurrences(old, new[: _WIDTH * _RUN]):
        if old[offset:].startswith(new) or new.startswith(old[offset:]):
            return offset // _WIDTH, min(len(old) - offset, len(new)) // _WIDTH
    for length in range(min(_RUN, len(there), len(lines)), 0, -1):
        if old[-_WIDTH * length :] == new[: _WIDTH * length]:
            return len(there) - length, length
    return 0, 0


def _occurrences(old: bytes, part: bytes) -> Iterator[int]:
    """Yield the byte offsets at which whole hashes match `part`, at most _TRIES."""
    offset = tries = 0
    while tries < _TRIES and (offset := old.find(part, offset)) >= 0:
        if offset % _WIDTH == 0:
            tries += 1
            yield offset
        offset += 1


def _statuses(
    there: Hashes, lines: Sequence[int], stretches: list[Pairs], careful: bool
) -> bytearray:
    """Return the status of each line from stretches of pairs and from the lines between pairs."""
    statuses = bytearray(len(lines))
    pairs = [*chain(*stretches)]
    starts = {stretch[0][1] for stretch in stretches if stretch}
    for _, index in pairs:
        statuses[index] = KNOWN
    left: Counter[int | None] = Counter()  # unmatched events after the first pair
    for old, new in _gaps(len(there), len(lines), pairs):
        counted = Counter(there[index] for index in old)
        side = _side(new, pairs)
        if not side and new.stop not in starts:
            _match(statuses, lines, new, counted)
        _leave_out(statuses, new, counted[None], side if side or careful else 1)
        if old.start or not pairs:
            left += counted
    # lines that were imported after lines around them have their events at the end
    if pairs:
        _match(statuses, lines, range(pairs[0][1], pairs[-1][1]), left)
    return statuses


def _match(
    statuses: bytearray, lines: Sequence[int], where: range, counted: Counter[int | None]
) -> None:
    """Mark lines as KNOWN: the k-th line with a text is the k-th event with it."""
    for index in where:
        if statuses[index] == NEW and counted[lines[index]] > 0:
            counted[lines[index]] -= 1
            statuses[index] = KNOWN


def _side(new: range, pairs: Pairs) -> int:
    """Return the place of a gap: -1 before all pairs, 1 after them, 0 between two pairs."""
    if not pairs or new.start > pairs[-1][1]:
        return 1
    return -1 if new.stop <= pairs[0][1] else 0


def _leave_out(statuses: bytearray, where: range, holes: int, side: int) -> None:
    """Mark unknown lines in a gap as FORGOTTEN, if events were forgotten there.

    `holes` is the number of forgotten events. In a gap between two pairs (`side` 0) all unknown
    lines are marked. In a gap at an end only so many are, those next to a pair: the last ones of
    the gap at the beginning (`side` < 0), the first ones of the gap at the end (`side` > 0).
    """
    if not holes:
        return
    unknown = [index for index in where if statuses[index] == NEW]
    taken = unknown[-holes:] if side < 0 else unknown[:holes] if side > 0 else unknown
    for index in taken:
        statuses[index] = FORGOTTEN


def _gaps(old: int, new: int, pairs: Pairs) -> Iterator[tuple[range, range]]:
    """Yield the ranges of both sequences between the pairs."""
    old_at = new_at = 0
    for old_end, new_end in [*pairs, (old, new)]:
        if old_at < old_end or new_at < new_end:
            yield range(old_at, old_end), range(new_at, new_end)
        old_at, new_at = old_end + 1, new_end + 1


def _pairs(there: Hashes, lines: Sequence[int], run: int = _RUN) -> Pairs:
    """Return equal lines in the same order, as many as possible where that is cheap.

    `run`: the length of the runs that are anchors; between them, single lines are.
    """
    if len(there) * len(lines) <= _SMALL:
        return _longest(there, lines)
    if not run:
        return []
    pairs: Pairs = []
    old_at = new_at = 0
    for old, new in [*_anchored(there, lines, run), (len(there), len(lines))]:
        between = _pairs(there[old_at:old], lines[new_at:new], run // _RUN)
        pairs += [(old_at + first, new_at + second) for first, second in between]
        if old < len(there) or new < len(lines):
            pairs.append((old, new))
        old_at, new_at = old + 1, new + 1
    return pairs


def _longest(there: Hashes, lines: Sequence[int]) -> Pairs:
    """Return the longest common subsequence, by a table of its lengths from the end.

    Of several longest ones it is one that leaves lines for as many forgotten events as possible.
    """
    if not there or not lines:
        return []
    table = [[0] * (len(lines) + 1)]
    for old in reversed(there):
        below, row, right = table[-1], [0] * (len(lines) + 1), 0
        for index in range(len(lines) - 1, -1, -1):
            right = max(below[index], right)
            if old is None:
                right = max(right, below[index + 1] + 1)
            elif old == lines[index]:
                right = max(right, below[index + 1] + _PAIR)
            row[index] = right
        table.append(row)
    table.reverse()
    pairs, old_at, new_at = [], 0, 0
    while old_at < len(there) and new_at < len(lines):
        gained = table[old_at][new_at] - table[old_at + 1][new_at + 1]
        if gained == _PAIR and there[old_at] == lines[new_at]:
            pairs.append((old_at, new_at))
            old_at, new_at = old_at + 1, new_at + 1
        elif gained == 1 and there[old_at] is None:
            old_at, new_at = old_at + 1, new_at + 1
        elif table[old_at + 1][new_at] >= table[old_at][new_at + 1]:
            old_at += 1
        else:
            new_at += 1
    return pairs


def _anchored(there: Hashes, lines: Sequence[int], run: int) -> Pairs:
    """Return the runs that occur once in both sequences, in one order, with equal lines around."""
    old, new = _single_runs(there, run), _single_runs(lines, run)
    anchors = _ascending([(old[key], index) for key, index in new.items() if key in old])
    pairs: Pairs = []
    for old_at, new_at in anchors:
        pairs += _grown(there, lines, (old_at, new_at), pairs[-1] if pairs else (-1, -1))
    return pairs


def _single_runs(hashes: Hashes, length: int) -> dict[int, int]:
    """Return the hash of each run of `length` lines that occurs once -> its index, in order."""
    indexes: dict[int, int] = {}
    for index in range(len(hashes) - length + 1):
        run = tuple(hashes[index : index + length])
        if None not in run:
            key = hash(run)
            indexes[key] = -1 if key in indexes else index
    return {run: index for run, index in indexes.items() if index >= 0}


def _ascending(anchors: Pairs) -> Pairs:
    """Return the longest subsequence in which both indexes ascend; the second ones do already."""
    ends: list[int] = []  # for each length the smallest first index that ends a part of it
    last: list[int] = []  # the anchors with these indexes
    before: list[int] = []  # for each anchor the previous one in its part
    for index, (old, _) in enumerate(anchors):
        length = bisect_left(ends, old)
        before.append(last[length - 1] if length else -1)
        ends[length : length + 1], last[length : length + 1] = [old], [index]
    part, index = [], last[-1] if last else -1
    while index >= 0:
        part.append(anchors[index])
        index = before[index]
    return part[::-1]


def _grown(
    there: Hashes, lines: Sequence[int], anchor: tuple[int, int], floor: tuple[int, int]
) -> Pairs:
    """Return an anchor extended by equal lines before it, down to the floor, and after it."""
    old, new = anchor
    if old <= floor[0] or new <= floor[1]:
        return []  # the previous anchor was extended beyond it
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
