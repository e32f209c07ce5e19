"""A repair looks again at what was not taken, and gives up segments that the store has lost."""

from __future__ import annotations

import pytest

from database.sync.ledger_rows import (
    ME,
    NOW_US,
    OTHER,
    columns,
    head,
    listed,
    numbers,
    put_segments,
    set_columns,
)
from hx.core.format.verdict import (
    HASH,
    IMPORTED,
    INCOMPLETE,
    NOT_ARRIVED,
    PENDING,
    REJECTED,
    SKIPPED,
    SUPERSEDED,
)
from hx.database.sync import ledger, own_ledger, repair
from hx.database.sync.ledger import TAKEN, Verdict

BAD, LEFT_OUT, WAITING = (
    Verdict(REJECTED, HASH),
    Verdict(SKIPPED, SUPERSEDED),
    Verdict(PENDING, NOT_ARRIVED),
)
DAY_US = 86_400_000_000


def own(database, number, device_id=ME):
    return ledger.find(database, device_id, listed(number).object_id)


def seen(database, device_id=ME, names="status, reason, since_us, tries"):
    return columns(database, names, device_id)


def put(database, device_id, number, verdict, **values):
    put_segments(database, device_id, number)
    status, reason, detail = verdict
    set_columns(database, number, device_id, status=status, reason=reason, detail=detail, **values)


# ---- look again ----


def test_what_was_refused_is_read_again_and_refused_at_once_if_it_is_still_wrong(database):
    for number, verdict in enumerate([BAD, TAKEN, WAITING], 1):
        put_segments(database, OTHER, number, verdict=verdict)
        ledger.write_manifest(database, head(number, OTHER), verdict, NOW_US)
    set_columns(database, 1, OTHER, tries=9)
    put_segments(database, OTHER, 4, verdict=BAD)
    repair.look_again(database, ME, DAY_US)
    waits = (PENDING, INCOMPLETE, NOW_US - DAY_US)
    assert seen(database, OTHER) == {
        1: (*waits, 9),
        2: (IMPORTED, "", NOW_US, 0),
        3: (PENDING, NOT_ARRIVED, NOW_US, 0),
        4: (*waits, 3),
    }
    sql = "SELECT status, reason, since_us, tries FROM manifest ORDER BY seq"
    assert [*database.execute(sql)] == [
        (*waits, 3),
        (IMPORTED, "", NOW_US, 1),
        (PENDING, NOT_ARRIVED, NOW_US, 1),
    ]


def test_what_was_left_out_is_looked_for_again(database):
    put(database, OTHER, 1, LEFT_OUT)
    ledger.write_manifest(database, head(1, OTHER), LEFT_OUT, NOW_US)
    repair.look_again(database, ME, DAY_US)
    assert seen(database, OTHER, "status, reason") == {1: (PENDING, NOT_ARRIVED)}
    assert [*database.execute("SELECT status, reason FROM manifest")] == [(PENDING, NOT_ARRIVED)]


@pytest.mark.parametrize("verdict", [BAD, LEFT_OUT])
@pytest.mark.parametrize(("is_listed", "is_superseded"), [(0, 0), (1, 1), (0, 1)])
def test_a_segment_that_its_author_does_not_list_is_not_looked_for(
    database, verdict, is_listed, is_superseded
):
    put(database, OTHER, 1, verdict, listed=is_listed, superseded=is_superseded)
    repair.look_again(database, ME, DAY_US)
    assert seen(database, OTHER, "status, reason") == {1: verdict[:2]}


def test_own_segments_that_no_manifest_lists_are_looked_for_again(database):
    for number, verdict in enumerate([BAD, LEFT_OUT, WAITING, TAKEN], 1):
        put(database, ME, number, verdict, listed=0, tries=5)
    put_segments(database, ME, 5, 6, verdict=WAITING)
    set_columns(database, 5, tries=5)
    set_columns(database, 6, listed=0, superseded=1, tries=5)
    repair.look_again(database, ME, DAY_US)
    again = (PENDING, NOT_ARRIVED, 0)
    assert seen(database, ME, "status, reason, tries") == {
        1: again,
        2: again,
        3: again,
        4: (IMPORTED, "", 5),
        5: (PENDING, NOT_ARRIVED, 5),
        6: (PENDING, NOT_ARRIVED, 5),
    }


# ---- own segments that are lost, or listed nowhere ----


def both_devices(database, **values):
    """Segments 1 and 2 of this device, and one of another device with the id of the first."""
    put_segments(database, ME, 1, 2)
    put_segments(database, OTHER, 1)
    for number, device_id in ((1, ME), (2, ME), (1, OTHER)):
        set_columns(database, number, device_id, **values)
    names = "status, reason, detail, listed, superseded, rewrite, since_us, tries"
    return lambda: (seen(database, ME, names), seen(database, OTHER, names))


def test_a_lost_segment_is_given_up_with_whether_it_was_joined(database):
    rows = both_devices(database, rewrite=1)
    (mine, theirs) = rows()
    repair.give_up(database, [own(database, 1)])
    given_up = (SKIPPED, SUPERSEDED, repair.JOINED, 1, 1, 0, NOW_US, 0)
    assert rows() == ({1: given_up, 2: mine[2]}, theirs)
    assert repair.was_joined(own(database, 1))
    assert repair.was_joined(own(database, 2))
    repair.give_up(database, [own(database, 1)])
    assert repair.was_joined(own(database, 1))


def test_a_segment_that_was_never_joined_is_given_up_as_such(database):
    put_segments(database, ME, 1, verdict=WAITING)
    assert not repair.was_joined(own(database, 1))
    repair.give_up(database, [own(database, 1)])
    assert not repair.was_joined(own(database, 1))
    assert seen(database, ME, "status, detail, superseded") == {1: (SKIPPED, "", 1)}


def test_a_segment_that_was_joined_after_all_is_removed_by_the_next_push(database):
    rows = both_devices(database, status=SKIPPED, reason=SUPERSEDED, detail="x", rewrite=1)
    (mine, theirs) = rows()
    repair.note_joined_and_superseded(database, ME, listed(1).object_id)
    assert rows() == ({1: (IMPORTED, "", "", 1, 1, 0, NOW_US, 0), 2: mine[2]}, theirs)
    assert numbers(own_ledger.superseded(database, ME)) == [1]


@pytest.mark.parametrize(
    ("verdict", "noted"),
    [(WAITING, (SKIPPED, SUPERSEDED)), (BAD, BAD[:2])],
    ids=["absent", "damaged"],
)
def test_a_segment_that_no_manifest_lists_is_looked_for_from_now_on(database, verdict, noted):
    rows = both_devices(database, superseded=1, tries=4)
    (mine, theirs) = rows()
    repair.note_unlisted(database, own(database, 1), verdict, NOW_US + 7)
    assert rows() == ({1: (*noted, "", 1, 0, 0, NOW_US + 7, 0), 2: mine[2]}, theirs)
