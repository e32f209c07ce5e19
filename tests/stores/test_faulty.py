"""The faulty store: faultless it is a store, and each fault is the one that it is said to be."""

from __future__ import annotations

import pytest

from hx.stores import (
    Denied,
    Exists,
    Full,
    Missing,
    NotMounted,
    ReadOnly,
    StoredObject,
    StoreError,
    Transient,
)
from hx.stores.memory import MemoryStore
from stores import faulty
from stores.faulty import FaultyStore, at, of, seeded
from stores.objects import one_of_each, segment


@pytest.fixture
def inner():
    return MemoryStore()


def test_without_a_fault_it_is_the_store_behind_it(inner):
    store = FaultyStore(inner)
    for key in one_of_each():
        store.put(key, b"sealed")
    with pytest.raises(Exists):
        store.put(segment(), b"other")
    assert sorted(store.list("")) == sorted(inner.list(""))
    assert store.get(segment(), 3) == b"seal"
    store.delete(segment())
    with pytest.raises(Missing):
        store.get(segment(), 3)
    assert store.calls[-2:] == [("delete", segment()), ("get", segment())]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (faulty.BEFORE, Transient),
        (faulty.DENIED, Denied),
        (faulty.FULL, Full),
        (faulty.SHORT, Full),
        (faulty.READ_ONLY, ReadOnly),
        (faulty.NOT_MOUNTED, NotMounted),
    ],
)
def test_an_error_before_leaves_nothing_and_the_next_call_succeeds(inner, fault, error):
    store = FaultyStore(inner, at(1, fault))
    with pytest.raises(error):
        store.put(segment(), b"sealed")
    assert inner.objects == {}
    store.put(segment(), b"sealed")
    assert inner.objects == {segment(): b"sealed"}


def test_an_error_after_has_done_its_work(inner):
    store = FaultyStore(inner, of("put", faulty.AFTER))
    with pytest.raises(Transient):
        store.put(segment(), b"sealed")
    assert inner.objects == {segment(): b"sealed"}
    store.choose = of("delete", faulty.AFTER)
    with pytest.raises(Transient):
        store.delete(segment())
    assert inner.objects == {}


def test_what_is_late_is_seen_by_its_writer_alone_until_it_is_delivered(inner):
    mine, theirs = FaultyStore(inner, at(1, faulty.LATE)), FaultyStore(inner)
    mine.put(segment(), b"sealed")
    assert mine.get(segment(), 100) == b"sealed"
    assert list(mine.list("o/")) == [StoredObject(segment(), 6)]
    assert list(theirs.list("o/")) == []
    mine.deliver()
    assert list(theirs.list("o/")) == [StoredObject(segment(), 6)]


def test_a_doubled_put_is_one(inner):
    FaultyStore(inner, at(1, faulty.DOUBLED)).put(segment(), b"sealed")
    assert inner.objects == {segment(): b"sealed"}


def test_what_is_deleted_may_come_back(inner):
    store = FaultyStore(inner, at(2, faulty.RESURRECTED))
    store.put(segment(), b"sealed")
    store.delete(segment())
    assert list(store.list("")) == []
    store.deliver()
    assert store.get(segment(), 100) == b"sealed"


def test_a_stale_listing_is_the_one_before(inner):
    store = FaultyStore(inner, of("list", faulty.STALE))
    store.put(segment(1), b"sealed")
    assert list(store.list("o/")) == []
    store.put(segment(2), b"sealed")
    assert list(store.list("o/")) == [StoredObject(segment(1), 6)]


def test_a_broken_listing_ends_in_an_error(inner):
    store = FaultyStore(inner, of("list", faulty.BROKEN))
    store.put(segment(1), b"sealed")
    store.put(segment(2), b"sealed")
    entries = store.list("o/")
    assert next(entries).size == 6
    with pytest.raises(Transient):
        next(entries)


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        (faulty.GROWING, b"sea"),
        (faulty.TRAILING, b"sealed\0"),
        (faulty.FLIPPED, b"seamed"),
    ],
)
def test_what_is_read_may_be_damaged_once(inner, fault, seen):
    store = FaultyStore(inner, at(2, fault))
    store.put(segment(), b"sealed")
    assert store.get(segment(), 100) == seen
    assert store.get(segment(), 100) == b"sealed"


def test_chance_gives_the_same_faults_for_one_seed():
    def run(seed):
        store = FaultyStore(MemoryStore(), seeded(seed, percent=50))
        told = []
        for number in range(50):
            try:
                store.put(segment(number), b"sealed")
                store.delete(segment(number))
                told.append(sorted(store.list("")))
            except StoreError as error:
                told.append(type(error))
        return told

    assert run(1) == run(1) != run(2)
