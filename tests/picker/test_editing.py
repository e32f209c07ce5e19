"""Editing the query with the keys of readline; `|` marks the cursor in these tests."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hx.picker.state.editing import EDITS, MOST, QueryLine, harmless, insert
from hx.picker.view.width import pieces

texts = st.text(
    st.sampled_from("ab1 -/é日\u0301\ufe0f\u200d👍🏽❤\t\n\x1b\x9b\udc80"), max_size=12
).map(harmless)
keys = st.sampled_from(sorted(EDITS))


def query_line(with_cursor, killed=""):
    before, after = with_cursor.split("|")
    return QueryLine(before + after, len(before), killed)


def with_cursor(query_line):
    return query_line.query[: query_line.cursor] + "|" + query_line.query[query_line.cursor :]


@pytest.mark.parametrize(
    ("key", "before", "after"),
    [
        ("left", "gi|t", "g|it"),
        ("left", "|git", "|git"),
        ("right", "g|it", "gi|t"),
        ("right", "git|", "git|"),
        ("ctrl-b", "gi|t", "g|it"),
        ("ctrl-f", "g|it", "gi|t"),
        ("ctrl-a", "gi|t", "|git"),
        ("home", "gi|t", "|git"),
        ("ctrl-e", "g|it", "git|"),
        ("end", "g|it", "git|"),
        ("alt-b", "cd /var/log|", "cd /var/|log"),
        ("alt-b", "cd /var/|log", "cd /|var/log"),
        ("ctrl-left", "cd  |", "|cd  "),
        ("alt-f", "|cd /var", "cd| /var"),
        ("ctrl-right", "cd| /var", "cd /var|"),
        ("backspace", "gi|t", "g|t"),
        ("backspace", "|git", "|git"),
        ("ctrl-h", "gi|t", "g|t"),
        ("delete", "g|it", "g|t"),
        ("ctrl-d", "g|it", "g|t"),
        ("delete", "git|", "git|"),
        ("ctrl-u", "git pu|sh", "|sh"),
        ("ctrl-k", "git| push", "git|"),
        ("ctrl-w", "git  push--x  |", "git  |"),
        ("ctrl-w", "git|", "|"),
        ("alt-backspace", "cd /var/log|", "cd /var/|"),
        ("alt-d", "cd| /var/log", "cd|/log"),
    ],
)
def test_a_key_does_what_readline_does(key, before, after):
    assert with_cursor(EDITS[key](query_line(before))) == after


def test_killed_text_can_be_yanked():
    cut = EDITS["ctrl-w"](query_line("git push|"))
    moved = EDITS["home"](cut)
    assert with_cursor(EDITS["ctrl-y"](moved)) == "push|git "
    assert with_cursor(EDITS["ctrl-y"](EDITS["ctrl-y"](moved))) == "pushpush|git "


def test_consecutive_kills_are_yanked_as_one():
    twice = EDITS["ctrl-w"](EDITS["ctrl-w"](query_line("git push -f| x")))
    assert (with_cursor(twice), twice.killed) == ("git | x", "push -f")
    around = EDITS["ctrl-k"](EDITS["alt-backspace"](query_line("git pu|sh")))
    assert (with_cursor(around), around.killed) == ("git |", "push")
    later = EDITS["ctrl-w"](EDITS["end"](twice))
    assert (with_cursor(later), later.killed) == ("git  |", "x")


def test_a_key_that_kills_nothing_keeps_the_killed_text():
    assert EDITS["ctrl-k"](query_line("git|", "push")).killed == "push"


@pytest.mark.parametrize(("text", "left"), [("e\u0301x", 2), ("ab❤\ufe0f", 2), ("👍🏽", 0)])
def test_a_letter_and_its_marks_are_edited_as_one(text, left):
    assert EDITS["left"](QueryLine(text, len(text))).cursor == left
    assert EDITS["backspace"](QueryLine(text, len(text))).query == text[:left]


def test_a_word_with_a_mark_is_one_word():
    assert EDITS["alt-f"](QueryLine("e\u0301te\u0301 x", 0)).cursor == 5
    assert EDITS["alt-b"](QueryLine("a e\u0301te\u0301", 7)).cursor == 2


@pytest.mark.parametrize(
    ("text", "inserted"),
    [
        ("one\ntwo\r\nthree\tfour\n", "one two three four"),
        ("a\x1b[31mb\x07\x9b", "a[31mb"),
        ("\x00\x7f", ""),
        ("caf\udce9", "caf"),
        ("日本 👍🏽", "日本 👍🏽"),
    ],
)
def test_inserted_text_becomes_one_line_without_control_characters(text, inserted):
    assert with_cursor(insert(query_line("<|>"), text)) == f"<{inserted}|>"


def test_a_query_is_bounded():
    full = insert(query_line("ab|c"), "x" * 1_000_000)
    assert (len(full.query), full.cursor, full.query[-1]) == (MOST, MOST - 1, "c")
    assert insert(full, "y") == full


@given(texts, st.integers(0, 12), st.lists(st.one_of(keys, texts.map(lambda text: [text]))))
def test_the_cursor_is_in_the_query_and_the_query_is_harmless(query, cursor, inputs):
    edited = QueryLine(query, min(cursor, len(query)))
    for each in inputs:
        edited = insert(edited, each[0]) if isinstance(each, list) else EDITS[each](edited)
        assert 0 <= edited.cursor <= len(edited.query) <= MOST
        assert harmless(edited.query) == edited.query
        assert edited.killing <= bool(edited.killed)


MOVES = ["left", "right", "ctrl-left", "ctrl-right", "home", "end"]


@given(texts, st.lists(st.sampled_from(MOVES)))
def test_moves_change_nothing_and_never_stop_within_a_letter(query, moves):
    edited = QueryLine(query)
    for key in moves:
        edited = EDITS[key](edited)
        assert edited.query == query
        assert all(piece.cells for piece in pieces(query) if piece.place == edited.cursor)


@given(texts)
def test_left_moves_back_over_the_places_of_right(query):
    forward = [QueryLine(query)]
    while forward[-1].cursor < len(query):
        forward.append(EDITS["right"](forward[-1]))
    backward = [forward[-1]]
    while backward[-1].cursor:
        backward.append(EDITS["left"](backward[-1]))
    assert [state.cursor for state in forward] == [state.cursor for state in backward][::-1]


@given(texts, st.integers(0, 12), st.sampled_from(["ctrl-u", "ctrl-k", "ctrl-w", "alt-d"]))
def test_a_kill_and_a_yank_change_nothing(query, cursor, key):
    before = QueryLine(query, min(cursor, len(query)))
    assert EDITS["ctrl-y"](EDITS[key](before)).query == query
