"""Both matchers find what a plain oracle finds."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hx.core.terms import Term
from hx.picker.answers.matcher import FrizbeeMatcher, PythonMatcher, forms, matcher, wanted
from strategies import share

LETTERS = "aAbB kK-_/!'^$\\.*[]\n\0éÉßẞıİſςΣσЖжǅ漢😀ȺⱥK"  # noqa: RUF001  (letters with odd forms)
KINDS = pytest.mark.parametrize("kind", [FrizbeeMatcher, PythonMatcher])


def fits(term: Term, text: str) -> bool:
    """One letter after the other."""
    found = term.plain and scattered(term, text)
    starts = range(len(text) - len(term.text) + 1)
    if term.at_start:
        starts = starts[:1]
    if term.at_end:
        starts = [at for at in starts if at + len(term.text) == len(text)]
    return (found or any(stands_at(term, text, at) for at in starts)) != term.negated


def stands_at(term, text, at):
    return all(
        text[at + n] in forms(letter, exact_case=term.exact_case)
        for n, letter in enumerate(term.text)
    )


def scattered(term, text):
    at = 0
    for letter in term.text:
        found = forms(letter, exact_case=term.exact_case)
        while at < len(text) and text[at] not in found:
            at += 1
        if at == len(text):
            return False
        at += 1
    return True


queries = st.text(LETTERS, max_size=8)
texts = st.lists(st.text(LETTERS, max_size=40) | st.text(max_size=20), max_size=8)


@KINDS
@given(queries, texts, st.booleans(), st.sampled_from([None, True, False]))
@example("é !a ^b", ["bÉ", "bé a"], False, None)
@share(0.5)
def test_what_is_found_is_what_the_terms_say(kind, query, texts, exact, exact_case):
    terms = wanted(query, exact=exact, exact_case=exact_case)
    texts = [text.encode(errors="replace").decode() for text in texts]
    made = kind(terms)
    found = {one.index for one in made.best(made.texts(texts))}
    assert found == {
        place for place, text in enumerate(texts) if all(fits(term, text) for term in terms)
    }


@KINDS
@given(queries, st.text(LETTERS, max_size=40))
@share(0.5)
def test_the_letters_that_are_shown_are_letters_of_the_query(kind, query, text):
    terms = wanted(query, exact=False)
    made = kind(terms)
    places = made.letters(text)
    assert list(places) == sorted(set(places))
    allowed = {
        form
        for term in terms
        for letter in term.text
        for form in forms(letter, exact_case=term.exact_case)
        if not term.negated
    }
    assert all(text[at] in allowed for at in places)
    if made.best(made.texts([text])):
        assert len(places) >= max((len(t.text) for t in terms if not t.negated), default=0)


@pytest.mark.parametrize(("start", "end"), [(0x20, 0x590), (0x1E00, 0x2000), (0x4E00, 0x4E40)])
def test_letters_of_every_common_script_find_the_same_in_both(start, end):
    letters = [chr(code) for code in range(start, end)]
    for letter in letters:
        term = Term(letter, plain=True)
        quick = FrizbeeMatcher([term])
        found = {letters[one.index] for one in quick.best(quick.texts(letters))}
        assert found == forms(letter, exact_case=False) & set(letters), letter


@KINDS
def test_of_equal_ones_the_earlier_is_first(kind):
    made = kind(wanted("git", exact=False))
    found = made.best(made.texts(["git pull x", "ls", "git push x", "git pull x"]))
    assert [one.index for one in found] == [0, 2, 3]


@KINDS
def test_letters_that_stand_together_are_better_than_letters_apart(kind):
    made = kind(wanted("make", exact=False))
    found = made.best(made.texts(["my_own_ark_and_e", "xx make"]))
    assert [one.index for one in found] == [1, 0]


@KINDS
def test_a_query_of_any_length_is_searched(kind):
    query = "ab" * 1_500
    made = kind(wanted(query, exact=False))
    whole = "ab" * 1_000
    found = made.best(made.texts([whole, whole[:-1], f"x{whole}y"]))
    assert {one.index for one in found} == {0, 2}


@KINDS
def test_half_of_a_character_in_a_query_finds_nothing_and_breaks_nothing(kind):
    made = kind(wanted("\udc80", exact=False))
    assert not list(made.best(made.texts(["abc"])))


def test_the_quick_one_is_taken_where_it_is():
    assert isinstance(matcher([]), FrizbeeMatcher)
