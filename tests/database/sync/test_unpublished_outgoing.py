"""Outgoing segments: own ones that a push is writing to the store."""

from __future__ import annotations

from database.sync.ledger_rows import ME, listed
from hx.database.sync import unpublished


def rows(database):
    sql = "SELECT device_id, object_id, first_us, last_us FROM outgoing ORDER BY object_id"
    return [(row[0], row[1][0], *row[2:]) for row in database.execute(sql)]


def test_outgoing_segments_are_noted_with_their_times_and_replace_older_ones(database):
    assert not unpublished.has_outgoing(database)
    unpublished.note_outgoing(database, ME, [listed(1, 5, 6), listed(2, None, None)])
    assert rows(database) == [(ME, 1, 5, 6), (ME, 2, None, None)]
    unpublished.note_outgoing(database, ME, [listed(3)])
    assert rows(database) == [(ME, 3, 10, 20)]
    assert unpublished.has_outgoing(database)
    unpublished.clear_outgoing(database)
    assert not unpublished.has_outgoing(database)
