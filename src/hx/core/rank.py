"""Which of the commands that fit is the likeliest: points, the most first.

`hx search` and the picker both ask here. What counts, and how much of it at most:

    match    100   the mean over the words of a query. A word that the command contains: 50, and
                   20 when the command begins with it (12: a word of the command does), 10 when a
                   word of the command ends with it, 20 by the share of the command that it is.
                   A word whose letters stand apart: 24 by how close together they are, 16 by how
                   many of them begin a word.
    whole     30   the command is just what was asked for
    use       50   how long ago it last ran (now 1, a day 0.7, a month 0.4, a year 0.2), times 30,
                   and 20 more by how often it ran (once 0, ten times 10, a hundred times 20)
    place     30   one of its runs was in this directory 20 (else in this repository 10), in this
                   session 5, on this device 5, where there are several
    failure  -10   each of its runs failed: mostly a typing error

Of equal ones the later used is first.
"""

from __future__ import annotations

from math import log1p, log10

from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hx.core.terms import Term

LOOKED_AT = 4_096  # characters of a command; what stands behind them earns no points
OFTEN = 100  # runs; more count no more
_HOUR_US = 3_600_000_000
_LONGEST = log1p(24 * 365 * 10)  # after ten years of hours a run counts for nothing
_OCCURRENCES = 4  # of a word in a command that are looked at: later ones are seldom better
_BREAKS = frozenset(" \t\n/-_.,:;=@+\"'`()[]{}<>|&$\\")


class Here(NamedTuple):
    """Where the question is asked; None: unknown."""

    directory: bytes | None
    repo: bytes | None
    session_id: bytes | None
    device_id: bytes


class Candidate(NamedTuple):
    """A command, as it is judged."""

    command: int  # row id
    match: float  # match_points
    at_us: int  # start of its newest run, of those that are asked about
    runs: int  # all of them
    failures: int
    place: int  # place_points


def rank(candidates: Iterable[Candidate], now_us: int) -> list[int]:
    """Row ids of the commands, likeliest first.

    One loop: a thousand candidates come this way at every key.
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
    """`at_us`: start of the newest run; `runs`: at least one."""
    return freshness(now_us - at_us) * (30 + 20 * log10(min(runs, OFTEN)) / 2)


def freshness(age_us: int) -> float:
    """1 now, 0 after ten years, evenly by orders of magnitude."""
    return 1.0 if age_us <= 0 else max(0.0, 1 - log1p(age_us / _HOUR_US) / _LONGEST)


def place_points(*, in_directory: bool, in_repo: bool, in_session: bool, on_device: bool) -> int:
    points = 20 if in_directory else 10 if in_repo else 0
    return points + 5 * in_session + 5 * on_device


def asked(terms: list[Term]) -> list[Term]:
    """The terms that a match is judged by."""
    return [term for term in terms if not term.negated]


def match_points(text: str, wanted: list[Term]) -> float:
    """Of the beginning of a command: its first LOOKED_AT characters; `wanted`: as `asked` says."""
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
    at = text.find(word)
    for _ in range(_OCCURRENCES):
        if at < 0:
            break
        points = 20.0 if at == 0 else 12.0 if text[at - 1] in _BREAKS else 0.0
        end = at + len(word)
        points += 10.0 if end == len(text) or text[end] in _BREAKS else 0.0
        best = max(best, points)
        at = text.find(word, at + 1)
    return 50 + best + 20 * min(1.0, len(word) / len(text))


def _scattered(word: str, text: str) -> float:
    """The better of two ways to lay the letters: each as early, and each as late as it can be."""
    early: list[int] = []
    at = -1
    for letter in word:
        at = text.find(letter, at + 1)
        if at < 0:
            return 0.0
        early.append(at)
    late: list[int] = []
    at += 1
    for letter in reversed(word):
        at = text.rfind(letter, 0, at)
        late.append(at)
    return max(_laid(early, text), _laid(late[::-1], text))


def _laid(places: list[int], text: str) -> float:
    starts = sum(at == 0 or text[at - 1] in _BREAKS for at in places)
    return 24 * len(places) / (places[-1] - places[0] + 1) + 16 * starts / len(places)
