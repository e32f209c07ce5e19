"""`hx search` and the picker rank by one rule: the same query gives the same order in both."""

from __future__ import annotations

import tempfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hx.core.query import ALL, DIRECTORY, REPOSITORY, SESSION, Query
from hx.core.rank import Here
from hx.core.terms import parse
from hx.database.connection import open_scratch
from hx.database.search import search
from hx.picker.answers.source import AnswerSource
from hx.picker.model import PickerQuery
from picker.sample_histories import (
    DEVICE,
    EARLIER,
    HERE,
    NOW_US,
    OTHER,
    add_events,
    event,
    final_answer,
)
from picker.sample_histories import SESSION as CURRENT
from strategies import share

SCOPES = {
    ALL: Query(),
    SESSION: Query(session_id=CURRENT),
    DIRECTORY: Query(cwd=HERE.directory),
    REPOSITORY: Query(repo=HERE.repo),
}
ages = st.one_of(st.integers(1, 60), st.integers(1, 400_000_000))  # seconds
runs = st.lists(
    st.tuples(
        ages,
        st.fixed_dictionaries(
            {
                "command": st.sampled_from(
                    ["git log", "git log -p", "legit catalog", "gl", "g i t", "gît", "make", "Git"]
                ),
                "device": st.sampled_from([DEVICE, OTHER]),
                "session": st.sampled_from([CURRENT, EARLIER]),
                "cwd": st.sampled_from([b"/srv", b"/tmp"]),
                "repo": st.sampled_from([HERE.repo, None]),
                "exit_status": st.sampled_from([0, 1, None]),
            }
        ),
    ),
    max_size=30,
    unique_by=lambda run: run[0],
).map(lambda drawn: [event(age, **fields) for age, fields in drawn])
queries = st.sampled_from(
    ["", "git", "git log", "log", "gl", "'git", "^git", "log$", "git !log", "!git", "G", "î", "g t"]
)
positions = st.builds(
    Here,
    st.sampled_from([b"/srv", None]),
    st.sampled_from([HERE.repo, None]),
    st.sampled_from([CURRENT, None]),
    st.just(DEVICE),
)


@given(runs, queries, st.sampled_from(sorted(SCOPES)), positions)
@share(0.5)
def test_search_and_the_picker_give_the_same_order(events, query, scope, here):
    place_of_scope = {SESSION: here.session_id, DIRECTORY: here.directory, REPOSITORY: here.repo}
    with tempfile.TemporaryDirectory() as folder:
        database = open_scratch(folder)
        add_events(database, *events)
        found = list(search(database, SCOPES[scope], parse(query), here, NOW_US))
        source = AnswerSource(database, here, NOW_US)
        question = PickerQuery(query, scope=scope if place_of_scope.get(scope, b"") else ALL)
        if question.scope == scope:
            for answer in (source.first(question), final_answer(source, question)):
                assert [row.command for row in answer.rows] == found
        source.close()
        database.close()


@pytest.mark.parametrize("query", ["git log", "log", "gl"])
def test_a_command_that_ran_twenty_times_is_first_in_both(tmp_path, query):
    database = open_scratch(str(tmp_path))
    frequent_runs = [event(86_400 * (2 + age), "git log --oneline") for age in range(20)]
    add_events(
        database,
        *frequent_runs,
        event(86_400, "git log --graph"),
        event(80_000, "git log --all -p x"),
    )
    found = list(search(database, Query(), parse(query), HERE, NOW_US))
    answer = final_answer(AnswerSource(database, HERE, NOW_US), PickerQuery(query))
    assert [row.command for row in answer.rows] == found
    assert answer.rows[0].text == "git log --oneline"
    database.close()


def test_an_exact_match_is_first_however_old_it_is(tmp_path):
    """There are more newer commands with its words than the search ranks."""
    database = open_scratch(str(tmp_path))
    exact_runs = [event(86_400 * (400 + age), "ssh prod") for age in range(12)]
    add_events(
        database,
        *exact_runs,
        *(event(age, f"echo my-ssh-prod-{age} | tee") for age in range(5_000)),
    )
    found = list(search(database, Query(), parse("ssh prod"), HERE, NOW_US))
    answers = [AnswerSource(database, HERE, NOW_US).first(PickerQuery("ssh prod"))]
    answers.append(final_answer(AnswerSource(database, HERE, NOW_US), PickerQuery("ssh prod")))
    assert [answer.rows[0].text for answer in answers] == ["ssh prod"] * 2
    assert found[0] == answers[0].rows[0].command
    database.close()
