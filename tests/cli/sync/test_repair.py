"""`hx sync repair` on a folder store."""

from __future__ import annotations

import time

import pytest

from cli.home_folders import tree
from cli.vaults import is_error, vault


@pytest.fixture
def pair(tmp_path):
    laptop, desktop = vault(tmp_path, "laptop", "desktop")
    for number in range(3):
        laptop.record(f"make {number}")
    laptop.sync()
    desktop.sync()
    return laptop, desktop


def segments(member):
    return sorted((member.folder / "o").rglob("*.hx"))


def test_with_nothing_to_repair_nothing_changes(pair):
    laptop, _ = pair
    before = tree(laptop.folder)
    report = laptop.sync("repair")
    assert report["problems"] == []
    assert report["read"] > 0
    assert tree(laptop.folder) == before
    assert "nothing had to be repaired" in laptop.hx("sync", "repair").out


def test_lost_segments_are_published_again(pair):
    laptop, desktop = pair
    before = laptop.history
    for path in segments(laptop):
        path.unlink()
    assert "not arrived" in desktop.hx("sync", "check").out
    assert laptop.sync("repair")["published"] == 1
    assert laptop.sync("check", "--read-data")["problems"] == []
    assert desktop.sync("repair")["problems"] == []
    assert desktop.history == laptop.history == before


def test_a_problem_that_only_its_author_can_repair_names_that_device(pair):
    laptop, desktop = pair
    (path,) = segments(laptop)
    path.write_bytes(path.read_bytes()[:-1])
    report = desktop.sync("repair", code=3)
    assert [problem["device"] for problem in report["problems"]] == ["laptop"]
    result = desktop.hx("sync", "repair")
    assert "run `hx sync repair` on laptop: it publishes the object again" in result.out
    laptop.sync("repair")
    assert not path.exists()
    assert desktop.sync("repair")["problems"] == []


def test_a_store_restored_from_an_old_copy_is_repaired_without_forgotten_events(pair):
    laptop, desktop = pair
    old_objects = {path: path.read_bytes() for path in laptop.folder.rglob("*.hx")}
    assert laptop.hx("forget", "--match", "make", "--yes").code == 0
    laptop.record("true")
    laptop.sync()
    desktop.sync()
    for path in laptop.folder.rglob("*.hx"):
        path.unlink()
    for path, data in old_objects.items():
        path.write_bytes(data)
    for member in (laptop, desktop, laptop, desktop):
        member.sync("repair", code=None)
    assert laptop.commands == desktop.commands == ["true"]
    assert laptop.sync("check", "--read-data")["problems"] == []


def test_the_vault_file_is_restored(pair):
    laptop, _ = pair
    (laptop.folder / "hx-vault.hx").unlink()
    assert laptop.sync("repair")["vault_file"] is True
    assert (laptop.folder / "hx-vault.hx").exists()


def test_outside_of_a_vault_repair_and_check_are_errors(machine):
    assert is_error(machine.hx("sync", "repair"), 6, "in no vault")
    assert is_error(machine.hx("sync", "check"), 6, "in no vault")


# ---- rebuilding the database ----


def test_a_rebuilt_database_replaces_an_equal_old_one(pair):
    laptop, desktop = pair
    laptop.hx("forget", "--match", "make 1", "--yes")
    laptop.record("sleep 1000", finished=False, at=time.time_ns() // 1000)  # it runs
    before = laptop.history
    file = laptop.home / "hx.db"
    inode = file.stat().st_ino
    report = laptop.sync("repair", "--rebuild")["rebuilt"]
    assert report == {
        "replaced": True,
        "events": 3,
        "artifacts": 0,
        "pins": 0,
        "tombstones": 1,
        "only_here": 1,
        "differences": [],
    }
    assert laptop.history == before
    assert file.stat().st_ino == inode
    assert {path.name[:5] for path in file.parent.iterdir() if "hx.db" in path.name} == {"hx.db"}
    laptop.record("true")
    laptop.sync()
    desktop.sync()
    assert "true" in desktop.commands
    assert "equal to the old database" in laptop.hx("sync", "repair", "--rebuild").out


def test_a_rebuilt_database_that_differs_does_not_replace_the_old_one(pair):
    laptop, _ = pair
    with laptop.database() as database:
        columns = [row[1] for row in database.execute("PRAGMA table_info(event)")][1:]
        column_list = ", ".join(columns)
        database.execute(
            f"INSERT INTO event ({column_list}) SELECT {column_list} FROM event WHERE id = 1"
        )
    result = laptop.hx("sync", "repair", "--rebuild")
    assert result.code == 8
    assert "it differs from the old database, which is kept" in result.out
    assert "events: 1 only in the old database, 0 only in the new one, 0 differ: " in result.out
    assert "make" not in result.out
    assert len(laptop.history) == 4
