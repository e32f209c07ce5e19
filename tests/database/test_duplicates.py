"""Which lines are counted follows from the events alone, in whatever order they came."""

from __future__ import annotations

import tempfile
from functools import reduce
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from database.test_join import check_inside, join_delta
from dump import dump
from hx.core.history_lines import SECOND_US, mark_of
from hx.core.import_matching.keys import first_seqs
from hx.core.merge import History, join
from hx.core.model import (
    FINISHED,
    IMPORTED,
    Artifact,
    ArtifactKey,
    Event,
    EventKey,
    Keys,
    Tombstone,
)
from hx.database import counts
from hx.database.connection import open_database
from hx.database.event_rows import remove_events, rows_of
from lines import (
    BEGIN_US,
    COPY,
    DATABASE,
    DEVICE,
    FILE,
    THIRD,
    TOMBSTONES,
    counted,
    counted_rows,
    events,
    has_spared_pairs,
    histories,
)
from strategies import share

if TYPE_CHECKING:
    from hx.database.connection import Database


@given(st.lists(histories, min_size=1, max_size=4), st.data())
@share(0.25)
def test_what_is_counted_follows_from_the_events_in_whatever_order_they_came(deltas, data):
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(f"{folder}/hx.db")
        for delta in data.draw(st.permutations([*deltas, deltas[0]])):
            join_delta(database, delta)
        merged = reduce(join, deltas, History())
        assert dump(database) == merged
        check_inside(database)
        if not has_spared_pairs(merged.events):
            assert counted_rows(database) == counted(merged.events)
        database.close()


@given(st.lists(events, min_size=1, max_size=8), st.data())
@share(0.15)
def test_marks_take_the_lines_that_are_here_and_those_that_arrive(records, data):
    named = [data.draw(st.sampled_from(records)) for _ in range(2)]
    marks = frozenset(mark for event in named if (mark := mark_of(event.key)))
    tombstone = Tombstone(TOMBSTONES[0], 1, DEVICE, Keys(marks))
    parts = [frozenset(records[::2]), frozenset(records[1::2])]
    deltas = [History(part) for part in parts] + [History(tombstones=frozenset({tombstone}))]
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(f"{folder}/hx.db")
        for delta in data.draw(st.permutations(deltas)):
            join_delta(database, delta)
        merged = reduce(join, deltas, History())
        assert dump(database) == merged
        assert all(event.key not in keys_left(merged) for event in named if has_gone(event))
        check_inside(database)
        database.close()


def keys_left(history: History) -> set[EventKey]:
    return {event.key for event in history.events}


def has_gone(event: Event) -> bool:
    """Return whether a mark of the event covers it, as it is not spared of the tombstone."""
    return mark_of(event.key) is not None and TOMBSTONES[0] not in event.key.spared


@given(histories, st.data())
@share(0.2)
def test_what_retention_removes_leaves_the_rest_counted_by_the_same_rule(history, data):
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(f"{folder}/hx.db")
        join_delta(database, history)
        here = dump(database).events
        some = data.draw(st.frozensets(st.sampled_from(sorted(here)))) if here else frozenset()
        with database.transaction():
            remove_events(database, [*rows_of(database, (event.key for event in some))])
        left = dump(database).events
        assert not counts.wrong(database)
        if not has_spared_pairs(left):
            assert counted_rows(database) == counted(left)
        database.close()


def line(device: bytes, second: int = 0, text: bytes = b"make", ordinal: int = 0) -> Event:
    key = EventKey(
        BEGIN_US + second * SECOND_US, device, device, first_seqs([text])[0] + (ordinal << 6)
    )
    return Event(key, text, b"", flags=FINISHED, shell=b"zsh", origin=IMPORTED)


def recorded(at_us: int, device: bytes = DEVICE) -> Event:
    return Event(EventKey(at_us, device, device, 1), b"make", b"/srv", flags=FINISHED)


def texts_counted(database: Database) -> list[tuple[int, str]]:
    sql = "SELECT counted.id, text FROM counted JOIN command ON command.id = command"
    return database.execute(sql).fetchall()


def join_events(database: Database, *events: Event) -> None:
    join_delta(database, History(frozenset(events)))


def test_the_copy_with_most_lines_of_a_second_is_counted(database):
    for device, lines in ((THIRD, 1), (FILE, 2), (COPY, 3)):
        join_events(database, *(line(device, ordinal=ordinal) for ordinal in range(lines)))
    assert len(texts_counted(database)) == 3
    assert database.execute("SELECT runs, last_us FROM command").fetchall() == [(3, BEGIN_US)]


@pytest.mark.parametrize("device", [DEVICE, DATABASE])
@pytest.mark.parametrize(
    ("distance_us", "stands"),
    [
        (-SECOND_US - 1, False),
        (-SECOND_US, True),
        (0, True),
        (2 * SECOND_US - 1, True),
        (2 * SECOND_US, False),
    ],
)
def test_what_was_recorded_stands_for_a_line_within_a_second(database, device, distance_us, stands):
    join_events(database, line(FILE))
    join_events(database, recorded(BEGIN_US + distance_us, device))
    assert len(texts_counted(database)) == (1 if stands else 2)


def untimed(device: bytes, place: int, text: bytes = b"make") -> Event:
    key = EventKey(500_000_000 + place, device, device, 500_000_000 + place)
    return Event(key, text, b"", flags=FINISHED, shell=b"bash", origin=IMPORTED)


def test_lines_without_a_time_are_copies_where_text_and_place_are_the_same(database):
    join_events(database, *(untimed(FILE, place) for place in range(3)))
    join_events(database, *(untimed(COPY, place) for place in range(2)), untimed(COPY, 7))
    join_events(database, untimed(THIRD, 1), untimed(THIRD, 2, b"git push"))
    counted_here = sorted(text for _, text in texts_counted(database))
    assert counted_here == ["git push", *["make"] * 4]
    join_events(database, untimed(DATABASE, 0), recorded(BEGIN_US))
    assert len(texts_counted(database)) == 7, "what another tool has stands for none of them"


def test_a_line_is_counted_again_when_what_stood_for_it_is_forgotten(database):
    join_events(database, line(FILE), line(COPY), recorded(BEGIN_US))
    for gone, left in ((recorded(BEGIN_US), 1), (line(FILE), 1), (line(COPY), 0)):
        tombstone = Tombstone(gone.key.device_id, 1, DEVICE, Keys(frozenset({gone.key})))
        changes = join_delta(database, History(tombstones=frozenset({tombstone})))
        assert (changes.forgotten, changes.duplicates) == (1, 0)
        assert len(texts_counted(database)) == left
    assert database.value("SELECT count(*) FROM command") == 0


def test_a_first_import_asks_only_whether_other_sessions_are_there(database):
    """So it does not become slower by the copies that other devices may have."""
    asked: list[str] = []
    database.connection.set_exec_trace(lambda _, sql, __: asked.append(sql) or True)
    join_events(database, *(line(FILE, second, b"cmd %d" % second) for second in range(50)))
    assert not any("AS run" in sql for sql in asked)
    join_events(database, line(COPY))
    assert any("AS run" in sql for sql in asked)


@pytest.mark.parametrize("device", [COPY, DEVICE])
def test_the_work_grows_with_the_lines_also_where_all_have_one_text_and_one_second(
    database, device
):
    """A member can publish thousands of them in an object of a few bytes."""

    def steps(lines: int) -> int:
        counted_steps = 0

        def tick() -> bool:
            nonlocal counted_steps
            counted_steps += 1
            return False

        text = b"%d" % lines
        join_events(database, *(line(FILE, lines, text, ordinal) for ordinal in range(lines)))
        there = [line(device, lines, text, ordinal) for ordinal in range(lines)]
        live = [
            recorded(each.key.started_at_us + n)._replace(command=text)
            for n, each in enumerate(there)
        ]
        database.connection.set_progress_handler(tick, 1_000)
        join_events(database, *(live if device == DEVICE else there))
        database.connection.set_progress_handler(None)
        return counted_steps

    few = steps(500)
    assert steps(2_000) < 6 * few


def test_a_greater_version_stands_for_the_lines_of_its_text_only(database):
    other = line(COPY, text=b"git push")
    join_events(database, line(FILE), other, recorded(BEGIN_US))
    assert sorted(text for _, text in texts_counted(database)) == ["git push", "make"]
    join_events(database, recorded(BEGIN_US)._replace(command=b"git push", revision=1))
    rows = database.execute("SELECT origin FROM counted ORDER BY origin").fetchall()
    assert rows == [(0,), (IMPORTED,)]  # the version, and the line that it stood for
    check_inside(database)


def test_a_mark_that_is_known_takes_one_of_many_lines_that_arrive(database):
    lines = [line(FILE, second, b"make %d" % second) for second in range(300)]
    marks = frozenset({mark_of(lines[7].key), mark_of(lines[9].key)})
    join_delta(
        database, History(tombstones=frozenset({Tombstone(b"t" * 16, 1, DEVICE, Keys(marks))}))
    )
    assert join_delta(database, History(frozenset(lines))).dropped == 2


def test_a_mark_takes_the_artifacts_of_its_line(database):
    kept = [
        Artifact(ArtifactKey(1, DEVICE, DEVICE, b"a" * 16, each.key), b"a", "file", 1, bytes(32))
        for each in (line(FILE), line(FILE, 1))
    ]
    join_delta(database, History(artifacts=frozenset(kept)))
    tombstone = Tombstone(b"t" * 16, 1, DEVICE, Keys(frozenset({mark_of(line(FILE).key)})))
    join_delta(database, History(tombstones=frozenset({tombstone})))
    assert dump(database).artifacts == {kept[1]}
