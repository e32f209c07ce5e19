"""The query language of `hx search`: words joined by AND, with the syntax of fzf.

    word       contains the word; else its letters in their order
    'word      contains exactly this word
    ^word      begins with it
    word$      ends with it
    ^word$     is equal to it
    !word      does not contain it (also !^word, !word$)

A backslash before a blank makes the blank a part of the word. A capital letter makes its word
case-sensitive.
"""

from __future__ import annotations

from hx.core.errors import UsageError
from hx.core.query import smart_case
from hx.core.record import NamedTuple

MAX_CHARACTERS = 2_000  # of a query; a longer one was pasted by mistake


class Term(NamedTuple):
    """A term is one word of a query, with the conditions that its syntax sets."""

    text: str
    exact_case: bool = False
    plain: bool = False  # other text between its letters is allowed
    negated: bool = False
    at_start: bool = False
    at_end: bool = False


def parse(query: str, *, exact_case: bool | None = None) -> list[Term]:
    """Return the terms of a query. Raises UsageError if the query is too long.

    With `exact_case` None, `smart_case` decides for each term.
    """
    if len(query) > MAX_CHARACTERS:
        raise UsageError(
            f"the query has more than {MAX_CHARACTERS} characters",
            "shorten it, or use `hx find`, which accepts texts of any length",
        )
    terms = [_term(word) for word in _words(query)]
    return [
        term._replace(exact_case=smart_case(term.text) if exact_case is None else exact_case)
        for term in terms
        if term.text
    ]


def _words(query: str) -> list[str]:
    """Split a query at blanks, except at blanks after a backslash."""
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
