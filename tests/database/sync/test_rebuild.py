"""What a rebuild copies from the old database, and how it compares the two."""

from __future__ import annotations

import os

import apsw
import pytest

from database.descriptors import next_descriptor
from database.queries.test_imports import bring
from database.sync.ledger_rows import (
    ELSEWHERE,
    ME,
    OTHER,
    THIRD,
    artifact,
    event,
    in_session,
    join_records,
    numbers,
    object_id,
    pin,
    put_segments,
    set_columns,
    tombstone,
)
from hx.core.errors import Busy
from hx.core.event_name import ident, spelled
from hx.core.model import Window
from hx.database.connection import BUSY_TIMEOUT_MS, open_database, open_scratch
from hx.database.rows import select_events
from hx.database.sync.rebuild import (
    DERIVED,
    Difference,
    Watch,
    copy_imports,
    copy_tables,
    differences,
    event_pairs,
    local_tables,
    note_rewrite,
    replace,
    to_rewrite,
    totals,
)


@pytest.fixture
def second(tmp_path):
    """Yield another new database."""
    (tmp_path / "second").mkdir()
    opened = open_scratch(str(tmp_path / "second"))
    yield opened
    opened.close()


def test_a_rewrite_is_noted_of_segments_that_were_not_superseded(database):
    put_segments(database, ME, 1, 2, 3)
    set_columns(database, 2, superseded=1)
    note_rewrite(database, [object_id(1), object_id(2)])
    assert numbers(to_rewrite(database)) == [1]


def test_copied_tables_have_the_rows_of_the_other_database_only(database, second):
    database.set_meta("kept", 1)
    put_segments(database, ME, 1)
    second.set_meta("other", 2)
    put_segments(second, ME, 2)
    copy_tables(database, second, ["meta"])
    assert (second.meta("kept"), second.meta("other")) == (1, None)
    assert second.execute("SELECT object_id FROM segment").fetchall() == [(object_id(2),)]


def test_the_local_tables_are_those_of_the_schema_that_no_join_writes(database):
    found = local_tables(database)
    assert {"meta", "vault", "roster_record", "manifest", "segment", "spool_file"} <= {*found}
    assert not {*found} & {*DERIVED}
    assert not [name for name in found if name.startswith(("sqlite_", "command_text"))]
    assert not [name for name in found if "index" in name]
    assert found == sorted(found)


def test_a_watch_notices_the_write_of_another_connection(tmp_path):
    path = str(tmp_path / "hx" / "hx.db")
    database = open_database(path)
    watch = Watch(path)
    assert not watch.has_changed()
    database.set_meta("written", 1)
    assert watch.has_changed()
    watch.close()
    database.close()


def test_a_watch_waits_for_other_connections_and_leaves_no_file_open(tmp_path):
    path = str(tmp_path / "hx" / "hx.db")
    open_database(path).close()
    before = next_descriptor()
    watch = Watch(path)
    assert watch._connection.pragma("busy_timeout") == BUSY_TIMEOUT_MS
    watch.close()
    assert next_descriptor() == before


def brought(database):
    """Return key -> number of the import that brought the event."""
    numbers = dict(database.execute("SELECT id, import FROM event"))
    return {one.key: numbers[row] for row, one in select_events(database, "1")}


def test_a_copy_knows_which_import_brought_which_event(database, second):
    mine = [
        event(10),
        event(11),
        event(10, seq=2),
        event(10, OTHER),
        in_session(event(10), ELSEWHERE),
    ]
    numbers_of = {bring(database, one): one.key for one in mine[:4]}
    join_records(database, mine[4])
    copy_tables(database, second, ["import"])
    join_records(second, *reversed(mine), event(99))
    copy_imports(database, second)
    assert brought(second) == {
        **{key: number for number, key in numbers_of.items()},
        mine[4].key: None,
        event(99).key: None,
    }


def test_the_events_of_two_databases_are_paired_by_their_keys(database, second):
    """Whatever the order is in which they came to each."""
    old = event(20)
    new = old._replace(revision=1)
    together = [event(30, device) for device in (ME, OTHER, THIRD)]
    join_records(database, event(10), old)
    for one in together:
        join_records(database, one)
    for one in reversed(together):
        join_records(second, one)
    join_records(second, new, event(25, OTHER), event(40))
    pairs = [tuple(one and one[1] for one in pair) for pair in event_pairs(database, second)]
    assert pairs == [
        (event(10), None),
        (old, new),
        (None, event(25, OTHER)),
        *((one, one) for one in together),
        (None, event(40)),
    ]
    turned = [tuple(one and one[1] for one in pair) for pair in event_pairs(second, database)]
    assert turned == [(theirs, ours) for ours, theirs in pairs]


def test_equal_databases_do_not_differ(database, second):
    records = [event(10), artifact(11), pin(), tombstone()]
    for each in (database, second):
        join_records(each, *records)
    assert differences(database, second) == []
    assert totals(database) == {"event": 1, "artifact": 1, "pin": 1, "tombstone": 1}


def test_events_that_differ_are_counted_and_some_of_them_are_named(database, second):
    lacking = [event(at_us) for at_us in (10, 20, 30)]
    more = [event(at_us, OTHER) for at_us in (12, 22)]
    changed = [event(at_us, THIRD) for at_us in (5, 15, 25, 35)]
    join_records(database, event(1), *lacking, *changed)
    join_records(second, event(1), *more, *(one._replace(revision=1) for one in changed))
    (difference,) = differences(database, second)
    assert difference[:4] == ("event", 3, 2, 4)
    in_order = sorted([*lacking, *more, *changed])
    assert difference.examples == [spelled(ident(one.key)) for one in in_order[:5]]


@pytest.mark.parametrize(
    ("record", "changed", "name"),
    [
        (artifact(11), artifact(11)._replace(size=2), object_id(7).hex()),
        (pin(), pin(changed_at_us=6), b"\xa0".hex() * 16),
        (tombstone(), tombstone(scope=Window(1, 2)), object_id(9).hex()),
    ],
    ids=["artifact", "pin", "tombstone"],
)
def test_a_record_of_another_kind_is_lacking_or_more_or_another_version(
    database, second, record, changed, name
):
    kind = type(record).__name__.lower()
    join_records(database, record)
    assert differences(database, second) == [Difference(kind, 1, 0, 0, [name])]
    assert differences(second, database) == [Difference(kind, 0, 1, 0, [name])]
    join_records(second, changed)
    assert differences(database, second) == [Difference(kind, 0, 0, 1, [name])]


class Second:
    """A watch that first lets a second process try to write; `written` says whether it could."""

    def __init__(self, path):
        self._path = path
        self._watch = Watch(path)
        self.written = None

    def has_changed(self):
        other = apsw.Connection(self._path)
        try:
            other.execute("INSERT INTO meta VALUES ('written', 1)")
            self.written = True
        except apsw.BusyError:
            self.written = False
        other.close()
        return self._watch.has_changed()

    def close(self):
        self._watch.close()


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_the_new_content_replaces_the_old_unless_a_second_process_writes_first(
    tmp_path, database, mode
):
    """With a write-ahead log it has to wait from then on; else its write is noticed."""
    path = str(tmp_path / "hx" / "hx.db")
    old = open_database(path)
    old.execute(f"PRAGMA journal_mode = {mode}").fetchall()
    old.set_meta("content", "old")
    database.set_meta("content", "new")
    watch = Second(path)
    if mode == "wal":
        replace(old, database, watch)
        assert not watch.written
        assert os.path.getsize(f"{path}-wal") == 0, "the log does not stay as large as the database"
    else:
        with pytest.raises(Busy):
            replace(old, database, watch)
        assert watch.written
        assert old.meta("content") == "old"
        watch = Watch(path)
        replace(old, database, watch)
    assert old.meta("content") == "new"
    watch.close()
    old.close()


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_while_a_second_process_writes_the_old_content_stays(tmp_path, database, mode):
    path = str(tmp_path / "hx" / "hx.db")
    old = open_database(path)
    old.execute(f"PRAGMA journal_mode = {mode}").fetchall()
    old.set_meta("content", "old")
    old.connection.set_busy_timeout(0)
    watch, second = Watch(path), apsw.Connection(path)
    second.execute("BEGIN IMMEDIATE")
    with pytest.raises(Busy):
        replace(old, database, watch)
    second.execute("ROLLBACK")
    assert old.meta("content") == "old"
    for each in (second, watch, old):
        each.close()


def test_what_a_second_process_wrote_before_stays(tmp_path, database):
    path = str(tmp_path / "hx" / "hx.db")
    old = open_database(path)
    watch = Watch(path)
    old.set_meta("content", "old")
    database.set_meta("content", "new")
    with pytest.raises(Busy):
        replace(old, database, watch)
    assert old.meta("content") == "old"
    watch.close()
    old.close()
