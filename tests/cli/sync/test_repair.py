"""`hx sync repair` on a folder."""

from __future__ import annotations

import time

import pytest

from cli.houses import tree
from cli.vaults import is_told, vault


@pytest.fixture
def pair(tmp_path):
    one, two = vault(tmp_path, "one", "two")
    for number in range(3):
        one.record(f"make {number}")
    one.sync()
    two.sync()
    return one, two


def segments(member):
    return sorted((member.folder / "o").rglob("*.hx"))


def test_with_nothing_to_mend_nothing_changes(pair):
    one, _ = pair
    before = tree(one.folder)
    done = one.sync("repair")
    assert done["problems"] == []
    assert done["read"] > 0
    assert tree(one.folder) == before
    assert "nothing had to be repaired" in one.hx("sync", "repair").out


def test_what_the_store_has_lost_is_published_again(pair):
    one, two = pair
    before = one.history
    for path in segments(one):
        path.unlink()
    assert "not arrived" in two.hx("sync", "check").out
    assert one.sync("repair")["published"] == 1
    assert one.sync("check", "--read-data")["problems"] == []
    assert two.sync("repair")["problems"] == []
    assert two.history == one.history == before


def test_what_only_its_author_can_mend_is_named_with_whose_it_is(pair):
    one, two = pair
    (path,) = segments(one)
    path.write_bytes(path.read_bytes()[:-1])
    done = two.sync("repair", code=3)
    assert [one["device"] for one in done["problems"]] == ["one"]
    told = two.hx("sync", "repair")
    assert "run `hx sync repair` on one: it publishes the object again" in told.out
    one.sync("repair")
    assert not path.exists()
    assert two.sync("repair")["problems"] == []


def test_a_store_put_back_from_an_old_copy_is_made_whole_and_forgotten_things_stay_away(pair):
    one, two = pair
    old = {path: path.read_bytes() for path in one.folder.rglob("*.hx")}
    assert one.hx("forget", "--match", "make", "--yes").code == 0
    one.record("true")
    one.sync()
    two.sync()
    for path in one.folder.rglob("*.hx"):
        path.unlink()
    for path, data in old.items():
        path.write_bytes(data)
    for member in (one, two, one, two):
        member.sync("repair", code=None)
    assert one.commands == two.commands == ["true"]
    assert one.sync("check", "--read-data")["problems"] == []


def test_the_mark_of_the_vault_is_put_back(pair):
    one, _ = pair
    (one.folder / "hx-vault.hx").unlink()
    assert one.sync("repair")["vault_file"] is True
    assert (one.folder / "hx-vault.hx").exists()


def test_in_no_vault_there_is_nothing_to_repair(machine):
    assert is_told(machine.hx("sync", "repair"), 6, "in no vault")
    assert is_told(machine.hx("sync", "check"), 6, "in no vault")


# ---- made anew ----


def test_a_database_that_is_made_anew_takes_the_place_of_the_old_one_when_it_is_equal(pair):
    one, two = pair
    one.hx("forget", "--match", "make 1", "--yes")
    one.record("sleep 1000", finished=False, at=time.time_ns() // 1000)  # it runs
    before = one.history
    file = one.home / "hx.db"
    inode = file.stat().st_ino
    done = one.sync("repair", "--rebuild")["rebuilt"]
    assert done == {
        "replaced": True,
        "events": 3,
        "artifacts": 0,
        "pins": 0,
        "tombstones": 1,
        "only_here": 1,
        "differences": [],
    }
    assert one.history == before
    assert file.stat().st_ino == inode
    assert {path.name[:5] for path in file.parent.iterdir() if "hx.db" in path.name} == {"hx.db"}
    one.record("true")
    one.sync()
    two.sync()
    assert "true" in two.commands
    assert "equal to the old database" in one.hx("sync", "repair", "--rebuild").out


def test_a_database_with_an_event_twice_stays_and_the_difference_is_told(pair):
    one, _ = pair
    with one.database() as database:
        columns = [row[1] for row in database.execute("PRAGMA table_info(event)")][1:]
        all_of_it = ", ".join(columns)
        database.execute(
            f"INSERT INTO event ({all_of_it}) SELECT {all_of_it} FROM event WHERE id = 1"
        )
    told = one.hx("sync", "repair", "--rebuild")
    assert told.code == 8
    assert "it differs from the old database, which is kept" in told.out
    assert "events: 1 only in the old database, 0 only in the new one, 0 differ: " in told.out
    assert "make" not in told.out
    assert len(one.history) == 4
