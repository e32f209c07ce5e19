"""Any text is harmless on a terminal and as wide as `cells` says."""

from __future__ import annotations

import unicodedata

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import wcswidth

from hx.picker.view.width import bound, cells, cut, fitted, pieces

AWKWARD = [
    *"\x1b\x07\x08\x7f\x9b\r\n\t\0 a1~",
    *"\u200b\u200c\u200d\u200e\u202e\u2066\ufeff\u00ad\u3164\uffa0\u115f\u00a0\u3000\u2028",
    *"\u0301\u20dd\u0903\u0e33\ufe0e\ufe0f\U000e0100\U000e0041",
    *"éß日ｱ한ᄀ\u1161\u11a8⚠❤☰𝌆",
    *"🎉👩💻👍\U0001f3fd\U0001f1e9\U0001f1ea",
    *"\udc80\udcff\ud800\ue000\uffff",
    "\x1b[31m",
    "\x1b]0;title\x07",
    "\x1b[2J",
    "👩\u200d💻",
    "❤\ufe0f\u200d🔥",
]
texts = st.lists(st.sampled_from(AWKWARD) | st.characters(), max_size=30).map("".join)
columns = st.integers(0, 40)


def displayed(text: str) -> str:
    return "".join(piece.text for piece in pieces(text))


def on_a_terminal(text: str) -> pyte.Screen:
    screen = pyte.Screen(1000, 3)
    pyte.Stream(screen).feed(text)
    return screen


@given(texts)
def test_a_text_takes_at_most_the_number_of_cells_that_cells_returns(text):
    assert 0 <= wcswidth(displayed(text)) <= cells(text)


@given(texts)
def test_a_text_stays_in_its_line_and_changes_no_attribute(text):
    screen = on_a_terminal(displayed(text))
    assert screen.cursor.y == 0
    assert screen.cursor.x <= cells(text)
    assert screen.cursor.attrs == pyte.Screen(1, 1).cursor.attrs
    assert screen.title == ""


@given(texts)
def test_no_displayed_character_is_invisible_or_changes_the_direction(text):
    for character in displayed(text).replace(" ", ""):
        assert unicodedata.category(character)[0] not in "CZ"
        assert unicodedata.bidirectional(character) not in {"LRE", "RLE", "LRO", "RLO", "PDF"}


@given(texts)
def test_a_letter_has_at_most_four_marks_and_no_mark_is_without_a_letter(text):
    marks = 4
    for character in displayed(text):
        marks = marks + 1 if unicodedata.combining(character) else 0
        assert marks <= 4


@given(texts)
def test_a_piece_knows_its_place(text):
    line = pieces(text)
    assert [piece.place for piece in line] == sorted(piece.place for piece in line)
    for piece in line:
        if not piece.spelled:
            assert text[piece.place :].startswith(piece.text)


@given(texts, columns)
def test_a_text_is_truncated_to_its_columns_with_an_ellipsis(text, columns):
    line = fitted(text, columns)
    assert cells(line) <= columns
    assert fitted(line, columns) == line
    if cells(text) > columns > 0:
        assert line.endswith("…")
    elif columns:
        assert line == displayed(text)


@given(texts, columns)
def test_a_truncated_line_is_full_or_one_column_short(text, columns):
    uncut = pieces(text)
    line = cut(uncut, columns)
    assert sum(piece.cells for piece in line) <= columns
    if cells(text) > columns > 0 and not any(piece.spelled for piece in uncut):
        assert sum(piece.cells for piece in line) >= columns - 1


@given(st.text("abc déß日本語ｱ한글🎉👍✗…❤"))
def test_usual_letters_are_as_wide_as_the_width_library_says(text):
    assert cells(text) == wcswidth(displayed(text)) == wcswidth(text)
    assert displayed(text) == text


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\x1b[31mb\x07", r"a\x1b[31mb\x07"),
        ("a\tb", r"a\tb"),
        ("rm \u202egpj.exe", r"rm \u202egpj.exe"),
        ("caf\udce9", r"caf\xe9"),
        ("for x\n\tdo\n\n    y", "for x ⏎ do ⏎ y"),
        ("zero\u200bwidth", r"zero\u200bwidth"),
        ("non\u00a0breaking", r"non\xa0breaking"),
        ("cafe\u0301", "cafe\u0301"),
        ("\u0301alone", r"\u0301alone"),
        ("z" + "\u0301" * 6, "z" + "\u0301" * 4 + r"\u0301" * 2),
        ("👩\u200d💻 ❤\ufe0f 👍\U0001f3fd \U0001f1e9\U0001f1ea", "👩💻 ❤ 👍 DE"),
        ("a\u200db", r"a\u200db"),
        ("\u3164", r"\u3164"),
        ("각", "각"),
        ("\u1100\u1161\u11a8", "\u1100\u1161\u11a8"),
    ],
)
def test_control_and_invisible_characters_are_escaped(text, line):
    assert displayed(text) == line


def test_joined_letters_are_as_wide_as_the_joined_character():
    assert cells("\u1100\u1161\u11a8") == cells("각") == cells("日\u0301") == 2


def test_text_beyond_the_length_limit_of_a_line_is_not_read():
    text = "日" * bound(80)
    assert fitted(text + "x" * (1 << 20), 80) == fitted(text, 80) == "日" * 39 + "…"
