"""A rebuild copies which segments are to be rewritten."""

from __future__ import annotations

from database.sync.ledger_rows import ME, numbers, object_id, put_segments, set_columns
from hx.database.sync.rebuild import note_rewrite, to_rewrite


def test_a_rewrite_is_noted_of_segments_that_were_not_superseded(database):
    put_segments(database, ME, 1, 2, 3)
    set_columns(database, 2, superseded=1)
    note_rewrite(database, [object_id(1), object_id(2)])
    assert numbers(to_rewrite(database)) == [1]
