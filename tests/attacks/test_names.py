"""A member calls itself by a name that imitates what hx says about a device."""

from __future__ import annotations

import pytest

from cli.attacking_member import attacker, keys_of
from cli.vaults import Member, is_error, vault

NAME = "laptop (seen 0s ago, this device)"


def test_a_name_stands_last_in_its_line_beside_the_id_of_its_device(tmp_path):
    anna, evil = vault(tmp_path, "anna", NAME)
    ids = {device["name"]: device["device_id"][:8] for device in anna.sync("devices")}
    for command in ("devices", "status"):
        lines = [line for line in anna.hx("sync", command).out.splitlines() if NAME in line]
        assert lines, command
        for line in lines:
            assert line.endswith(NAME)
            assert ids[NAME] in line.removesuffix(NAME)
            assert "this device" not in line.removesuffix(NAME)
        own = [line for line in anna.hx("sync", command).out.splitlines() if ids["anna"] in line]
        assert all("(this device) (admin) anna" in line for line in own)
    del evil


def test_a_new_device_is_named_with_its_id(tmp_path):
    [anna] = vault(tmp_path, "anna")
    [own] = [device["device_id"][:8] for device in anna.sync("devices")]
    code = anna.invite()
    bert = Member(tmp_path / "bert", anna.folder, "anna")
    assert bert.join(code).code == 0
    result = anna.hx("sync")
    [short] = {d["device_id"][:8] for d in bert.sync("devices")} - {own}
    assert f"hx: a new device is in the vault: {short} anna" in result.err


@pytest.mark.parametrize("digits", [8, 32])
def test_a_device_that_calls_itself_by_the_id_of_another_one_hides_neither(tmp_path, digits):
    anna, bert, evil = vault(tmp_path, "anna", "bert", "evil")
    ids = {member: keys_of(member).device.device_id.hex() for member in (bert, evil)}
    attacker(evil).sign(label=ids[bert][:digits])
    anna.sync()
    if digits == 8:
        assert is_error(anna.hx("sync", "revoke", ids[bert][:8], "--yes"), 2, *ids.values())
    for name in ids.values():
        told = anna.hx("sync", "revoke", name, "--dry-run", "--json")
        assert told.json["device_id"] == name, told
