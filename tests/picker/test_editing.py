"""The keys of readline on the query; `|` is the cursor."""

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


def line(shown, killed=""):
    before, after = shown.split("|")
    return QueryLine(before + after, len(before), killed)


def shown(line):
    return line.query[: line.cursor] + "|" + line.query[line.cursor :]


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
    assert shown(EDITS[key](line(before))) == after


def test_what_was_cut_comes_back():
    cut = EDITS["ctrl-w"](line("git push|"))
    moved = EDITS["home"](cut)
    assert shown(EDITS["ctrl-y"](moved)) == "push|git "
    assert shown(EDITS["ctrl-y"](EDITS["ctrl-y"](moved))) == "pushpush|git "


def test_cuts_that_follow_each_other_come_back_as_one():
    twice = EDITS["ctrl-w"](EDITS["ctrl-w"](line("git push -f| x")))
    assert (shown(twice), twice.killed) == ("git | x", "push -f")
    around = EDITS["ctrl-k"](EDITS["alt-backspace"](line("git pu|sh")))
    assert (shown(around), around.killed) == ("git |", "push")
    later = EDITS["ctrl-w"](EDITS["end"](twice))
    assert (shown(later), later.killed) == ("git  |", "x")


def test_a_key_that_cuts_nothing_forgets_nothing():
    assert EDITS["ctrl-k"](line("git|", "push")).killed == "push"


@pytest.mark.parametrize(("text", "left"), [("e\u0301x", 2), ("ab❤\ufe0f", 2), ("👍🏽", 0)])
def test_a_letter_and_its_marks_are_one(text, left):
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
def test_what_is_inserted_is_one_harmless_line(text, inserted):
    assert shown(insert(line("<|>"), text)) == f"<{inserted}|>"


def test_a_query_is_bounded():
    full = insert(line("ab|c"), "x" * 1_000_000)
    assert (len(full.query), full.cursor, full.query[-1]) == (MOST, MOST - 1, "c")
    assert insert(full, "y") == full


@given(texts, st.integers(0, 12), st.lists(st.one_of(keys, texts.map(lambda text: [text]))))
def test_the_cursor_is_in_the_query_and_the_query_is_harmless(query, cursor, done):
    now = QueryLine(query, min(cursor, len(query)))
    for one in done:
        now = insert(now, one[0]) if isinstance(one, list) else EDITS[one](now)
        assert 0 <= now.cursor <= len(now.query) <= MOST
        assert harmless(now.query) == now.query
        assert now.killing <= bool(now.killed)


MOVES = ["left", "right", "ctrl-left", "ctrl-right", "home", "end"]


@given(texts, st.lists(st.sampled_from(MOVES)))
def test_moves_change_nothing_and_never_stop_within_a_letter(query, moves):
    now = QueryLine(query)
    for key in moves:
        now = EDITS[key](now)
        assert now.query == query
        assert all(piece.cells for piece in pieces(query) if piece.place == now.cursor)


@given(texts)
def test_left_is_the_way_back_of_right(query):
    way = [QueryLine(query)]
    while way[-1].cursor < len(query):
        way.append(EDITS["right"](way[-1]))
    back = [way[-1]]
    while back[-1].cursor:
        back.append(EDITS["left"](back[-1]))
    assert [one.cursor for one in way] == [one.cursor for one in back][::-1]


@given(texts, st.integers(0, 12), st.sampled_from(["ctrl-u", "ctrl-k", "ctrl-w", "alt-d"]))
def test_a_cut_and_its_return_change_nothing(query, cursor, key):
    before = QueryLine(query, min(cursor, len(query)))
    assert EDITS["ctrl-y"](EDITS[key](before)).query == query
