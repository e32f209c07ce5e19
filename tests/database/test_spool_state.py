"""How far each spool file has been read, and the counts of bytes that gave no event."""

from __future__ import annotations

from hx.database import spool_state
from hx.database.spool_state import Mark


def test_the_last_mark_of_each_file_is_known(database):
    assert spool_state.marks(database) == {}
    spool_state.write_mark(database, "a", Mark(10, 0))
    spool_state.write_mark(database, "b", Mark(20, 5))
    spool_state.write_mark(database, "a", Mark(30, 10))
    assert spool_state.marks(database) == {"a": Mark(30, 10), "b": Mark(20, 5)}


def test_the_marks_of_files_that_are_gone_are_removed_and_no_others(database):
    for name in ("a", "b", "c"):
        spool_state.write_mark(database, name, Mark(10, 0))
    spool_state.remove_marks(database, ["a", "c", "never read"])
    assert spool_state.marks(database) == {"b": Mark(10, 0)}


def test_faults_of_one_reason_are_added_up_and_have_the_time_of_the_last(database):
    spool_state.add_faults(database, {"damaged": 3, "too long": 1}, 100)
    spool_state.add_faults(database, {"damaged": 4}, 200)
    rows = database.execute("SELECT reason, count, last_at_us FROM spool_fault ORDER BY reason")
    assert rows.fetchall() == [("damaged", 7, 200), ("too long", 1, 100)]
