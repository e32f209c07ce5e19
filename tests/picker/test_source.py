"""The answers of the picker, from SQL and from all commands in memory."""

from __future__ import annotations

import sys

import pytest

from hx.core.query import DEVICE as THIS_DEVICE
from hx.core.query import DIRECTORY, REPOSITORY, SESSION
from hx.core.rank import Here
from hx.database.connection import open_database
from hx.picker.answers.source import AnswerSource
from hx.picker.model import PickerQuery
from picker.sample_histories import (
    DEVICE,
    EARLIER,
    HERE,
    NOW_US,
    OTHER,
    SECOND_US,
    add_events,
    command_texts,
    event,
    final_answer,
)
from picker.sample_histories import SESSION as CURRENT

DAY_S = 86_400
MIB = 1 << 20


@pytest.fixture
def database(tmp_path):
    database = open_database(str(tmp_path / "hx" / "hx.db"))
    yield database
    database.close()


@pytest.fixture(params=["quick", "plain"])
def either_matcher(request, monkeypatch):
    if request.param == "plain":
        monkeypatch.setitem(sys.modules, "frizbee", None)  # as where frizbee has no wheel


def ask(database, query="", **fields):
    return final_answer(AnswerSource(database, HERE, NOW_US), PickerQuery(query, **fields))


def first_answer(database, query="", **fields):
    return AnswerSource(database, HERE, NOW_US).first(PickerQuery(query, **fields))


def test_without_a_query_the_latest_used_is_first(database):
    add_events(database, event(30, "ls"), event(20, "make"), event(10, "ls"), event(40, "cd"))
    first = first_answer(database)
    assert command_texts(first) == command_texts(ask(database)) == ["ls", "make", "cd"]
    assert first.rows[0].started_at_us == NOW_US - 10 * SECOND_US
    assert not first.complete


def test_an_empty_history_has_an_answer(database):
    answer = ask(database, "git")
    assert (answer.rows, answer.matches, answer.complete, answer.total) == ((), 0, True, 0)


def test_all_matches_are_counted_though_few_rows_are_asked_for(database, either_matcher):
    add_events(database, *(event(age, f"git show {age}") for age in range(700)), event(800, "ls"))
    answer = ask(database, "gsh", limit=20)
    assert len(answer.rows) == 20
    assert (answer.matches, answer.total, answer.complete) == (700, 701, True)
    assert ask(database, limit=20).matches == 701


def test_the_answer_to_a_common_query_grows_until_it_is_complete(database):
    add_events(database, *(event(age, f"x{age}") for age in range(3 * 8_192)))
    source = AnswerSource(database, HERE, NOW_US)
    final_answer(source)
    question = PickerQuery("x")
    source.answer(question)
    shares = []
    while source.busy(question):
        source.work(question)
        shares.append(source.answer(question).matches)
    assert source.answer(question).matches == 3 * 8_192
    assert shares == sorted(shares)


def test_a_rare_old_command_is_found_at_once_by_its_words(database):
    add_events(
        database, event(9_000, "zyxquux --old"), *(event(n, f"make {n}") for n in range(5_000))
    )
    assert command_texts(first_answer(database, "zyxq")) == ["zyxquux --old"]


def test_hiding_a_row_brings_another_one_in_its_place(database):
    add_events(database, *(event(age, f"x{age}") for age in range(40_000)))
    source = AnswerSource(database, HERE, NOW_US)
    final_answer(source)
    rows = final_answer(source, PickerQuery("x")).rows
    after = source.answer(PickerQuery("x", hidden=(rows[0].command,)))
    assert len(after.rows) == 200


def test_the_best_match_is_first_though_thousands_are_newer(database):
    newer = (event(n, f"xgxxixxt {n}") for n in range(9_000))  # in more than one block
    add_events(database, event(9_999, "git status"), *newer)
    answer = ask(database, "git", limit=3)
    assert answer.rows[0].text == "git status"
    assert answer.matches == 9_001


def test_the_first_frame_and_the_whole_search_find_the_same_commands(database, either_matcher):
    add_events(
        database, *(event(n, text) for n, text in enumerate(["git pull", "GIT", "g.i_t", "ti g"]))
    )
    for query in ("git", "'git", "^g t$", "!pull", "g\\ i"):
        assert set(command_texts(first_answer(database, query))) == set(
            command_texts(ask(database, query))
        ), query


def test_a_better_match_is_before_a_newer_one(database):
    add_events(database, event(1, "gcc -o is_it x"), event(DAY_S, "git status"))
    assert command_texts(ask(database, "git"))[0] == "git status"


def test_of_equal_matches_the_newer_is_first(database):
    add_events(database, event(9, "git pull a"), event(5, "git pull b"), event(7, "git pull c"))
    assert command_texts(ask(database, "git")) == ["git pull b", "git pull c", "git pull a"]


@pytest.mark.parametrize(
    "place", [{"cwd": b"/srv"}, {"repo": HERE.repo}, {"session": CURRENT}, {"device": DEVICE}]
)
def test_of_equal_matches_the_one_that_ran_here_is_first(database, place):
    add_events(
        database,
        event(50, "git pull there", device=OTHER),
        event(60, "git pull here", **({"device": OTHER} | place)),
    )
    assert command_texts(ask(database, "git")) == ["git pull here", "git pull there"]


def test_a_recent_run_elsewhere_is_before_an_old_run_here(database):
    add_events(
        database,
        event(1, "git pull now"),
        event(20 * DAY_S * 365, "git pull then", cwd=b"/srv"),
    )
    assert command_texts(ask(database, "git"))[0] == "git pull now"


SCOPES = {
    SESSION: {"session": CURRENT},
    DIRECTORY: {"cwd": b"/srv"},
    REPOSITORY: {"repo": HERE.repo},
    THIS_DEVICE: {"device": DEVICE},
}


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("query", ["", "ma"])
def test_a_scope_shows_its_own_newest_runs(database, scope, query, either_matcher):
    place = {"device": OTHER} | SCOPES[scope]
    add_events(
        database,
        event(5, "make all", device=OTHER, exit_status=0),
        event(10, "make elsewhere", device=OTHER),
        event(20, "make all", exit_status=3, **place),
        event(30, "make new", exit_status=0, **place),
        event(40, "make all", exit_status=0, **place),
    )
    for answer in (first_answer(database, query, scope=scope), ask(database, query, scope=scope)):
        assert [(row.text, row.exit_status) for row in answer.rows] == [
            ("make all", 3),
            ("make new", 0),
        ]
        assert answer.matches == 2
    assert ask(database, query, scope=scope).total == 2


@pytest.mark.parametrize("scope", SCOPES)
def test_a_scope_is_in_the_order_of_use_and_not_of_arrival(database, scope):
    place = {"device": OTHER} | SCOPES[scope]
    for age in (20, 10, 30):
        add_events(database, event(age, f"make {age}", **place))
    assert command_texts(ask(database, scope=scope)) == ["make 10", "make 20", "make 30"]
    assert command_texts(first_answer(database, scope=scope)) == ["make 10", "make 20", "make 30"]


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("query", ["", "ma"])
def test_commands_whose_last_run_in_the_scope_failed_are_hidden(database, scope, query):
    place = {"device": OTHER} | SCOPES[scope]
    add_events(
        database,
        event(5, "make all", device=OTHER, exit_status=0),
        event(20, "make all", exit_status=3, **place),
        event(30, "make new", exit_status=0, **place),
        event(31, "make unknown", **place),
        event(40, "make all", exit_status=0, **place),
    )
    for answer in (
        first_answer(database, query, scope=scope, failures=False),
        ask(database, query, scope=scope, failures=False),
    ):
        assert command_texts(answer) == ["make new", "make unknown"]
    assert ask(database, query, scope=scope, failures=False).matches == 2


@pytest.mark.parametrize("query", ["", "m"])
def test_commands_whose_last_run_failed_are_hidden(database, query):
    add_events(
        database,
        event(1, "m typo", exit_status=127),
        event(2, "m good", exit_status=0),
        event(3, "m typo", exit_status=0),
        event(4, "m unknown"),
    )
    answer = ask(database, query, failures=False)
    assert command_texts(answer) == command_texts(first_answer(database, query, failures=False))
    assert command_texts(answer) == ["m good", "m unknown"]
    assert (answer.matches, answer.total) == (2, 2)


def test_the_scope_of_the_only_device_has_every_command(database):
    add_events(database, event(1, "ls"), event(2, "pwd", exit_status=1))
    assert command_texts(ask(database, scope=THIS_DEVICE)) == ["ls", "pwd"]
    assert command_texts(ask(database, scope=THIS_DEVICE, failures=False)) == ["ls"]


@pytest.mark.parametrize("scope", [SESSION, DIRECTORY, REPOSITORY])
def test_the_scope_of_an_unknown_place_is_empty(database, scope):
    add_events(database, event(1, "ls", repo=None))
    source = AnswerSource(database, Here(None, None, None, DEVICE), NOW_US)
    assert not source.first(PickerQuery(scope=scope)).rows
    assert not final_answer(source, PickerQuery(scope=scope)).rows


@pytest.mark.parametrize("query", ["", "l"])
def test_hidden_commands_are_neither_shown_nor_counted(database, query):
    add_events(database, event(1, "ls"), event(2, "ls -l"))
    hidden = (ask(database, query).rows[0].command,)
    for answer in (
        ask(database, query, hidden=hidden),
        first_answer(database, query, hidden=hidden),
    ):
        assert command_texts(answer) == ["ls -l"]
        assert answer.matches == 1


@pytest.mark.parametrize("query", ["", "ls"])
def test_commands_that_are_forgotten_meanwhile_disappear(database, query):
    add_events(database, event(1, "ls"), event(2, "ls -l"))
    source = AnswerSource(database, HERE, NOW_US)
    row = final_answer(source, PickerQuery(query)).rows[0]
    with database.transaction():
        database.execute("DELETE FROM event WHERE id = ?", (row.event,))
        database.execute("DELETE FROM command WHERE id = ?", (row.command,))
    assert command_texts(source.answer(PickerQuery(query, limit=199))) == ["ls -l"]
    assert source.details(row) is None
    assert source.exact(row.command) is None


def test_concurrent_writes_between_the_steps_lose_no_match(database):
    add_events(database, *(event(n, f"make {n}") for n in range(5_000)))
    other_database = open_database(database.path)
    source, question = AnswerSource(database, HERE, NOW_US), PickerQuery("make", failures=False)
    written = 0
    while source.busy(question):
        source.work(question)
        written += 1
        add_events(other_database, event(10_000 + written, f"make meanwhile {written}"))
        source.answer(question)
    other_database.close()
    assert written > 1
    assert source.answer(question).matches >= 5_000


def test_after_close_the_database_can_be_scrubbed(database):
    add_events(database, *(event(n, f"make {n}") for n in range(5_000)))
    source = AnswerSource(database, HERE, NOW_US)
    source.work(PickerQuery())
    source.close()
    database.scrub()


def test_only_the_beginning_of_a_huge_command_is_searched_but_all_of_it_is_shown(
    database, either_matcher
):
    huge = "s-t-a-r-t " + "ab " * (MIB // 3 - 10) + "start END"
    add_events(database, event(1, huge), event(2, "ls"))
    assert (
        command_texts(ask(database, "start"))
        == command_texts(first_answer(database, "start"))
        == [huge]
    )
    assert not ask(database, "END").rows
    assert max(ask(database, "start").rows[0].matched) < 4_096


def test_the_exact_bytes_of_a_command_are_returned(database):
    add_events(database, event(1, b"echo caf\xe9"))
    source = AnswerSource(database, HERE, NOW_US)
    row = final_answer(source, PickerQuery("echo")).rows[0]
    assert row.text == "echo caf\N{REPLACEMENT CHARACTER}"
    assert source.exact(row.command) == b"echo caf\xe9"


def test_the_matched_letters_are_returned(database, either_matcher):
    add_events(database, event(1, "göt it status"))
    assert ask(database, "'STATUS").rows == ()
    (row,) = ask(database, "'status").rows
    assert "".join(row.text[place] for place in row.matched) == "status"
    (row,) = ask(database, "gs").rows
    assert "".join(row.text[place] for place in row.matched) == "gs"


def test_imported_commands_belong_to_this_device(database):
    add_events(database, event(1, "ls", device=OTHER), event(2, "pwd"))
    database.execute("UPDATE device SET name = 'desktop'")
    assert [row.device for row in ask(database).rows] == [None, None]
    assert len(ask(database, scope=THIS_DEVICE).rows) == 2


def test_a_row_has_the_name_of_another_device(database):
    add_events(database, event(1, "ls", device=OTHER), event(2, "pwd"))
    database.execute("UPDATE device SET name = 'laptop' WHERE device_id = ?", (OTHER,))
    assert [row.device for row in ask(database).rows] == ["laptop", None]


def test_details_describe_the_shown_run_and_count_all_runs(database):
    add_events(
        database,
        event(1, "make", cwd=b"/w\xff", repo=b"r", branch=b"b", host=b"box", exit_status=0),
        event(2, "make", device=OTHER, session=EARLIER, exit_status=2),
        event(3, "make"),
    )
    source = AnswerSource(database, HERE, NOW_US)
    details = source.details(source.first(PickerQuery()).rows[0])
    assert details
    assert details[1:5] == ("/w\N{REPLACEMENT CHARACTER}", "r", "b", "box")
    assert (details.runs, details.failures) == (3, 1)


@pytest.mark.parametrize(
    "query", ["^", "!", "'", "\\", "$", " ", "x" * 3_000, "\udcff", "\0", "*[?"]
)
def test_any_query_has_an_answer(database, query, either_matcher):
    add_events(database, event(1, "ls ^!'$*[?"))
    for exact in (False, True):
        first_answer(database, query, exact=exact)
        assert ask(database, query, exact=exact).complete


def test_exact_words_match_no_separate_letters(database, either_matcher):
    add_events(database, event(1, "git status"), event(2, "gst"))
    for answer in (ask(database, "gst", exact=True), first_answer(database, "gst", exact=True)):
        assert command_texts(answer) == ["gst"]
