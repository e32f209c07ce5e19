"""A device whose keys are lost comes back into its vault under a new id, with all its history."""

from __future__ import annotations

import pytest

from cli.vaults import Member, is_error, vault

WRONG = {"HX_PASSPHRASE_COMMAND": "echo nobody-knows"}
RIGHT = {"HX_PASSPHRASE_COMMAND": "echo sesame"}
NEW = {"HX_PASSPHRASE_COMMAND": "echo pear"}


@pytest.fixture
def members(tmp_path):
    """Return two members, of which the second one has an event that it has not published."""
    laptop, desktop = vault(tmp_path, "laptop", "desktop")
    desktop.record("echo shared")
    desktop.sync()
    laptop.sync()
    desktop.record("echo alone")
    return laptop, desktop


def lose(member, how):
    if how == "absent":
        (member.home / "custody.key").unlink()
    elif how == "blank":  # its removal was cut short
        (member.home / "custody.key").write_bytes(bytes(100))
    elif how == "damaged":
        (member.home / "custody.key").write_bytes(b"HXB1, and not much else")
    elif how == "no note":
        (member.home / "custody.toml").unlink()
    elif how == "damaged note":
        (member.home / "custody.toml").write_bytes(b"custody = ")
    elif how == "of another device":
        other = Member(member.cwd / "other", member.folder, "other")
        other.folder = member.cwd / "elsewhere"
        other.folder.mkdir()
        at = ("--store", f"folder:{other.folder}", *other.at[2:])
        assert other.hx("sync", "init", *at, "--json").code == 0
        (member.home / "custody.key").write_bytes((other.home / "custody.key").read_bytes())


LOSSES = ("absent", "blank", "damaged", "no note", "damaged note", "of another device")


def come_back(member, way, secret, *options, env=None):
    option = {"recover": "--words-file", "join": "--code-file"}[way]
    line = ("sync", way, option, "-", "--name", "back", "--yes", "--json", *options)
    return member.hx(*line, stdin=secret, env=env)


def require_whole(laptop, member, former_id):
    """Assert that both hold everything once, and that the former id is listed as what it is."""
    for each in (laptop, member, laptop):
        each.sync()
    assert laptop.commands == member.commands == ["echo alone", "echo shared"]
    assert laptop.history == member.history
    assert laptop.sync("check", "--read-data")["problems"] == []
    segments = list((laptop.folder / "o").rglob("*.hx"))
    assert len(segments) == 2, "what the former id had published is not published again"
    devices = {each["device_id"]: each for each in laptop.sync("devices")}
    assert devices[former_id]["active"]
    assert member.hx("doctor").code == 0


@pytest.mark.parametrize("how", LOSSES)
def test_the_words_bring_a_device_with_lost_keys_back_under_a_new_id(members, how):
    laptop, desktop = members
    former = desktop.sync("status")["devices"][0]["device_id"]
    lose(desktop, how)
    assert is_error(desktop.hx("sync"), 6, "hx sync recover", "hx sync join")
    result = come_back(desktop, "recover", laptop.words, "--custody", "file")
    assert result.code == 0, result
    assert result.json["former_id"] == former != result.json["device_id"]
    require_whole(laptop, desktop, former)
    assert desktop.hx("sync", "revoke", former[:8], "--yes").code == 0
    laptop.sync()
    notes = {each["device_id"]: each["note"] for each in laptop.sync("devices")}
    assert notes == {
        former: "no longer in the vault",
        result.json["device_id"]: None,
        laptop.sync("status")["devices"][0]["device_id"]: None,
    }
    assert desktop.commands == ["echo alone", "echo shared"]


def test_a_code_brings_a_device_with_lost_keys_back_too(members):
    laptop, desktop = members
    former = desktop.sync("status")["devices"][0]["device_id"]
    lose(desktop, "absent")
    result = come_back(desktop, "join", laptop.invite())
    assert result.code == 0, result
    require_whole(laptop, desktop, former)


def test_it_asks_once_and_says_what_becomes_of_the_former_id(members):
    laptop, desktop = members
    former = desktop.sync("status")["devices"][0]["device_id"]
    lose(desktop, "absent")
    before = desktop.tree
    result = desktop.hx("sync", "recover", "--words-file", "-", stdin=laptop.words)
    assert (result.code, "needs a yes" in result.err) == (2, True)
    assert f"its former id {former[:8]} stays in the list" in result.out
    assert {name for name in before if "custody" in name} == {
        name for name in desktop.tree if "custody" in name
    }
    result = desktop.hx("sync", "recover", "--words-file", "-", "--yes", stdin=laptop.words)
    assert f"hx sync revoke {former[:8]}" in result.out


def test_a_device_whose_keys_are_there_stays_what_it_is(members):
    laptop, desktop = members
    result = come_back(desktop, "recover", laptop.words)
    assert is_error(result, 2, "already in the vault")
    result = come_back(desktop, "recover", laptop.words, "--keys-lost")
    assert is_error(result, 2, "not lost", "leave --keys-lost out")
    (desktop.home / "custody.key").chmod(0o644)
    assert is_error(come_back(desktop, "recover", laptop.words), 6, "chmod 600")


def test_a_passphrase_is_lost_when_its_owner_says_so(tmp_path):
    (tmp_path / "store").mkdir()
    laptop, desktop = (Member(tmp_path / name, tmp_path / "store", name) for name in ("a", "b"))
    laptop.init()
    sealed = ("--store", f"folder:{laptop.folder}", "--custody", "passphrase", "--code-file", "-")
    result = desktop.hx("sync", "join", *sealed, "--json", stdin=laptop.invite(), env=RIGHT)
    assert result.code == 0, result
    former = result.json["device_id"]
    desktop.record("echo shared")
    for member, env in ((laptop, None), (desktop, RIGHT), (laptop, None)):
        assert member.hx("sync", env=env).code == 0
    desktop.record("echo alone")
    assert is_error(desktop.hx("sync", env=WRONG), 6, "passphrase is wrong", "--keys-lost")
    result = come_back(desktop, "recover", laptop.words, env=WRONG)
    assert is_error(result, 2, "already in the vault", "--keys-lost")
    result = come_back(desktop, "recover", laptop.words, "--keys-lost", env=NEW)
    assert result.code == 0, result
    assert result.json["former_id"] == former
    assert desktop.hx("sync", env=WRONG).code == 0, "nothing new needs no key"
    desktop.record("echo later")
    assert desktop.hx("sync", env=WRONG).code == 6
    assert desktop.hx("sync", env=NEW).code == 0
    laptop.sync()
    assert laptop.commands == ["echo alone", "echo later", "echo shared"]


@pytest.mark.parametrize("way", ["recover", "join", "init"])
def test_a_device_that_left_without_its_keys_enters_a_vault_again(members, tmp_path, way):
    laptop, desktop = members
    lose(desktop, "absent")
    assert desktop.hx("sync", "leave", "--offline", "--yes").code == 0
    if way == "init":
        (tmp_path / "second").mkdir()
        at = ("--store", f"folder:{tmp_path / 'second'}", "--name", "back", "--json")
        result = desktop.hx("sync", "init", *at)
    else:
        secret = laptop.words if way == "recover" else laptop.invite()
        result = come_back(desktop, way, secret, *desktop.at[:2])
    assert result.code == 0, result
    assert "gets a new id" in result.err
    desktop.record("echo later")
    assert desktop.hx("sync").code in (0, 3)
    assert desktop.commands == ["echo alone", "echo later", "echo shared"]


def test_without_its_key_file_a_device_that_was_in_no_vault_enters_one(members, tmp_path):
    laptop, _ = members
    third = Member(tmp_path / "third", laptop.folder, "third")
    third.record("echo third")
    assert third.hx("find").code == 0
    (third.home / "device.key").unlink()
    assert third.join(laptop.invite()).code == 0
    laptop.sync()
    third.sync()
    assert third.commands == ["echo shared", "echo third"]


def test_another_vault_is_no_way_back(members, tmp_path):
    _, desktop = members
    (tmp_path / "elsewhere").mkdir()
    [other] = vault(tmp_path / "elsewhere", "other")
    lose(desktop, "absent")
    result = come_back(desktop, "recover", other.words, "--store", f"folder:{other.folder}")
    assert is_error(result, 2, "another vault", "hx sync leave --offline")
