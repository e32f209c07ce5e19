"""What each key makes of the screen, and what no keys and no answers may do."""

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


def answer(asked, commands=COMMANDS):
    """Of a history in which every word of a query is contained in what it finds."""
    rows = [
        row(number, text)
        for number, text in enumerate(commands)
        if number not in asked.hidden and all(word in text for word in asked.query.split())
    ]
    total = len(commands) - len(asked.hidden)
    return Results(asked, tuple(rows[: asked.limit]), len(rows), complete=True, total=total)


def settled(state, commands=COMMANDS):
    while answered(state, answer(question(state), commands)) != state:
        state = answered(state, answer(question(state), commands))
    return state


def press(state, *names, commands=COMMANDS):
    """Keys by name, or "=text"; each with its answer, as the loop does it."""
    for name in names:
        key = Key("text", name[1:]) if name.startswith("=") else Key(name)
        state = settled(update(state, key), commands)
    return state


def opened(query="", commands=COMMANDS, **given):
    return settled(start(query, 0, **given), commands)


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
def test_keys_end_it(keys, action, text):
    assert press(opened(), *keys).outcome == Outcome(action, text, ())


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
def test_a_key_that_cannot_act_says_so_until_the_next(keys, notice):
    said = press(opened(), *keys)
    assert said.outcome is None
    assert notice in said.notice
    assert not press(said, "left").notice


def test_enter_before_any_row_was_found_does_not_call_it_nothing():
    assert update(start("git", 0), Key("enter")).notice == "still looking"


def test_enter_edits_where_that_is_set():
    assert press(opened(enter=EDIT), "enter").outcome == Outcome(EDIT, "git push", ())


def test_ctrl_d_deletes_in_the_query_and_never_a_row():
    assert press(opened("git"), "ctrl-d") == opened("git")
    state = press(opened("git"), "home", "ctrl-d")
    assert (state.query, state.deleted, state.outcome) == ("it", (), None)


def test_the_query_from_the_command_line_is_one_line_with_the_cursor_at_its_end():
    state = start("git \\\npush\n", 0)
    assert (state.query, state.cursor) == ("git \\ push", 10)
    assert not start("", 0).notice
    assert "1,000 characters" in start("x" * 1_000_000, 0).notice


def test_a_paste_goes_into_the_query():
    state = update(opened("x"), Key("paste", "git\npush\n"))
    assert state.query == "xgit push"


def test_scopes_are_gone_through_in_both_directions():
    state = opened()
    seen = [state.scope]
    for _ in SCOPES:
        state = press(state, "ctrl-r")
        seen.append(state.scope)
    assert seen == [*SCOPES, ALL]
    assert press(state, "ctrl-s").scope == SCOPES[-1]
    assert press(state, "ctrl-r", "alt-r").scope == ALL


def test_only_scopes_that_there_are_here_are_gone_through():
    state = opened(scope=SESSION, scopes=(ALL, DIRECTORY))
    assert state.scope == ALL
    assert press(state, "ctrl-r").scope == DIRECTORY
    assert press(state, "ctrl-r", "ctrl-r").scope == ALL


@pytest.mark.parametrize(
    ("key", "field"),
    [("ctrl-t", "exact"), ("alt-x", "failures"), ("ctrl-o", "preview"), ("alt-p", "preview")],
)
def test_a_switch_goes_there_and_back(key, field):
    state = opened()
    assert getattr(press(state, key), field) != getattr(state, field)
    assert press(state, key, key) == state


@pytest.mark.parametrize("key", ["=g", "ctrl-r", "ctrl-t", "alt-x", "ctrl-u"])
def test_another_question_selects_the_best_row(key):
    assert press(opened("t"), "up", key).selected == 0


def test_a_move_in_the_query_leaves_the_selection():
    assert press(opened("git"), "up", "left", "home", "ctrl-e").selected == 1


def test_help_is_closed_by_any_key_and_text_is_typed():
    state = press(opened(), "f1")
    assert state.help
    assert press(state, "enter") == opened()
    assert press(state, "esc").outcome is None
    assert press(state, "=git").query == "git"
    assert press(state, "ctrl-c").outcome == Outcome(None, None, ())


def test_a_deleted_row_vanishes_at_once_and_is_forgotten_on_closing():
    state = update(press(opened("git"), "up"), Key("alt-delete"))
    assert [one.text for one in state.rows] == ["git push", "git log"]
    assert (state.matches, state.total, state.selected) == (2, 7, 1)
    assert "Ctrl-Z" in state.notice
    assert len(state.notice) < 80
    shown = settled(state)
    assert (shown.rows, shown.matches, shown.selected) == (state.rows, 2, 1)
    assert press(shown, "enter").outcome == Outcome(RUN, "git log", (1,))
    assert press(shown, "esc").outcome == Outcome(None, None, (1,))
    assert press(shown, "ctrl-c").outcome == Outcome(None, None, ())
    assert aborted(shown).outcome == Outcome(None, None, ())


def test_deletions_are_undone_in_turn():
    state = press(opened(), "up", "shift-delete", "f8")
    assert [one.text for one in state.deleted] == ["git status", "make test"]
    once = press(state, "ctrl-z")
    assert (once.notice, once.rows[once.selected].text) == ("kept: make test", "make test")
    twice = press(once, "alt-u")
    assert twice.rows == opened().rows
    assert press(twice, "esc").outcome == Outcome(None, None, ())


def test_a_deleted_row_stays_away_whatever_is_asked_and_whatever_is_answered():
    state = press(opened(), "alt-delete", "=git")
    assert [one.text for one in state.rows] == ["git status", "git log"]
    knows_nothing = answer(question(state)._replace(hidden=()))._replace(question=question(state))
    assert all(one.text != "git push" for one in answered(state, knows_nothing).rows)


def test_an_answer_to_another_question_changes_nothing():
    state = press(opened(), "=git")
    assert answered(state, answer(question(opened()))) == state
    state = update(state, Key("ctrl-r"))
    assert answered(state, answer(question(opened("git")), ())) == state


def test_a_selection_that_was_moved_stays_on_its_command_when_more_rows_are_found():
    early = answer(question(start("", 0)), COMMANDS[:3])._replace(complete=False)
    state = answered(start("", 0), early)
    late = answer(question(state))
    late = late._replace(rows=late.rows[::-1])
    moved = answered(update(state, Key("up")), late)
    assert (moved.rows[moved.selected].text, moved.complete) == ("git status", True)
    assert selected(answered(state, late)).text == "true"


def test_more_rows_are_asked_for_as_the_selection_comes_near_the_last():
    many = [f"echo {number}" for number in range(2 * MOST_ROWS)]
    state = opened(commands=many)
    assert len(state.rows) == ROWS
    assert len(press(state, *["page-up"] * (ROWS // 10 - 2), commands=many).rows) == 2 * ROWS
    state = press(state, *["alt-<"] * 5, commands=many)
    assert (len(state.rows), state.selected) == (MOST_ROWS, MOST_ROWS - 1)
    assert "type more" in press(state, "up", commands=many).notice
    assert len(press(state, "=1", commands=many).rows) == ROWS


def test_details_are_asked_for_once_a_row_and_shown_of_no_other():
    state = opened("git")
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
    rows,  # an answer, whatever was asked
    st.just("answer"),  # as it should be
    st.just("details"),
    st.integers(-2, 50),  # rows on the screen
)


def live(state, event):
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


def lived(done):
    """Open at the end: what would end it is left out."""
    state = start("", 0)
    for event in done:
        after = live(state, event)
        state = state if after.outcome else after
    return state


@given(st.lists(events, max_size=25))
def test_the_screen_is_sound_whatever_happens(done):
    state = start("", 0)
    for event in done:
        before, state = state, live(state, event)
        assert 0 <= state.cursor <= len(state.query) <= MOST
        assert 0 <= state.selected < max(1, len(state.rows))
        assert len(state.rows) <= state.matches
        assert not {one.command for one in state.rows} & {one.command for one in state.deleted}
        assert len({one.command for one in state.deleted}) == len(state.deleted)
        assert state.details is None or state.details.event == selected(state).event
        assert state.scope in SCOPES
        assert state.page >= 1
        if before.outcome and isinstance(event, Key):
            assert state == before


@given(st.lists(events, max_size=25))
def test_enter_takes_the_row_that_is_selected(done):
    state = lived(done)._replace(help=False)
    outcome = update(state, Key("enter")).outcome
    row = selected(state)
    forget = tuple(one.command for one in state.deleted)
    assert outcome == (Outcome(RUN, row.text, forget) if row else None)


@given(st.lists(events, max_size=25))
def test_interrupt_forgets_nothing_at_any_time(done):
    assert update(lived(done), Key("ctrl-c")).outcome == Outcome(None, None, ())


@given(st.lists(events, max_size=25))
def test_every_deletion_can_be_undone(done):
    state = lived(done)._replace(help=False)
    for _ in state.deleted:
        state = update(state, Key("ctrl-z"))
    assert not state.deleted
    assert update(state, Key("esc")).outcome == Outcome(None, None, ())
