"""What a question costs where the history is ten times as long: SQLite's steps are counted."""

from __future__ import annotations

from itertools import islice

import pytest

from hx.core.merge import History
from hx.core.model import FINISHED, IMPORTED, LIVE, Event, EventKey
from hx.core.query import DIRECTORY, Query
from hx.core.rank import Here
from hx.core.terms import parse
from hx.database import event_detail as events
from hx.database.connection import open_scratch
from hx.database.event_rows import remove_events
from hx.database.find import find, load
from hx.database.join import join
from hx.database.queries import forget_selection as chosen
from hx.database.queries import sessions
from hx.database.queries import status as figures
from hx.database.queries.forget_selection import Choice
from hx.database.search import search
from hx.picker.answers.source import AnswerSource
from hx.picker.model import Question

DEVICE, OTHER, ORIGIN = b"\x01" * 16, b"\x02" * 16, b"\x81" * 16
SHELL, FILE = b"\xa0" * 16, b"\xb0" * 16
SHORT, LONG = 25_000, 100_000  # events: the least is over all that is read of any
SECOND_US = 1_000_000
BEGIN_US = 1_600_000_000 * SECOND_US
NOW_US = 1_700_000_000 * SECOND_US
HERE = Here(b"/srv", b"https://example.org/x", SHELL, DEVICE)


def imported(number):
    """A line of a text file that fills one session."""
    key = EventKey(BEGIN_US + number * SECOND_US, ORIGIN, FILE, 1)
    return Event(key, b"make %d" % (number % 500), b"/srv", shell=b"zsh", origin=IMPORTED)


def typed(number):
    """A command of a shell that stays open for years; `false` fails and is never fixed."""
    key = EventKey(BEGIN_US + number * SECOND_US, DEVICE, SHELL, number + 1)
    command, exit_status = (b"false", 1) if number % 20 == 0 else (b"make", 0)
    return Event(
        key, command, b"/srv", exit_status, None, 1, shell=b"zsh", flags=FINISHED, origin=LIVE
    )


def database_of(folder, made, count):
    database = open_scratch(str(folder))
    for at in range(0, count, 25_000):
        with database.transaction():
            join(database, History(events=frozenset(map(made, range(at, at + 25_000)))))
    return database


@pytest.fixture(scope="module", params=[imported, typed], ids=["imported", "typed"])
def short_and_long(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("growth")
    both = [database_of(folder, request.param, count) for count in (SHORT, LONG)]
    yield both
    for database in both:
        database.close()


def newest(database):
    return database.value("SELECT id FROM event ORDER BY started_at_us DESC LIMIT 1")


def show(database):
    (found,) = load(database, [newest(database)])
    place = events.row_ids_of(database, found)
    return [events.runs_of(database, place), events.around(database, place, 3)]


def fix(database):
    sql = "SELECT id FROM event WHERE exit_status <> 0 ORDER BY started_at_us LIMIT 1"
    (found,) = load(database, [database.value(sql) or newest(database)])
    return events.fix_of(database, events.row_ids_of(database, found))


def last(database):
    found = sessions.last_of_work(database, None, DEVICE)
    return sessions.session(database, found or FILE, 5_000)


def ingest(database):
    """One command more, and the end of it."""
    number = database.value("SELECT count FROM total WHERE name = 'event'")
    begun = typed(number)._replace(exit_status=None, flags=0)
    in_vain(database, lambda: join(database, History(events=frozenset({begun}))))
    in_vain(database, lambda: join(database, History(events=frozenset({typed(number - 1)}))))


def move(database):
    """A command whose end finds the repository on another branch than the one before it."""
    number = database.value("SELECT count FROM total WHERE name = 'event'")
    before, begun, ended = (
        typed(number + at)._replace(repo=b"r", branch=branch)
        for at, branch in ((0, b"main"), (1, b"main"), (1, b"topic"))
    )
    begun = begun._replace(exit_status=None, flags=0)
    database.execute("BEGIN")
    join(database, History(events=frozenset({before, begun})))
    join(database, History(events=frozenset({ended})))
    database.execute("ROLLBACK")


def remove(database):
    """What retention does on the way of a search."""
    sql = "SELECT id FROM event ORDER BY started_at_us LIMIT 100"
    rows = [row for (row,) in database.execute(sql)]
    in_vain(database, lambda: remove_events(database, rows))


def in_vain(database, deed):
    database.execute("BEGIN")
    deed()
    database.execute("ROLLBACK")


def searched(query):
    def ask(database):
        return list(islice(search(database, Query(), parse(query), HERE, NOW_US), 50))

    return ask


QUESTIONS = {
    "ingest": ingest,
    "ingest, on another branch": move,
    "retention": remove,
    "search": searched("make 7"),
    "search, common": searched("make"),
    "search, letters apart": searched("mk"),
    "search, absent": searched("nosuchthing"),
    "picker": lambda database: AnswerSource(database, HERE, NOW_US).first(Question()),
    "picker, query": lambda database: AnswerSource(database, HERE, NOW_US).first(Question("mk")),
    "picker, here": lambda database: AnswerSource(database, HERE, NOW_US).first(
        Question("make", scope=DIRECTORY)
    ),
    "last": last,
    "pin --last": lambda database: sessions.last(database, None),
    "forget --match": lambda database: chosen.events(database, Choice(text=b"nosuchthing")),
    "status": figures.figures,
    "status, shells": lambda database: figures.newest_by_shell(database, DEVICE),
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


def steps(database, question):
    """Of SQLite's virtual machine, in hundreds."""
    made = 0

    def count():
        nonlocal made
        made += 1
        return False

    database.connection.set_progress_handler(count, 100)
    try:
        question(database)
    finally:
        database.connection.set_progress_handler(None)
    return made


@pytest.mark.parametrize("name", QUESTIONS)
def test_what_is_read_does_not_grow_with_the_history(short_and_long, name):
    few, many = (steps(database, QUESTIONS[name]) for database in short_and_long)
    assert many <= few * 1.1 + 20


def test_of_a_long_session_the_newest_are_read_and_its_beginning_is_known(short_and_long):
    for database, count in zip(short_and_long, (SHORT, LONG), strict=True):
        found = last(database)
        assert (found.events, len(found.steps)) == (count, 5_000)
        assert found.started_at_us == BEGIN_US
        assert found.ended_at_us // SECOND_US == BEGIN_US // SECOND_US + count - 1
        newest_first = [step.event for step in reversed(found.steps)]
        sql = "SELECT id FROM event ORDER BY started_at_us DESC LIMIT 5000"
        assert newest_first == [row for (row,) in database.execute(sql)]
