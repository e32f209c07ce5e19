"""One disk on two machines: each hears of the other, and one becomes a device of its own."""

from __future__ import annotations

import shutil

import pytest

import spooled
from cli.vaults import Member, is_told, vault
from hx.cli.context import open_context
from hx.cli.keys import new_keys
from hx.config import load

COPIED = "another copy of this device"


@pytest.fixture
def members(tmp_path):
    """Two members, and a machine with a copy of the first one's disk."""
    one, two = vault(tmp_path, "one", "two")
    one.record("echo common")
    one.sync()
    return one, copy_of(one, tmp_path, "copy"), two


def copy_of(member, path, name):
    copy = Member(path / name, member.folder, name)
    shutil.copytree(member.home, copy.home)
    return copy


def test_a_copied_disk_is_told_of_once_and_kept_in_the_status(members):
    one, copy, _ = members
    copy.record("echo copy", session="0006400000000009" + "c" * 16)
    assert COPIED not in copy.hx("sync").err
    heard = one.hx("sync")
    assert heard.code == 0
    assert COPIED in heard.err
    assert "--new-id" in heard.err
    assert COPIED not in one.hx("sync").err
    assert one.sync("status")["copy_seen"] is not None
    assert COPIED in one.hx("sync", "status").out
    one.record("echo alone again")
    one.sync()
    assert one.sync("status")["copy_seen"] is None


def test_a_copy_becomes_a_device_of_its_own_and_nothing_is_lost(members):
    one, copy, two = members
    one.record("echo one")
    one.sync()
    copy.record("echo copy", session="0006400000000009" + "c" * 16)
    done = copy.hx("sync", "join", "--new-id", "--name", "copy", "--json")
    assert done.code == 0, done
    copy.record("echo later", session="0006400000000009" + "c" * 16)
    for member in (copy, one, two, copy, one, two):
        member.sync()
    expected = ["echo common", "echo copy", "echo later", "echo one"]
    assert one.commands == copy.commands == two.commands == expected
    assert one.history == copy.history == two.history
    devices = {each["device_id"]: each["name"] for each in two.sync("devices")}
    assert sorted(devices.values()) == ["copy", "one", "two"]
    assert devices[done.json["device_id"]] == "copy"
    later = [each for each in two.history if each["command"] == "echo later"]
    assert later[0]["device"] == "copy"
    assert sorted(path.name for path in copy.home.glob("custody*")) == [
        "custody.key",
        "custody.toml",
    ]
    assert copy.hx("doctor").code == 0


def test_a_command_that_runs_meanwhile_ends_as_it_began(members):
    _, copy, two = members
    session = "0006400000000009" + "c" * 16
    begin = copy.record("echo runs", session=session, finished=False)
    assert copy.hx("sync", "join", "--new-id").code == 0
    ended = {"n": begin.seq, "b": begin.started_at_us, "e": begin.started_at_us + 9, "x": 3, "p": 3}
    with open(copy.spool / f"{session}.0", "ab") as file:
        file.write(spooled.record("E", **ended))
    copy.sync()
    two.sync()
    [event] = [one for one in two.history if one["command"] == "echo runs"]
    assert event["exit_status"] == 3


def test_a_new_id_needs_a_vault_and_no_store(members, tmp_path):
    one, _, _ = members
    stranger = Member(tmp_path / "stranger", one.folder, "stranger")
    assert is_told(stranger.hx("sync", "join", "--new-id"), 6, "in no vault")
    wrong = one.hx("sync", "join", "--new-id", "--store", f"folder:{one.folder}")
    assert is_told(wrong, 2, "combined only with --name")
    assert is_told(stranger.hx("sync", "join"), 2, "is missing", "--store")


@pytest.mark.parametrize("moment", ["after the database", "while it moves"])
def test_a_change_of_id_that_is_cut_short_leaves_a_usable_device(members, moment):
    _, copy, two = members
    copy.record("echo copy")
    old = copy.sync("status")["devices"][0]["device_id"]
    kept = {path.name: path.read_bytes() for path in copy.home.glob("custody.*")}
    copy.hx("sync", "join", "--new-id", "--name", "copy")
    new = copy.sync("status")["devices"][0]["device_id"]
    assert new != old
    made = {path.name: path.read_bytes() for path in copy.home.glob("custody.*")}
    next_to = {name.replace("custody", "custody-next"): data for name, data in made.items()}
    now = {
        "after the database": {**kept, **next_to},
        "while it moves": {**kept, **next_to, "custody.key": made["custody.key"]},
    }[moment]
    for name, data in now.items():
        path = copy.home / name
        path.write_bytes(data)
        path.chmod(0o600)
    copy.record("echo later")
    assert copy.hx("sync").code == 0
    two.sync()
    assert "echo later" in two.commands
    assert not list(copy.home.glob("custody-next*"))


def test_cut_short_before_the_database_changed_it_is_the_old_device_and_may_try_again(members):
    _, copy, _ = members
    old = copy.sync("status")["devices"][0]["device_id"]
    context = open_context(load({"HX_HOME": str(copy.home), "HOME": str(copy.cwd)}))
    made = new_keys(context).device_id.hex()
    context.database.close()
    copy.record("echo still")
    assert copy.hx("sync").code == 0
    assert copy.sync("status")["devices"][0]["device_id"] == old
    done = copy.hx("sync", "join", "--new-id", "--json")
    assert done.json["device_id"] == made, "the keys that were made are taken"
    assert not list(copy.home.glob("custody-next*"))
