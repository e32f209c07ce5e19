"""`hx sync check` on a folder store."""

from __future__ import annotations

import os

import pytest

from cli.home_folders import tree
from cli.vaults import is_error, vault


@pytest.fixture
def pair(tmp_path):
    laptop, desktop = vault(tmp_path, "laptop", "desktop")
    desktop.record("make")
    desktop.sync()
    laptop.sync()
    return laptop, desktop


def segment_of(member):
    (path,) = (member.folder / "o").rglob("*.hx")
    return path


def test_a_complete_vault_has_no_problems_and_nothing_changes(pair):
    laptop, _ = pair
    before = tree(laptop.folder)
    report = laptop.sync("check", "--read-data")
    assert report["problems"] == report["unnamed"] == report["behind"] == report["ignored"] == []
    assert report["objects"] == report["read"] == len(list(laptop.folder.rglob("*.hx")))
    assert report["bytes"] == report["read_bytes"]
    assert laptop.sync("check")["read"] == report["objects"] - 1
    assert laptop.hx("sync", "check").out.endswith("problems: none\n")
    assert tree(laptop.folder) == before


def test_a_flipped_bit_in_a_segment_is_found_only_with_read_data(pair):
    laptop, _ = pair
    path = segment_of(laptop)
    data = bytearray(path.read_bytes())
    data[300] ^= 1
    path.write_bytes(data)
    assert laptop.hx("sync", "check").code == 0
    (problem,) = laptop.sync("check", "--read-data", code=4)["problems"]
    key = str(path.relative_to(laptop.folder))
    assert (problem["key"], problem["status"], problem["reason"]) == (key, "rejected", "hash")
    assert problem["device"] == "desktop"
    result = laptop.hx("sync", "check", "--read-data")
    assert result.code == 4
    assert f"rejected, hash: {key} of desktop: " in result.out
    assert "problems: 1 rejected" in result.out


def test_a_listed_object_that_is_missing_is_pending(pair):
    laptop, _ = pair
    segment_of(laptop).unlink()
    (problem,) = laptop.sync("check", code=3)["problems"]
    assert (problem["status"], problem["reason"]) == ("pending", "not arrived")


def test_foreign_files_are_counted_by_kind(pair):
    laptop, _ = pair
    (laptop.folder / "notes.txt").write_text("mine")
    (laptop.folder / "m" / "a.sync-conflict-1.hx").write_text("copy")
    report = laptop.sync("check")
    assert report["problems"] == []
    assert report["ignored"] == [
        {"reason": "conflict copy", "count": 1},
        {"reason": "foreign", "count": 1},
    ]


@pytest.mark.parametrize("part", ["0", "101%", "x", "", "5.5%", "-1"])
def test_an_invalid_percentage_is_refused(pair, part):
    assert is_error(pair[0].hx("sync", "check", f"--read-data={part}"), 2, "1% to 100%")


def test_a_missing_store_is_an_error_of_the_store(pair):
    laptop, _ = pair
    os.rename(laptop.folder, laptop.folder.with_name("elsewhere"))
    assert is_error(laptop.hx("sync", "check"), 5)
