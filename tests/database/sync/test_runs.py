"""The last runs of sync: what is kept, and what is counted together."""

from hx.database.sync import runs
from hx.database.sync.runs import HAND, TIMER, WATCH, Run


def test_quiet_runs_in_a_row_are_one_row(database):
    for minute in range(5):
        runs.add(database, run(minute))
    assert runs.read(database) == [run(0)._replace(ended_us=at(4) + 1, times=5)]


def test_what_differs_gets_a_row_of_its_own(database):
    given = [
        run(0),
        run(1, events_in=3),
        run(2, events_in=3),
        run(3),
        run(4, error="the store is not there"),
        run(5, trigger=WATCH),
    ]
    for each in given:
        runs.add(database, each)
    assert runs.read(database) == given[::-1]
    assert runs.newest(database) == given[-1]


def test_after_the_clock_was_set_back_a_row_begins(database):
    given = [run(60), run(5)]
    for each in given:
        runs.add(database, each)
    runs.add(database, run(6))
    assert runs.read(database) == [run(5)._replace(ended_us=at(6) + 1, times=2), run(60)]


def test_the_last_fifty_rows_are_kept(database):
    for minute in range(120):
        runs.add(database, run(minute, trigger=HAND, events_out=1))
    kept = runs.read(database)
    assert [each.began_us for each in kept] == [at(minute) for minute in range(119, 69, -1)]


def test_nothing_has_run_yet(database):
    assert (runs.newest(database), runs.read(database)) == (None, [])


def run(minute, trigger=TIMER, **values):
    return Run(trigger, at(minute), at(minute) + 1, 20, **values)


def at(minute):
    return 1_700_000_000_000_000 + minute * 60_000_000
