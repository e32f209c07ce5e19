"""The matcher of frizbee: Smith-Waterman in Rust, 250,000 commands in a few milliseconds."""

from __future__ import annotations

from frizbee import Haystacks, Matcher, Pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from frizbee import Match, Matching

    from hx.core.terms import Term


class Quick:
    def __init__(self, terms: list[Term]) -> None:
        self._matcher = Matcher.from_patterns([_pattern(term) for term in terms])

    def texts(self, given: Iterable[str]) -> Haystacks:
        return Haystacks(given)

    def best(self, texts: Haystacks) -> list[Match]:
        return self._matcher.match_list(texts)

    def letters(self, text: str) -> tuple[int, ...]:
        found = self._matcher.match_one_indices(text, 0)
        if found is None:
            return ()
        places = set(found.indices)  # of bytes in UTF-8
        if text.isascii():
            return tuple(sorted(places))
        return tuple(at for at, byte in enumerate(_starts(text)) if byte in places)


def _starts(text: str) -> list[int]:
    """Where each letter begins, in bytes."""
    starts = [0]
    for letter in text:
        starts.append(starts[-1] + len(letter.encode()))
    return starts[:-1]


def _pattern(term: Term) -> Pattern:
    return Pattern(
        term.text,
        negated=term.negated,
        matching=_matching(term),
        max_typos=0,
        casing="respect" if term.exact_case else "ignore",
        unicode="smart",
    )


def _matching(term: Term) -> Matching:
    if term.plain:
        return "fuzzy"
    if term.at_start:
        return "exact" if term.at_end else "prefix"
    return "suffix" if term.at_end else "substring"
