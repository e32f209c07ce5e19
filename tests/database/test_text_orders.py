"""A text order takes what was recorded before it was known, and nothing that came later."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from database.sync.ledger_rows import (
    ME,
    OTHER,
    artifact,
    event,
    in_vault,
    join_records,
    object_id,
)
from dump import dump
from hx.core.merge import History, join
from hx.core.model import Keys, Tombstone, bare_key
from hx.core.moment import Moment
from hx.core.text_orders import (
    COMPARED_US,
    MOST_COMPARED,
    MOST_SPARING,
    SPARES_US,
    Matcher,
    is_expired,
    scope_of,
)
from hx.database import text_orders
from hx.database.connection import UNCLEAN, open_database
from hx.database.join import join as join_rows
from hx.database.sparing import spared_events
from hx.database.sync import held, unpublished
from hx.database.tombstones import has_uncompared
from strategies import histories, share
from vectors.decode import text_digest

SECRET = b"s" * 32
KNOWN = Moment(1_000_000_000, 70_000_000, "boot")
LATER = Moment(1_060_000_000, 130_000_000, "boot")


def order(*texts, number=9, now_us=KNOWN.at_us):
    return Tombstone(object_id(number), now_us, OTHER, scope_of(SECRET, texts, now_us))


def know(database, *orders, compared=True):
    """Let the database know text orders, and compare what is here with them."""
    with database.transaction():
        join_rows(database, History(tombstones=frozenset(orders)), now=KNOWN)
    return text_orders.compare(database, ME, KNOWN) if compared else None


def recorded(database, *events, now=LATER):
    """Record new events as the spool is drained: spare them, and leave out what an order takes."""
    with database.transaction():
        events = spared_events(database, events, now)
        join_rows(database, History(frozenset(text_orders.left(database, events, now.at_us))))


def commands(database):
    return sorted(each.command for each in dump(database).events)


# ---- what an order takes ----

WITH_TEXT = {
    "command": {"command": b"secret"},
    "directory": {"cwd": b"secret"},
    "repository": {"repo": b"secret"},
    "branch": {"repo": b"r", "branch": b"secret"},
    "bytes that are not UTF-8": {"command": b"\xff secret"},
}


@pytest.mark.parametrize("fields", WITH_TEXT.values(), ids=WITH_TEXT)
def test_an_event_goes_whose_whole_text_is_named(database, fields):
    join_records(database, event(10, **fields), event(20, command=b"secret and more"))
    assert know(database, order(b"secret", b"\xff secret")) == 1
    assert commands(database) == [b"secret and more"]


def test_the_events_of_every_device_and_of_imports_go(database):
    imported = event(20, b"\x81" * 16, command=b"secret", origin=1)
    join_records(database, event(10, OTHER, command=b"secret"), imported)
    assert know(database, order(b"secret")) == 2


def test_an_order_takes_an_artifact_with_its_event(database):
    one = event(10, command=b"secret")
    join_records(database, one, artifact(11, owner=one.key))
    know(database, order(b"secret"))
    assert dump(database).artifacts == frozenset()


def test_what_goes_goes_by_a_tombstone_by_keys_of_this_device(database):
    one, asked = event(10, OTHER, command=b"secret"), order(b"secret")
    join_records(database, one)
    know(database, asked)
    [made] = dump(database).tombstones - {asked}
    assert made.device_id == ME
    assert made.scope == Keys(frozenset({bare_key(one.key)}))


def test_an_order_takes_what_a_segment_brings_later(database):
    know(database, order(b"secret"))
    late = event(10, OTHER, command=b"secret")
    join_records(database, late, author=OTHER)
    with database.transaction():
        assert text_orders.compare_taken(database, [late], ME, LATER) == 1
    assert commands(database) == []


def test_the_files_are_to_be_cleaned_when_an_order_took_something(database):
    join_records(database, event(10, command=b"stays"))
    know(database, order(b"secret"))
    assert database.meta(UNCLEAN) is None
    join_records(database, event(10, command=b"secret"))
    know(database, order(b"secret", number=8))
    assert database.meta(UNCLEAN) == KNOWN.at_us


def test_a_tombstone_that_an_order_made_is_due_for_publication_and_the_order_is(database):
    in_vault(database)
    asked = order(b"secret")
    join_records(database, event(10, command=b"secret"))
    know(database, asked)
    due = unpublished.due(database, ME, frozenset(), 10**12).history
    assert due.tombstones == dump(database).tombstones
    assert len(due.tombstones) == 2
    assert due.events == frozenset()


# ---- what stays ----


def test_what_is_recorded_once_an_order_is_known_is_spared_of_it(database):
    know(database, order(b"secret"))
    recorded(database, event(KNOWN.at_us + 9, command=b"secret"))
    [kept] = dump(database).events
    assert kept.key.spared == (object_id(9),)
    with database.transaction():
        assert text_orders.compare_taken(database, [kept], ME, LATER) == 0


def test_an_event_that_another_device_recorded_later_is_left_alone(database):
    """It is spared by its key, whatever this device knew when."""
    late = event(10, OTHER, command=b"secret")
    spared = late._replace(key=late.key._replace(spared=(object_id(9),)))
    join_records(database, spared, author=OTHER)
    assert know(database, order(b"secret")) == 0
    assert commands(database) == [b"secret"]


def test_an_event_that_is_spared_of_another_order_goes(database):
    late = event(10, OTHER, command=b"secret")
    join_records(database, late._replace(key=late.key._replace(spared=(object_id(8),))))
    assert know(database, order(b"secret")) == 1


def test_a_command_that_began_before_is_not_stored_when_it_is_read_from_the_spool(database):
    know(database, order(b"secret"))
    recorded(database, event(KNOWN.at_us - 9, command=b"secret"), event(1, command=b"stays"))
    assert commands(database) == [b"stays"]
    assert len(dump(database).tombstones) == 1  # it was nowhere, so it needs no tombstone


def test_in_doubt_a_command_came_after_the_order(database):
    know(database, order(b"secret"))
    recorded(database, event(5, command=b"secret"), now=LATER._replace(boot_id="another"))
    assert commands(database) == [b"secret"]


# ---- each order once ----


def test_an_order_is_compared_with_what_is_here_once(database):
    know(database, order(b"secret"))
    assert not has_uncompared(database)
    join_records(database, event(10, command=b"secret"))  # as no caller does: without a comparison
    assert text_orders.compare(database, ME, LATER) == 0
    assert know(database, order(b"secret")) == 0  # it is known, so it is not new


def test_of_many_orders_those_that_became_known_last_are_compared(database):
    first = order(b"first", number=1)
    know(database, first)
    more = [
        Tombstone(number.to_bytes(16, "big"), 5, OTHER, scope_of(SECRET, [b"last"], KNOWN.at_us))
        for number in range(MOST_COMPARED)
    ]
    know(database, *more)
    recorded(database, event(1, command=b"first"), event(2, command=b"last"), now=LATER)
    assert commands(database) == [b"first"]


# ---- the end of an order ----


def test_an_order_takes_for_a_year_and_spares_for_a_month_more(database):
    know(database, order(b"secret"))
    ended = KNOWN._replace(at_us=KNOWN.at_us + COMPARED_US, boot_us=KNOWN.boot_us + COMPARED_US)
    recorded(database, event(1, command=b"secret"), now=ended)
    assert commands(database) == [b"secret"]
    recorded(database, event(ended.at_us, command=b"secret", seq=2), now=ended)
    assert {each.key.spared for each in dump(database).events} == {(), (object_id(9),)}


def test_an_order_that_has_ended_is_removed_and_does_not_come_back(database):
    asked = order(b"secret")
    know(database, asked)
    kept_until_us = KNOWN.at_us + COMPARED_US + SPARES_US
    text_orders.retire(database, kept_until_us - 1)
    assert dump(database).tombstones == {asked}
    assert not is_expired(asked, kept_until_us - 1)
    text_orders.retire(database, kept_until_us)
    assert is_expired(asked, kept_until_us)
    assert dump(database).tombstones == frozenset()
    join_records(database, asked, author=OTHER)
    assert dump(database).tombstones == frozenset()
    text_orders.retire(database, kept_until_us)


def test_an_order_that_ended_before_it_was_published_is_not_due(database):
    in_vault(database)
    know(database, order(b"secret"))
    text_orders.retire(database, KNOWN.at_us + COMPARED_US + SPARES_US)
    assert not unpublished.anything(database, ME, frozenset(), LATER.at_us)


# ---- the law ----


@contextmanager
def fresh_database():
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(os.path.join(folder, "hx", "hx.db"))
        try:
            yield database
        finally:
            database.close()


def takes(asked, one):
    """Return whether an order takes an event, by the literal rule of docs/format.md."""
    texts = [one.command, one.cwd, one.repo, one.branch]
    named = any(text and text_digest(SECRET, text) in asked.scope.digests for text in texts)
    return named and asked.tombstone_id not in one.key.spared


@share(0.3)
@given(histories, st.lists(st.sampled_from([b"ls", b"make test", b"/", b"main"]), min_size=1))
def test_the_events_that_the_order_takes_go_by_their_keys(given_history, texts):
    asked = Tombstone(b"\x0a" * 16, 1, OTHER, scope_of(SECRET, texts, KNOWN.at_us))
    with fresh_database() as database:
        with database.transaction():
            join_rows(database, given_history)
        before = dump(database)
        gone = know(database, asked)
        after = dump(database)
        taken = frozenset(each for each in before.events if takes(asked, each))
        assert gone == len(before.events - after.events)
        made = Tombstone(b"m" * 16, 1, ME, Keys(frozenset(bare_key(e.key) for e in taken)))
        expected = join(before, History(tombstones=frozenset({made})))
        assert (after.events, after.artifacts) == (expected.events, expected.artifacts)


@given(st.lists(histories, max_size=2), st.binary(min_size=1, max_size=9))
def test_a_matcher_names_the_same_texts_as_the_rule(given_histories, text):
    asked = Tombstone(b"\x0a" * 16, 1, OTHER, scope_of(SECRET, [text, b"ls"], 5))
    matcher = Matcher([asked])
    for one in (each for part in given_histories for each in part.events):
        assert matcher.takes(one) == takes(asked, one)


def test_orders_that_are_held_leave_room_for_those_that_take_something():
    with fresh_database() as database:
        in_vault(database)
        know(database, order(b"secret"))
        waiting = [
            order(b"x")._replace(tombstone_id=number.to_bytes(16)) for number in range(MOST_SPARING)
        ]
        with database.transaction():
            held.put(database, waiting, OTHER, KNOWN)
        recorded(database, event(LATER.at_us, command=b"secret"))
        assert commands(database) == [b"secret"]
