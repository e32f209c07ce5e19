"""Whatever the history and the question: the rows are those that a plain reading finds."""

from __future__ import annotations

import tempfile

from hypothesis import given
from hypothesis import strategies as st

from hx.core.query import ALL, DIRECTORY, REPOSITORY, SCOPES, SESSION
from hx.database.connection import open_scratch
from hx.picker.answers.matcher import wanted
from hx.picker.answers.source import AnswerSource
from hx.picker.model import Question
from picker.histories import DEVICE, EARLIER, HERE, NOW_US, OTHER, event, settled, take
from picker.histories import SESSION as CURRENT
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
).map(lambda given: [event(age, **one) for age, one in enumerate(given, 1)])
questions = st.builds(
    Question,
    st.sampled_from(["", "git", "gt", "'it !ls", "^g t$", "G", "î"]),
    st.booleans(),
    st.sampled_from(SCOPES),
    st.booleans(),
)


def is_in(scope, one):
    if scope == ALL:
        return True
    if scope == SESSION:
        return one.key.session_id == CURRENT
    if scope == DIRECTORY:
        return one.cwd == HERE.directory
    return one.repo == HERE.repo if scope == REPOSITORY else one.key.device_id == DEVICE


def read(events, question):
    """Command -> start of the run that is shown."""
    newest = {}
    for one in sorted(events, key=lambda one: one.key):
        if is_in(question.scope, one):
            newest[one.command.decode()] = one
    terms = wanted(question.query, exact=question.exact)
    return {
        text: one.key.started_at_us
        for text, one in newest.items()
        if (question.failures or not one.exit_status) and all(fits(term, text) for term in terms)
    }


@given(runs, st.lists(questions, min_size=1, max_size=4))
@share(0.3)
def test_the_rows_are_those_that_a_plain_reading_finds(events, asked):
    with tempfile.TemporaryDirectory() as folder:
        database = open_scratch(folder)
        take(database, *events)
        source = AnswerSource(database, HERE, NOW_US)
        for question in asked:
            expected = read(events, question)
            first, answer = source.first(question), settled(source, question)
            for one in (first, answer):
                assert {row.text: row.started_at_us for row in one.rows} == expected
            assert len(answer.rows) == answer.matches == len(expected)
            assert answer.total == len(read(events, question._replace(query="")))
            assert answer.complete
        source.close()
        database.close()
