"""A copied disk on two machines: both are told, and one gets a new device id."""

from __future__ import annotations

import shutil

import pytest

import spooled
from cli.vaults import Member, is_error, vault
from hx.cli.context import open_context
from hx.cli.next_id import stored
from hx.config import load

COPY_NOTICED = "another copy of this device"


@pytest.fixture
def members(tmp_path):
    """Return two members, with a copy of the first one's disk between them."""
    laptop, desktop = vault(tmp_path, "laptop", "desktop")
    laptop.record("echo common")
    laptop.sync()
    return laptop, copy_of(laptop, tmp_path, "copy"), desktop


def copy_of(member, path, name):
    copy = Member(path / name, member.folder, name)
    shutil.copytree(member.home, copy.home)
    return copy


def test_a_copied_disk_is_reported_once_by_sync_and_always_by_status(members):
    laptop, copy, _ = members
    copy.record("echo copy", session="0006400000000009" + "c" * 16)
    assert COPY_NOTICED not in copy.hx("sync").err
    result = laptop.hx("sync")
    assert result.code == 0
    assert COPY_NOTICED in result.err
    assert "--new-id" in result.err
    assert COPY_NOTICED not in laptop.hx("sync").err
    assert laptop.sync("status")["copy_seen"] is not None
    assert COPY_NOTICED in laptop.hx("sync", "status").out
    laptop.record("echo alone again")
    laptop.sync()
    assert laptop.sync("status")["copy_seen"] is None


def test_a_copy_gets_its_own_device_id_and_no_event_is_lost(members):
    laptop, copy, desktop = members
    laptop.record("echo laptop")
    laptop.sync()
    copy.record("echo copy", session="0006400000000009" + "c" * 16)
    result = copy.hx("sync", "join", "--new-id", "--name", "copy", "--json")
    assert result.code == 0, result
    copy.record("echo later", session="0006400000000009" + "c" * 16)
    for member in (copy, laptop, desktop, copy, laptop, desktop):
        member.sync()
    expected = ["echo common", "echo copy", "echo laptop", "echo later"]
    assert laptop.commands == copy.commands == desktop.commands == expected
    assert laptop.history == copy.history == desktop.history
    devices = {device["device_id"]: device["name"] for device in desktop.sync("devices")}
    assert sorted(devices.values()) == ["copy", "desktop", "laptop"]
    assert devices[result.json["device_id"]] == "copy"
    later = [event for event in desktop.history if event["command"] == "echo later"]
    assert later[0]["device"] == "copy"
    assert sorted(path.name for path in copy.home.glob("custody*")) == [
        "custody.key",
        "custody.toml",
    ]
    assert copy.hx("doctor").code == 0


def test_a_command_that_runs_during_the_change_gets_its_end(members):
    _, copy, desktop = members
    session = "0006400000000009" + "c" * 16
    key = copy.record("echo runs", session=session, finished=False)
    assert copy.hx("sync", "join", "--new-id").code == 0
    fields = {"n": key.seq, "b": key.started_at_us, "e": key.started_at_us + 9, "x": 3, "p": 3}
    with open(copy.spool / f"{session}.0", "ab") as file:
        file.write(spooled.record("E", **fields))
    copy.sync()
    desktop.sync()
    [event] = [event for event in desktop.history if event["command"] == "echo runs"]
    assert event["exit_status"] == 3


def test_new_id_needs_a_vault_and_takes_no_store(members, tmp_path):
    laptop, _, _ = members
    stranger = Member(tmp_path / "stranger", laptop.folder, "stranger")
    assert is_error(stranger.hx("sync", "join", "--new-id"), 6, "in no vault")
    result = laptop.hx("sync", "join", "--new-id", "--store", f"folder:{laptop.folder}")
    assert is_error(result, 2, "combined only with --name")
    assert is_error(stranger.hx("sync", "join"), 2, "is missing", "--store")


@pytest.mark.parametrize("moment", ["after the database", "while it moves"])
def test_an_interrupted_change_of_id_leaves_a_usable_device(members, moment):
    _, copy, desktop = members
    copy.record("echo copy")
    old_id = copy.sync("status")["devices"][0]["device_id"]
    old_files = {path.name: path.read_bytes() for path in copy.home.glob("custody.*")}
    copy.hx("sync", "join", "--new-id", "--name", "copy")
    new_id = copy.sync("status")["devices"][0]["device_id"]
    assert new_id != old_id
    new_files = {path.name: path.read_bytes() for path in copy.home.glob("custody.*")}
    next_files = {name.replace("custody", "custody-next"): data for name, data in new_files.items()}
    files_now = {
        "after the database": {**old_files, **next_files},
        "while it moves": {**old_files, **next_files, "custody.key": new_files["custody.key"]},
    }[moment]
    for name, data in files_now.items():
        path = copy.home / name
        path.write_bytes(data)
        path.chmod(0o600)
    copy.record("echo later")
    assert copy.hx("sync").code == 0
    desktop.sync()
    assert "echo later" in desktop.commands
    assert not list(copy.home.glob("custody-next*"))


def test_a_change_of_id_interrupted_before_the_database_changed_can_be_repeated(members):
    _, copy, _ = members
    old_id = copy.sync("status")["devices"][0]["device_id"]
    context = open_context(load({"HX_HOME": str(copy.home), "HOME": str(copy.cwd)}))
    new_id = stored(context, leaving=False).keys.device_id.hex()
    context.database.close()
    copy.record("echo still")
    assert copy.hx("sync").code == 0
    assert copy.sync("status")["devices"][0]["device_id"] == old_id
    result = copy.hx("sync", "join", "--new-id", "--json")
    assert result.json["device_id"] == new_id, "the keys that were made are taken"
    assert not list(copy.home.glob("custody-next*"))
