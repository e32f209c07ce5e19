"""Two folder stores that two real Syncthing processes keep equal."""

from __future__ import annotations

import hashlib

import pytest

from hx.stores import Missing, StoredObject
from hx.stores.folder import FolderStore
from stores.objects import DEVICE, OTHER, blob, invite, manifest, one_of_each, segment
from sync.syncthing import two_folders


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with two_folders(tmp_path_factory.mktemp("syncthing")) as pair:
        yield pair


@pytest.fixture
def pair(running):
    """Yield the two folders; empty them after the test."""
    yield running
    running.desktop.ignore()
    running.wait_until_equal()
    for key in running.laptop.files():
        (running.laptop.path / key).unlink()
    running.wait_until_equal()
    assert running.desktop.files() == {}


@pytest.fixture
def laptop_store(pair):
    return FolderStore(str(pair.laptop.path), DEVICE)


@pytest.fixture
def desktop_store(pair):
    return FolderStore(str(pair.desktop.path), OTHER)


def listed(store):
    return sorted(store.list(""))


def test_objects_put_on_one_side_arrive_complete_on_the_other(pair, laptop_store, desktop_store):
    large = hashlib.shake_256(b"seed").digest(3 << 20)
    for key in one_of_each():
        laptop_store.put(key, key.encode())
    laptop_store.put(blob(2), large)
    pair.wait_until_equal()
    assert listed(desktop_store) == listed(laptop_store)
    assert len(listed(desktop_store)) == len(one_of_each()) + 1
    for key in one_of_each():
        assert desktop_store.get(key, 1_000) == key.encode()
    assert desktop_store.get(blob(2), 1 << 24) == large


def test_objects_put_on_both_sides_arrive_on_both(pair, laptop_store, desktop_store):
    for number in range(20):
        laptop_store.put(segment(number), b"mine")
        desktop_store.put(segment(number, OTHER), b"theirs!")
    pair.wait_until_equal()
    both = {segment(n): 4 for n in range(20)} | {segment(n, OTHER): 7 for n in range(20)}
    assert (
        listed(laptop_store)
        == listed(desktop_store)
        == sorted(StoredObject(*item) for item in both.items())
    )


def test_objects_that_their_author_deletes_disappear_on_the_other_side(
    pair, laptop_store, desktop_store
):
    laptop_store.put(segment(1), b"old")
    desktop_store.put(invite(), b"used once")
    pair.wait_until_equal()
    laptop_store.put(segment(2), b"new")
    laptop_store.delete(segment(1))
    laptop_store.delete(invite())
    pair.wait_until_equal()
    assert listed(desktop_store) == listed(laptop_store) == [StoredObject(segment(2), 3)]
    with pytest.raises(Missing):
        desktop_store.get(invite(), 100)


def test_a_manifest_may_arrive_before_its_segments(pair, laptop_store, desktop_store):
    pair.desktop.ignore("o")
    laptop_store.put(segment(), b"sealed")
    laptop_store.put(manifest(), b"names it")
    pair.laptop.scan()
    pair.wait_until(lambda: manifest() in pair.desktop.files())
    assert desktop_store.get(manifest(), 100) == b"names it"
    with pytest.raises(Missing):
        desktop_store.get(segment(), 100)
    pair.desktop.ignore()
    pair.wait_until_equal()
    assert desktop_store.get(segment(), 100) == b"sealed"


def test_files_of_syncthing_are_no_objects_and_stay(pair, laptop_store):
    laptop_store.put(segment(), b"sealed")
    pair.wait_until_equal()
    assert listed(laptop_store) == [StoredObject(segment(), 6)]
    assert {name.partition("/")[0] for name in laptop_store.foreign_files()} == {".stfolder"}
    assert laptop_store.sweep() == 0
