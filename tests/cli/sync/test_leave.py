"""Leaving a vault, and coming back; what those hear who are out of it or wait before it."""

from __future__ import annotations

import shutil

import pytest

from cli.vaults import Member, is_told, vault
from hx.custody.key_files import KeyFile
from hx.custody.key_set import decode


@pytest.fixture
def members(tmp_path):
    return vault(tmp_path, "one", "two")


def leave(member, *options):
    return member.hx("sync", "leave", "--yes", "--json", *options)


def notes(member):
    return {one["name"]: one["note"] for one in member.sync("devices")}


def test_who_leaves_publishes_first_and_the_others_keep_it_all(members):
    one, two = members
    two.record("echo last words")
    left = leave(two)
    assert (left.code, left.json["published"], left.json["unpublished"]) == (0, True, 0)
    one.sync()
    assert one.commands == ["echo last words"] == two.commands
    assert notes(one) == {"one": None, "two": "left the vault"}
    assert is_told(two.hx("sync"), 6, "in no vault")
    assert one.sync("status")["objects"]["pending"] == 0


def test_the_keys_of_the_vault_go_and_those_of_the_device_stay(members):
    _, two = members
    before = decode(KeyFile(str(two.home / "custody.key")).read())
    leave(two)
    after = decode(KeyFile(str(two.home / "custody.key")).read())
    assert before.vmks
    assert not after.vmks
    assert after.device == before.device


def test_without_a_yes_nothing_happens(members):
    _, two = members
    before = two.tree
    assert is_told(two.hx("sync", "leave"), 2, "needs a yes")
    assert two.sync("devices")
    assert before["hx/custody.key"] == two.tree["hx/custody.key"]


def test_it_says_what_it_will_do(members):
    one, two = members
    two.record("echo waits")
    said = two.hx("sync", "leave").out
    assert "leaves the vault 'store'" in said or "leaves the vault store" in said
    assert "1 event now" in said
    assert "needs the recovery words" in one.hx("sync", "leave").out


def test_away_from_its_store_a_device_leaves_only_when_told_so(members):
    one, two = members
    two.record("echo unheard")
    two.hx("find")
    aside = one.folder.rename(one.folder.with_name("aside"))
    assert is_told(leave(two), 5, "is not there", "--offline", "1 event of this device")
    left = leave(two, "--offline")
    assert (left.code, left.json["published"], left.json["unpublished"]) == (0, False, 1)
    assert two.commands == ["echo unheard"]
    aside.rename(one.folder)
    one.sync()
    assert notes(one) == {"one": None, "two": None}


@pytest.mark.parametrize("options", [(), ("--offline",)])
def test_who_comes_back_is_another_device_and_brings_what_it_recorded_since(members, options):
    one, two = members
    first = two.sync("status")["devices"][0]["device_id"]
    two.record("echo before")
    leave(two, *options)
    two.record("echo between")
    back = two.join(one.invite())
    assert back.code == 0, back
    assert back.json["device_id"] != first
    two.record("echo after")
    two.sync()
    one.sync()
    two.sync()
    assert one.commands == two.commands == ["echo after", "echo before", "echo between"]
    assert one.history == two.history
    assert {(d["name"], d["active"]) for d in one.sync("devices")} == {
        ("one", True),
        ("two", True),
        ("two", False),
    }


def test_a_vault_goes_on_without_the_device_that_made_it(members, tmp_path):
    one, two = members
    one.record("echo founded")
    assert leave(one).code == 0
    two.sync()
    third = Member(tmp_path / "third", one.folder, "third")
    assert third.join(two.invite()).code == 0
    two.sync()
    third.sync()
    assert third.commands == ["echo founded"]


def test_another_vault_takes_the_whole_history_of_a_device_that_left(members, tmp_path):
    one, two = members
    one.record("echo of one")
    two.record("echo of two")
    one.sync()
    two.sync()
    leave(two)
    (tmp_path / "new").mkdir()
    two.at = ("--store", f"folder:{tmp_path / 'new'}", *two.at[2:])
    two.init()
    third = Member(tmp_path / "third", tmp_path / "new", "third")
    assert third.join(two.invite()).code == 0
    assert "echo of two" in third.commands
    assert third.sync("status")["objects"]["pending"] == 0


# ---- out of it, or before it ----


def crowd(tmp_path, *options):
    """A member that has seen two machines come by one invitation, and these."""
    [one] = vault(tmp_path, "one", options=options)
    code = one.invite()
    shutil.copytree(one.folder / "j", tmp_path / "kept")
    first, second = (Member(tmp_path / name, one.folder, name) for name in ("ann", "eve"))
    assert first.join(code).code == 0
    shutil.copytree(tmp_path / "kept", one.folder / "j", dirs_exist_ok=True)
    assert second.join(code).code == 0
    first.record("echo outside")
    one.sync()
    return one, first


def test_a_device_that_waits_hears_what_has_to_happen(members, tmp_path):
    one, _ = members
    late = Member(tmp_path / "late", one.folder, "late")
    assert late.join(one.invite()).code == 0
    heard = late.hx("sync")
    assert heard.code == 0
    assert "waits to be admitted" in heard.err
    assert late.sync("status")["place"] == "waiting"
    assert "waits to be admitted" in late.hx("sync", "status").out
    one.sync()
    assert "waits" not in late.hx("sync").err
    assert late.sync("status")["place"] == "member"


def test_a_device_that_was_not_admitted_hears_so(tmp_path):
    _, first = crowd(tmp_path, "--no-encrypt")
    first.hx("sync", "pull")
    for part in ([], ["push"], ["pull"]):
        assert is_told(first.hx("sync", *part), 6, "was not admitted", "hx sync leave")
    status = first.hx("sync", "status", "--json")
    assert (status.code, status.json["place"]) == (6, "not admitted")
    assert "was not admitted" in first.hx("sync", "status").out


def test_a_device_that_was_not_admitted_may_leave_and_join_anew(tmp_path):
    """Sealed under a key that it does not get, the others' manifests tell it nothing."""
    one, first = crowd(tmp_path)
    heard = first.hx("sync")
    assert heard.code == 3
    assert "a key that it does not have" in heard.err
    assert "hx sync leave" in heard.err
    assert leave(first).code == 0
    assert first.join(one.invite()).code == 0
    one.sync()
    first.sync()
    one.sync()
    assert one.commands == ["echo outside"]
    assert first.sync("status")["place"] == "member"
