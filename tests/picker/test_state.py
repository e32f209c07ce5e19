"""How each key and each answer changes the state of the picker."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hx.core.query import ALL, DIRECTORY, SCOPES, SESSION
from hx.picker.model import EDIT, RUN, Details, Key, Outcome, Results, Row
from hx.picker.state.actions import ACTS, MOST_ROWS, ROWS, aborted, selected
from hx.picker.state.editing import EDITS, MOST
from hx.picker.state.state import answered, detailed, paged, question, start, update, wanted

COMMANDS = ("git push", "git status", "make test", "ls", "make", "git log", "cd /tmp", "true")


def row(command, text="true"):
    return Row(command, text, 100 + command, 0, 0, 0, None)


def answer(question, commands=COMMANDS):
    """Return the results for a question: the commands that contain every word of its query."""
    rows = [
        row(number, text)
        for number, text in enumerate(commands)
        if number not in question.hidden and all(word in text for word in question.query.split())
    ]
    total = len(commands) - len(question.hidden)
    return Results(question, tuple(rows[: question.limit]), len(rows), complete=True, total=total)


def with_answer(state, commands=COMMANDS):
    while answered(state, answer(question(state), commands)) != state:
        state = answered(state, answer(question(state), commands))
    return state


def press(state, *names, commands=COMMANDS):
    """Press keys, given by name or as "=text"; apply the answer after each, as the loop does."""
    for name in names:
        key = Key("text", name[1:]) if name.startswith("=") else Key(name)
        state = with_answer(update(state, key), commands)
    return state


def open_picker(query="", commands=COMMANDS, **options):
    return with_answer(start(query, 0, **options), commands)


@pytest.mark.parametrize(
    ("keys", "action", "text"),
    [
        (["enter"], RUN, "git push"),
        (["tab"], EDIT, "git push"),
        (["right"], EDIT, "git push"),
        (["=make", "enter"], RUN, "make test"),
        (["=make", "up", "enter"], RUN, "make"),
        (["=make", "home", "right", "right", "enter"], RUN, "make test"),
        (["=make", "right"], EDIT, "make test"),
        (["up", "ctrl-p", "down", "up", "tab"], EDIT, "make test"),
        (["page-up", "ctrl-n", "ctrl-j", "tab"], EDIT, "git log"),
        (["alt-<", "tab"], EDIT, "true"),
        (["ctrl-home", "ctrl-end", "tab"], EDIT, "git push"),
        (["alt-<", "alt->", "tab"], EDIT, "git push"),
        (["up", "alt-2"], EDIT, "ls"),
        (["=docker run", "tab"], EDIT, "docker run"),
        (["esc"], None, None),
        (["=git", "ctrl-c"], None, None),
        (["ctrl-g"], None, None),
        (["ctrl-d"], None, None),
    ],
)
def test_closing_keys_give_their_outcome(keys, action, text):
    assert press(open_picker(), *keys).outcome == Outcome(action, text, ())


@pytest.mark.parametrize(
    ("keys", "notice"),
    [
        (["=nowhere", "enter"], "no command matches"),
        (["alt-8"], "no row there"),
        (["=nowhere", "alt-delete"], "no row to forget"),
        (["ctrl-z"], "nothing to bring back"),
        (["=" + "x" * (MOST + 1)], "1,000 characters"),
    ],
)
def test_a_key_that_cannot_act_shows_a_notice_until_the_next_key(keys, notice):
    pressed = press(open_picker(), *keys)
    assert pressed.outcome is None
    assert notice in pressed.notice
    assert not press(pressed, "left").notice


def test_enter_before_the_first_answer_says_that_it_is_still_looking():
    assert update(start("git", 0), Key("enter")).notice == "still looking"


def test_enter_edits_if_the_settings_say_so():
    assert press(open_picker(enter=EDIT), "enter").outcome == Outcome(EDIT, "git push", ())


def test_ctrl_d_deletes_a_character_of_the_query_and_never_a_row():
    assert press(open_picker("git"), "ctrl-d") == open_picker("git")
    state = press(open_picker("git"), "home", "ctrl-d")
    assert (state.query, state.deleted, state.outcome) == ("it", (), None)


def test_the_query_from_the_command_line_is_one_line_with_the_cursor_at_its_end():
    state = start("git \\\npush\n", 0)
    assert (state.query, state.cursor) == ("git \\ push", 10)
    assert not start("", 0).notice
    assert "1,000 characters" in start("x" * 1_000_000, 0).notice


def test_a_paste_goes_into_the_query():
    state = update(open_picker("x"), Key("paste", "git\npush\n"))
    assert state.query == "xgit push"


def test_keys_go_through_the_scopes_in_both_directions():
    state = open_picker()
    scopes = [state.scope]
    for _ in SCOPES:
        state = press(state, "ctrl-r")
        scopes.append(state.scope)
    assert scopes == [*SCOPES, ALL]
    assert press(state, "ctrl-s").scope == SCOPES[-1]
    assert press(state, "ctrl-r", "alt-r").scope == ALL


def test_keys_go_only_through_the_available_scopes():
    state = open_picker(scope=SESSION, scopes=(ALL, DIRECTORY))
    assert state.scope == ALL
    assert press(state, "ctrl-r").scope == DIRECTORY
    assert press(state, "ctrl-r", "ctrl-r").scope == ALL


@pytest.mark.parametrize(
    ("key", "field"),
    [("ctrl-t", "exact"), ("alt-x", "failures"), ("ctrl-o", "preview"), ("alt-p", "preview")],
)
def test_a_toggle_pressed_twice_changes_nothing(key, field):
    state = open_picker()
    assert getattr(press(state, key), field) != getattr(state, field)
    assert press(state, key, key) == state


@pytest.mark.parametrize("key", ["=g", "ctrl-r", "ctrl-t", "alt-x", "ctrl-u"])
def test_another_question_selects_the_best_row(key):
    assert press(open_picker("t"), "up", key).selected == 0


def test_a_move_in_the_query_leaves_the_selection():
    assert press(open_picker("git"), "up", "left", "home", "ctrl-e").selected == 1


def test_help_is_closed_by_any_key_and_text_is_typed():
    state = press(open_picker(), "f1")
    assert state.help
    assert press(state, "enter") == open_picker()
    assert press(state, "esc").outcome is None
    assert press(state, "=git").query == "git"
    assert press(state, "ctrl-c").outcome == Outcome(None, None, ())


def test_a_deleted_row_disappears_at_once_and_is_forgotten_on_closing():
    state = update(press(open_picker("git"), "up"), Key("alt-delete"))
    assert [row.text for row in state.rows] == ["git push", "git log"]
    assert (state.matches, state.total, state.selected) == (2, 7, 1)
    assert "Ctrl-Z" in state.notice
    assert len(state.notice) < 80
    shown = with_answer(state)
    assert (shown.rows, shown.matches, shown.selected) == (state.rows, 2, 1)
    assert press(shown, "enter").outcome == Outcome(RUN, "git log", (1,))
    assert press(shown, "esc").outcome == Outcome(None, None, (1,))
    assert press(shown, "ctrl-c").outcome == Outcome(None, None, ())
    assert aborted(shown).outcome == Outcome(None, None, ())


def test_deletions_are_undone_in_reverse_order():
    state = press(open_picker(), "up", "shift-delete", "f8")
    assert [row.text for row in state.deleted] == ["git status", "make test"]
    once = press(state, "ctrl-z")
    assert (once.notice, once.rows[once.selected].text) == ("kept: make test", "make test")
    twice = press(once, "alt-u")
    assert twice.rows == open_picker().rows
    assert press(twice, "esc").outcome == Outcome(None, None, ())


def test_a_deleted_row_is_in_no_later_answer():
    state = press(open_picker(), "alt-delete", "=git")
    assert [row.text for row in state.rows] == ["git status", "git log"]
    knows_nothing = answer(question(state)._replace(hidden=()))._replace(question=question(state))
    assert all(row.text != "git push" for row in answered(state, knows_nothing).rows)


def test_an_answer_to_another_question_changes_nothing():
    state = press(open_picker(), "=git")
    assert answered(state, answer(question(open_picker()))) == state
    state = update(state, Key("ctrl-r"))
    assert answered(state, answer(question(open_picker("git")), ())) == state


def test_a_moved_selection_stays_on_its_command_when_more_rows_are_found():
    early = answer(question(start("", 0)), COMMANDS[:3])._replace(complete=False)
    state = answered(start("", 0), early)
    late = answer(question(state))
    late = late._replace(rows=late.rows[::-1])
    moved = answered(update(state, Key("up")), late)
    assert (moved.rows[moved.selected].text, moved.complete) == ("git status", True)
    assert selected(answered(state, late)).text == "true"


def test_more_rows_are_asked_for_when_the_selection_is_near_the_last_row():
    many = [f"echo {number}" for number in range(2 * MOST_ROWS)]
    state = open_picker(commands=many)
    assert len(state.rows) == ROWS
    assert len(press(state, *["page-up"] * (ROWS // 10 - 2), commands=many).rows) == 2 * ROWS
    state = press(state, *["alt-<"] * 5, commands=many)
    assert (len(state.rows), state.selected) == (MOST_ROWS, MOST_ROWS - 1)
    assert "type more" in press(state, "up", commands=many).notice
    assert len(press(state, "=1", commands=many).rows) == ROWS


def test_details_are_asked_for_once_per_row_and_shown_only_for_it():
    state = open_picker("git")
    assert wanted(state) is None
    state = press(state, "ctrl-o")
    known = Details(wanted(state).event, None, None, None, None, "box", 1, 0)
    shown = detailed(state, known)
    assert (shown.details, wanted(shown)) == (known, None)
    assert press(shown, "up").details is None
    assert wanted(press(shown, "up")) == state.rows[1]
    assert detailed(press(state, "up"), known).details is None


NAMES = sorted({*ACTS, *EDITS, "alt-0", "f5", "ctrl-l", "ctrl-@"})
keys = st.one_of(
    st.sampled_from(NAMES).map(Key),
    st.sampled_from(["alt-delete", "ctrl-z", "up", "up", "page-up", "ctrl-o"]).map(Key),
    st.builds(Key, st.sampled_from(["text", "paste"]), st.text(max_size=6)),
    st.builds(Key, st.just("text"), st.sampled_from(["git", "make", "t", " "])),
)
rows = st.lists(st.integers(0, 9), unique=True, max_size=9).map(lambda ids: tuple(map(row, ids)))
events = st.one_of(
    keys,
    rows,  # an answer with any rows
    st.just("answer"),  # the answer to the question
    st.just("details"),
    st.integers(-2, 50),  # rows on the screen
)


def apply_event(state, event):
    if isinstance(event, Key):
        return update(state, event)
    if isinstance(event, int):
        return paged(state, event)
    if event == "answer":
        return answered(state, answer(question(state)))
    if event == "details":
        row = wanted(state)
        return detailed(state, Details(row.event, *[None] * 4, "box", 1, 0)) if row else state
    return answered(state, Results(question(state), event, len(event), complete=False))


def apply_events(applied):
    """Apply the events to a new state, without those that would close the picker."""
    state = start("", 0)
    for event in applied:
        next_state = apply_event(state, event)
        state = state if next_state.outcome else next_state
    return state


@given(st.lists(events, max_size=25))
def test_the_state_is_valid_after_any_events(applied):
    state = start("", 0)
    for event in applied:
        before, state = state, apply_event(state, event)
        assert 0 <= state.cursor <= len(state.query) <= MOST
        assert 0 <= state.selected < max(1, len(state.rows))
        assert len(state.rows) <= state.matches
        assert not {row.command for row in state.rows} & {row.command for row in state.deleted}
        assert len({row.command for row in state.deleted}) == len(state.deleted)
        assert state.details is None or state.details.event == selected(state).event
        assert state.scope in SCOPES
        assert state.page >= 1
        if before.outcome and isinstance(event, Key):
            assert state == before


@given(st.lists(events, max_size=25))
def test_enter_picks_the_selected_row(applied):
    state = apply_events(applied)._replace(help=False)
    outcome = update(state, Key("enter")).outcome
    row = selected(state)
    forget = tuple(deleted.command for deleted in state.deleted)
    assert outcome == (Outcome(RUN, row.text, forget) if row else None)


@given(st.lists(events, max_size=25))
def test_interrupt_forgets_nothing_at_any_time(applied):
    assert update(apply_events(applied), Key("ctrl-c")).outcome == Outcome(None, None, ())


@given(st.lists(events, max_size=25))
def test_every_deletion_can_be_undone(applied):
    state = apply_events(applied)._replace(help=False)
    for _ in state.deleted:
        state = update(state, Key("ctrl-z"))
    assert not state.deleted
    assert update(state, Key("esc")).outcome == Outcome(None, None, ())
