"""Which texts a query finds, how well, and by which letters. Two that agree: quick and plain.

The query is hx.core.terms'; in any case means here: a letter finds its small and its capital form
where these take as many bytes in UTF-8.
"""

from __future__ import annotations

from hx.core.query import either_case
from hx.core.terms import MAX_CHARACTERS, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any, Protocol

    from hx.core.terms import Term

    class Match(Protocol):
        """Place of a text, and its score: the greater the better."""

        @property
        def index(self) -> int: ...
        @property
        def score(self) -> int: ...

    class Matcher(Protocol):
        """Made from terms, of which all must fit."""

        def texts(self, given: Iterable[str]) -> Any:
            """Texts in the form in which they are searched fast."""

        def best(self, texts: Any) -> Sequence[Match]:
            """All that fit, best first; of equal ones the earlier."""

        def letters(self, text: str) -> tuple[int, ...]:
            """Places in a text of what the terms found, in order."""


def wanted(query: str, *, exact: bool, exact_case: bool | None = None) -> list[Term]:
    """The terms of whatever was typed; `exact`: no letters stand apart."""
    sound = query[:MAX_CHARACTERS].encode(errors="replace").decode()
    terms = parse(sound, exact_case=exact_case)
    return [term._replace(plain=False) for term in terms] if exact else terms


def matcher(terms: list[Term]) -> Matcher:
    try:
        from hx.picker.answers.frizbee_matcher import Quick
    except ImportError:  # no wheel for this machine
        from hx.picker.answers.python_matcher import Plain

        return Plain(terms)
    return Quick(terms)


def forms(letter: str, *, exact_case: bool) -> set[str]:
    """What a typed letter finds."""
    if exact_case or letter.lower() != letter != letter.upper():  # a title letter, as in ǅ
        return {letter}
    size = len(letter.encode())
    return {form for form in either_case(letter) if len(form.encode()) == size}
