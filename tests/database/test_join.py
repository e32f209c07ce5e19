"""`Database.join` beside `hx.core.merge.join`: after every step they hold the same history."""

from __future__ import annotations

import tempfile
from functools import reduce
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from dump import dump
from hx.core.event_name import digest64
from hx.core.merge import History, join
from hx.core.model import Event, EventKey, Keys, Tombstone, WholeSession, Window
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


FASTEST = "/dev/shm" if Path("/dev/shm").is_dir() else None


def take(database, delta):
    with database.transaction():
        return join_rows(database, delta)


class Machine(RuleBasedStateMachine):
    """The model is the pure history; the database must follow it, and stay in order inside."""

    @initialize()
    def open(self):
        self.folder = tempfile.TemporaryDirectory(prefix="hx-join-", dir=FASTEST)
        self.database = open_database(f"{self.folder.name}/hx.db")
        self.database.connection.pragma("synchronous", "off")  # only speed: no crash is tested
        self.model = History()
        self.given = [History()]

    def teardown(self):
        self.database.close()
        self.folder.cleanup()

    def take(self, delta):
        merged = join(self.model, delta)
        new_keys = {e.key for e in merged.events} - {e.key for e in self.model.events}
        lost_keys = {e.key for e in self.model.events} - {e.key for e in merged.events}
        late_keys = {e.key for e in delta.events} - {e.key for e in merged.events}
        changed = merged.events - self.model.events
        changes = take(self.database, delta)
        assert changes.added == len(new_keys)
        assert changes.replaced == len(changed) - len(new_keys)
        assert changes.forgotten == len(lost_keys)
        assert changes.dropped == len(late_keys)
        assert bool(changes.artifacts) == (merged.artifacts != self.model.artifacts)
        self.model = merged
        self.given.append(delta)

    @rule(delta=histories)
    def join_a_history(self, delta):
        self.take(delta)

    @rule(new=st.frozensets(events, min_size=1, max_size=8))
    def join_events(self, new):
        self.take(History(events=new))

    @rule(new=st.frozensets(artifacts, min_size=1, max_size=4))
    def join_artifacts(self, new):
        self.take(History(artifacts=new))

    @rule(new=st.frozensets(pins, min_size=1, max_size=2))
    def join_pins(self, new):
        self.take(History(pins=new))

    @rule(data=st.data())
    def join_other_versions_of_what_is_there(self, data):
        if self.model.events:
            there = data.draw(st.sampled_from(sorted(e.key for e in self.model.events)))
            self.take(History(events=frozenset({data.draw(events)._replace(key=there)})))
        if self.model.artifacts:
            there = data.draw(
                st.sampled_from(sorted((a.key for a in self.model.artifacts), key=repr))
            )
            self.take(History(artifacts=frozenset({data.draw(artifacts)._replace(key=there)})))

    @rule(order=tombstones, window=windows)
    def forget_a_window(self, order, window):
        self.take(History(tombstones=frozenset({order._replace(scope=window)})))

    @rule(order=tombstones, session_id=sessions)
    def forget_a_session(self, order, session_id):
        self.take(History(tombstones=frozenset({order._replace(scope=WholeSession(session_id))})))

    @rule(order=tombstones, scope=keys)
    def forget_keys(self, order, scope):
        self.take(History(tombstones=frozenset({order._replace(scope=scope)})))

    @rule(order=tombstones, data=st.data())
    def forget_something_that_is_there(self, order, data):
        if self.model.events:
            there = data.draw(st.sampled_from(sorted(e.key for e in self.model.events)))
            scope = Keys(frozenset({there}))
            self.take(History(tombstones=frozenset({order._replace(scope=scope)})))

    @rule(data=st.data())
    def join_what_was_joined_before(self, data):
        self.take(data.draw(st.sampled_from(self.given)))

    @rule(delta=histories)
    def give_up_a_transaction(self, delta):
        def fail():
            with self.database.transaction():
                join_rows(self.database, delta)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()

    @rule()
    def open_again(self):
        path = self.database.path
        self.database.close()
        self.database = open_database(path)
        self.database.connection.pragma("synchronous", "off")

    @invariant()
    def database_is_the_model(self):
        assert dump(self.database) == self.model

    @invariant()
    def inside_is_in_order(self):
        check_inside(self.database)


def check_inside(database):
    """What no dump shows: the dictionaries, the search index, and SQLite's own checks."""
    rows = database.execute
    assert rows("PRAGMA foreign_key_check").fetchall() == []
    assert rows("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert not counts.wrong(database)
    # FTS5 compares its words with the rows of `command`; a difference raises SQLITE_CORRUPT
    rows("INSERT INTO command_text (command_text, rank) VALUES ('integrity-check', 1)")
    for column in ("directory", "terminal", "session", "checkout"):
        orphans = (
            f"SELECT * FROM {column} WHERE id NOT IN (SELECT {column} FROM event WHERE {column})"
        )
        assert rows(orphans).fetchall() == [], column
    for table, texts in TEXTS.items():
        doubled = f"SELECT {texts} FROM {table} GROUP BY {texts} HAVING count(*) > 1"
        assert rows(doubled).fetchall() == [], table
    strays = "SELECT 1 FROM tombstone_key WHERE tombstone NOT IN (SELECT id FROM tombstone)"
    assert rows(strays).fetchall() == []


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
    with tempfile.TemporaryDirectory(dir=FASTEST) as folder:
        database = open_database(f"{folder}/hx.db")
        for delta in data.draw(st.permutations(deltas)):
            take(database, delta)
        whole = dump(database)
        check_inside(database)
        database.close()
    assert whole == reduce(join, deltas, History())


EVENT = Event(EventKey(100, DEVICE, SESSION, 1), b"make secret", b"/srv/one", host=b"box")


def test_a_version_with_another_place_leaves_the_old_place_behind_nowhere(database):
    take(database, History(frozenset({EVENT})))
    other = EVENT._replace(command=b"make", cwd=b"/srv/two", host=b"box2", branch=b"b", revision=1)
    take(database, History(frozenset({other})))
    assert dump(database).events == {other}
    check_inside(database)


def test_a_command_runs_twice_and_one_run_is_forgotten(database):
    again = EVENT._replace(key=EVENT.key._replace(started_at_us=200, seq=2))
    take(database, History(frozenset({EVENT, again})))
    order = Tombstone(b"t" * 16, 300, DEVICE, Keys(frozenset({again.key})))
    take(database, History(tombstones=frozenset({order})))
    assert database.execute("SELECT last_us, text FROM command").fetchall() == [
        (100, "make secret")
    ]
    check_inside(database)


def test_two_commands_with_one_hash_stay_two(database):
    """64 bits may collide: the bytes decide."""
    take(database, History(frozenset({EVENT})))
    database.execute("UPDATE command SET hash = ?", (digest64(b"make"),))
    other = EVENT._replace(key=EVENT.key._replace(seq=2), command=b"make")
    take(database, History(frozenset({other})))
    assert dump(database).events == {EVENT, other}
    check_inside(database)


def test_an_equal_text_as_utf8_and_lossy_is_two_commands(database):
    """A replacement character typed by hand is not the byte it replaces elsewhere."""
    lossy = EVENT._replace(command=b"echo \xff")
    typed = EVENT._replace(key=EVENT.key._replace(seq=2), command="echo \ufffd".encode())
    take(database, History(frozenset({lossy, typed})))
    assert dump(database).events == {lossy, typed}
    check_inside(database)


def test_a_great_many_commands_are_forgotten_at_once(database):
    """Beyond a few hundred the index of words is built anew, not cleaned word by word."""
    many = {
        EVENT._replace(key=EVENT.key._replace(started_at_us=i, seq=i), command=b"cmd %d" % i)
        for i in range(1, 601)
    }
    take(database, History(frozenset(many)))
    order = Tombstone(b"t" * 16, 300, DEVICE, Window(0, 501))
    assert take(database, History(tombstones=frozenset({order}))).forgotten == 500
    assert len(dump(database).events) == 100
    check_inside(database)


@pytest.mark.parametrize("per_second", [1, 3_000])
def test_events_that_come_again_are_found_however_crowded_their_second_is(database, per_second):
    """Imported events: many sequence numbers start anew in each second."""
    all_of_them = [
        Event(EventKey(n // per_second, DEVICE, SESSION, n % per_second + 1), b"%d" % n, b"/")
        for n in range(3_000)
    ]
    take(database, History(frozenset(all_of_them[:2_000])))
    changes = take(database, History(frozenset(all_of_them[1_000:])))
    assert (changes.added, changes.replaced) == (1_000, 0)
    assert dump(database).events == frozenset(all_of_them)


def test_the_same_bytes_are_one_command_in_whatever_batch_they_come(database):
    texts = [b"ls", b"caf\xe9", "café".encode(), b"ls", b"caf\xe9"]
    for n, text in enumerate(texts):
        take(database, History(frozenset([Event(EventKey(n, DEVICE, SESSION, 1), text, b"/")])))
    assert database.value("SELECT count(*) FROM command") == len(set(texts))
