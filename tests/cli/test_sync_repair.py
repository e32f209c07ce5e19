"""`hx sync repair` on a folder."""

from __future__ import annotations

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
    assert "nothing had to be mended" in one.hx("sync", "repair").out


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
    assert "it is published again when one runs `hx sync repair`" in told.out
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
    assert one.sync("repair")["marker"] is True
    assert (one.folder / "hx-vault.hx").exists()


def test_in_no_vault_there_is_nothing_to_repair(machine):
    assert is_told(machine.hx("sync", "repair"), 6, "in no vault")
    assert is_told(machine.hx("sync", "check"), 6, "in no vault")
