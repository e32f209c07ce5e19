"""Which of the commands that match is the likeliest: points, the most first.

What counts, and how much of it at most:

    match    100   the mean over the words of a query. A word that the command contains: 50, and
                   20 when the command begins with it (12: a word of the command does), 10 when a
                   word of the command ends with it, 20 by the share of the command that it is.
                   A word whose letters stand apart: 24 by how close together they are, 16 by how
                   many of them begin a word.
    use       50   30 by how long ago the newest run was (now 30, a day 22, a month 13, a year 6),
                   20 by the same measure over the newest 6 runs: often and lately is best
    place     30   one of these ran in this directory 20 (in this repository 10), in this session 5,
                   on this device 5
    failure  -10   those of which the outcome is known failed: mostly a typing error

Of equal ones the later used is first. hx.search ranks the commands that contain all the words apart
from those that only have their letters, and puts them first.
"""

from __future__ import annotations

from math import log1p

from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hx.core.terms import Term

RUNS = 6  # newest runs of a command that count
_HOUR_US = 3_600_000_000
_LONGEST = log1p(24 * 365 * 10)  # after ten years of hours a run counts for nothing
_BREAKS = frozenset(" \t\n/-_.,:;=@+\"'`()[]{}<>|&$\\")


class Here(NamedTuple):
    """Where the question is asked; None: unknown."""

    directory: bytes | None
    repo: bytes | None
    session_id: bytes | None
    device_id: bytes


class Candidate(NamedTuple):
    """A command, and what its newest RUNS runs say."""

    command: int  # row id
    text: str
    started_at_us: list[int]  # newest first, at least one
    always_failed: bool
    in_directory: bool
    in_repo: bool
    in_session: bool
    on_device: bool


def rank(candidates: Iterable[Candidate], terms: list[Term], now_us: int) -> list[Candidate]:
    """The candidates, likeliest first."""
    wanted = [term for term in terms if not term.negated]
    keyed = [(_key(one, wanted, now_us), one) for one in candidates]
    keyed.sort(key=lambda pair: pair[0], reverse=True)
    return [one for _, one in keyed]


def _key(one: Candidate, wanted: list[Term], now_us: int) -> tuple[float, int, str]:
    points = match_points(one.text, wanted)
    points += use_points(one.started_at_us, now_us) + place_points(one)
    return points, one.started_at_us[0], one.text


def match_points(text: str, wanted: list[Term]) -> float:
    folded = text.lower()
    total = 0.0
    for term in wanted:
        word, place = (term.text, text) if term.exact_case else (term.text.lower(), folded)
        total += _contained(word, place) if word in place else _scattered(word, place)
    return total / len(wanted) if wanted else 0.0


def _contained(word: str, text: str) -> float:
    best = 0.0
    at = text.find(word)
    for _ in range(8):  # later ones are seldom better
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


def use_points(started_at_us: list[int], now_us: int) -> float:
    fresh = [freshness(now_us - at) for at in started_at_us]
    return 30 * fresh[0] + 20 * sum(fresh) / RUNS


def freshness(age_us: int) -> float:
    """1 now, 0 after ten years, evenly by orders of magnitude."""
    return 1.0 if age_us <= 0 else max(0.0, 1 - log1p(age_us / _HOUR_US) / _LONGEST)


def place_points(one: Candidate) -> int:
    points = 20 if one.in_directory else 10 if one.in_repo else 0
    return points + 5 * one.in_session + 5 * one.on_device - 10 * one.always_failed
