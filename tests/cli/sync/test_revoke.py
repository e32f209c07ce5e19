"""`hx sync revoke`: a lost laptop is taken out of the vault by one command."""

from __future__ import annotations

import shutil

import pexpect
import pytest

from cli.vaults import Member, is_error, vault


@pytest.fixture
def members(tmp_path):
    return vault(tmp_path, "laptop", "desktop", "tablet")


def revoke(member, *arguments, stdin=None):
    return member.hx("sync", "revoke", *arguments, stdin=stdin)


def notes(member):
    return {device["name"]: device["note"] for device in member.sync("devices")}


def test_a_revoked_device_gets_nothing_and_gives_nothing_any_more(members):
    laptop, desktop, tablet = members
    desktop.record("echo before")
    desktop.sync()
    result = revoke(laptop, "desktop", "--yes", "--json")
    assert (result.code, result.json["name"], result.json["admins"]) == (0, "desktop", 1)
    laptop.record("echo secret")
    desktop.record("echo unheard")
    laptop.sync()
    for _ in range(2):
        assert is_error(desktop.hx("sync"), 6, "was taken out of the vault", "hx sync join")
    tablet.sync()
    laptop.sync()
    assert desktop.commands == ["echo before", "echo unheard"]
    assert laptop.commands == tablet.commands == ["echo before", "echo secret"]
    assert notes(tablet)["desktop"] == "no longer in the vault"


def test_what_it_has_listed_before_is_still_taken_by_who_reads_it_later(members):
    laptop, desktop, tablet = members
    desktop.record("echo before")
    desktop.sync()
    assert revoke(laptop, "desktop", "--yes").code == 0
    tablet.sync()
    assert tablet.commands == ["echo before"]


def test_the_screen_says_what_is_true_now_later_and_never(members):
    laptop, *_ = members
    shown = revoke(laptop, "desktop").out
    assert "it can publish nothing any more" in shown
    assert notes(laptop)["desktop"] is None
    said = revoke(laptop, "desktop", "--yes").out
    assert "now: this device writes under a new key" in said
    assert "does the same at its next sync" in said
    assert "later: each of these devices does the same at its next sync" in said
    assert "tablet" in said.partition("later:")[2]
    assert "what stays: that device keeps what it holds" in said
    assert "at the store: take away the access of that device to folder:" in said
    assert "Syncthing: remove the device from the folder" in said
    assert "secrets: hx finds none" in said


def test_a_device_that_is_no_admin_needs_the_recovery_words(members):
    laptop, desktop, _ = members
    assert is_error(revoke(desktop, "laptop", "--yes"), 2, "is no admin", "--words-file")
    wrong = "abandon " * 11 + "about"
    assert is_error(
        revoke(desktop, "laptop", "--yes", "--words-file", "-", stdin=wrong),
        2,
        "not made with these recovery words",
    )
    result = revoke(desktop, "laptop", "--yes", "--words-file", "-", stdin=laptop.words)
    assert result.code == 0, result
    assert "no admin is left" in result.out
    assert is_error(laptop.hx("sync"), 6, "was taken out of the vault")
    desktop.record("echo later")
    desktop.sync()


def test_a_device_is_named_by_its_name_or_the_first_digits_of_its_id(members):
    laptop, *_ = members
    ids = {device["name"]: device["device_id"] for device in laptop.sync("devices")}
    assert is_error(revoke(laptop, "phone", "--yes"), 2, "called 'phone'", "hx sync devices")
    assert is_error(revoke(laptop, "laptop", "--yes"), 2, "hx sync leave")
    assert revoke(laptop, ids["tablet"][:8], "--yes", "--json").json["name"] == "tablet"
    assert revoke(laptop, "desktop", "--yes").code == 0


def test_of_two_devices_with_one_name_an_id_is_asked_for(members):
    laptop, desktop, tablet = members
    tablet.hx("sync", "rename", "desktop")
    tablet.sync()
    laptop.sync()
    assert is_error(revoke(laptop, "desktop", "--yes"), 2, "several devices", "one of these ids")
    assert desktop.sync("status")


def test_with_unread_segments_a_device_is_revoked_only_anyway(members):
    laptop, desktop, _ = members
    desktop.record("echo unread")
    desktop.sync()
    [segment] = (laptop.folder / "o").glob("*/*.hx")
    segment.rename(laptop.folder.parent / "aside.hx")
    assert is_error(
        revoke(laptop, "desktop", "--yes"), 2, "not read here yet: 1 object", "--anyway"
    )
    assert notes(laptop)["desktop"] is None
    assert revoke(laptop, "desktop", "--yes", "--anyway").code == 0
    (laptop.folder.parent / "aside.hx").rename(segment)
    laptop.sync()
    assert laptop.commands == ["echo unread"]


def test_in_a_plain_vault_a_revoked_device_is_told_too(tmp_path):
    laptop, desktop = vault(tmp_path, "laptop", "desktop", options=("--no-encrypt",))
    assert revoke(laptop, "desktop", "--yes").code == 0
    assert is_error(desktop.hx("sync"), 6, "was taken out of the vault")
    assert not list(laptop.folder.glob("k/*/*"))


def test_a_device_that_is_gone_is_not_revoked_again(members):
    laptop, _, tablet = members
    assert revoke(laptop, "desktop", "--yes").code == 0
    assert is_error(revoke(laptop, "desktop", "--yes"), 2, "'desktop' is in the vault (", "no lon")
    assert tablet.hx("sync", "leave", "--yes").code == 0
    laptop.sync()
    assert is_error(revoke(laptop, "tablet", "--yes"), 2, "is in the vault (", ": left the vault)")
    assert tablet.join(laptop.invite()).code == 0
    laptop.sync()
    assert is_error(revoke(tablet, "tablet", "--yes"), 2, "hx sync leave")


def test_a_device_that_waits_is_revoked_and_not_admitted_before(members, tmp_path):
    laptop, *_ = members
    laptop.record("echo kept")
    laptop.sync()
    stranger = Member(tmp_path / "stranger", laptop.folder, "stranger")
    assert stranger.join(laptop.invite()).code == 0
    stranger.hx("forget", "--since", "2000-01-01", "--yes")
    stranger.sync()
    assert revoke(laptop, "stranger", "--yes").code == 0
    laptop.sync()
    assert laptop.commands == ["echo kept"]
    assert notes(laptop)["stranger"] == "no longer in the vault"


def test_with_an_unread_manifest_a_device_is_revoked_only_anyway(members):
    laptop, desktop, _ = members
    desktop.record("echo unread")
    desktop.sync()
    newest = max(
        (laptop.folder / "m").glob(f"{desktop.sync('status')['devices'][0]['device_id']}*")
    )
    whole = newest.read_bytes()
    newest.write_bytes(whole[:200])
    assert is_error(revoke(laptop, "desktop", "--yes"), 2, "not read here yet", "--anyway")
    newest.write_bytes(whole)
    assert revoke(laptop, "desktop", "--yes").code == 0
    assert laptop.commands == ["echo unread"]


def test_the_question_names_whom_the_device_has_let_in_and_taken_out(members, tmp_path):
    laptop, desktop, _ = members
    late = Member(tmp_path / "late", laptop.folder, "late")
    desktop.make_admin(laptop.words)
    assert late.join(desktop.invite()).code == 0
    desktop.sync()
    assert late.hx("sync", "rename", "renamed").code == 0
    late.sync()
    assert revoke(laptop, "tablet", "--yes").code == 0
    shown = revoke(laptop, "desktop").out
    device_id = late.sync("devices")[0]["device_id"]
    assert f"it has let in a device, and that stays so: {device_id[:8]} renamed\n" in shown
    assert shown.count("and that stays so") == 1
    words = revoke(desktop, "laptop", "--words-file", "-", stdin=laptop.words).out
    assert "it has taken out" in words


def test_a_dry_run_says_what_would_be_true_and_changes_nothing(members):
    laptop, desktop, _ = members
    before = notes(laptop), sorted(laptop.folder.rglob("*.hx"))
    result = revoke(laptop, "desktop", "--dry-run", "--json")
    assert result.code == 0, result
    ids = {device["name"]: device["device_id"] for device in laptop.sync("devices")}
    assert result.json["device_id"] == ids["desktop"]
    assert result.json["last_seen"] is not None
    assert result.json["untold"] == [ids["tablet"]]
    assert (result.json["secrets"], result.json["invitations"]) == ([], 0)
    assert "it can publish nothing any more" in revoke(laptop, "desktop", "--dry-run").out
    assert (notes(laptop), sorted(laptop.folder.rglob("*.hx"))) == before
    assert desktop.hx("sync").code == 0


def test_no_progress_bar_stays_on_the_terminal(members):
    laptop, *_ = members
    laptop.record("echo new")  # nothing is pulled, and something pushed
    child = laptop.on_terminal("sync", "revoke", "desktop", "--yes", TERM="xterm")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    before, _, _ = child.before.partition(b"device ")
    assert b"syncing [" in before
    assert before.endswith(b"\r\x1b[K")


def test_with_json_the_question_stays_out_of_what_programs_read(members):
    laptop, *_ = members
    result = revoke(laptop, "desktop", "--json")
    assert (result.code, result.out) == (2, "")
    assert "it can publish nothing any more" in result.err


def test_kinds_and_ids_of_events_with_secrets_are_named_and_never_the_secrets(members):
    laptop, desktop, _ = members
    (laptop.home / "config.toml").write_text("redact = false\n")
    (desktop.home / "config.toml").write_text("redact = false\n")
    secret = "hunter2hunter2"
    desktop.record(f"curl -u ann:{secret} https://example.org")
    desktop.record("echo harmless")
    desktop.sync()
    laptop.sync()
    [event] = [event for event in laptop.history if "curl" in event["command"]]
    assert secret in event["command"]
    shown = revoke(laptop, "desktop").out
    assert "secrets: change these" in shown
    assert f"  {event['id'][:8]}" in shown
    result = revoke(laptop, "desktop", "--yes", "--json")
    [found] = result.json["secrets"]
    assert event["id"].startswith(found["id"])
    assert found["kinds"] == ["password"]
    assert secret not in shown + result.out + result.err


def test_the_open_invitation_of_a_stolen_device_lets_nobody_in(members, tmp_path):
    laptop, desktop, _ = members
    desktop.make_admin(laptop.words)
    laptop.sync()
    unused, used = desktop.invite(), desktop.invite()
    thief = Member(tmp_path / "thief", laptop.folder, "thief")
    assert thief.join(used).code == 0
    shown = revoke(laptop, "desktop", "--dry-run").out
    assert "2 open invitations" in shown
    assert "a device that waits by such an invitation is not let in: " in shown
    assert revoke(laptop, "desktop", "--yes").code == 0
    laptop.sync()
    assert notes(laptop)["thief"] == "not admitted"
    late = Member(tmp_path / "late", laptop.folder, "late")
    assert late.join(unused).code == 2


def test_the_words_end_what_a_thief_of_an_admin_has_done_to_the_other_admins(members, tmp_path):
    """An admin has revoked the stolen one, which then has revoked that admin."""
    laptop, desktop, tablet = members
    desktop.make_admin(laptop.words)
    for member in members:
        member.sync()
    copy = tmp_path / "copy"
    shutil.copytree(laptop.folder, copy)
    said = revoke(laptop, "desktop", "--yes").out
    [hint] = [line for line in said.splitlines() if "the recovery words prevent that" in line]
    laptop.folder.rename(tmp_path / "now")
    copy.rename(laptop.folder)  # the thief has not read it
    assert revoke(desktop, "laptop", "--yes").code == 0
    shutil.copytree(tmp_path / "now", laptop.folder, dirs_exist_ok=True)
    assert is_error(tablet.hx("sync"), 6, "not admitted")  # it came by an invitation of the laptop
    rescue = Member(tmp_path / "rescue", laptop.folder, "rescue")
    assert rescue.recover(laptop.words).code in (0, 3)
    arguments = hint.partition("hx sync revoke ")[2].replace("FILE", "-").split()
    assert is_error(revoke(rescue, arguments[0], "--yes"), 2, "no longer in the vault")
    result = revoke(rescue, *arguments, "--yes", stdin=laptop.words)
    assert result.code == 0, result
    assert "the recovery words prevent that" not in result.out
    again = revoke(rescue, *arguments, "--yes", stdin=laptop.words)
    assert is_error(again, 2, "no longer in the vault")
    laptop.record("echo still here")
    for member in (laptop, tablet, rescue):
        member.sync()
    assert notes(rescue)["laptop"] is notes(rescue)["tablet"] is None
    assert rescue.commands == ["echo still here"]
