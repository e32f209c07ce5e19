"""For any history and question, the rows are those that a simple reference implementation finds."""

from __future__ import annotations

import tempfile

from hypothesis import given
from hypothesis import strategies as st

from hx.core.query import ALL, DIRECTORY, REPOSITORY, SCOPES, SESSION
from hx.database.connection import open_scratch
from hx.picker.answers.matcher import wanted
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
from picker.test_matcher import fits
from strategies import share

runs = st.lists(
    st.builds(
        dict,
        command=st.sampled_from(["git pull", "git", "Gît", "ls -l", "make git", "g i t"]),
        device=st.sampled_from([DEVICE, OTHER]),
        session=st.sampled_from([CURRENT, EARLIER]),
        cwd=st.sampled_from([b"/srv", b"/tmp"]),
        repo=st.sampled_from([HERE.repo, None]),
        exit_status=st.sampled_from([0, 1, None]),
    ),
    max_size=12,
).map(lambda drawn: [event(age, **fields) for age, fields in enumerate(drawn, 1)])
questions = st.builds(
    PickerQuery,
    st.sampled_from(["", "git", "gt", "'it !ls", "^g t$", "G", "î"]),
    st.booleans(),
    st.sampled_from(SCOPES),
    st.booleans(),
)


def is_in(scope, run):
    if scope == ALL:
        return True
    if scope == SESSION:
        return run.key.session_id == CURRENT
    if scope == DIRECTORY:
        return run.cwd == HERE.directory
    return run.repo == HERE.repo if scope == REPOSITORY else run.key.device_id == DEVICE


def expected_rows(events, question):
    """Command -> start of the run that is shown."""
    newest = {}
    for candidate in sorted(events, key=lambda candidate: candidate.key):
        if is_in(question.scope, candidate):
            newest[candidate.command.decode()] = candidate
    terms = wanted(question.query, exact=question.exact)
    return {
        text: run.key.started_at_us
        for text, run in newest.items()
        if (question.failures or not run.exit_status) and all(fits(term, text) for term in terms)
    }


@given(runs, st.lists(questions, min_size=1, max_size=4))
@share(0.3)
def test_the_rows_are_those_of_the_reference_implementation(events, drawn_questions):
    with tempfile.TemporaryDirectory() as folder:
        database = open_scratch(folder)
        add_events(database, *events)
        source = AnswerSource(database, HERE, NOW_US)
        for question in drawn_questions:
            expected = expected_rows(events, question)
            first, answer = source.first(question), final_answer(source, question)
            for shown in (first, answer):
                assert {row.text: row.started_at_us for row in shown.rows} == expected
            assert len(answer.rows) == answer.matches == len(expected)
            assert answer.total == len(expected_rows(events, question._replace(query="")))
            assert answer.complete
        source.close()
        database.close()
