"""Two stores in two folders, and between them nothing but two real Syncthing processes."""

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
    """With two empty folders."""
    yield running
    running.desktop.ignore()
    running.wait_until_equal()
    for key in running.laptop.files():
        (running.laptop.path / key).unlink()
    running.wait_until_equal()
    assert running.desktop.files() == {}


@pytest.fixture
def mine(pair):
    return FolderStore(str(pair.laptop.path), DEVICE)


@pytest.fixture
def theirs(pair):
    return FolderStore(str(pair.desktop.path), OTHER)


def listed(store):
    return sorted(store.list(""))


def test_what_is_put_on_one_side_arrives_whole_on_the_other(pair, mine, theirs):
    large = hashlib.shake_256(b"seed").digest(3 << 20)
    for key in one_of_each():
        mine.put(key, key.encode())
    mine.put(blob(2), large)
    pair.wait_until_equal()
    assert listed(theirs) == listed(mine)
    assert len(listed(theirs)) == len(one_of_each()) + 1
    for key in one_of_each():
        assert theirs.get(key, 1_000) == key.encode()
    assert theirs.get(blob(2), 1 << 24) == large


def test_both_sides_put_at_once_and_both_have_all(pair, mine, theirs):
    for number in range(20):
        mine.put(segment(number), b"mine")
        theirs.put(segment(number, OTHER), b"theirs!")
    pair.wait_until_equal()
    both = {segment(n): 4 for n in range(20)} | {segment(n, OTHER): 7 for n in range(20)}
    assert listed(mine) == listed(theirs) == sorted(StoredObject(*item) for item in both.items())


def test_what_its_author_deletes_goes_on_the_other_side(pair, mine, theirs):
    mine.put(segment(1), b"old")
    theirs.put(invite(), b"used once")
    pair.wait_until_equal()
    mine.put(segment(2), b"new")
    mine.delete(segment(1))
    mine.delete(invite())
    pair.wait_until_equal()
    assert listed(theirs) == listed(mine) == [StoredObject(segment(2), 3)]
    with pytest.raises(Missing):
        theirs.get(invite(), 100)


def test_a_manifest_may_come_before_what_it_lists(pair, mine, theirs):
    pair.desktop.ignore("o")
    mine.put(segment(), b"sealed")
    mine.put(manifest(), b"names it")
    pair.laptop.scan()
    pair.wait_until(lambda: manifest() in pair.desktop.files())
    assert theirs.get(manifest(), 100) == b"names it"
    with pytest.raises(Missing):
        theirs.get(segment(), 100)
    pair.desktop.ignore()
    pair.wait_until_equal()
    assert theirs.get(segment(), 100) == b"sealed"


def test_what_syncthing_keeps_in_the_folder_is_no_object_and_stays(pair, mine):
    mine.put(segment(), b"sealed")
    pair.wait_until_equal()
    assert listed(mine) == [StoredObject(segment(), 6)]
    assert {name.partition("/")[0] for name in mine.strangers()} == {".stfolder"}
    assert mine.sweep() == 0
