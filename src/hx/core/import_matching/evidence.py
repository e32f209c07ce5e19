"""Tell the lines of a grown copy of a file from lines that another file has by chance.

Everybody types `ls` and `git status`, and often in the same order. So equal lines in equal order do
not show that two files are one. A pair of equal lines is evidence by as many bits as its text is
rare, less the bits that say how many events were passed over since the pair before. A line of the
file that is not there speaks against it. A stretch of pairs counts if its evidence is greater than
what two files of these lengths have somewhere by chance.

Source: the scores of local alignments (Karlin, Altschul 1990).
"""

from __future__ import annotations

from collections import Counter
from math import log2

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    Hashes = Sequence[int | None]
    Pairs = list[tuple[int, int]]  # (index in what is there, index in the file), both ascending

_UNSEEN = 64  # lines that a short history might have had besides, so that none counts as frequent
_STRANGE = 8.0  # bits against, for each line between two pairs that is not there
_DROP = 40.0  # bits; a stretch ends where it has lost so many
_MARGIN, _SHORT = 1.8, 3.0  # times the bits of chance; bits that short histories are spared


def believed(there: Hashes, lines: Sequence[int], pairs: Pairs) -> list[Pairs]:
    """Return the stretches of pairs with enough evidence that the lines are these events."""
    if not pairs:
        return []
    scores = _scores(there, pairs)
    needed = _MARGIN * log2(len(there) * len(lines)) - _SHORT
    kept: list[Pairs] = []
    start = 0
    while start < len(pairs):
        end, best = _stretch(scores, start)
        if best >= needed:
            kept.append(pairs[start:end])
        start = end
    return kept


def _scores(there: Hashes, pairs: Pairs) -> list[tuple[float, float]]:
    """Return (bits for a pair, bits against that it continues the pair before) for each pair."""
    counts = Counter(there)
    total = len(there) - counts[None] + _UNSEEN
    rare = {hash_: log2(total / count) for hash_, count in counts.items() if hash_ is not None}
    holes = [index for index, hash_ in enumerate(there) if hash_ is None]
    scores = []
    old_at, new_at = pairs[0][0] - 1, pairs[0][1] - 1
    place = 0
    for old, new in pairs:
        while place < len(holes) and holes[place] <= old_at:
            place += 1
        forgotten = 0
        while place < len(holes) and holes[place] < old:
            place, forgotten = place + 1, forgotten + 1
        passed = old - old_at - 1 - forgotten
        strange = max(0, new - new_at - 1 - forgotten)
        scores.append((rare[there[old]], _jump(passed) + _STRANGE * strange))  # type: ignore[index]
        old_at, new_at = old, new
    return scores


def _jump(passed: int) -> float:
    """Return the bits that say how many events were passed over."""
    return 1 + 2 * log2(1 + passed) if passed else 0.0


def _stretch(scores: list[tuple[float, float]], start: int) -> tuple[int, float]:
    """Return the end of the best stretch of pairs that begins at `start`, and its bits."""
    best = bits = scores[start][0]
    end = index = start + 1
    while index < len(scores):
        gain, cost = scores[index]
        bits += gain - cost
        index += 1
        if bits > best:
            best, end = bits, index
        elif bits <= 0 or best - bits > _DROP:
            break
    return end, best
