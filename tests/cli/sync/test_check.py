"""`hx sync check` on a folder."""

from __future__ import annotations

import os

import pytest

from cli.houses import tree
from cli.vaults import is_told, vault


@pytest.fixture
def pair(tmp_path):
    one, two = vault(tmp_path, "one", "two")
    two.record("make")
    two.sync()
    one.sync()
    return one, two


def segment_of(member):
    (path,) = (member.folder / "o").rglob("*.hx")
    return path


def test_a_whole_vault_is_said_to_be_so_and_nothing_changes(pair):
    one, _ = pair
    before = tree(one.folder)
    found = one.sync("check", "--read-data")
    assert found["problems"] == found["unnamed"] == found["behind"] == found["ignored"] == []
    assert found["objects"] == found["read"] == len(list(one.folder.rglob("*.hx")))
    assert found["bytes"] == found["read_bytes"]
    assert one.sync("check")["read"] == found["objects"] - 1
    assert one.hx("sync", "check").out.endswith("problems: none\n")
    assert tree(one.folder) == before


def test_a_flipped_bit_in_a_segment_is_found_by_reading(pair):
    one, _ = pair
    path = segment_of(one)
    data = bytearray(path.read_bytes())
    data[300] ^= 1
    path.write_bytes(data)
    assert one.hx("sync", "check").code == 0
    (problem,) = one.sync("check", "--read-data", code=4)["problems"]
    key = str(path.relative_to(one.folder))
    assert (problem["key"], problem["status"], problem["reason"]) == (key, "rejected", "hash")
    assert problem["device"] == "two"
    told = one.hx("sync", "check", "--read-data")
    assert told.code == 4
    assert f"rejected, hash: {key} of two: " in told.out
    assert "problems: 1 rejected" in told.out


def test_what_is_named_and_not_there_is_missed(pair):
    one, _ = pair
    segment_of(one).unlink()
    (problem,) = one.sync("check", code=3)["problems"]
    assert (problem["status"], problem["reason"]) == ("pending", "not arrived")


def test_files_that_are_not_of_hx_are_counted_by_kind(pair):
    one, _ = pair
    (one.folder / "notes.txt").write_text("mine")
    (one.folder / "m" / "a.sync-conflict-1.hx").write_text("copy")
    found = one.sync("check")
    assert found["problems"] == []
    assert found["ignored"] == [
        {"reason": "conflict copy", "count": 1},
        {"reason": "foreign", "count": 1},
    ]


@pytest.mark.parametrize("part", ["0", "101%", "x", "", "5.5%", "-1"])
def test_a_part_that_is_none_is_refused(pair, part):
    assert is_told(pair[0].hx("sync", "check", f"--read-data={part}"), 2, "1% to 100%")


def test_a_store_that_is_not_there_is_no_problem_of_its_objects(pair):
    one, _ = pair
    os.rename(one.folder, one.folder.with_name("elsewhere"))
    assert is_told(one.hx("sync", "check"), 5)
