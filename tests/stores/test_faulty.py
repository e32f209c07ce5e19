"""The store that injects faults: each does what it says, and without one it is a plain store."""

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


def test_without_a_fault_it_behaves_as_its_inner_store(inner):
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
def test_an_error_before_a_put_leaves_no_object_and_the_next_put_succeeds(inner, fault, error):
    store = FaultyStore(inner, at(1, fault))
    with pytest.raises(error):
        store.put(segment(), b"sealed")
    assert inner.objects == {}
    store.put(segment(), b"sealed")
    assert inner.objects == {segment(): b"sealed"}


def test_an_error_after_a_call_leaves_its_work_done(inner):
    store = FaultyStore(inner, of("put", faulty.AFTER))
    with pytest.raises(Transient):
        store.put(segment(), b"sealed")
    assert inner.objects == {segment(): b"sealed"}
    store.choose = of("delete", faulty.AFTER)
    with pytest.raises(Transient):
        store.delete(segment())
    assert inner.objects == {}


def test_a_late_object_is_visible_only_to_its_writer_until_it_is_delivered(inner):
    mine, theirs = FaultyStore(inner, at(1, faulty.LATE)), FaultyStore(inner)
    mine.put(segment(), b"sealed")
    assert mine.get(segment(), 100) == b"sealed"
    assert list(mine.list("o/")) == [StoredObject(segment(), 6)]
    assert list(theirs.list("o/")) == []
    mine.deliver()
    assert list(theirs.list("o/")) == [StoredObject(segment(), 6)]


def test_a_doubled_put_stores_one_object(inner):
    FaultyStore(inner, at(1, faulty.DOUBLED)).put(segment(), b"sealed")
    assert inner.objects == {segment(): b"sealed"}


def test_a_deleted_object_may_come_back(inner):
    store = FaultyStore(inner, at(2, faulty.RESURRECTED))
    store.put(segment(), b"sealed")
    store.delete(segment())
    assert list(store.list("")) == []
    store.deliver()
    assert store.get(segment(), 100) == b"sealed"


def test_a_stale_listing_repeats_the_former_one(inner):
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
    ("fault", "returned"),
    [
        (faulty.GROWING, b"sea"),
        (faulty.TRAILING, b"sealed\0"),
        (faulty.FLIPPED, b"seamed"),
    ],
)
def test_a_get_may_return_damaged_bytes_once(inner, fault, returned):
    store = FaultyStore(inner, at(2, fault))
    store.put(segment(), b"sealed")
    assert store.get(segment(), 100) == returned
    assert store.get(segment(), 100) == b"sealed"


def test_one_seed_gives_the_same_faults_each_time():
    def run(seed):
        store = FaultyStore(MemoryStore(), seeded(seed, percent=50))
        results = []
        for number in range(50):
            try:
                store.put(segment(number), b"sealed")
                store.delete(segment(number))
                results.append(sorted(store.list("")))
            except StoreError as error:
                results.append(type(error))
        return results

    assert run(1) == run(1) != run(2)
