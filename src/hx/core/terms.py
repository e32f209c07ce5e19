"""The query language of `hx search`: words joined by AND, as fzf reads them.

    word       contains it; else its letters, in their order
    'word      contains exactly this
    ^word      begins so
    word$      ends so
    ^word$     is this
    !word      does not contain it (also !^word, !word$)

A backslash keeps a blank inside a word. A capital letter makes its word exact in case.
"""

from __future__ import annotations

from hx.core.errors import UsageError
from hx.core.query import smart_case
from hx.core.record import NamedTuple

MAX_CHARACTERS = 2_000  # of a query: longer ones are pasted by mistake


class Term(NamedTuple):
    text: str
    exact_case: bool = False
    plain: bool = False  # its letters may stand apart
    negated: bool = False
    at_start: bool = False
    at_end: bool = False


def parse(query: str, *, exact_case: bool | None = None) -> list[Term]:
    """The terms of a query; `exact_case` None: each as smart_case says. Raises UsageError."""
    if len(query) > MAX_CHARACTERS:
        raise UsageError(
            f"the query is over {MAX_CHARACTERS} characters long",
            "`hx find` takes texts of any length",
        )
    terms = [_term(word) for word in _words(query)]
    return [
        term._replace(exact_case=smart_case(term.text) if exact_case is None else exact_case)
        for term in terms
        if term.text
    ]


def _words(query: str) -> list[str]:
    """Split at blanks, but for those behind a backslash."""
    words = [""]
    letters = iter(query)
    for letter in letters:
        if letter == "\\":
            following = next(letters, "")
            words[-1] += following if following == " " else letter + following
        elif letter in " \t\n":
            words.append("")
        else:
            words[-1] += letter
    return words


def _term(word: str) -> Term:
    negated = word.startswith("!") and len(word) > 1
    word = word[1:] if negated else word
    quoted = word.startswith("'") and len(word) > 1
    word = word[1:] if quoted else word
    at_start = not quoted and word.startswith("^") and len(word) > 1
    word = word[1:] if at_start else word
    at_end = not quoted and word.endswith("$") and len(word) > 1
    word = word[:-1] if at_end else word
    plain = not (negated or quoted or at_start or at_end)
    return Term(word, False, plain, negated, at_start, at_end)
