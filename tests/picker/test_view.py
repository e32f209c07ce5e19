"""The frames of the picker: snapshots, and properties of every frame."""

from __future__ import annotations

import re
import subprocess
import sys

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import wcswidth

from hx.core.query import DIRECTORY, SCOPES
from hx.picker.model import EDIT, RUN, Details, Key, Row, State
from hx.picker.state.actions import ACTS
from hx.picker.state.editing import EDITS
from hx.picker.state.state import update
from hx.picker.view.styles import BARE, COLOURLESS, DARK, EITHER, LIGHT, painted, styles_for
from hx.picker.view.view import KEYS, cursor, page, view
from picker.sample_frames import DETAILS, EVERYTHING, NOW_US, TYPED, drawing, plain, row
from picker.test_width import texts

LOOKS = [BARE, COLOURLESS, DARK, LIGHT, EITHER]
PREVIEWED = EVERYTHING._replace(preview=True, selected=4, details=DETAILS)


def frame(state: State, width: int, height: int) -> str:
    return "\n" + drawing(view(state, width, height, BARE)) + "\n"


def test_the_newest_row_is_next_to_the_query():
    assert (
        frame(EVERYTHING, 80, 10)
        == r"""
7  5w      printf '\x1b[31mred\x07'\t\u202eevil
6  1w      echo 日本語テキスト > ファイル.txt
5  2d ✗127 docker run --rm -it -v $PWD:/src ghcr.io/x/y:latest           @laptop
4  1d      for f in *.png; do ⏎ convert $f ${f%.png}.webp ⏎ done           12.0s
3  3h ✗255 ssh web-3.prod.example.org
2  4m      cargo build --release --target x86_64-unknown-linu…  1m02s  @buildbox
1  1m ✗2   make test                                                       3m10s
>  5s      git status
  all  fuzzy  9 commands                        Tab edits  Ctrl-R where  F1 help
>
"""
    )


def test_a_query_is_shown_with_its_matches():
    assert (
        frame(TYPED, 80, 8)
        == r"""



1  2d ✗127 docker run --rm -it -v $PWD:/src ghcr.io/x/y:latest           @laptop
>  1d      for f in *.png; do ⏎ convert $f ${f%.png}.webp ⏎ done           12.0s
   5s      git status
  all  fuzzy  3 of 250,000                      Tab edits  Ctrl-R where  F1 help
> it
"""
    )


def test_a_wide_screen_shows_more_of_each_command():
    assert (
        frame(EVERYTHING._replace(selected=5), 100, 11)
        == r"""
3  1y ✗-1  vim README.md                                                       7.0s  @a-rather-long…
2  5w      printf '\x1b[31mred\x07'\t\u202eevil
1  1w      echo 日本語テキスト > ファイル.txt
>  2d ✗127 docker run --rm -it -v $PWD:/src ghcr.io/x/y:latest                               @laptop
   1d      for f in *.png; do ⏎ convert $f ${f%.png}.webp ⏎ done                               12.0s
   3h ✗255 ssh web-3.prod.example.org
   4m      cargo build --release --target x86_64-unknown-linux-musl --features 'f…  1m02s  @buildbox
   1m ✗2   make test                                                                           3m10s
   5s      git status
  all  fuzzy  9 commands                                            Tab edits  Ctrl-R where  F1 help
>
"""
    )


def test_active_filters_are_shown_even_on_a_narrow_screen():
    assert (
        frame(TYPED._replace(failures=False, scope=DIRECTORY), 40, 6)
        == r"""

1  2d ✗127 docker run --rm -it -v $PWD:…
>  1d      for f in *.png; do ⏎ convert…
   5s      git status
  directory  3  failures hidden
> it
"""
    )


def test_twenty_by_five_cells_are_enough():
    assert (
        frame(TYPED, 20, 5)
        == r"""
 ✗ …un --rm -it -v …
>  for f in *.png; …
   git status
  all  3     F1 help
> it
"""
    )


def test_two_lines_are_a_row_and_the_query():
    assert (
        frame(TYPED, 20, 2)
        == r"""
>  for f in *.png; …
> it
"""
    )


def test_the_preview_is_beside_the_rows(utc):
    assert (
        frame(PREVIEWED, 80, 10)
        == r"""
3  5w      printf '\x1b[31mred\x07'\t… │ for f in *.png; do
2  1w      echo 日本語テキスト > ファ… │   convert $f ${f%.png}.webp
1  2d ✗127 docker run --rm -it -v $PWD…│ done
>  1d      for f in *.png; do ⏎ conver…│
   3h ✗255 ssh web-3.prod.example.org  │ exit 0 after 12.0s, 7 of 42 failed
   4m      cargo build --release --tar…│ 2023-11-13 20:13, 1d ago on laptop
   1m ✗2   make test                   │ /home/ann/src/pictures
   5s      git status                  │ github.com/ann/pictures  main
  all  fuzzy  9 commands                        Tab edits  Ctrl-R where  F1 help
>
"""
    )


def test_on_a_narrow_screen_the_preview_is_above_the_rows(utc):
    assert (
        frame(PREVIEWED, 40, 14)
        == r"""
for f in *.png; do
  convert $f ${f%.png}.webp
done
exit 0 after 12.0s, 7 of 42 failed
2023-11-13 20:13, 1d ago on laptop
────────────────────────────────────────
2  1w      echo 日本語テキスト > ファイ…
1  2d ✗127 docker run --rm -it -v $PWD:…
>  1d      for f in *.png; do ⏎ convert…
   3h ✗255 ssh web-3.prod.example.org
   4m      cargo build --release --targ…
   1m ✗2   make test
  all  fuzzy  9 commands         F1 help
>
"""
    )


def test_help_fits_a_small_area():
    assert (
        frame(EVERYTHING._replace(help=True), 80, 10)
        == r"""
  Enter         run it                    'word         contains exactly this
  Tab           edit it first             ^word word$   begins, ends so
  Esc           leave, nothing changed    !word         does not contain it
  Ctrl-R        where to look, next       F8 Alt-Delete forget it, on closing
  Ctrl-T        fuzzy or exact            Ctrl-Z        bring it back
  Alt-X         hide or show failures     Ctrl-C        leave, forget nothing
  Ctrl-O        preview                   PgUp PgDn     a page of rows
  Alt-1 … 9     edit the numbered row     F1            help; any key leaves it
  all  fuzzy  9 commands                        Tab edits  Ctrl-R where  F1 help
>
"""
    )


def test_the_preview_wraps_long_lines_and_marks_truncated_text():
    letters = "0123456789" * 30
    state = PREVIEWED._replace(rows=(row(0)._replace(text=letters),), selected=0)
    panes = [line.partition("│ ")[2] for line in view(state, 80, 10, BARE)[:4]]
    assert panes == [letters[:38], letters[38:76], letters[76:113] + "…", ""]
    lines = state._replace(rows=(row(0)._replace(text="one\ntwo\nthree\nfour"),))
    assert [line[41:] for line in view(lines, 80, 10, BARE)[:4]] == ["one", "two", "three…", ""]


def test_a_preview_of_one_column_replaces_wider_characters():
    state = PREVIEWED._replace(rows=(row(0)._replace(text="a日\x1b"),), selected=0)
    assert view(state, 1, 14, BARE)[:3] == ["a", "…", "…"]


def test_a_preview_without_details_shows_the_facts_of_the_row(utc):
    text = frame(PREVIEWED._replace(details=DETAILS._replace(event=1)), 80, 10)
    assert "│ exit 0 after 12.0s\n" in text
    assert "│ 2023-11-13 20:13:20, 1d ago\n" in text
    assert "pictures" not in text


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        (State(), "looking…"),
        (State(complete=True), "no commands yet; what you run from now on can be found here"),
        (State(complete=True, scope=DIRECTORY), "no commands here; Ctrl-R looks elsewhere"),
        (State(complete=True, failures=False), "no commands here; Ctrl-R looks elsewhere"),
        (State(complete=True, query="zz", total=9), "nothing fits; Ctrl-R looks elsewhere"),
    ],
)
def test_without_rows_the_screen_says_why(state, sentence):
    assert view(state, 80, 10, BARE)[7] == f"  {sentence}"


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (TYPED, "  all  fuzzy  3 of 250,000 "),
        (TYPED._replace(complete=False), "  all  fuzzy  3+ of 250,000 "),
        (TYPED._replace(total=0, exact=True), "  all  exact  3  "),
        (EVERYTHING._replace(matches=1), "  all  fuzzy  1 command "),
        (EVERYTHING._replace(deleted=(row(0),)), "  all  fuzzy  9 commands  1 to forget "),
        (EVERYTHING._replace(notice="no, \x1bc"), r"  no, \x1bc"),
    ],
)
def test_the_status_line_shows_scope_mode_and_counts(state, said):
    assert view(state, 80, 10, BARE)[8].startswith(said)


def test_the_number_of_a_row_is_its_alt_digit_key():
    state = EVERYTHING._replace(selected=2)
    for line in view(state, 80, 11, BARE)[:6]:
        next_state = update(state, Key(f"alt-{line[0]}"))
        assert line[11:15] in next_state.outcome.text.replace("\n", " ")
        assert next_state.outcome.action == EDIT


def test_every_key_in_the_help_does_something():
    names = {"PgUp": "page-up", "PgDn": "page-down"}
    labels = [keys for keys, _ in KEYS if keys[0] not in "'^!"]
    pressed = " ".join(labels).replace(" … ", " Alt-").split()
    bound = ACTS.keys() | EDITS.keys()
    assert {names.get(key, key.lower()) for key in pressed} <= bound


def test_the_hint_follows_the_setting_for_enter():
    runs, edits = (view(EVERYTHING._replace(enter=e), 80, 10, BARE)[8] for e in (RUN, EDIT))
    assert runs.endswith("Tab edits  Ctrl-R where  F1 help")
    assert edits.endswith("  Ctrl-R where  F1 help")
    assert "Tab" not in edits
    helped = view(EVERYTHING._replace(enter=EDIT, help=True), 80, 10, BARE)
    assert helped[0].startswith("  Enter         edit it ")


def test_a_remark_takes_the_place_of_the_hint_where_it_fits():
    remarked = EVERYTHING._replace(remark="sync fails since Mon 11:00: hx status")
    assert view(remarked, 120, 10, BARE)[8].endswith("  sync fails since Mon 11:00: hx status")
    assert "sync fails" not in view(remarked, 60, 10, BARE)[8]


rows = st.builds(
    Row,
    st.integers(0, 9),
    texts | st.sampled_from(["git status", "x" * 5_000, "日本" * 500]),
    st.integers(0, 9),
    st.sampled_from([-1, 1, NOW_US - 5_000_000, NOW_US + 1, 0]),
    st.sampled_from([None, 0, 1, 255, -1, 1 << 40]),
    st.sampled_from([None, 0, 6_000_000, 1 << 60]),
    st.none() | texts,
    st.sets(st.integers(0, 60), max_size=4).map(lambda places: tuple(sorted(places))),
)
details = st.builds(
    Details,
    st.integers(0, 9),
    st.none() | texts,
    st.none() | texts,
    st.none() | texts,
    st.none() | texts,
    texts,
    st.integers(0, 5),
    st.integers(0, 5),
)


@st.composite
def states(draw):
    state_rows = tuple(draw(st.lists(rows, max_size=5)))
    query = draw(texts)
    return State(
        query=query,
        cursor=draw(st.integers(0, len(query))),
        exact=draw(st.booleans()),
        scope=draw(st.sampled_from(SCOPES)),
        failures=draw(st.booleans()),
        rows=state_rows,
        matches=draw(st.sampled_from([0, len(state_rows), 250_000])),
        complete=draw(st.booleans()),
        total=draw(st.sampled_from([0, 1_000_000])),
        selected=draw(st.integers(0, max(0, len(state_rows) - 1))),
        details=draw(st.none() | details),
        preview=draw(st.booleans()),
        help=draw(st.booleans()),
        deleted=state_rows[:1],
        notice=draw(st.just("") | texts),
        now_us=NOW_US,
    )


sizes = st.tuples(st.integers(1, 130), st.integers(1, 24))


@given(states(), sizes)
def test_a_frame_fills_its_area_and_is_never_wider(state, size):
    """A frame always has the full height, so that the query stays in its line."""
    width, height = size
    lines = view(state, width, height, BARE)
    assert len(lines) == height
    for line in lines:
        assert line.isprintable()
        assert 0 <= wcswidth(line) <= width
    assert 0 <= cursor(state, width, BARE) < width


@given(states(), sizes, st.sampled_from(LOOKS))
def test_styles_change_no_letter_and_end_with_plain_attributes(state, size, look):
    lines = view(state, *size, look)
    assert plain(lines) == view(state, *size, BARE)
    screen = pyte.Screen(1000, 2)
    pyte.Stream(screen).feed("\r".join(lines))
    assert screen.cursor.attrs == pyte.Screen(1, 1).cursor.attrs
    assert screen.cursor.y == 0


@given(states(), st.integers(8, 130), st.integers(3, 24))
def test_the_selected_row_is_on_the_screen_and_marked(state, width, height):
    state = state._replace(help=False, preview=False)
    body = view(state, width, height, BARE)[:-2]
    marked = [line for line in body if line.startswith(">")]
    assert len(marked) == (1 if state.rows else 0)
    assert len(body) == page(state, width, height)


@given(st.text("ab c", max_size=60), st.data(), st.integers(8, 40))
def test_the_cursor_is_on_the_letter_after_its_place_in_the_query(query, data, width):
    place = data.draw(st.integers(0, len(query)))
    state = State(query=query, cursor=place)
    line = view(state, width, 1, BARE)[0] + " "
    column = cursor(state, width, BARE)
    assert line[column] == (query + " ")[place]
    if place < width - 3:
        assert column == 2 + place


@given(st.text("abc def", min_size=1, max_size=300), st.data(), st.integers(20, 120))
def test_matched_letters_close_together_are_visible(text, data, width):
    first = data.draw(st.integers(0, len(text) - 1))
    last = min(len(text) - 1, first + data.draw(st.integers(0, 5)))
    matched_row = row(0)._replace(text=text, matched=tuple(sorted({first, last})))
    look = BARE._replace(matched="4", chosen_matched="4")
    line = view(State(rows=(matched_row,), now_us=NOW_US), width, 3, look)[0]
    marked = "".join(re.findall(r"\x1b\[4m(.)", line.replace("\x1b[m", "")))
    assert marked.startswith(text[first])
    visible = line.count("\x1b[4m") + (last == first + 1)
    assert visible >= len({first, last})


def test_a_command_beyond_the_length_limit_is_marked_as_truncated():
    state = State(rows=(row(0)._replace(text="if true\n" + " " * 10_000 + "then"),), now_us=NOW_US)
    assert view(state, 80, 3, BARE)[0].rstrip().endswith("if true ⏎ …")


def test_only_nine_rows_are_numbered():
    state = EVERYTHING._replace(rows=(row(0),) * 12)
    body = view(state, 80, 14, BARE)[:-2]
    assert [line[0] for line in body] == [*"  987654321>"]


def test_a_style_ends_where_the_next_begins():
    assert painted([("a", "1"), ("b", "2"), ("", "3"), ("c", "")]) == "\x1b[1ma\x1b[0;2mb\x1b[mc"


def test_matched_letters_far_apart_do_not_scroll_the_command():
    matched_row = row(2)._replace(matched=(1, 70))
    line = view(State(rows=(matched_row,), now_us=NOW_US), 40, 3, BARE)[0]
    assert "cargo build" in line


def test_failed_and_selected_rows_can_be_recognised_without_attributes():
    succeeded, failed = row(0), row(0)._replace(exit_status=1)
    state = State(rows=(succeeded, failed), now_us=NOW_US)
    lines = view(state, 80, 4, BARE)
    assert lines[0] != lines[1]
    assert view(state._replace(selected=1), 80, 4, BARE) != lines


def test_matched_letters_are_underlined_even_without_colour():
    for look in LOOKS[1:]:
        assert "4" in look.matched.split(";")
        assert "4" in look.chosen_matched.split(";")


def test_without_colour_no_colour_is_sent():
    state = TYPED._replace(rows=EVERYTHING.rows, failures=False, notice="gone")
    for drawn in (state, state._replace(notice=""), state._replace(help=True), PREVIEWED):
        codes = re.findall(r"\x1b\[([0-9;]*)m", "".join(view(drawn, 80, 24, COLOURLESS)))
        assert {code for group in codes for code in group.split(";")} <= {
            "",
            "0",
            "1",
            "2",
            "4",
            "7",
        }


@pytest.mark.parametrize(
    ("ground", "look"),
    [
        ("15;0", DARK),
        ("0;15", LIGHT),
        ("0;default;15", LIGHT),
        ("12;8", DARK),
        ("0;7", LIGHT),
        ("", EITHER),
        ("15;default", EITHER),
        ("0;" + "9" * 5000, EITHER),
        ("²", EITHER),
    ],
)
def test_the_colours_follow_the_background(ground, look):
    assert styles_for(ground, colour=True) == look
    assert styles_for(ground, colour=False) == COLOURLESS


def test_a_huge_command_is_read_only_as_far_as_it_is_shown():
    for filler in ("x", "日", "\u0301", "\nx", "\x1b"):
        long = row(0)._replace(text="ls " + filler * (1 << 20))
        longer = long._replace(text=long.text + "y" * 1_000)
        for state in (PREVIEWED, EVERYTHING):
            frame_of_long, frame_of_longer = (
                view(state._replace(rows=(text,), selected=0), 80, 24, BARE)
                for text in (long, longer)
            )
            assert frame_of_long == frame_of_longer


def test_drawing_ascii_rows_imports_no_unicode_tables():
    script = (
        "import sys\n"
        "before = set(sys.modules)\n"
        "from hx.picker.view.styles import DARK\n"
        "from hx.picker.model import Row, State\n"
        "from hx.picker.view.view import cursor, view\n"
        "state = State(rows=(Row(1, 'git status', 1, 2, 1, 9_000_000, 'laptop'),), query='git')\n"
        "view(state, 80, 24, DARK), cursor(state, 80, DARK)\n"
        "print(*sorted(set(sys.modules) - before))\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    foreign = {name for name in process.stdout.split() if not name.startswith("hx")}
    assert foreign <= {"__future__", "collections", "itertools", "keyword", "operator", "reprlib",
                       "_collections", "_operator"}  # fmt: skip
