"""The ranking of commands by points: the likeliest first.

`hx search` and the picker both use it. The greatest number of points for each criterion:

    match    100   the mean over the words of a query. A word that the command contains: 50, and
                   20 if the command begins with it (12: a word of the command does), 10 if a word
                   of the command ends with it, 20 by the share of the command that it covers.
                   A word whose letters are scattered: 24 by how close together they are, 16 by
                   how many of them begin a word.
    whole     30   the command is equal to the query
    use       50   a factor for the age of the last run (now 1, a day 0.7, a month 0.4, a year 0.2;
                   0 for a date of more than a day ahead)
                   times the sum of 30 and points for the number of runs (once 0, ten times 10, a
                   hundred times 20)
    place     30   one of its runs was in this directory 20 (else in this repository 10), in this
                   session 5, on this device 5 if there are several
    failure  -10   all of its runs failed: mostly a typing error

Of commands with equal points, the one that ran later comes first.
"""

from __future__ import annotations

from math import log1p, log10

from hx.core.model import AHEAD_US
from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hx.core.terms import Term

LOOKED_AT = 4_096  # characters of a command; the text after them gets no points
OFTEN = 100  # runs; further runs give no more points
_HOUR_US = 3_600_000_000
_LONGEST = log1p(24 * 365 * 10)  # the logarithm of ten years in hours: a run of that age gives 0
_OCCURRENCES = 4  # of a word in a command; later occurrences seldom get more points
_BREAKS = frozenset(" \t\n/-_.,:;=@+\"'`()[]{}<>|&$\\")


class Here(NamedTuple):
    """The place from which a query is asked; None is unknown."""

    directory: bytes | None
    repo: bytes | None
    session_id: bytes | None
    device_id: bytes


class Candidate(NamedTuple):
    """A command with all that its rank depends on."""

    command: int  # row id
    match: float  # match_points
    at_us: int  # start of its newest run in the scope
    runs: int  # in all scopes
    failures: int
    place: int  # place_points


def rank(candidates: Iterable[Candidate], now_us: int) -> list[int]:
    """Return the row ids of the commands, the likeliest first.

    This is one loop, because it ranks a thousand candidates after each key.
    """
    keyed = []
    for command, match, at_us, runs, failures, place in candidates:
        points = match + place + use_points(at_us, runs, now_us)
        if failures == runs:
            points -= 10
        keyed.append((points, at_us, command))
    keyed.sort(reverse=True)
    return [command for _, _, command in keyed]


def use_points(at_us: int, runs: int, now_us: int) -> float:
    """Return points for the start of the newest run and the number of runs (at least one)."""
    return freshness(now_us - at_us) * (30 + 20 * log10(min(runs, OFTEN)) / 2)


def freshness(age_us: int) -> float:
    """Return 1 for an age of 0, and 0 from ten years on; 0 also for more than a day in the future.

    In between, the value falls evenly with the logarithm of the age. A run that is dated further
    ahead has a wrong date: it would come first for years.
    """
    if age_us < -AHEAD_US:
        return 0.0
    return 1.0 if age_us <= 0 else max(0.0, 1 - log1p(age_us / _HOUR_US) / _LONGEST)


def place_points(*, in_directory: bool, in_repo: bool, in_session: bool, on_device: bool) -> int:
    """Return points for the places in which a command ran."""
    points = 20 if in_directory else 10 if in_repo else 0
    return points + 5 * in_session + 5 * on_device


def asked(terms: list[Term]) -> list[Term]:
    """Return the terms that earn points: all but the negated ones."""
    return [term for term in terms if not term.negated]


def match_points(text: str, wanted: list[Term]) -> float:
    """Return points for how well the first LOOKED_AT characters of a command match.

    `text` is that part of the command, `wanted` are the terms that `asked` returned.
    """
    folded = text.lower()
    total = 0.0
    for term in wanted:
        word, place = (term.text, text) if term.exact_case else (term.text.lower(), folded)
        total += _contained(word, place) if word in place else _scattered(word, place)
    if not wanted:
        return 0.0
    return total / len(wanted) + (30 if folded == " ".join(_folded(wanted)) else 0)


def _folded(terms: list[Term]) -> Iterator[str]:
    return (term.text.lower() for term in terms)


def _contained(word: str, text: str) -> float:
    best = 0.0
    start = text.find(word)
    for _ in range(_OCCURRENCES):
        if start < 0:
            break
        points = 20.0 if start == 0 else 12.0 if text[start - 1] in _BREAKS else 0.0
        end = start + len(word)
        points += 10.0 if end == len(text) or text[end] in _BREAKS else 0.0
        best = max(best, points)
        start = text.find(word, start + 1)
    return 50 + best + 20 * min(1.0, len(word) / len(text))


def _scattered(word: str, text: str) -> float:
    """Return points for the better of two placements of the letters of a word in the text.

    One puts each letter as early as possible, the other as late as possible.
    """
    early: list[int] = []
    index = -1
    for letter in word:
        index = text.find(letter, index + 1)
        if index < 0:
            return 0.0
        early.append(index)
    late: list[int] = []
    index += 1
    for letter in reversed(word):
        index = text.rfind(letter, 0, index)
        late.append(index)
    return max(_placement_points(early, text), _placement_points(late[::-1], text))


def _placement_points(indexes: list[int], text: str) -> float:
    starts = sum(index == 0 or text[index - 1] in _BREAKS for index in indexes)
    return 24 * len(indexes) / (indexes[-1] - indexes[0] + 1) + 16 * starts / len(indexes)
