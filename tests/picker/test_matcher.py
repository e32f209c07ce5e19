"""Both matchers find what a simple reference implementation finds."""

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
    """Return whether the term fits the text, compared letter by letter."""
    found = term.plain and scattered(term, text)
    starts = range(len(text) - len(term.text) + 1)
    if term.at_start:
        starts = starts[:1]
    if term.at_end:
        starts = [index for index in starts if index + len(term.text) == len(text)]
    return (found or any(matches_at(term, text, index) for index in starts)) != term.negated


def matches_at(term, text, start):
    return all(
        text[start + offset] in forms(letter, exact_case=term.exact_case)
        for offset, letter in enumerate(term.text)
    )


def scattered(term, text):
    index = 0
    for letter in term.text:
        letter_forms = forms(letter, exact_case=term.exact_case)
        while index < len(text) and text[index] not in letter_forms:
            index += 1
        if index == len(text):
            return False
        index += 1
    return True


queries = st.text(LETTERS, max_size=8)
texts = st.lists(st.text(LETTERS, max_size=40) | st.text(max_size=20), max_size=8)


@KINDS
@given(queries, texts, st.booleans(), st.sampled_from([None, True, False]))
@example("é !a ^b", ["bÉ", "bé a"], False, None)
@share(0.5)
def test_exactly_the_texts_that_fit_all_terms_are_found(kind, query, texts, exact, exact_case):
    terms = wanted(query, exact=exact, exact_case=exact_case)
    texts = [text.encode(errors="replace").decode() for text in texts]
    tested = kind(terms)
    found = {match.index for match in tested.best(tested.texts(texts))}
    assert found == {
        place for place, text in enumerate(texts) if all(fits(term, text) for term in terms)
    }


@KINDS
@given(queries, st.text(LETTERS, max_size=40))
@share(0.5)
def test_the_marked_letters_are_letters_of_the_query(kind, query, text):
    terms = wanted(query, exact=False)
    tested = kind(terms)
    places = tested.letters(text)
    assert list(places) == sorted(set(places))
    allowed = {
        form
        for term in terms
        for letter in term.text
        for form in forms(letter, exact_case=term.exact_case)
        if not term.negated
    }
    assert all(text[place] in allowed for place in places)
    if tested.best(tested.texts([text])):
        assert len(places) >= max((len(t.text) for t in terms if not t.negated), default=0)


@pytest.mark.parametrize(("start", "end"), [(0x20, 0x590), (0x1E00, 0x2000), (0x4E00, 0x4E40)])
def test_a_letter_finds_its_other_cases_in_every_common_script(start, end):
    letters = [chr(code) for code in range(start, end)]
    for letter in letters:
        term = Term(letter, plain=True)
        frizbee = FrizbeeMatcher([term])
        found = {letters[match.index] for match in frizbee.best(frizbee.texts(letters))}
        assert found == forms(letter, exact_case=False) & set(letters), letter


@KINDS
def test_of_equal_matches_the_earlier_is_first(kind):
    tested = kind(wanted("git", exact=False))
    matches = tested.best(tested.texts(["git pull x", "ls", "git push x", "git pull x"]))
    assert [match.index for match in matches] == [0, 2, 3]


@KINDS
def test_adjacent_letters_are_a_better_match_than_separate_ones(kind):
    tested = kind(wanted("make", exact=False))
    matches = tested.best(tested.texts(["my_own_ark_and_e", "xx make"]))
    assert [match.index for match in matches] == [1, 0]


@KINDS
def test_a_very_long_query_is_searched(kind):
    query = "ab" * 1_500
    tested = kind(wanted(query, exact=False))
    full_text = "ab" * 1_000
    matches = tested.best(tested.texts([full_text, full_text[:-1], f"x{full_text}y"]))
    assert {match.index for match in matches} == {0, 2}


@KINDS
def test_half_of_a_character_in_a_query_finds_nothing(kind):
    tested = kind(wanted("\udc80", exact=False))
    assert not list(tested.best(tested.texts(["abc"])))


def test_the_matcher_of_frizbee_is_used_where_it_is_installed():
    assert isinstance(matcher([]), FrizbeeMatcher)
