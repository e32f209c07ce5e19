"""Finding events by text: the same events whichever way the text is looked for."""

from __future__ import annotations

from itertools import islice, product

import pytest

from database.sync.ledger_rows import OTHER, event, join_records, statements
from hx.core.event_name import ident
from hx.core.model import KNOWN_SINCE_US, MAX_TIME_US
from hx.core.query import Query
from hx.database import find as finding
from hx.database.find import (
    Counted,
    count_runs,
    find,
    index_hits,
    load,
    load_counted,
    newest_runs,
    walk,
)

COMMANDS = [b"make test", b"make", b"remake it", b"ls", b"MAKE", b"m\xff"]


def events():
    """Return runs of six commands, of which one in three succeeds."""
    return [
        event(
            KNOWN_SINCE_US + 10 + number,
            seq=number + 1,
            command=COMMANDS[number % len(COMMANDS)],
            exit_status=number % 3,
            cwd=b"/a" if number % 4 else b"/srv",
        )
        for number in range(24)
    ]


@pytest.fixture
def filled(database):
    join_records(database, *events())
    return database


@pytest.fixture(params=["rare", "common", "walked"])
def way(request, monkeypatch):
    """Let the index say that every text is rare or common, or let few commands be read by it."""
    if request.param != "rare":
        monkeypatch.setattr(finding, "RARE", 1)
    if request.param == "walked":
        monkeypatch.setattr(finding, "WALKED", 2)


def expected(database, query):
    """Return the events that a query asks for, the newest first."""
    rows = dict(database.execute("SELECT ident, id FROM event"))
    fits = [
        hit
        for hit in events()
        if query.text.lower() in hit.command.decode(errors="replace").lower()
        and (query.cwd is None or hit.cwd == query.cwd)
    ]
    fits.sort(key=lambda hit: (hit.key.started_at_us, rows[ident(hit.key)]), reverse=True)
    if query.unique:
        newest = {hit.command: hit for hit in reversed(fits)}
        fits = [hit for hit in fits if newest[hit.command] == hit]
    fits = fits[: query.limit]
    return fits[::-1] if query.reverse else fits


TEXTS = ["", "make", "ls", "m", "absent", "ke"]
LIMITS = [None, 0, 1, 3, 600]


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(("text", "limit"), [*product(TEXTS, LIMITS)])
def test_a_text_is_found_in_every_way_newest_first(filled, text, limit):
    for cwd, is_unique, is_reversed in product((None, b"/srv"), (False, True), (False, True)):
        query = Query(text, cwd=cwd, limit=limit, unique=is_unique, reverse=is_reversed)
        found = [*find(filled, query)]
        assert [hit.event for hit in found] == expected(filled, query), query
        assert [hit.ident for hit in found] == [ident(hit.event.key) for hit in found]


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("cwd", [None, b"/srv"])
@pytest.mark.parametrize("limit", [None, 50])
def test_the_runs_of_a_distinct_command_are_those_that_were_found(filled, cwd, limit):
    for hit in find(filled, Query("make", cwd=cwd, limit=limit, unique=True)):
        same = [
            run
            for run in events()
            if run.command == hit.event.command and (cwd is None or run.cwd == cwd)
        ]
        assert hit.runs == len(same)
        assert hit.failures == sum(run.exit_status != 0 for run in same)
    plain = next(find(filled, Query("make")))
    assert (plain.runs, plain.failures) == (None, None)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("cwd", [None, b"/srv"])
@pytest.mark.parametrize("limit", [1, 2, None])
def test_of_runs_of_one_command_at_one_time_the_last_row_comes_first(database, cwd, limit):
    for seq, exit_status in enumerate((0, 2, 1), 1):
        join_records(database, event(KNOWN_SINCE_US + 10, seq=seq, exit_status=exit_status))
    join_records(database, event(KNOWN_SINCE_US, seq=4, command=b"makes"))
    found = find(database, Query("make", cwd=cwd, limit=limit))
    assert [hit.event.key.seq for hit in found] == [3, 2, 1, 4][:limit]


def test_events_are_loaded_in_the_order_of_their_rows_without_those_that_are_gone(database):
    count = 2 * finding._CHUNK + 1
    join_records(database, *(event(number, seq=number + 1) for number in range(count)))
    rows = [row for (row,) in database.execute("SELECT id FROM event")]
    gone = rows[3]
    database.execute("DELETE FROM event WHERE id = ?", (gone,))
    starts = dict(database.execute("SELECT id, started_at_us FROM event"))
    wanted = rows[::-1]
    found = [hit.event.key.started_at_us for hit in load(database, wanted)]
    assert found == [starts[row] for row in wanted if row != gone]
    counted = [Counted(1, row, row, 2 * row) for row in wanted]
    with_counts = [*load_counted(database, counted)]
    assert [hit.event.key.started_at_us for hit in with_counts] == found
    assert [(hit.runs, hit.failures) for hit in with_counts] == [
        (row, 2 * row) for row in wanted if row != gone
    ]


def test_the_runs_of_commands_are_counted_at_their_newest(filled):
    everywhere = count_runs(filled, [])
    commands = [row for (row,) in filled.execute("SELECT id FROM command")]
    assert everywhere == newest_runs(filled, commands)
    assert count_runs(filled, [], 2) == everywhere[:2]
    assert newest_runs(filled, commands[:1]) == [
        hit for hit in everywhere if hit.command == commands[0]
    ]
    assert count_runs(filled, [("exit_status = ?", (99,))]) == []


def test_of_runs_at_one_time_the_last_row_is_the_newest(database):
    join_records(database, event(10), event(10, OTHER), event(10, seq=2, command=b"ls"))
    rows = dict(database.execute("SELECT command, max(id) FROM event GROUP BY command"))
    found = newest_runs(database, [*rows])
    assert [(hit.command, hit.event) for hit in found] == sorted(
        rows.items(), key=lambda row: row[1], reverse=True
    )
    at_one_time = count_runs(database, [("+event.id > ?", (1,))])
    assert [hit.event for hit in at_one_time] == [3, 2]


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("text", ["make", "m"])
def test_of_commands_used_last_at_one_time_the_one_of_the_last_row_comes_first(database, text):
    join_records(database, event(5))
    join_records(database, event(10, seq=2, command=b"makes"))
    join_records(database, event(10, seq=3))
    (found,) = find(database, Query(text, limit=1))
    assert found.event.key.seq == 3


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("text", ["make", "m"])
def test_events_of_any_time_are_found(database, text):
    events = [event(-MAX_TIME_US), event(MAX_TIME_US, seq=2, command=b"makes")]
    join_records(database, *events)
    assert [hit.event for hit in find(database, Query(text))] == events[::-1]


def test_the_latest_used_commands_are_read_by_their_index_and_the_others_in_one_pass(
    filled, monkeypatch
):
    with statements(filled) as run:
        assert len([*walk(filled, ("1", ()), "id")]) == len(COMMANDS)
        assert not [sql for sql in run if "NOT INDEXED" in sql], "they are few"
        monkeypatch.setattr(finding, "WALKED", 2)
        commands = walk(filled, ("1", ()), "id")
        assert len([*islice(commands, 3)]) == 3
        assert "NOT INDEXED" not in run[-1]
        next(commands)
        assert "NOT INDEXED" in run[-1]


def test_no_command_is_read_that_was_last_used_before_all_events_that_are_found(filled):
    with statements(filled) as run:
        assert len([*find(filled, Query("m", limit=2))]) == 2
    assert len([sql for sql in run if "FROM counted AS event WHERE command" in sql]) == 3


def test_of_commands_without_a_time_none_is_read_that_was_last_used_before_those_found(database):
    texts = [b"%d" % number for number in range(9)]
    join_records(database, *(event(n, seq=n + 1, command=text) for n, text in enumerate(texts)))
    with statements(database) as run:
        assert [hit.event.command for hit in find(database, Query(limit=2))] == texts[:-3:-1]
    assert len([sql for sql in run if "FROM counted AS event WHERE command = ?" in sql]) == 3


def test_a_rare_text_is_looked_for_in_the_index_and_no_command_is_walked(filled):
    with statements(filled) as run:
        assert [*find(filled, Query("make"))]
    assert [sql for sql in run if "command_text MATCH" in sql]
    assert not [sql for sql in run if "INDEXED" in sql]
    with statements(filled) as run:
        assert [*find(filled, Query())]
    assert not [sql for sql in run if "command_text" in sql]


QUERIES_OF_TIMED = {
    "the limit is reached": Query(cwd=b"/srv", limit=2),
    "all are later": Query(since_us=KNOWN_SINCE_US),
    "all may be older": Query(cwd=b"/srv", limit=3),
}


@pytest.mark.parametrize("name", QUERIES_OF_TIMED)
def test_events_without_a_time_are_counted_where_they_may_be_found(database, name):
    for seq, at_us in ((1, 5), (2, KNOWN_SINCE_US), (3, KNOWN_SINCE_US + 9)):
        join_records(database, event(at_us, seq=seq))
    with statements(database) as run:
        found = [hit.event.key.seq for hit in find(database, QUERIES_OF_TIMED[name])]
    is_counted = name == "all may be older"
    assert found == ([3, 2, 1] if is_counted else [3, 2])
    assert bool([sql for sql in run if "GROUP BY" in sql]) == is_counted


def test_where_no_event_is_without_a_time_none_are_counted(filled):
    with statements(filled) as run:
        assert [*find(filled, Query(cwd=b"/srv"))]
    assert not [sql for sql in run if "GROUP BY" in sql]


def test_events_without_a_time_come_by_their_places_and_not_by_their_rows(database):
    for seq, (place, command) in enumerate([(600, b"a"), (500, b"b"), (550, b"c")], 1):
        join_records(database, event(place, seq=seq, command=command))
    found = find(database, Query(limit=9))
    assert [hit.event.command for hit in found] == [b"a", b"c", b"b"]


def test_the_index_tells_rare_commands_from_common_ones(filled, monkeypatch):
    rows = {text: row for row, text in filled.execute("SELECT id, text FROM command")}
    hits = {rows["make test"], rows["make"], rows["remake it"], rows["MAKE"]}
    assert {*index_hits(filled, ["mak"])} == hits
    assert index_hits(filled, ["mak", "tes"]) == [rows["make test"]]
    assert index_hits(filled, ['"a"']) == []
    assert index_hits(filled, []) is None
    assert index_hits(filled, [], newest=True) is None
    monkeypatch.setattr(finding, "RARE", 4)
    assert {*(index_hits(filled, ["mak"]) or ())} == hits
    monkeypatch.setattr(finding, "RARE", 3)
    assert index_hits(filled, ["mak"]) is None
    assert index_hits(filled, ["mak"], newest=True) == sorted(hits)[:0:-1]


def untimed_and_timed(database):
    """Put runs of three commands without a time and of one with a time into a database."""
    texts = [b"make test", b"ls", b"make test", b"git push", b"make test"]
    old = [event(500 + n, seq=n + 1, command=text) for n, text in enumerate(texts)]
    new = [event(KNOWN_SINCE_US + n, seq=50 + n, command=b"make test") for n in range(2)]
    join_records(database, *old, *new)


def shown(found):
    return [(hit.event.command, hit.event.key.seq, hit.runs, hit.folded) for hit in found]


FOLDED = [
    (b"make test", 51, None, False),
    (b"make test", 50, None, False),
    (b"make test", 5, 3, True),
    (b"git push", 4, 1, True),
    (b"ls", 2, 1, True),
]


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("limit", [None, 50, 1, 2, 3, 4, 5])
def test_events_without_a_time_are_one_row_for_each_command_and_a_limit_counts_rows(
    database, limit
):
    untimed_and_timed(database)
    assert shown(find(database, Query(limit=limit))) == FOLDED[:limit]
    assert shown(find(database, Query("ma", limit=limit))) == FOLDED[:3][:limit]
    assert shown(find(database, Query("make", cwd=b"/srv", limit=limit))) == FOLDED[:3][:limit]
    for text, rows in (("", FOLDED), ("make", FOLDED[:3])):
        oldest_first = find(database, Query(text, limit=limit, reverse=True))
        assert shown(oldest_first) == rows[:limit][::-1]


def test_without_a_time_and_with_unique_a_command_is_one_row_of_all_its_runs(database):
    untimed_and_timed(database)
    assert shown(find(database, Query(unique=True))) == [
        (b"make test", 51, 5, False),
        (b"git push", 4, 1, False),
        (b"ls", 2, 1, False),
    ]
