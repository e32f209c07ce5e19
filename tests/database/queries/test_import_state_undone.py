"""What an undone import leaves: the places and the prints of its lines, and no forgotten event."""

from __future__ import annotations

import pytest

from database.queries.test_import_state import FILE, ORIGIN, forget, imported, plain
from database.queries.test_imports import bring
from database.sync.ledger_rows import (
    ELSEWHERE,
    ME,
    OTHER,
    SESSION,
    artifact,
    in_session,
    join_records,
    tombstone,
)
from hx.core.event_name import digest64
from hx.core.import_matching.align import NO_PRINT, PRINT
from hx.core.model import KNOWN_SINCE_US, Keys
from hx.database.queries import import_state

EDGE = KNOWN_SINCE_US
MAKE, LS = (digest64(text) & PRINT for text in (b"make", b"ls"))


def undo(database, *events, number=20, created_at_us=80):
    scope = Keys(frozenset(record.key for record in events), undone=True)
    join_records(database, tombstone(ME, number, scope=scope, created_at_us=created_at_us))


def lines(database):
    """Return (session, time, number) -> print of the lines that are kept."""
    return {tuple(key): print_ for *key, print_ in database.execute("SELECT * FROM undone_line")}


# ---- an undone event is not forgotten ----


def test_undone_events_are_told_from_forgotten_ones_at_their_spot(database):
    undo(database, imported(seq=1), imported(seq=4), imported(seq=2))
    forget(database, imported(seq=2), imported(seq=3))
    (group,) = import_state.groups(database, [imported().key.started_at_us]).values()
    assert (group.undone, group.forgotten, group.greatest) == (2, 2, 4)
    ((_, greatest, forgotten),) = plain(
        import_state.groups(database, [imported().key.started_at_us])
    ).values()
    assert (greatest, forgotten) == (4, 2)


def test_undone_events_are_not_among_the_forgotten_ones_of_their_origin(database):
    undo(database, imported(3), imported(EDGE + 3), imported(4))
    forget(database, imported(4, seq=2), imported(EDGE), created_at_us=10)
    assert import_state.untimed(database, ORIGIN) == [(4, None)]
    assert import_state.timed(database, ORIGIN) == [(EDGE, None)]
    assert import_state.forgotten_us(database, ORIGIN) == 10


def test_the_places_of_an_origin_are_those_of_all_its_lines_without_a_time(database):
    assert import_state.places(database, ORIGIN) is None
    others = [imported(1, device_id=OTHER), in_session(imported(1)), imported(EDGE)]
    others += [imported(900, device_id=OTHER), in_session(imported(900)), imported(EDGE + 9)]
    join_records(database, *others[::2])
    forget(database, *others[1::2])
    assert import_state.places(database, ORIGIN) is None
    forget(database, imported(EDGE), number=6)
    assert import_state.places(database, ORIGIN) is None
    join_records(database, imported(50), imported(60))
    assert import_state.places(database, ORIGIN) == (50, 60)
    forget(database, imported(40), number=8)
    undo(database, imported(EDGE - 1))
    assert import_state.places(database, ORIGIN) == (40, EDGE - 1)
    forget(database, imported(50), imported(60), number=7)
    assert import_state.places(database, ORIGIN) == (40, EDGE - 1)


# ---- the prints of undone lines ----


def test_the_prints_of_an_import_are_kept_where_something_was_forgotten(database):
    mine = [imported(5), imported(5, seq=2, command=b"ls"), imported(6, command=b"\xff")]
    number = bring(database, *mine, in_session(imported(5)), imported(5, device_id=OTHER))
    bring(database, imported(7))
    join_records(database, imported(8))
    import_state.note_undone_lines(database, number)
    assert lines(database) == {}, "nothing was forgotten"
    key = artifact(9, FILE).key
    join_records(database, tombstone(ME, 7, scope=Keys(frozenset(), frozenset({key}))))
    undo(database, imported(9))
    import_state.note_undone_lines(database, number)
    assert lines(database) == {}, "an artifact was forgotten, and a line of another import undone"
    forget(database, imported(9, seq=2))
    import_state.note_undone_lines(database, number)
    prints = {1: MAKE, 2: LS}
    assert lines(database) == {
        **{(SESSION, 5, seq): print_ for seq, print_ in prints.items()},
        (SESSION, 6, 1): digest64(b"\xff") & PRINT,
    }
    import_state.note_undone_lines(database, number)
    assert len(lines(database)) == 3


def test_the_lines_of_an_origin_are_runs_of_prints_that_end_where_another_undo_follows(database):
    first = [imported(10), imported(12, command=b"ls")]
    number = bring(database, *first)
    join_records(database, imported(20, seq=2, command=b"ls"), imported(20), imported(24))
    forget(database, imported(9), imported(11), imported(22), created_at_us=60)
    import_state.note_undone_lines(database, number)
    undo(database, *first, imported(13), created_at_us=70, number=21)
    undo(database, imported(14), imported(30), created_at_us=80, number=22)
    assert import_state.undone_blocks(database, ORIGIN) == [
        [None, MAKE, None, LS, NO_PRINT],
        [NO_PRINT],
        [MAKE, LS, None, MAKE],
        [NO_PRINT],
    ]


def test_the_lines_of_other_origins_are_in_no_run(database):
    others = [[in_session(imported(at)), imported(at, device_id=OTHER)] for at in (1, 2, 3)]
    join_records(database, *others[0])
    undo(database, *others[1])
    forget(database, *others[2])
    assert import_state.undone_blocks(database, ORIGIN) == []
    undo(database, imported(5), number=21)
    forget(database, imported(6), number=8)
    assert import_state.undone_blocks(database, ORIGIN) == [[NO_PRINT, None]]


@pytest.mark.parametrize("removed", [undo, forget])
def test_without_forgotten_or_without_undone_lines_there_are_no_runs(database, removed):
    join_records(database, imported(4))
    removed(database, imported(5), imported(6))
    assert import_state.undone_blocks(database, ORIGIN) == []


def test_a_line_that_was_undone_and_forgotten_is_forgotten(database):
    undo(database, imported(5), imported(6))
    forget(database, imported(5))
    assert import_state.undone_blocks(database, ORIGIN) == [[None, NO_PRINT]]


def test_a_line_of_another_session_has_no_print_here(database):
    forget(database, imported(9), in_session(imported(9)))
    number = bring(database, in_session(imported(5)))
    import_state.note_undone_lines(database, number)
    assert [*lines(database)] == [(ELSEWHERE, 5, 1)]
    undo(database, imported(5))
    assert import_state.undone_blocks(database, ORIGIN) == [[NO_PRINT, None]]
