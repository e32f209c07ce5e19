"""The events of an import's own origin, and those of it that were forgotten."""

from __future__ import annotations

import pytest

from database.sync.ledger_rows import (
    ELSEWHERE,
    ME,
    OTHER,
    SESSION,
    artifact,
    event,
    in_session,
    join_records,
    tombstone,
)
from hx.core.event_name import digest64
from hx.core.import_matching.keys import KnownEvent
from hx.core.model import FINISHED, IMPORTED, KNOWN_SINCE_US, LIVE, Keys, Window
from hx.database.queries import import_state
from hx.database.queries.import_state import Origin

FILE = b"\x80" * 16
ORIGIN = Origin(FILE, SESSION)
AT_US = 1_000 * KNOWN_SINCE_US
MAKE, LS = digest64(b"make"), digest64(b"ls")


def imported(at_us=AT_US, seq=1, device_id=FILE, **fields):
    return event(at_us, device_id, seq, **({"origin": IMPORTED} | fields))


def forget(database, *events, number=9, created_at_us=50):
    scope = Keys(frozenset(record.key for record in events))
    join_records(database, tombstone(ME, number, scope=scope, created_at_us=created_at_us))


def plain(groups):
    """Return spot -> (texts, greatest seq, number of forgotten events)."""
    return {spot: (group.texts, group.greatest, group.forgotten) for spot, group in groups.items()}


# ---- spots ----


def test_imported_events_are_grouped_by_session_and_time(database):
    join_records(
        database,
        imported(seq=3),
        imported(seq=1, flags=0),
        imported(seq=2, command=b"ls", flags=FINISHED | 2),
        imported(seq=7, device_id=OTHER),
        in_session(imported(seq=4)),
        imported(AT_US + 1),
        imported(AT_US + 2),
        event(AT_US, seq=9, origin=LIVE),
    )
    makes = [KnownEvent(1, finished=False), KnownEvent(3, finished=True), KnownEvent(7, True)]
    assert plain(import_state.groups(database, [AT_US, AT_US + 1, AT_US, 5])) == {
        (SESSION, AT_US): ({MAKE: makes, LS: [KnownEvent(2, finished=True)]}, 7, 0),
        (ELSEWHERE, AT_US): ({MAKE: [KnownEvent(4, finished=True)]}, 4, 0),
        (SESSION, AT_US + 1): ({MAKE: [KnownEvent(1, finished=True)]}, 1, 0),
    }


def test_forgotten_events_keep_their_numbers_at_their_spot(database):
    join_records(database, imported(seq=3))
    forget(
        database, imported(seq=5), imported(seq=2), imported(AT_US + 1, seq=4), imported(AT_US + 2)
    )
    forget(database, imported(seq=2), number=8)  # a second time
    join_records(
        database,
        tombstone(ME, 7, scope=Keys(frozenset(), frozenset({artifact(AT_US).key}))),
    )
    assert plain(import_state.groups(database, [AT_US, AT_US + 1])) == {
        (SESSION, AT_US): ({MAKE: [KnownEvent(3, finished=True)]}, 5, 2),
        (SESSION, AT_US + 1): ({}, 4, 1),
    }


def test_a_forgotten_number_does_not_lower_the_greatest(database):
    join_records(database, imported(seq=3))
    forget(database, imported(seq=1))
    ((_, greatest, forgotten),) = plain(import_state.groups(database, [AT_US])).values()
    assert (greatest, forgotten) == (3, 1)


def test_the_commands_at_a_spot_come_by_their_number(database):
    join_records(
        database,
        imported(seq=2, command=b"\xff", flags=0),
        imported(seq=1),
        imported(AT_US + 1, seq=3),
        in_session(imported(seq=4)),
    )
    assert [*import_state.texts(database, (SESSION, AT_US))] == [
        (b"make", KnownEvent(1, finished=True)),
        (b"\xff", KnownEvent(2, finished=False)),
    ]


# ---- in the order of time ----

EDGE = KNOWN_SINCE_US


def test_events_with_a_time_are_told_from_those_without_one(database):
    join_records(
        database,
        imported(EDGE, seq=2),
        imported(EDGE, seq=1, command=b"ls"),
        imported(EDGE + 5),
        imported(EDGE - 1, command=b"ls"),
        imported(3),
        imported(4, device_id=OTHER),
        in_session(imported(4)),
        imported(EDGE + 4, device_id=OTHER),
        in_session(imported(EDGE + 4)),
    )
    assert import_state.timed(database, ORIGIN) == [(EDGE, LS), (EDGE, MAKE), (EDGE + 5, MAKE)]
    assert import_state.untimed(database, ORIGIN) == [(3, MAKE), (EDGE - 1, LS)]


def test_forgotten_events_of_the_origin_are_at_their_place(database):
    join_records(database, imported(EDGE + 2), imported(2))
    mine = [imported(EDGE + 1), imported(EDGE + 1, seq=2), imported(EDGE), imported(EDGE - 1)]
    others = [imported(1), imported(EDGE + 3, device_id=OTHER), in_session(imported(EDGE + 3))]
    forget(database, *mine, *others)
    forget(database, mine[0], number=8)
    key = artifact(EDGE + 3, FILE).key
    join_records(database, tombstone(ME, 7, scope=Keys(frozenset(), frozenset({key}))))
    assert import_state.timed(database, ORIGIN) == [
        (EDGE, None),
        (EDGE + 1, None),
        (EDGE + 1, None),
        (EDGE + 2, MAKE),
    ]
    assert import_state.untimed(database, ORIGIN) == [(1, None), (2, MAKE), (EDGE - 1, None)]


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        (Window(AT_US, AT_US + 1, None), [AT_US]),
        (Window(AT_US, AT_US + 1, FILE), [AT_US]),
        (Window(AT_US, AT_US + 1, OTHER), []),
        (Window(AT_US, AT_US, None), []),
        (Window(AT_US + 1, AT_US, None), []),
        (Window(0, EDGE + 1, None), [EDGE]),
        (Window(0, EDGE, None), []),
    ],
)
def test_a_window_is_a_forgotten_event_at_its_start(database, window, expected):
    join_records(database, imported(2 * AT_US), imported(5))
    join_records(database, tombstone(ME, 9, scope=window))
    timed = import_state.timed(database, ORIGIN)
    assert timed == [*((at_us, None) for at_us in expected), (2 * AT_US, MAKE)]


# ---- the origin ----


def test_the_last_order_to_forget_events_without_a_time_is_known(database):
    assert import_state.forgotten_us(database, ORIGIN) == 0
    forget(database, imported(EDGE), imported(5, device_id=OTHER), created_at_us=90, number=1)
    forget(database, in_session(imported(5)), created_at_us=90, number=2)
    assert import_state.forgotten_us(database, ORIGIN) == 0
    forget(database, imported(EDGE - 1), created_at_us=70, number=3)
    forget(database, imported(5), created_at_us=60, number=4)
    assert import_state.forgotten_us(database, ORIGIN) == 70


def test_an_origin_is_known_by_its_events_or_by_those_that_were_forgotten(database):
    assert not import_state.has_origin(database, FILE)
    join_records(database, imported())
    assert import_state.has_origin(database, FILE)
    forget(database, imported())
    assert database.value("SELECT count(*) FROM session") == 0
    assert import_state.has_origin(database, FILE)
    assert not import_state.has_origin(database, OTHER)
