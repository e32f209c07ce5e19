"""The matcher in Python alone, where frizbee has no wheel: slower, and it finds the same."""

from __future__ import annotations

import re

from hx.core.rank import match_points
from hx.core.record import NamedTuple
from hx.picker.answers.matcher import forms

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hx.core.terms import Term


class Scored(NamedTuple):
    index: int  # type: ignore[assignment]  # a tuple's own method of this name is not needed
    score: int


class Plain:
    def __init__(self, terms: list[Term]) -> None:
        self._asked = [term for term in terms if not term.negated]
        self._wanted = [_expression(term) for term in self._asked]
        self._barred = [_expression(term) for term in terms if term.negated]

    def texts(self, given: Iterable[str]) -> list[str]:
        return list(given)

    def best(self, texts: list[str]) -> list[Scored]:
        found = [
            Scored(place, round(10 * match_points(text, self._asked)))
            for place, text in enumerate(texts)
            if self._fits(text)
        ]
        found.sort(key=lambda one: one.score, reverse=True)  # stable
        return found

    def letters(self, text: str) -> tuple[int, ...]:
        places: set[int] = set()
        for expression in self._wanted:
            found = expression.search(text)
            if found is None:
                return ()
            places.update(found.start(group + 1) for group in range(len(found.groups())))
        return tuple(sorted(places))

    def _fits(self, text: str) -> bool:
        return all(one.search(text) for one in self._wanted) and not any(
            one.search(text) for one in self._barred
        )


def _expression(term: Term) -> re.Pattern[str]:
    """Each letter is a group. No part can be matched in two ways, so a failure costs one pass."""
    found = [forms(letter, exact_case=term.exact_case) for letter in term.text]
    if term.plain:
        return re.compile(r"\A" + "".join(f"[^{_set(one)}]*+([{_set(one)}])" for one in found))
    letters = "".join(f"([{_set(one)}])" for one in found)
    return re.compile((r"\A" if term.at_start else "") + letters + (r"\Z" if term.at_end else ""))


def _set(letters: set[str]) -> str:
    return "".join(map(re.escape, sorted(letters)))
