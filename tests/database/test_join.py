"""`hx.database.join` against the model `hx.core.merge.join`: their histories are always equal."""

from __future__ import annotations

import tempfile
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from dump import dump
from hx.core.event_name import digest64
from hx.core.merge import History, join
from hx.core.model import Event, EventKey, Keys, Tombstone, WholeSession, Window, bare_key
from hx.database import counts
from hx.database.connection import open_database
from hx.database.join import join as join_rows
from strategies import (
    artifacts,
    events,
    histories,
    keys,
    pins,
    sessions,
    share,
    tombstones,
    windows,
)

DEVICE, SESSION = b"\x01" * 16, b"\xa0" * 16


def join_delta(database, delta):
    """Join a history in a transaction; return the changes."""
    with database.transaction():
        return join_rows(database, delta)


class Machine(RuleBasedStateMachine):
    """The model is a History in memory. The database must be equal to it and consistent inside."""

    @initialize()
    def open(self):
        self.folder = tempfile.TemporaryDirectory(prefix="hx-join-")
        self.database = open_database(f"{self.folder.name}/hx.db")
        self.database.connection.pragma("synchronous", "off")  # for speed: no crash is tested here
        self.model = History()
        self.deltas = [History()]

    def teardown(self):
        self.database.close()
        self.folder.cleanup()

    def join(self, delta):
        merged = join(self.model, delta)
        old, new = keys_of(self.model), keys_of(merged)
        added, removed, dropped = new - old, old - new, keys_of(delta) - new
        changed = merged.events - self.model.events
        changes = join_delta(self.database, delta)
        assert changes.added == len(added)
        assert changes.replaced == len(changed) - len(added)
        assert changes.forgotten == len(removed)
        assert changes.dropped == len(dropped)
        assert bool(changes.artifacts) == (merged.artifacts != self.model.artifacts)
        self.model = merged
        self.deltas.append(delta)

    @rule(delta=histories)
    def join_a_history(self, delta):
        self.join(delta)

    @rule(new=st.frozensets(events, min_size=1, max_size=8))
    def join_events(self, new):
        self.join(History(events=new))

    @rule(new=st.frozensets(artifacts, min_size=1, max_size=4))
    def join_artifacts(self, new):
        self.join(History(artifacts=new))

    @rule(new=st.frozensets(pins, min_size=1, max_size=2))
    def join_pins(self, new):
        self.join(History(pins=new))

    @rule(data=st.data())
    def join_other_versions_of_present_records(self, data):
        if self.model.events:
            key = data.draw(st.sampled_from(sorted(keys_of(self.model))))
            self.join(History(events=frozenset({data.draw(events)._replace(key=key)})))
        if self.model.artifacts:
            artifact_keys = sorted((item.key for item in self.model.artifacts), key=repr)
            key = data.draw(st.sampled_from(artifact_keys))
            self.join(History(artifacts=frozenset({data.draw(artifacts)._replace(key=key)})))

    @rule(tombstone=tombstones, window=windows)
    def forget_a_window(self, tombstone, window):
        self.join(History(tombstones=frozenset({tombstone._replace(scope=window)})))

    @rule(tombstone=tombstones, session_id=sessions)
    def forget_a_session(self, tombstone, session_id):
        self.join(
            History(tombstones=frozenset({tombstone._replace(scope=WholeSession(session_id))}))
        )

    @rule(tombstone=tombstones, scope=keys)
    def forget_keys(self, tombstone, scope):
        self.join(History(tombstones=frozenset({tombstone._replace(scope=scope)})))

    @rule(tombstone=tombstones, data=st.data())
    def forget_a_present_event(self, tombstone, data):
        if self.model.events:
            key = data.draw(st.sampled_from(sorted(keys_of(self.model))))
            scope = Keys(frozenset({bare_key(key)}))
            self.join(History(tombstones=frozenset({tombstone._replace(scope=scope)})))

    @rule(data=st.data())
    def join_an_earlier_delta_again(self, data):
        self.join(data.draw(st.sampled_from(self.deltas)))

    @rule(delta=histories)
    def roll_back_a_transaction(self, delta):
        def fail():
            with self.database.transaction():
                join_rows(self.database, delta)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()

    @rule()
    def reopen(self):
        path = self.database.path
        self.database.close()
        self.database = open_database(path)
        self.database.connection.pragma("synchronous", "off")

    @invariant()
    def database_is_the_model(self):
        assert dump(self.database) == self.model

    @invariant()
    def database_is_consistent(self):
        check_inside(self.database)


def keys_of(history):
    """Return the keys of all events of a History."""
    return {event.key for event in history.events}


def check_inside(database):
    """Assert that dictionaries, counts, search index and the checks of SQLite are right."""
    rows = database.execute
    assert rows("PRAGMA foreign_key_check").fetchall() == []
    assert rows("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert not counts.wrong(database)
    # FTS5 compares its words with the rows of `command`; it raises SQLITE_CORRUPT if they differ
    rows("INSERT INTO command_text (command_text, rank) VALUES ('integrity-check', 1)")
    for column in ("directory", "terminal", "session", "checkout"):
        unused = (
            f"SELECT * FROM {column} WHERE id NOT IN (SELECT {column} FROM event WHERE {column})"
        )
        assert rows(unused).fetchall() == [], column
    for table, texts in TEXTS.items():
        duplicates = f"SELECT {texts} FROM {table} GROUP BY {texts} HAVING count(*) > 1"
        assert rows(duplicates).fetchall() == [], table
    unowned = "SELECT 1 FROM tombstone_key WHERE tombstone NOT IN (SELECT id FROM tombstone)"
    assert rows(unowned).fetchall() == []


TEXTS = {
    "command": "coalesce(raw, text)",
    "directory": "path",
    "terminal": "host, user, shell, tty",
    "checkout": "repo, branch",
}

Machine.TestCase.settings = share(0.2)
TestDatabaseIsTheModel = Machine.TestCase


@given(st.lists(histories, min_size=1, max_size=4), st.data())
@share(0.25)
def test_databases_given_the_same_histories_in_any_order_are_equal(deltas, data):
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(f"{folder}/hx.db")
        for delta in data.draw(st.permutations(deltas)):
            join_delta(database, delta)
        result = dump(database)
        check_inside(database)
        database.close()
    assert result == reduce(join, deltas, History())


EVENT = Event(EventKey(100, DEVICE, SESSION, 1), b"make secret", b"/srv/one", host=b"box")


def test_a_version_with_another_place_leaves_no_row_of_the_old_place(database):
    join_delta(database, History(frozenset({EVENT})))
    newer = EVENT._replace(command=b"make", cwd=b"/srv/two", host=b"box2", branch=b"b", revision=1)
    join_delta(database, History(frozenset({newer})))
    assert dump(database).events == {newer}
    check_inside(database)


def test_forgetting_one_of_two_runs_keeps_the_command(database):
    second_run = EVENT._replace(key=EVENT.key._replace(started_at_us=200, seq=2))
    join_delta(database, History(frozenset({EVENT, second_run})))
    tombstone = Tombstone(b"t" * 16, 300, DEVICE, Keys(frozenset({second_run.key})))
    join_delta(database, History(tombstones=frozenset({tombstone})))
    assert database.execute("SELECT last_us, text FROM command").fetchall() == [
        (100, "make secret")
    ]
    check_inside(database)


def test_two_commands_with_one_hash_stay_two(database):
    """A hash of 64 bits may collide, so the bytes are compared."""
    join_delta(database, History(frozenset({EVENT})))
    database.execute("UPDATE command SET hash = ?", (digest64(b"make"),))
    second = EVENT._replace(key=EVENT.key._replace(seq=2), command=b"make")
    join_delta(database, History(frozenset({second})))
    assert dump(database).events == {EVENT, second}
    check_inside(database)


def test_a_replacement_character_and_an_invalid_byte_are_two_commands(database):
    """A typed replacement character differs from the invalid byte that it stands for."""
    lossy = EVENT._replace(command=b"echo \xff")
    typed = EVENT._replace(key=EVENT.key._replace(seq=2), command="echo \ufffd".encode())
    join_delta(database, History(frozenset({lossy, typed})))
    assert dump(database).events == {lossy, typed}
    check_inside(database)


def test_hundreds_of_commands_are_forgotten_at_once(database):
    """For more than a few hundred, the search index is rebuilt instead of cleaned."""
    commands = {
        EVENT._replace(key=EVENT.key._replace(started_at_us=i, seq=i), command=b"cmd %d" % i)
        for i in range(1, 601)
    }
    join_delta(database, History(frozenset(commands)))
    tombstone = Tombstone(b"t" * 16, 300, DEVICE, Window(0, 501))
    assert join_delta(database, History(tombstones=frozenset({tombstone}))).forgotten == 500
    assert len(dump(database).events) == 100
    check_inside(database)


@pytest.mark.parametrize("per_second", [1, 3_000])
def test_events_that_are_joined_again_are_recognised(database, per_second):
    """The sequence numbers of imported events begin again in each second."""
    imported_events = [
        Event(
            EventKey(number // per_second, DEVICE, SESSION, number % per_second + 1),
            b"%d" % number,
            b"/",
        )
        for number in range(3_000)
    ]
    join_delta(database, History(frozenset(imported_events[:2_000])))
    changes = join_delta(database, History(frozenset(imported_events[1_000:])))
    assert (changes.added, changes.replaced) == (1_000, 0)
    assert dump(database).events == frozenset(imported_events)


def test_equal_bytes_are_one_command_across_batches(database):
    texts = [b"ls", b"caf\xe9", "café".encode(), b"ls", b"caf\xe9"]
    for number, text in enumerate(texts):
        join_delta(
            database, History(frozenset([Event(EventKey(number, DEVICE, SESSION, 1), text, b"/")]))
        )
    assert database.value("SELECT count(*) FROM command") == len(set(texts))
