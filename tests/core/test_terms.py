"""The query language of `hx search`."""

from __future__ import annotations

import pytest

from hx.core.errors import UsageError
from hx.core.terms import MAX_CHARACTERS, Term, parse


def plain(text):
    return Term(text, plain=True)


@pytest.mark.parametrize(
    ("query", "terms"),
    [
        ("", []),
        ("  ", []),
        ("git commit", [plain("git"), plain("commit")]),
        ("'git", [Term("git")]),
        ("^git", [Term("git", at_start=True)]),
        ("git$", [Term("git", at_end=True)]),
        ("^git$", [Term("git", at_start=True, at_end=True)]),
        ("!git", [Term("git", negated=True)]),
        ("!^git", [Term("git", negated=True, at_start=True)]),
        ("!git$", [Term("git", negated=True, at_end=True)]),
        ("!'git", [Term("git", negated=True)]),
        ("'^git$", [Term("^git$")]),
        ("a\\ b c", [plain("a b"), plain("c")]),
        ("a\\b", [plain("a\\b")]),
        ("a\\", [plain("a\\")]),
        ("! ^ $ '", [plain("!"), plain("^"), plain("$"), plain("'")]),
        ("$HOME", [plain("$HOME")]),
        ("a|b", [plain("a|b")]),
    ],
)
def test_a_query_is_read_as_fzf_reads_it(query, terms):
    assert parse(query, exact_case=False) == terms


def test_a_capital_letter_makes_its_own_word_exact():
    assert [term.exact_case for term in parse("git Makefile É é")] == [False, True, True, False]
    assert [term.exact_case for term in parse("git", exact_case=True)] == [True]


def test_a_query_that_is_too_long_is_refused():
    parse("x" * MAX_CHARACTERS)
    with pytest.raises(UsageError):
        parse("x" * (MAX_CHARACTERS + 1))
