"""The footprint of setup is read as it was written, and folders are removed only while empty."""

from __future__ import annotations

import json
import os

import pytest

from hx.setup import state
from hx.setup.state import Footprint

WHOLE = Footprint("/bin/hx", ("/h/.zshrc",), ("/h/c",), ("/h/b",), ("/h/d",), ("/h/l",))
MOST_BYTES = 256 << 10


@pytest.fixture
def folder(tmp_path):
    return str(tmp_path)


def put(folder, data):
    with open(state.path(folder), "wb") as file:
        file.write(data)


def test_a_footprint_is_read_as_it_was_written(folder):
    assert state.read(folder) == Footprint()
    state.write(folder, WHOLE)
    assert state.read(folder) == WHOLE


def test_the_same_footprint_is_not_written_again(folder):
    state.write(folder, WHOLE)
    before = os.stat(state.path(folder)).st_ino
    state.write(folder, WHOLE)
    assert os.stat(state.path(folder)).st_ino == before


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"{", b"[]", b"null", b"\xff", b"{}", b'{"executable": "x", "made": 3}'),
        b"[" * 100_000,
    ],
    ids=repr,
)
def test_a_damaged_footprint_is_empty(folder, data):
    put(folder, data)
    assert state.read(folder) == Footprint()


def test_a_footprint_of_an_older_hx_has_no_links(folder):
    values = WHOLE._asdict()
    del values["links"]
    put(folder, json.dumps(values).encode())
    assert state.read(folder) == WHOLE._replace(links=())


@pytest.mark.parametrize(("over", "expected"), [(0, WHOLE), (1, Footprint())])
def test_a_footprint_of_256_kib_is_read_and_a_larger_one_is_damaged(folder, over, expected):
    put(folder, json.dumps(WHOLE._asdict()).encode().rjust(MOST_BYTES + over))
    assert state.read(folder) == expected


def test_a_joined_footprint_has_all_of_both_once_and_the_newer_executable():
    other = Footprint("/new/hx", ("/h/.bashrc", "/h/.zshrc"), links=("/h/m",))
    joined = WHOLE.joined(other)
    assert joined == WHOLE._replace(
        executable="/new/hx", rc_files=("/h/.zshrc", "/h/.bashrc"), links=("/h/l", "/h/m")
    )
    assert WHOLE.joined(Footprint()) == WHOLE


def test_the_missing_folders_are_named_with_their_missing_parents_the_outermost_first(folder):
    deep, other = f"{folder}/a/b", f"{folder}/a/c"
    assert state.missing_folders([deep, folder, other, "", "relative"]) == (
        *(f"{folder}/a", deep, other),
        "relative",
    )


def test_only_empty_folders_are_removed_the_innermost_first(folder):
    names = [f"{folder}/{name}" for name in ("a", "a/b", "kept", "gone")]
    os.makedirs(names[1])
    os.makedirs(names[2])
    with open(f"{names[2]}/file", "wb"):
        pass
    state.remove_empty(names)
    assert os.listdir(folder) == ["kept"]
    assert os.listdir(names[2]) == ["file"]
