"""`hx sync rotate`: a new key for what is published from now on."""

from __future__ import annotations

import pytest

from cli.vaults import is_error, vault
from hx.core.format import object_names
from hx.custody.key_files import KeyFile
from hx.custody.key_set import decode


@pytest.fixture
def members(tmp_path):
    return vault(tmp_path, "laptop", "desktop")


def keys_of(member):
    return set(decode(KeyFile(str(member.home / "custody.key")).read()).vmks)


def slots(member):
    """Return (recipient, key id) of each slot in the store."""
    paths = (str(path.relative_to(member.folder)) for path in member.folder.glob("k/*/*"))
    return {(name.object_id, name.key_id) for name in map(object_names.parsed, paths)}


def test_after_a_rotation_all_devices_write_under_the_new_key_and_read_everything(members):
    laptop, desktop = members
    laptop.record("echo before")
    before = keys_of(laptop)
    result = laptop.hx("sync", "rotate", "--yes", "--json")
    assert result.code == 0, result
    new = bytes.fromhex(result.json["key_id"])
    assert new not in before
    assert keys_of(laptop) == before | {new}
    ids = {device["name"]: device["device_id"] for device in laptop.sync("devices")}
    assert result.json["untold"] == [ids["desktop"]]
    assert {(bytes.fromhex(device), new) for device in ids.values()} <= slots(laptop)
    desktop.record("echo after")
    desktop.sync()
    headers = [path.read_bytes()[:184] for path in laptop.folder.glob("o/*/*.hx")]
    assert sum(new in header for header in headers) == 1 + 1  # of each device the last segment
    laptop.sync()
    assert laptop.commands == desktop.commands == ["echo after", "echo before"]
    assert laptop.sync("check")["problems"] == []


def test_a_device_that_is_no_admin_makes_a_new_key_too(members):
    laptop, desktop = members
    before = keys_of(laptop)
    result = desktop.hx("sync", "rotate", "--yes", "--json")
    laptop.sync()
    assert keys_of(laptop) - before == {bytes.fromhex(result.json["key_id"])}


def test_the_screen_says_what_a_new_key_changes_and_what_it_does_not(members):
    laptop, _ = members
    before = keys_of(laptop)
    shown = laptop.hx("sync", "rotate")
    assert is_error(shown, 2, "needs a yes")
    assert "is not encrypted anew: the old keys still open it" in shown.out
    assert "`hx sync revoke`" in shown.out
    asked = laptop.hx("sync", "rotate", "--json")
    assert (asked.code, asked.out, "old keys" in asked.err) == (2, "", True), "stdout is for JSON"
    assert keys_of(laptop) == before
    said = laptop.hx("sync", "rotate", "--yes").out
    assert len(keys_of(laptop) - before) == 1
    assert "now: what this device publishes is sealed under a new key" in said
    assert "at its next sync; until then it writes\n  under the old key:\n" in said
    assert "desktop" in said
    assert "what stays: whoever has an old key can read what was sealed under it" in said


def test_a_plain_vault_has_no_key_to_change(tmp_path):
    [laptop] = vault(tmp_path, "laptop", options=("--no-encrypt",))
    assert is_error(laptop.hx("sync", "rotate", "--yes"), 2, "is not encrypted")
