"""The matcher: which texts a query finds, how well, and by which letters.

There are two implementations, and the tests compare their results: FrizbeeMatcher is fast and
needs the wheel of frizbee, PythonMatcher is plain Python. hx.core.terms defines the query language.
Without case, a letter finds its lower-case and its upper-case form if both take the same number of
bytes in UTF-8.
"""

from __future__ import annotations

from hx.core.query import either_case
from hx.core.rank import match_points
from hx.core.record import NamedTuple
from hx.core.terms import MAX_CHARACTERS, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Sequence
    from typing import Any, Protocol

    import frizbee

    from hx.core.terms import Term

    class Match(Protocol):
        """The index of a text in the list that was searched, and its score: more is better."""

        @property
        def index(self) -> int: ...
        @property
        def score(self) -> int: ...

    class Matcher(Protocol):
        """A matcher is made from terms; a text matches when all of them match."""

        def texts(self, given: Iterable[str]) -> Any:
            """Convert texts to the form that this matcher searches fastest."""

        def best(self, texts: Any) -> Sequence[Match]:
            """Return all matches, best first; of two equal scores the smaller index is first."""

        def letters(self, text: str) -> tuple[int, ...]:
            """Return the sorted indexes of the characters that the terms matched."""


def wanted(query: str, *, exact: bool, exact_case: bool | None = None) -> list[Term]:
    """Return the terms of a query; with `exact`, the letters of a word must be adjacent."""
    valid = query[:MAX_CHARACTERS].encode(errors="replace").decode()
    terms = parse(valid, exact_case=exact_case)
    return [term._replace(plain=False) for term in terms] if exact else terms


def matcher(terms: list[Term]) -> Matcher:
    """Return the fastest matcher that this machine has."""
    try:
        return FrizbeeMatcher(terms)
    except ImportError:  # frizbee has no wheel for this machine
        return PythonMatcher(terms)


class FrizbeeMatcher:
    """Smith-Waterman in Rust: it searches 250,000 commands in a few milliseconds."""

    def __init__(self, terms: list[Term]) -> None:
        # not at the top of the module: the first frame of the picker must not wait for it
        from frizbee import Haystacks, Matcher

        self._haystacks = Haystacks
        self._matcher = Matcher.from_patterns([_pattern(term) for term in terms])

    def texts(self, given: Iterable[str]) -> frizbee.Haystacks:
        return self._haystacks(given)

    def best(self, texts: frizbee.Haystacks) -> list[frizbee.Match]:
        return self._matcher.match_list(texts)

    def letters(self, text: str) -> tuple[int, ...]:
        match = self._matcher.match_one_indices(text, 0)
        if match is None:
            return ()
        offsets = set(match.indices)  # in bytes of UTF-8
        if text.isascii():
            return tuple(sorted(offsets))
        return tuple(index for index, start in enumerate(_starts(text)) if start in offsets)


def _starts(text: str) -> list[int]:
    """Return the byte offset at which each character begins in UTF-8."""
    starts = [0]
    for letter in text:
        starts.append(starts[-1] + len(letter.encode()))
    return starts[:-1]


def _pattern(term: Term) -> frizbee.Pattern:
    from frizbee import Pattern

    return Pattern(
        term.text,
        negated=term.negated,
        matching=_matching(term),
        max_typos=0,
        casing="respect" if term.exact_case else "ignore",
        unicode="smart",
    )


def _matching(term: Term) -> frizbee.Matching:
    if term.plain:
        return "fuzzy"
    if term.at_start:
        return "exact" if term.at_end else "prefix"
    return "suffix" if term.at_end else "substring"


class Scored(NamedTuple):
    """A match of PythonMatcher."""

    index: int  # type: ignore[assignment]  # it hides a method of tuples that nobody needs here
    score: int


class PythonMatcher:
    """The matcher for machines without frizbee: slower, with the same matches."""

    def __init__(self, terms: list[Term]) -> None:
        self._asked = [term for term in terms if not term.negated]
        self._wanted = [_expression(term) for term in self._asked]
        self._barred = [_expression(term) for term in terms if term.negated]

    def texts(self, given: Iterable[str]) -> list[str]:
        return list(given)

    def best(self, texts: list[str]) -> list[Scored]:
        matches = [
            Scored(index, round(10 * match_points(text, self._asked)))
            for index, text in enumerate(texts)
            if self._fits(text)
        ]
        matches.sort(key=lambda match: match.score, reverse=True)  # the sort is stable
        return matches

    def letters(self, text: str) -> tuple[int, ...]:
        indexes: set[int] = set()
        for expression in self._wanted:
            match = expression.search(text)
            if match is None:
                return ()
            indexes.update(match.start(group + 1) for group in range(len(match.groups())))
        return tuple(sorted(indexes))

    def _fits(self, text: str) -> bool:
        return all(expression.search(text) for expression in self._wanted) and not any(
            expression.search(text) for expression in self._barred
        )


def _expression(term: Term) -> re.Pattern[str]:
    """Return an expression with one group for each letter.

    No part of it can match in two ways, so a text that does not match is read once only.
    """
    import re

    sets = [_set(forms(letter, exact_case=term.exact_case)) for letter in term.text]
    if term.plain:
        return re.compile(r"\A" + "".join(f"[^{letters}]*+([{letters}])" for letters in sets))
    adjacent = "".join(f"([{letters}])" for letters in sets)
    return re.compile((r"\A" if term.at_start else "") + adjacent + (r"\Z" if term.at_end else ""))


def _set(letters: set[str]) -> str:
    import re

    return "".join(map(re.escape, sorted(letters)))


def forms(letter: str, *, exact_case: bool) -> set[str]:
    """Return the characters that a typed letter matches."""
    if exact_case or letter.lower() != letter != letter.upper():  # a title-case letter, as in ǅ
        return {letter}
    size = len(letter.encode())
    return {form for form in either_case(letter) if len(form.encode()) == size}
