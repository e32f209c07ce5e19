"""The cost of a query does not grow with the history; the steps of SQLite are counted."""

from __future__ import annotations

from itertools import islice

import pytest

from hx.core.merge import History
from hx.core.model import FINISHED, IMPORTED, LIVE, Event, EventKey, Tombstone, Window
from hx.core.moment import Moment
from hx.core.query import DIRECTORY, Query
from hx.core.rank import Here
from hx.core.terms import parse
from hx.database import event_detail
from hx.database.connection import open_scratch
from hx.database.event_rows import remove_events
from hx.database.find import find, load
from hx.database.join import join
from hx.database.queries import forget_selection, sessions, status
from hx.database.queries.forget_selection import Choice
from hx.database.queries.import_duplicates import OwnEvents
from hx.database.search import search
from hx.database.sparing import spared_events
from hx.database.tombstones import relevant
from hx.picker.answers.source import AnswerSource
from hx.picker.model import PickerQuery

DEVICE, OTHER, ORIGIN = b"\x01" * 16, b"\x02" * 16, b"\x81" * 16
SHELL, FILE = b"\xa0" * 16, b"\xb0" * 16
SHORT, LONG = 25_000, 100_000  # events; the smaller number exceeds what any query reads
SECOND_US = 1_000_000
BEGIN_US = 1_600_000_000 * SECOND_US
NOW_US = 1_700_000_000 * SECOND_US
HERE = Here(b"/srv", b"https://example.org/x", SHELL, DEVICE)


def imported(number):
    """Return an event of an imported text file, all of which is one session."""
    key = EventKey(BEGIN_US + number * SECOND_US, ORIGIN, FILE, 1)
    return Event(key, b"make %d" % (number % 500), b"/srv", shell=b"zsh", origin=IMPORTED)


def typed(number):
    """Return an event of a shell that stays open for years; `false` fails and is never fixed."""
    key = EventKey(BEGIN_US + number * SECOND_US, DEVICE, SHELL, number + 1)
    command, exit_status = (b"false", 1) if number % 20 == 0 else (b"make", 0)
    return Event(
        key, command, b"/srv", exit_status, None, 1, shell=b"zsh", flags=FINISHED, origin=LIVE
    )


def untimed(number):
    """Return an event of an imported file without times, in which every command is frequent."""
    key = EventKey(500_000_000 + number, ORIGIN, FILE, 500_000_000 + number)
    return Event(key, b"make %d" % (number % 500), b"", shell=b"bash", origin=IMPORTED)


def database_of(folder, make_event, count):
    """Return a database with `count` events that `make_event` returns for 0, 1, 2 …"""
    database = open_scratch(str(folder))
    for first in range(0, count, 25_000):
        with database.transaction():
            join(database, History(events=frozenset(map(make_event, range(first, first + 25_000)))))
    return database


@pytest.fixture(scope="module", params=[imported, typed], ids=["imported", "typed"])
def short_and_long(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("growth")
    databases = [database_of(folder, request.param, count) for count in (SHORT, LONG)]
    yield databases
    for database in databases:
        database.close()


def newest(database):
    return database.value("SELECT id FROM event ORDER BY started_at_us DESC LIMIT 1")


def show(database):
    (event,) = load(database, [newest(database)])
    row_ids = event_detail.row_ids_of(database, event)
    return [event_detail.runs_of(database, row_ids), event_detail.around(database, row_ids, 3)]


def fix(database):
    sql = "SELECT id FROM event WHERE exit_status <> 0 ORDER BY started_at_us LIMIT 1"
    (event,) = load(database, [database.value(sql) or newest(database)])
    return event_detail.fix_of(database, event_detail.row_ids_of(database, event))


def last(database):
    session_id = sessions.last_of_work(database, None, DEVICE)
    return sessions.session(database, session_id or FILE, 5_000)


def ingest(database):
    """Join one more command, and the end of one."""
    number = database.value("SELECT count FROM total WHERE name = 'event'")
    running = typed(number)._replace(exit_status=None, flags=0)
    rolled_back(database, lambda: join(database, History(events=frozenset({running}))))
    rolled_back(database, lambda: join(database, History(events=frozenset({typed(number - 1)}))))


def move(database):
    """Join a command at whose end the repository is on another branch than before."""
    number = database.value("SELECT count FROM total WHERE name = 'event'")
    before, running, ended = (
        typed(number + offset)._replace(repo=b"r", branch=branch)
        for offset, branch in ((0, b"main"), (1, b"main"), (1, b"topic"))
    )
    running = running._replace(exit_status=None, flags=0)
    database.execute("BEGIN")
    join(database, History(events=frozenset({before, running})))
    join(database, History(events=frozenset({ended})))
    database.execute("ROLLBACK")


def remove(database):
    """Remove a hundred events, as retention does during a search."""
    sql = "SELECT id FROM event ORDER BY started_at_us LIMIT 100"
    rows = [row for (row,) in database.execute(sql)]
    rolled_back(database, lambda: remove_events(database, rows))


def rolled_back(database, call):
    """Call a function in a transaction and roll it back."""
    database.execute("BEGIN")
    call()
    database.execute("ROLLBACK")


def search_for(query):
    """Return a function that searches a database for the first 50 matches."""

    def run(database):
        return list(islice(search(database, Query(), parse(query), HERE, NOW_US), 50))

    return run


QUERIES = {
    "ingest": ingest,
    "ingest, on another branch": move,
    "retention": remove,
    "search": search_for("make 7"),
    "search, common": search_for("make"),
    "search, letters apart": search_for("mk"),
    "search, absent": search_for("nosuchthing"),
    "picker": lambda database: AnswerSource(database, HERE, NOW_US).first(PickerQuery()),
    "picker, query": lambda database: AnswerSource(database, HERE, NOW_US).first(PickerQuery("mk")),
    "picker, here": lambda database: AnswerSource(database, HERE, NOW_US).first(
        PickerQuery("make", scope=DIRECTORY)
    ),
    "last": last,
    "pin --last": lambda database: sessions.last(database, None),
    "forget --match": lambda database: forget_selection.events(
        database, Choice(text=b"nosuchthing")
    ),
    "status": status.figures,
    "status, shells": lambda database: status.newest_by_shell(database, DEVICE),
    "show": show,
    "a fix": fix,
    "find": lambda database: list(find(database, Query("make 7"))),
    "find --unique": lambda database: list(find(database, Query("make", unique=True))),
    "find --failed": lambda database: list(find(database, Query(failed=True))),
    "find --exit": lambda database: list(find(database, Query(exit_status=77))),
    "find --host": lambda database: list(find(database, Query(host=b"nowhere"))),
    "find --device": lambda database: list(find(database, Query("make", device="nobody"))),
    "find --repo": lambda database: list(find(database, Query(repo=b"https://nowhere"))),
    "find --cwd": lambda database: list(find(database, Query(cwd=b"/nowhere"))),
    "find --session": lambda database: list(find(database, Query(session_id=SHELL))),
    "find --session, imported": lambda database: list(find(database, Query(session_id=FILE))),
    "find --here": lambda database: list(find(database, Query(cwd=b"/srv"))),
    "find --since": lambda database: list(find(database, Query(since_us=1 << 62))),
}


def steps(database, query):
    """Return the steps of SQLite's virtual machine that a query takes, in hundreds."""
    hundreds = 0

    def count():
        nonlocal hundreds
        hundreds += 1
        return False

    database.connection.set_progress_handler(count, 100)
    try:
        query(database)
    finally:
        database.connection.set_progress_handler(None)
    return hundreds


@pytest.mark.parametrize("name", QUERIES)
def test_the_cost_of_a_query_does_not_grow_with_the_history(short_and_long, name):
    short, long = (steps(database, QUERIES[name]) for database in short_and_long)
    assert long <= short * 1.1 + 20


def test_a_line_imported_beside_another_history_reads_only_what_began_near_it(short_and_long):
    taken = []
    for database in short_and_long:
        own = OwnEvents(database, database.value("SELECT device_id FROM device"), "vm", OTHER)
        at_us = BEGIN_US + 20_000 * SECOND_US
        taken.append(
            steps(database, lambda _, own=own, at_us=at_us: own.has_duplicate(at_us, b"ls", bytes))
        )
    assert taken[1] <= taken[0] * 1.1 + 20


def test_a_record_reads_only_the_windows_that_may_cover_it(tmp_path):
    """Each `hx forget` by time leaves one, and a member sends thousands of them in a few bytes."""
    taken = []
    for count in (100, 20_000):
        (tmp_path / str(count)).mkdir()
        database = open_scratch(str(tmp_path / str(count)))
        windows = {
            Tombstone(n.to_bytes(16), n, DEVICE, Window(n, n + 1)) for n in range(1, count + 1)
        }
        with database.transaction():
            join(database, History(tombstones=frozenset(windows)))
        now = typed(1)._replace(key=typed(1).key._replace(spared=()))
        taken.append(steps(database, lambda database, now=now: read_windows(database, now)))
        near = typed(1)._replace(key=typed(1).key._replace(started_at_us=50))
        [covering] = relevant(database, History(frozenset([near])))
        assert covering.tombstone_id == (50).to_bytes(16)
        assert relevant(database, History(tombstones=frozenset(windows))) == frozenset()
        database.close()
    assert taken[1] <= taken[0] * 1.1 + 20


def read_windows(database, event):
    """Join an event that is new, as a pull does, and record it, as a shell does."""
    assert not relevant(database, History(frozenset([event])))
    moment = Moment(event.key.started_at_us, 0, "")
    assert spared_events(database, [event], moment) == [event]


FOLDED = {
    "everything": Query(),
    "rare": Query("make 7"),
    "common": Query("make"),
    "with another limit": Query("make", limit=500),
}


@pytest.fixture(scope="module")
def short_and_long_untimed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("untimed")
    databases = [database_of(folder, untimed, count) for count in (SHORT, LONG)]
    yield databases
    for database in databases:
        database.close()


@pytest.mark.parametrize("name", FOLDED)
def test_the_cost_of_folding_events_without_a_time_does_not_grow_with_them(
    short_and_long_untimed, name
):
    short, long = short_and_long_untimed
    found = list(find(long, FOLDED[name]))
    assert {hit.runs for hit in found} == {LONG // 500}

    def query(database):
        return list(find(database, FOLDED[name]))

    assert steps(long, query) <= steps(short, query) * 1.1 + 20


def test_the_newest_events_of_a_long_session_are_read_and_its_start_is_known(short_and_long):
    for database, count in zip(short_and_long, (SHORT, LONG), strict=True):
        session = last(database)
        assert (session.events, len(session.steps)) == (count, 5_000)
        assert session.started_at_us == BEGIN_US
        assert session.ended_at_us // SECOND_US == BEGIN_US // SECOND_US + count - 1
        newest_first = [step.event for step in reversed(session.steps)]
        sql = "SELECT id FROM event ORDER BY started_at_us DESC LIMIT 5000"
        assert newest_first == [row for (row,) in database.execute(sql)]
