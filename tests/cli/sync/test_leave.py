"""`hx sync leave` and joining again; the messages for waiting and refused devices."""

from __future__ import annotations

import shutil

import pytest

from cli.vaults import Member, is_error, vault
from hx.cli.commands.sync.reasons import MEANINGS
from hx.core.format import verdict
from hx.custody.key_files import KeyFile
from hx.custody.key_set import decode


@pytest.fixture
def members(tmp_path):
    return vault(tmp_path, "laptop", "desktop")


def leave(member, *options):
    return member.hx("sync", "leave", "--yes", "--json", *options)


def notes(member):
    return {device["name"]: device["note"] for device in member.sync("devices")}


def test_a_device_that_leaves_publishes_its_events_first(members):
    laptop, desktop = members
    desktop.record("echo last words")
    result = leave(desktop)
    assert (result.code, result.json["published"], result.json["unpublished"]) == (0, True, 0)
    laptop.sync()
    assert laptop.commands == ["echo last words"] == desktop.commands
    assert notes(laptop) == {"laptop": None, "desktop": "left the vault"}
    assert is_error(desktop.hx("sync"), 6, "in no vault")
    assert laptop.sync("status")["objects"]["pending"] == 0


@pytest.mark.parametrize("options", [(), ("--offline",)])
def test_after_it_has_left_the_disk_of_a_device_has_none_of_its_former_keys(members, options):
    _, desktop = members
    before = decode(KeyFile(str(desktop.home / "custody.key")).read())
    secrets = [before.device.sign_seed, before.device.box_seed]
    secrets += [vmk for _, vmk in before.vmks.values()]
    assert leave(desktop, *options).code == 0
    after = decode(KeyFile(str(desktop.home / "custody.key")).read())
    assert not after.vmks
    assert after.device.device_id != before.device.device_id
    kept = [path.read_bytes() for path in desktop.cwd.rglob("*") if path.is_file()]
    assert not [secret for secret in secrets for data in kept if secret in data]
    assert not [secret for secret in secrets for data in kept if secret.hex().encode() in data]


def test_keys_that_could_not_be_read_are_removed_by_the_next_leave(members):
    _, desktop = members
    path = desktop.home / "custody.key"
    before = decode(KeyFile(str(path)).read())
    aside = path.rename(path.with_name("aside"))
    result = leave(desktop, "--offline")
    assert result.code == 0
    assert "the keys of this device are still there" in result.err
    aside.rename(path)
    assert "removed the keys" in desktop.hx("sync", "leave", "--yes").out
    after = decode(KeyFile(str(path)).read())
    assert after.device.device_id != before.device.device_id
    assert not after.vmks
    assert is_error(desktop.hx("sync", "leave", "--yes"), 6, "in no vault")


def test_without_a_yes_nothing_is_changed(members):
    _, desktop = members
    before = desktop.tree
    assert is_error(desktop.hx("sync", "leave"), 2, "needs a yes")
    asked = desktop.hx("sync", "leave", "--json")
    assert (asked.code, asked.out, "history stays" in asked.err) == (2, "", True)
    assert desktop.sync("devices")
    assert before["hx/custody.key"] == desktop.tree["hx/custody.key"]


def test_leave_shows_its_consequences_before_it_asks(members):
    laptop, desktop = members
    desktop.record("echo waits")
    output = desktop.hx("sync", "leave").out
    assert "leaves the vault 'store'" in output or "leaves the vault store" in output
    assert "1 event now" in output
    assert "all of them leave" not in output
    with laptop.database() as database:
        database.set_meta("network", 1)  # as in a home on NFS, which several hosts may use
    output = laptop.hx("sync", "leave", "--anyway").out
    assert "needs the recovery words" in output
    assert f"every host that uses {laptop.home} is this device: all of them leave" in output


def test_the_last_admin_does_not_leave_the_others_without_one(members):
    laptop, desktop = members
    assert is_error(leave(laptop), 2, "the only admin", "hx sync admin DEVICE", "--anyway")
    desktop.make_admin(laptop.words)
    laptop.sync()
    assert [device["admin"] for device in laptop.sync("devices")] == [True, True]
    assert leave(laptop).code == 0


def test_without_its_store_a_device_leaves_only_with_offline(members):
    laptop, desktop = members
    desktop.record("echo unheard")
    desktop.hx("find")
    aside = laptop.folder.rename(laptop.folder.with_name("aside"))
    assert is_error(leave(desktop), 5, "is not there", "--offline", "1 event of this device")
    result = leave(desktop, "--offline")
    assert (result.code, result.json["published"], result.json["unpublished"]) == (0, False, 1)
    assert desktop.commands == ["echo unheard"]
    aside.rename(laptop.folder)
    laptop.sync()
    assert notes(laptop) == {"laptop": None, "desktop": None}


@pytest.mark.parametrize("options", [(), ("--offline",)])
def test_a_device_that_joins_again_has_a_new_id_and_publishes_what_it_recorded_since(
    members, options
):
    laptop, desktop = members
    former_id = desktop.sync("status")["devices"][0]["device_id"]
    desktop.record("echo before")
    leave(desktop, *options)
    desktop.record("echo between")
    result = desktop.join(laptop.invite())
    assert result.code == 0, result
    assert result.json["device_id"] != former_id
    desktop.record("echo after")
    desktop.sync()
    laptop.sync()
    desktop.sync()
    assert laptop.commands == desktop.commands == ["echo after", "echo before", "echo between"]
    assert laptop.history == desktop.history
    assert {(d["name"], d["active"]) for d in laptop.sync("devices")} == {
        ("laptop", True),
        ("desktop", True),
        ("desktop", False),
    }


def test_the_last_admin_does_not_leave_without_knowing_that_the_other_one_has_left(tmp_path):
    laptop, desktop, _ = vault(tmp_path, "laptop", "desktop", "tablet")
    desktop.make_admin(laptop.words)
    laptop.sync()
    assert leave(desktop).code == 0
    assert is_error(leave(laptop), 2, "the only admin", "hx sync admin", "--anyway")
    assert laptop.sync("devices")
    assert leave(laptop, "--anyway").code == 0


def test_a_vault_works_without_the_device_that_made_it(members, tmp_path):
    laptop, desktop = members
    laptop.record("echo founded")
    assert leave(laptop, "--anyway").code == 0
    desktop.sync()
    refused = desktop.hx("sync", "invite")
    assert is_error(refused, 6, "is no admin", "no admin is left: make", "hx sync admin")
    desktop.make_admin(laptop.words)
    third = Member(tmp_path / "third", laptop.folder, "third")
    assert third.join(desktop.invite()).code == 0
    desktop.sync()
    third.sync()
    assert third.commands == ["echo founded"]


def test_a_departed_device_publishes_its_whole_history_to_another_vault(members, tmp_path):
    """Also what the other devices of the old vault have recorded: they are not in this one."""
    laptop, desktop = members
    laptop.record("echo of laptop")
    desktop.record("echo of desktop")
    laptop.sync()
    desktop.sync()
    leave(desktop)
    (tmp_path / "new").mkdir()
    desktop.at = ("--store", f"folder:{tmp_path / 'new'}", *desktop.at[2:])
    desktop.init()
    third = Member(tmp_path / "third", tmp_path / "new", "third")
    assert third.join(desktop.invite()).code == 0
    assert third.commands == ["echo of desktop", "echo of laptop"]
    assert third.sync("status")["objects"]["pending"] == 0


# ---- waiting and refused devices ----


def two_machines_by_one_code(tmp_path, *options):
    """Return a member of a vault and one of two machines that used the same invitation."""
    [laptop] = vault(tmp_path, "laptop", options=options)
    code = laptop.invite()
    shutil.copytree(laptop.folder / "j", tmp_path / "copy")
    first, second = (Member(tmp_path / name, laptop.folder, name) for name in ("ann", "eve"))
    assert first.join(code).code == 0
    shutil.copytree(tmp_path / "copy", laptop.folder / "j", dirs_exist_ok=True)
    assert second.join(code).code == 0
    first.record("echo outside")
    laptop.sync()
    return laptop, first


def test_a_waiting_device_is_told_what_has_to_happen(members, tmp_path):
    laptop, _ = members
    late = Member(tmp_path / "late", laptop.folder, "late")
    assert late.join(laptop.invite()).code == 0
    result = late.hx("sync")
    assert result.code == 0
    assert "waits until another one lets it in" in result.err
    assert late.sync("status")["place"] == "waiting"
    assert "waits until another one lets it in" in late.hx("sync", "status").out
    laptop.sync()
    assert "waits" not in late.hx("sync").err
    assert late.sync("status")["place"] == "member"


def test_what_waits_with_its_device_is_told_and_read_by_the_next_sync(members, tmp_path):
    laptop, _ = members
    late = Member(tmp_path / "late", laptop.folder, "late")
    assert late.join(laptop.invite()).code == 0
    late.record("echo early")
    late.sync()
    assert laptop.sync("pull", code=3)["pulled"]["pending"] == 1
    assert laptop.commands == []
    status = laptop.hx("sync", "status")
    assert verdict.WAITING in status.out
    assert MEANINGS[verdict.WAITING] in " ".join(status.out.split())
    assert laptop.sync()["pulled"]["events"] == 1
    assert laptop.commands == ["echo early"]


def test_a_refused_device_is_told_that_it_was_not_admitted(tmp_path):
    _, refused = two_machines_by_one_code(tmp_path, "--no-encrypt")
    refused.hx("sync", "pull")
    for part in ([], ["push"], ["pull"]):
        assert is_error(refused.hx("sync", *part), 6, "was not admitted", "hx sync leave")
    status = refused.hx("sync", "status", "--json")
    assert (status.code, status.json["place"]) == (6, "not admitted")
    assert "was not admitted" in refused.hx("sync", "status").out


def test_a_refused_device_may_leave_and_join_again(tmp_path):
    """It cannot read the manifests of the others, since it does not get the key of the vault."""
    laptop, refused = two_machines_by_one_code(tmp_path)
    result = refused.hx("sync")
    assert result.code == 3
    assert "a key that it does not have" in result.err
    assert "hx sync leave" in result.err
    assert leave(refused).code == 0
    assert refused.join(laptop.invite()).code == 0
    laptop.sync()
    refused.sync()
    laptop.sync()
    assert laptop.commands == ["echo outside"]
    assert refused.sync("status")["place"] == "member"


def test_a_purge_on_a_member_says_what_would_be_lost_and_goes_on_only_when_told(members):
    _, desktop = members
    desktop.record("echo unheard")
    purge = ("setup", "--undo", "--purge")
    result = desktop.hx(*purge, "--yes")
    assert is_error(result, 2, "in the vault 'store'", "1 event", "hx sync leave", "--anyway")
    assert (desktop.home / "hx.db").exists()
    result = desktop.hx(*purge)
    assert "hx sync leave" in result.err, "also where it asks"
    assert desktop.commands == ["echo unheard"]
    assert desktop.hx(*purge, "--yes", "--anyway").code == 0
    assert not desktop.home.exists()


def test_a_purge_after_leaving_needs_no_more_than_a_yes(members):
    _, desktop = members
    assert leave(desktop).code == 0
    assert desktop.hx("setup", "--undo", "--purge", "--yes").code == 0
    assert not desktop.home.exists()
