"""A device that was taken out of its vault: it says so once and for all, and gives nothing."""

from __future__ import annotations

import shutil

import pytest

from cli.vaults import Member, is_error, vault
from hx.custody.key_files import KeyFile
from hx.custody.key_set import decode

OUT = "this device was taken out of the vault 'store'"
VERBS = [
    (),
    ("push",),
    ("pull",),
    ("status",),
    ("status", "--check"),
    ("check",),
    ("repair",),
    ("devices",),
    ("invite",),
    ("rotate", "--yes"),
    ("admin",),
    ("accept",),
    ("refuse", "abcd"),
    ("leave", "--yes"),
    ("revoke", "laptop", "--yes"),
    ("join", "--new-id"),
    ("--dry-run",),
]


@pytest.fixture
def members(tmp_path):
    return vault(tmp_path, "laptop", "desktop", "tablet")


def revoke(member, name):
    result = member.hx("sync", "revoke", name, "--yes")
    assert result.code == 0, result


def test_a_revoked_device_says_what_happened_and_how_it_comes_back_and_no_more(members):
    laptop, desktop, _ = members
    revoke(laptop, "desktop")
    for verb in [(), *VERBS]:
        assert is_error(
            desktop.hx("sync", *verb), 6, OUT, "it comes back under a new id: `hx sync join --store"
        )
    assert desktop.hx("sync", "rename", "new").out == "this device is now called new\n"
    shown = desktop.hx("status")
    assert shown.code == 0
    assert OUT in shown.out
    assert "to push" not in shown.out


@pytest.mark.parametrize(
    "verb",
    [("repair",), ("invite",), ("revoke", "tablet"), ("admin",), ("rotate", "--yes"), ("pull",)],
)
def test_whatever_a_revoked_device_does_first_it_learns_what_happened(members, verb):
    laptop, desktop, _ = members
    revoke(laptop, "desktop")
    assert is_error(desktop.hx("sync", *verb), 6, OUT, "hx sync join")
    assert is_error(desktop.hx("sync"), 6, OUT, "hx sync join")


def test_a_check_on_a_revoked_device_says_that_it_was_taken_out(members):
    laptop, desktop, _ = members
    revoke(laptop, "desktop")
    before = desktop.tree
    assert is_error(desktop.hx("sync", "check"), 6, "was taken out of the vault", "run `hx sync`")
    assert before["hx/custody.key"] == desktop.tree["hx/custody.key"]


def test_a_revoked_device_has_none_of_the_keys_any_more_and_keeps_its_history(members):
    laptop, desktop, _ = members
    laptop.record("echo common")
    laptop.sync()
    desktop.sync()
    desktop.record("echo alone")
    before = decode(KeyFile(str(desktop.home / "custody.key")).read())
    secrets = [before.device.sign_seed, before.device.box_seed]
    secrets += [vmk for _, vmk in before.vmks.values()]
    revoke(laptop, "desktop")
    assert desktop.hx("sync").code == 6
    kept = [path.read_bytes() for path in desktop.cwd.rglob("*") if path.is_file()]
    assert not [secret for secret in secrets for data in kept if secret in data]
    assert not [secret for secret in secrets for data in kept if secret.hex().encode() in data]
    desktop.record("echo later")
    assert desktop.commands == ["echo alone", "echo common", "echo later"]


def test_a_revoked_device_publishes_nothing_that_an_interrupted_sync_has_left(members):
    laptop, desktop, _ = members
    desktop.record("echo unheard")
    revoke(laptop, "desktop")
    # its push is cut short after its journal was written: a file is where its folder has to be
    obstacle = laptop.folder / "o" / desktop.sync("devices")[0]["device_id"]
    obstacle.parent.mkdir(exist_ok=True)
    obstacle.write_bytes(b"")
    result = desktop.hx("sync", "push")
    assert result.code == 5, result
    obstacle.unlink()
    before = {path for path in laptop.folder.rglob("*") if path.is_file()}
    assert list((desktop.home / "outbox").iterdir())
    assert is_error(desktop.hx("sync"), 6, OUT, "hx sync join")
    assert {path for path in laptop.folder.rglob("*") if path.is_file()} == before
    assert not list((desktop.home / "outbox").iterdir())


def test_what_a_revoked_device_has_recorded_comes_back_with_it_under_a_new_id(members):
    laptop, desktop, tablet = members
    former_id = desktop.sync("devices")[0]["device_id"]
    revoke(laptop, "desktop")
    desktop.record("echo alone")
    desktop.hx("sync")
    desktop.record("echo outside")
    result = desktop.join(laptop.invite())
    assert result.code == 0, result
    assert result.json["device_id"] != former_id
    laptop.sync()
    tablet.sync()
    assert laptop.commands == tablet.commands == ["echo alone", "echo outside"]
    assert desktop.hx("sync").code == 0
    assert OUT not in desktop.hx("status").out


def test_a_copied_disk_of_a_device_that_has_left_removes_its_keys_too(members, tmp_path):
    laptop, desktop, _ = members
    copy = Member(tmp_path / "copy", laptop.folder, "copy")
    shutil.copytree(desktop.home, copy.home)
    assert desktop.hx("sync", "leave", "--yes").code == 0
    laptop.sync()
    for _ in range(2):
        assert is_error(copy.hx("sync"), 6, "has left the vault", "hx sync join")
    assert not decode(KeyFile(str(copy.home / "custody.key")).read()).vmks


def test_keys_that_could_not_be_read_are_removed_by_a_later_command(tmp_path):
    laptop, desktop = vault(tmp_path, "laptop", "desktop", options=("--no-encrypt",))
    path = desktop.home / "custody.key"
    before = decode(KeyFile(str(path)).read())
    revoke(laptop, "desktop")
    aside = path.rename(path.with_name("aside"))
    assert is_error(desktop.hx("sync"), 6, OUT, "hx sync join")
    aside.rename(path)
    assert is_error(desktop.hx("sync", "status"), 6, OUT)
    assert is_error(desktop.hx("sync"), 6, OUT, "hx sync join")
    assert decode(KeyFile(str(path)).read()).device.device_id != before.device.device_id
