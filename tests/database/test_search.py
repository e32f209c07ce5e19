"""Search among distinct commands: what matches, whichever way it is looked for."""

from __future__ import annotations

import pytest

from database.sync.ledger_rows import ME, SESSION, event, join_records, statements
from hx.core.query import Query
from hx.core.rank import LOOKED_AT, Here
from hx.core.terms import parse
from hx.database import find as finding
from hx.database import search as searching
from hx.database.search import FoundCommand

HERE = Here(b"/here", None, SESSION, ME)
COMMANDS = ["git log", "git log -p", "legit catalog", "g i t", "make", "Git", "git push", "ls"]


@pytest.fixture
def filled(database):
    """Yield a database of commands that ran twice each, the first one last, and failed once."""
    runs = []
    for number, command in enumerate(reversed(COMMANDS)):
        at, text = 10 * number, command.encode()
        cwd = b"/here" if number % 2 else b"/srv"
        runs.append(event(at, seq=2 * number, command=text, exit_status=1, cwd=cwd))
        runs.append(event(at + 5, seq=2 * number + 1, command=text, exit_status=0))
    join_records(database, *runs)
    return database


@pytest.fixture(params=["rare", "common"])
def way(request, monkeypatch):
    """Let the index say that every text is rare, or common."""
    if request.param == "common":
        monkeypatch.setattr(finding, "RARE", 1)


def texts_of(found):
    return [command.text for command in found]


WHOLE = {
    "": COMMANDS,
    "git": ["git log", "git log -p", "legit catalog", "Git", "git push"],
    "git log": ["git log", "git log -p", "legit catalog"],
    "^git": ["git log", "git log -p", "Git", "git push"],
    "log$": ["git log", "legit catalog"],
    "'log": ["git log", "git log -p", "legit catalog"],
    "git !log": ["Git", "git push"],
    "!git": ["g i t", "make", "ls"],
    "Git": ["Git"],
    "absent": [],
}


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("text", WHOLE)
def test_all_commands_that_match_come_by_last_use(filled, text):
    found = [*searching.matching(filled, Query(), parse(text))]
    assert texts_of(found) == WHOLE[text]
    twice = searching.matching(filled, Query(since_us=0), parse(text))
    assert texts_of(twice) == WHOLE[text], "each once, although both its runs fit the filter"
    filtered = [*searching.matching(filled, Query(failed=True), parse(text))]
    assert texts_of(filtered) == WHOLE[text]
    for everywhere, failed in zip(found, filtered, strict=True):
        assert (everywhere.runs, everywhere.failures, everywhere.event) == (2, 1, None)
        assert failed[:2] == everywhere[:2]
        assert failed.at_us == everywhere.at_us - 5, "the run that fits the filter"
        assert (failed.runs, failed.failures) == (2, 1), "everywhere"
        event = "SELECT started_at_us FROM event WHERE id = ?"
        assert filled.value(event, (failed.event,)) == failed.at_us


def searched(database, text, now_us=10_000, **filters):
    """Return the texts of the commands that a search yields, in their order."""
    rows = dict(database.execute("SELECT id, text FROM command"))
    query = Query(**filters)
    return [rows[row] for row in searching.search(database, query, parse(text), HERE, now_us)]


APART = {text: [*WHOLE[text], "g i t"] for text in ("git", "git !log")}


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("ranked", [1, 1_000])
@pytest.mark.parametrize("text", WHOLE)
def test_a_search_yields_each_command_that_matches_once(filled, monkeypatch, text, ranked):
    monkeypatch.setattr(searching, "RANKED", ranked)
    for filters in ({}, {"failed": True}, {"since_us": 0}):
        found = searched(filled, text, **filters)
        assert sorted(found) == sorted(APART.get(text, WHOLE[text]))


def test_letters_may_be_apart_where_few_commands_match(filled, monkeypatch):
    scattered = [*searching.matching(filled, Query(), parse("git"), scattered=True)]
    assert texts_of(scattered) == [*WHOLE["git"][:3], "g i t", "Git", "git push"]
    assert "g i t" not in searched(filled, "'git")
    assert searched(filled, "mk 'ke") == ["make"]
    monkeypatch.setattr(searching, "_FEW", 6)
    assert "g i t" in searched(filled, "git")
    monkeypatch.setattr(searching, "_FEW", 5)
    assert "g i t" not in searched(filled, "git")


def test_commands_whose_letters_are_apart_are_ranked_among_the_others(filled):
    later_us = 10**15
    join_records(filled, event(later_us, seq=99, command=b"g i t", cwd=b"/here"))
    found = searched(filled, "git", now_us=later_us)
    assert found.index("g i t") < found.index("legit catalog")


def test_commands_whose_letters_are_apart_have_a_run_that_fits_the_filters(filled):
    assert searched(filled, "git", since_us=30, until_us=46) == ["g i t"]
    assert searched(filled, "git", since_us=46) == WHOLE["git"][:3]


@pytest.mark.parametrize("text", ["g", "'git"])
def test_one_letter_and_an_exact_word_are_not_looked_for_a_second_time(filled, text):
    with statements(filled) as run:
        searched(filled, text)
    latest = [sql for sql in run if "ORDER BY last_us DESC LIMIT ?) WHERE" in sql]
    assert len(latest) == (text == "g")


@pytest.mark.usefixtures("way")
def test_of_many_commands_those_that_ran_here_are_ranked_too(filled, monkeypatch):
    monkeypatch.setattr(searching, "RANKED", 1)
    monkeypatch.setattr(searching, "_FEW", 0)
    assert searched(filled, "git")[:3] == ["git log", "git push", "legit catalog"]
    assert searched(filled, "git", since_us=46) == WHOLE["git"][:3], "with a filter only these"


def test_with_a_filter_only_runs_of_commands_that_the_index_names_are_read(filled):
    with statements(filled) as run:
        assert len([*searching.matching(filled, Query(failed=True), parse("git"))]) == 5
    assert "event.command IN (" in run[-1]


@pytest.mark.usefixtures("way")
def test_of_many_likely_commands_some_are_returned(filled):
    found, are_all = searching.likely(filled, Query(failed=True), parse("git"), 2, 100)
    assert (texts_of(found), are_all) == (["git log", "git log -p"], False)
    found, are_all = searching.likely(filled, Query(failed=True), parse("git"), 6, 100)
    assert (texts_of(found), are_all) == (WHOLE["git"], True)


def test_rare_words_are_looked_for_among_all_commands(filled):
    found, are_all = searching.likely(filled, Query(), parse("git"), 9, 1)
    assert (texts_of(found), are_all) == (WHOLE["git"], True)


def test_common_words_are_looked_for_among_the_latest_used(filled, monkeypatch):
    monkeypatch.setattr(finding, "RARE", 1)
    found, are_all = searching.likely(filled, Query(), parse("git"), 9, 2)
    assert texts_of(found)[:2] == ["git log", "git log -p"]
    assert not are_all
    assert len(found) == len({*found})
    found, _ = searching.likely(filled, Query(), parse("git"), 9, 100)
    assert texts_of(found) == WHOLE["git"], "no letters apart"
    join_records(filled, event(1, seq=99, command=b"git log -p x"))
    found, _ = searching.likely(filled, Query(), parse("git log -p"), 9, 1)
    assert texts_of(found) == ["git log -p", "git log -p x"], "equal to the terms; made last"
    found, _ = searching.likely(filled, Query(), parse("git log -p"), 1, 1)
    assert texts_of(found) == ["git log -p"]
    found = searching.latest(filled, parse("git"), 1, 9, scattered=False)
    assert texts_of(found) == ["git log"]
    found = searching.latest(filled, parse("git"), 9, 4, scattered=True)
    assert texts_of(found) == COMMANDS[:4]


def test_rare_commands_are_found_whenever_they_were_used(filled, monkeypatch):
    assert texts_of(searching.rare(filled, parse("git"), 9)) == WHOLE["git"]
    assert texts_of(searching.rare(filled, parse("git"), 2)) == WHOLE["git"][:2]
    assert [*searching.rare(filled, parse("absent"), 9)] == []
    join_records(filled, event(1, seq=99, command=b"git itl"))
    assert [*searching.rare(filled, parse("gitl"), 9)] == [], "it holds all trigrams of the word"
    monkeypatch.setattr(finding, "RARE", 1)
    assert [*searching.rare(filled, parse("git"), 9)] == []


def test_the_command_that_equals_the_terms_is_found_by_its_hash(filled):
    assert texts_of(searching.equal(filled, parse("git log"))) == ["git log"]
    assert searching.equal(filled, parse("git lo")) == []
    assert searching.equal(filled, parse("git !log")) == []


def test_the_commands_of_a_directory_are_found_by_their_last_use(filled, monkeypatch):
    found = [*searching.nearby(filled, parse("git"), b"/here", 9)]
    assert texts_of(found) == ["git log", "legit catalog", "git push"]
    assert texts_of(searching.nearby(filled, parse("git"), b"/here", 1)) == ["git log"]
    assert [*searching.nearby(filled, parse("git"), b"/absent", 9)] == []
    assert texts_of(searching.nearby(filled, parse("git"), b"/srv", 9)) == WHOLE["git"]
    monkeypatch.setattr(searching, "_NEARBY_EVENTS", 1)
    assert texts_of(searching.nearby(filled, parse("git"), b"/here", 9)) == ["git log"]


def test_given_runs_are_those_of_commands_that_match(filled):
    rows = {text: row for row, text in filled.execute("SELECT id, text FROM command")}
    runs = {rows[text]: (100 + place, 7 * place) for place, text in enumerate(COMMANDS[:5])}
    found = searching.of_runs(filled, runs, parse("git"), scattered=False)
    assert {*found} == {rows[text] for text in WHOLE["git"][:3]}
    for row, command in found.items():
        assert (command.id, command.event, command.at_us) == (row, *runs[row])
    apart = searching.of_runs(filled, runs, parse("git"), scattered=True)
    assert {*apart} == {*found, rows["g i t"]}


def test_the_text_of_a_command_is_read_as_far_as_it_is_ranked(database):
    long = "a" * LOOKED_AT + "b"
    join_records(database, event(10, command=long.encode()), event(20, seq=2, command=b"\xff"))
    assert sorted(searching.texts(database, [1, 2])) == [(1, long[:-1]), (2, "\ufffd")]
    assert [*searching.exact_texts(database, [2, 9, 1])] == [b"\xff", long.encode()]
    (found,) = searching.matching(database, Query(), parse("b"))
    assert found == FoundCommand(1, long[:-1], 10, 1, 0, None)


def test_many_exact_texts_are_read_in_their_order(database):
    count = 2 * searching._CHUNK + 1
    join_records(
        database, *(event(number, seq=number, command=b"%d" % number) for number in range(count))
    )
    rows = [row for (row,) in database.execute("SELECT id FROM command ORDER BY last_us DESC")]
    texts = [*searching.exact_texts(database, rows)]
    assert texts == [b"%d" % number for number in reversed(range(count))]


def test_the_index_is_asked_for_the_words_that_every_match_holds():
    def words(text, *, scattered):
        return searching.index_words_of(parse(text), scattered=scattered)

    assert words("make !test 'abcd ab", scattered=False) == ["abc", "ake", "bcd", "mak"]
    assert words("make !test 'abcd ab", scattered=True) == ["abc", "bcd"]
    assert words("!make", scattered=False) == []
