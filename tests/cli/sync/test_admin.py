"""`hx sync admin`: the recovery words make a device an admin; only admins let others in."""

from __future__ import annotations

import shutil

import pytest

from cli.vaults import Member, is_error, vault

WRONG = "abandon " * 11 + "about"


@pytest.fixture
def members(tmp_path):
    return vault(tmp_path, "laptop", "desktop")


def admin(member, *arguments, words=None):
    return member.hx("sync", "admin", *arguments, "--words-file", "-", stdin=words)


def admins(member):
    return {device["name"] for device in member.sync("devices") if device["admin"]}


def test_a_device_becomes_an_admin_by_the_recovery_words(members, tmp_path):
    laptop, desktop = members
    assert admins(laptop) == admins(desktop) == {"laptop"}
    assert is_error(desktop.hx("sync", "invite"), 6, "is no admin", "'laptop'", "hx sync admin")
    result = admin(desktop, "--json", words=laptop.words)
    assert (result.code, result.json["name"], result.json["changed"]) == (0, "desktop", True)
    assert len(result.json["admins"]) == 2
    laptop.sync()
    assert admins(laptop) == admins(desktop) == {"laptop", "desktop"}
    tablet = Member(tmp_path / "tablet", laptop.folder, "tablet")
    assert tablet.join(desktop.invite()).code == 0
    for member in (desktop, laptop, tablet):
        member.sync()
    assert {device["name"] for device in laptop.sync("devices") if device["active"]} == {
        "laptop",
        "desktop",
        "tablet",
    }


def test_any_member_that_has_the_words_can_make_another_one_an_admin(members):
    laptop, desktop = members
    shown = admin(laptop, "desktop", words=laptop.words)
    assert (shown.code, "is now an admin: desktop" in shown.out) == (0, True)
    again = laptop.hx("sync", "admin", "desktop")
    assert (again.code, "is already an admin: desktop" in again.out) == (0, True)
    desktop.sync()
    assert admins(desktop) == {"laptop", "desktop"}


def test_an_error_says_how_many_digits_of_an_id_name_a_device(members):
    laptop, desktop = members
    digits = desktop.sync("devices")[0]["device_id"]
    assert is_error(laptop.hx("sync", "admin", digits[:3]), 2, "the first 4 or more digits")
    shown = admin(laptop, digits[:4].upper(), words=laptop.words)
    assert "is now an admin: desktop" in shown.out, shown


def test_without_the_words_nobody_becomes_an_admin(members):
    laptop, desktop = members
    before = set(laptop.folder.joinpath("m").iterdir())
    assert is_error(desktop.hx("sync", "admin"), 2, "recovery words are needed", "--words-file")
    assert is_error(admin(desktop, words=WRONG), 2, "not made with these recovery words")
    assert is_error(admin(laptop, "tablet", words=laptop.words), 2, "no device called 'tablet'")
    assert before == set(laptop.folder.joinpath("m").iterdir())
    assert admins(laptop) == admins(desktop) == {"laptop"}


def test_a_copy_of_a_device_that_is_no_admin_needs_the_words_for_an_id_of_its_own(
    members, tmp_path
):
    laptop, desktop = members
    copy = Member(tmp_path / "copy", desktop.folder, "copy")
    shutil.copytree(desktop.home, copy.home, dirs_exist_ok=True)
    assert is_error(copy.hx("sync", "join", "--new-id"), 2, "is no admin", "--words-file")
    words = copy.hx("sync", "join", *copy.at, "--words-file", "-", stdin=laptop.words)
    assert is_error(words, 2, "--words-file belongs to --new-id", "hx sync recover")
    combined = copy.hx("sync", "join", *copy.at, "--new-id")
    assert is_error(combined, 2, "can be combined only with --name, --words-file and --json")
    line = ("sync", "join", "--new-id", "--name", "copy", "--words-file", "-")
    assert copy.hx(*line, stdin=laptop.words).code == 0
    copy.record("echo copy")
    for member in (copy, laptop, desktop):
        member.sync()
    assert laptop.commands == desktop.commands == ["echo copy"]
    assert admins(laptop) == {"laptop", "copy"}


def test_the_list_of_devices_tells_admins_keys_and_clocks(members):
    laptop, desktop = members
    laptop.sync()
    devices = {device["name"]: device for device in laptop.sync("devices")}
    assert [devices[name]["admin"] for name in ("laptop", "desktop")] == [True, False]
    assert devices["laptop"]["epoch"] == devices["desktop"]["epoch"] >= 2
    assert devices["laptop"]["clock_ahead_s"] == devices["desktop"]["clock_ahead_s"] == 0
    assert laptop.hx("sync", "rotate", "--yes").code == 0
    newer = {device["name"]: device["epoch"] for device in laptop.sync("devices")}
    assert newer["laptop"] == devices["laptop"]["epoch"] + 1
    assert newer["desktop"] == devices["desktop"]["epoch"], "it has not synced since"
    assert desktop.sync("devices")


def test_with_its_second_device_a_vault_is_told_how_it_gets_a_second_admin(tmp_path):
    folder = tmp_path / "store"
    folder.mkdir()
    laptop, desktop, tablet = (
        Member(tmp_path / name, folder, name) for name in ("laptop", "desktop", "tablet")
    )
    laptop.init()
    assert desktop.join(laptop.invite()).code == 0
    told = laptop.hx("sync").err
    assert "hint: only laptop can let devices in" in told
    assert "make desktop an admin too: run `hx sync admin` there" in told
    desktop.sync()
    assert tablet.join(laptop.invite()).code == 0
    third = laptop.hx("sync").err
    assert "a new device is in the vault" in third
    assert "admin" not in third
