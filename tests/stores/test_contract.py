"""The contract of every store: memory, and a folder on a disk, tmpfs, FAT and exFAT."""

from __future__ import annotations

import hashlib

import pytest

from hx import stores
from hx.stores import HINT, WEAK_DURABILITY, Exists, Missing, StoredObject
from stores.objects import (
    DEVICE,
    LARGE,
    OTHER,
    blob,
    invite,
    manifest,
    one_of_each,
    segment,
    slot,
    vault,
)

BAD_KEYS = [
    "",
    "/",
    "m",
    "m/",
    "x.hx",
    "hx-vault.hx/",
    "./hx-vault.hx",
    "../hx-vault.hx",
    "m/../hx-vault.hx",
    "/hx-vault.hx",
    "HX-VAULT.HX",
    "hx-vault.hx\0",
    "hx-vault.hx\n",
    f"o/{'A' * 32}/{'0' * 32}.hx",
    f"o/{'0' * 32}/../{'0' * 32}.hx",
    f"o//{'0' * 32}.hx",
    f"m/~hx-{'0' * 32}-1.tmp",
    f"o\\{'0' * 32}\\{'0' * 32}.hx",
    "hx-vault.hx" + "x" * 5_000,
]


def listed(store, prefix=""):
    return sorted(store.list(prefix))


def fill(store, *keys):
    for key in keys:
        store.put(key, key.encode())


def test_the_hint_names_a_url_of_each_store_that_outlives_the_process():
    assert [scheme for scheme in stores._MODULES if f"{scheme}:" not in HINT] == ["memory"]


@pytest.mark.parametrize("key", one_of_each())
def test_an_object_can_be_read_and_listed_after_it_is_put(store, key):
    store.put(key, b"sealed")
    assert store.get(key, 100) == b"sealed"
    assert listed(store) == [StoredObject(key, 6)]


def test_every_byte_value_is_stored(store):
    data = bytes(range(256)) + b"\r\n\x1a\0" * 1_000
    store.put(segment(), data)
    assert store.get(segment(), LARGE) == data


def test_an_empty_object_is_an_object(store):
    store.put(segment(), b"")
    assert store.get(segment(), 100) == b""
    assert listed(store) == [StoredObject(segment(), 0)]


def test_the_largest_object_is_stored_whole(store):
    data = hashlib.shake_256(b"seed").digest(LARGE)
    store.put(blob(), data)
    assert store.get(blob(), LARGE) == data
    assert listed(store) == [StoredObject(blob(), LARGE)]
    store.delete(blob())


def test_putting_the_same_bytes_again_succeeds(store):
    for _ in range(3):
        store.put(segment(), b"sealed")
    assert listed(store) == [StoredObject(segment(), 6)]


@pytest.mark.parametrize("other_bytes", [b"SEALED", b"", b"seal", b"sealed and more"])
def test_other_bytes_are_refused_and_change_nothing(store, other_bytes):
    store.put(segment(), b"sealed")
    with pytest.raises(Exists):
        store.put(segment(), other_bytes)
    assert store.get(segment(), 100) == b"sealed"
    assert listed(store) == [StoredObject(segment(), 6)]


def test_an_empty_object_is_not_overwritten(store):
    store.put(segment(), b"")
    with pytest.raises(Exists):
        store.put(segment(), b"sealed")
    assert store.get(segment(), 100) == b""


def test_get_returns_at_most_one_byte_over_the_bound(store):
    store.put(segment(), b"0123456789")
    assert [len(store.get(segment(), bound)) for bound in (0, 1, 8, 9, 10, 11)] == [
        *(1, 2, 9, 10, 10, 10)
    ]
    assert store.get(segment(), 3) == b"0123"


def test_an_absent_object_is_missing(store):
    with pytest.raises(Missing):
        store.get(segment(), 100)
    fill(store, segment(2))
    with pytest.raises(Missing):
        store.get(segment(), 100)


def test_deleting_a_blob_keeps_a_segment_with_the_same_id(store):
    fill(store, segment(), blob())
    store.delete(blob())
    assert store.get(segment(), 100) == segment().encode()


def test_a_deleted_object_is_missing(store):
    fill(store, segment(1), segment(2))
    store.delete(segment(1))
    with pytest.raises(Missing):
        store.get(segment(1), 100)
    assert [entry.key for entry in listed(store)] == [segment(2)]


def test_deleting_an_absent_object_succeeds(store):
    store.delete(segment())
    fill(store, segment())
    store.delete(segment())
    store.delete(segment())
    assert listed(store) == []


@pytest.mark.parametrize("key", one_of_each())
def test_a_deletion_deletes_only_one_object(store, key):
    fill(store, *one_of_each())
    store.delete(key)
    assert {entry.key for entry in listed(store)} == set(one_of_each()) - {key}


def test_a_deleted_object_can_be_put_again(store):
    for data in (b"sealed", b"sealed", b"other"):
        store.put(segment(), data)
        assert store.get(segment(), 100) == data
        store.delete(segment())


def test_an_empty_store_lists_nothing(store):
    assert [listed(store, prefix) for prefix in ("", "m/", "o/", "hx")] == [[]] * 4


def test_an_emptied_store_lists_nothing(store):
    fill(store, *one_of_each())
    for key in one_of_each():
        store.delete(key)
    assert listed(store) == []


PREFIXES = {
    "": 12,
    "m": 3,
    "m/": 3,
    f"m/{DEVICE.hex()}-": 2,
    f"m/{DEVICE.hex()}-000000000002": 1,
    f"m/{'c' * 32}-": 0,
    "o/": 3,
    "o": 3,
    f"o/{DEVICE.hex()}/": 2,
    f"o/{OTHER.hex()}/": 1,
    f"o/{'c' * 32}/": 0,
    f"b/{DEVICE.hex()}/": 1,
    f"b/{DEVICE.hex()}/07/": 1,
    f"b/{DEVICE.hex()}/08/": 0,
    "k/": 2,
    f"k/{OTHER.hex()}/": 1,
    "j/": 1,
    "hx-vault.hx": 1,
    segment(): 1,
    segment() + "x": 0,
    "x": 0,
    "x/": 0,
    "..": 0,
    "../": 0,
    "/": 0,
    "/etc/": 0,
    "m/../": 0,
    "//": 0,
    "m//": 0,
}


@pytest.fixture
def filled(store):
    fill(
        store,
        *(vault(), manifest(1), manifest(2), manifest(1, OTHER)),
        *(segment(1), segment(2), segment(1, OTHER), blob(1), blob(1, OTHER)),
        *(slot(), slot(DEVICE), invite()),
    )
    return store


def test_a_prefix_selects_by_the_beginnings_of_keys(filled):
    everything = listed(filled)
    for prefix, count in PREFIXES.items():
        selected = listed(filled, prefix)
        assert selected == [entry for entry in everything if entry.key.startswith(prefix)], prefix
        assert len(selected) == count, prefix


def test_a_listing_names_each_object_once(filled):
    fill(filled, *(segment(number) for number in range(100, 140)))
    keys = [entry.key for entry in filled.list("")]
    assert len(keys) == len(set(keys)) == 52


def test_a_listing_may_be_abandoned_and_repeated(filled):
    assert next(iter(filled.list("o/"))).size > 0
    assert len(listed(filled, "o/")) == 3


def test_a_listing_goes_on_while_objects_are_deleted(filled):
    for entry in filled.list(""):
        filled.delete(entry.key)
    assert listed(filled) == []


def test_a_listing_goes_on_while_objects_are_put(filled):
    before = {entry.key for entry in filled.list("o/")}
    listed_keys = set()
    for number, entry in enumerate(filled.list("o/")):
        listed_keys.add(entry.key)
        if number < 20:
            fill(filled, segment(1_000 + number))
    assert before <= listed_keys


def test_a_key_that_is_not_an_object_name_is_refused(filled):
    before = listed(filled)
    for key in BAD_KEYS:
        for call, arguments in ((filled.get, (1,)), (filled.put, (b"",)), (filled.delete, ())):
            with pytest.raises(ValueError, match="not the name of an object"):
                call(key, *arguments)
    assert listed(filled) == before


def test_two_devices_see_the_same(place):
    mine, theirs = place.open(DEVICE), place.open(OTHER)
    mine.put(segment(1), b"mine")
    theirs.put(segment(1, OTHER), b"theirs")
    assert (
        listed(mine)
        == listed(theirs)
        == [StoredObject(segment(1), 4), StoredObject(segment(1, OTHER), 6)]
    )
    assert theirs.get(segment(1), 100) == b"mine"
    theirs.put(segment(1), b"mine")
    with pytest.raises(Exists):
        theirs.put(segment(1), b"evil")


def test_an_object_that_one_device_deletes_is_missing_for_the_other(place):
    mine, theirs = place.open(DEVICE), place.open(OTHER)
    mine.put(invite(), b"x")
    theirs.delete(invite())
    with pytest.raises(Missing):
        mine.get(invite(), 100)
    assert listed(mine) == []
    mine.put(invite(), b"y")
    assert theirs.get(invite(), 100) == b"y"


def test_a_store_of_objects_alone_has_no_strangers_and_nothing_to_sweep(filled):
    assert list(filled.foreign_files()) == list(filled.foreign_files("m/")) == []
    assert filled.sweep() == 0
    assert filled.conditions <= {WEAK_DURABILITY}
