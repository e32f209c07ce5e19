"""Match the lines of a history, which say when commands began, with events dated at their ends.

Some tools record only when a command ended. The end belongs to the last line with its text that
began before it, at most LONGEST_US before; each line has one end.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hx.core.import_matching.stamps import Lines

LONGEST_US = 86_400 * 1_000_000  # a command that ran longer is not recognised
NEAR_US = 2_000_000  # the clocks of two programs, one of which counts whole seconds


def ended(lines: Lines, ends: Iterable[tuple[int, int]]) -> bytearray:
    """Return a byte for each line: 1 where one of the ends, (hash of the text, time), is its own.

    Times are microseconds. Lines without a time have no end.
    """
    ends_by_hash: dict[int, list[int]] = {}
    for hash_, end_us in ends:
        ends_by_hash.setdefault(hash_, []).append(end_us)
    starts: dict[int, list[tuple[int, int]]] = {}
    for index, (hash_, at_us) in enumerate(zip(lines.hashes, lines.times, strict=True)):
        if at_us and hash_ in ends_by_hash:
            starts.setdefault(hash_, []).append((at_us, index))
    found = bytearray(len(lines))
    for hash_, begun in starts.items():
        for index in _with_end(sorted(begun), sorted(ends_by_hash[hash_])):
            found[index] = 1
    return found


def _with_end(begun: list[tuple[int, int]], ends: list[int]) -> Iterable[int]:
    """Yield the indexes of the lines of one text, (start, index), that have one of the ends."""
    running: list[tuple[int, int]] = []
    place = 0
    for end_us in ends:
        while place < len(begun) and begun[place][0] <= end_us + NEAR_US:
            running.append(begun[place])
            place += 1
        if running and running[-1][0] >= end_us - LONGEST_US:
            yield running.pop()[1]
