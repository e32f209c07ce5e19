"""`hx sync status`: objects that were not read and why, foreign files, devices, plain vaults."""

from __future__ import annotations

import os
import re
import shutil

import pytest

from cli.vaults import Member, vault
from hx.core.format import object_names, verdict
from hx.core.format.envelope import seal

TEMP, CONFLICT = "m/~hx-00-1.tmp", "m/a.sync-conflict-20261124-000000-ABCDEFG.hx"
FOREIGN_NAMES = ("notes.txt", "o/readme.md")
FOREIGN_FILES = {TEMP: b"", CONFLICT: b"half", **dict.fromkeys(FOREIGN_NAMES, b"mine")}


@pytest.fixture
def pair(tmp_path):
    return vault(tmp_path, "laptop", "desktop")


@pytest.fixture
def segment(pair):
    """Return the path of a segment of the first member that the second has not read."""
    pair[0].record("make test")
    pair[0].sync()
    [path] = (pair[0].folder / "o").rglob("*.hx")
    return path


def code_and_reasons(member, *options):
    """Return the exit code and (status, reason, objects) of each reason."""
    result = member.hx("sync", "status", "--json", *options)
    rows = result.json["reasons"]
    assert all(row["count"] == len(row["objects"]) and row["since"] for row in rows)
    return result.code, [(row["status"], row["reason"], row["objects"]) for row in rows]


def write_files(folder, contents):
    for name, content in contents.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)


# ---- objects that are missing or damaged ----


def damaged_forms(data):
    return {
        verdict.NOT_ARRIVED: None,
        verdict.INCOMPLETE: data[:100],
        "other bytes": data[:400] + bytes([data[400] ^ 1]) + data[401:],
        "longer": data + b"\0",
        "nothing": b"",
        "of another": bytes(len(data)),
    }


@pytest.mark.parametrize("form", damaged_forms(bytes(401)))
def test_a_segment_that_differs_from_its_listing_is_pending_until_it_is_restored(
    pair, segment, form
):
    laptop, desktop = pair
    valid = segment.read_bytes()
    invalid = damaged_forms(valid)[form]
    segment.unlink() if invalid is None else segment.write_bytes(invalid)
    desktop.record("echo goes on")
    assert desktop.sync(code=3)["pulled"]["pending"] == 1
    key = str(segment.relative_to(laptop.folder))
    reason = verdict.NOT_ARRIVED if invalid is None else verdict.INCOMPLETE
    assert code_and_reasons(desktop) == (3, [("pending", reason, [key])])
    status_output = desktop.hx("sync", "status").out
    assert reason in status_output
    assert key in status_output
    segment.write_bytes(valid)
    desktop.sync()
    assert code_and_reasons(desktop) == (0, [])
    assert desktop.commands == ["echo goes on", "make test"]


def test_wrong_bytes_that_stay_for_a_day_are_rejected_with_exit_4(pair, segment):
    _, desktop = pair
    valid = segment.read_bytes()
    segment.write_bytes(bytes(len(valid)))
    for _ in range(4):
        desktop.sync(code=3)
    with desktop.database() as database, database.transaction():
        database.execute("UPDATE segment SET since_us = since_us - 90000000000")
    assert desktop.sync(code=4)["pulled"]["rejected"] == 1
    code, [row] = code_and_reasons(desktop)
    assert (code, row[:2]) == (4, ("rejected", verdict.HASH))
    assert desktop.hx("sync").code == 4


def test_a_truncated_manifest_is_pending_until_it_is_restored(pair, segment):
    laptop, desktop = pair
    manifest = max((laptop.folder / "m").glob(f"{segment.parent.name}-*.hx"))
    valid = manifest.read_bytes()
    manifest.write_bytes(valid[:300])
    desktop.sync(code=3)
    assert code_and_reasons(desktop) == (
        3,
        [("pending", verdict.INCOMPLETE, [f"m/{manifest.name}"])],
    )
    manifest.write_bytes(valid)
    desktop.sync()
    assert (code_and_reasons(desktop), desktop.commands) == ((0, []), ["make test"])


def test_a_manifest_of_an_unknown_device_is_pending(pair, segment):
    laptop, desktop = pair
    [first, *_] = sorted((laptop.folder / "m").glob(f"{segment.parent.name}-*.hx"))
    stranger = first.with_name(f"{'0d' * 16}{first.name[32:]}")
    shutil.copy(first, stranger)
    desktop.sync(code=3)
    assert code_and_reasons(desktop) == (
        3,
        [("pending", verdict.INCOMPLETE, [f"m/{stranger.name}"])],
    )
    assert desktop.commands == ["make test"]


def test_manifests_of_another_vault_are_skipped_and_told(pair, segment, tmp_path):
    _, desktop = pair
    (tmp_path / "apart").mkdir()
    [stranger] = vault(tmp_path / "apart", "stranger")
    shutil.copytree(stranger.folder / "m", desktop.folder / "m", dirs_exist_ok=True)
    assert desktop.sync(code=6)["pulled"]["events"] == 1
    code, [row] = code_and_reasons(desktop)
    assert (code, row[:2]) == (6, ("skipped", verdict.OTHER_VAULT))
    assert desktop.sync("status", code=6)["objects"]["skipped"] == 1


def test_foreign_files_are_ignored_and_listed_by_kind_with_check(pair, segment):
    _, desktop = pair
    write_files(desktop.folder, FOREIGN_FILES)
    desktop.sync()
    assert desktop.commands == ["make test"]
    assert code_and_reasons(desktop) == (0, [])
    assert desktop.sync("status")["foreign"] is None
    checked = desktop.hx("sync", "status", "--check").out
    assert "the store can be read; it holds 0 new manifests" in checked
    assert re.findall("^ignored +(.*?):", checked, re.MULTILINE) == [
        *("1 conflict copy", "2 foreign", "1 temp")
    ]
    assert all(name in checked for name in FOREIGN_FILES)
    assert desktop.sync("status", "--check")["foreign"] == [
        *(
            foreign_row(verdict.CONFLICT_COPY, CONFLICT),
            foreign_row(verdict.FOREIGN, *FOREIGN_NAMES),
        ),
        foreign_row(verdict.TEMP, TEMP),
    ]
    assert all((desktop.folder / name).read_bytes() == text for name, text in FOREIGN_FILES.items())


def foreign_row(reason, *names):
    return {"reason": reason, "count": len(names), "names": sorted(names)}


def test_three_of_many_foreign_files_are_named_and_all_with_verbose(pair):
    laptop, _ = pair
    names = [f"photo {number}.jpg" for number in range(9)]
    write_files(laptop.folder, dict.fromkeys(names, b"?"))
    [row] = laptop.sync("status", "--check")["foreign"]
    assert (row["count"], len(row["names"])) == (9, 3)
    assert set(row["names"]) <= set(names)
    assert laptop.sync("status", "--check", "--verbose")["foreign"] == [
        foreign_row(verdict.FOREIGN, *names)
    ]
    output = laptop.hx("sync", "status", "--check").out
    assert "… and 6 more: --verbose" in output
    output = laptop.hx("sync", "status", "--check", "--verbose").out
    assert all(name in output for name in names)


def test_the_name_of_a_foreign_file_may_be_any_bytes_and_is_escaped(pair):
    laptop, _ = pair
    os.close(os.open(bytes(laptop.folder) + b"/\x1b[2J\xff", os.O_CREAT))
    [row] = laptop.sync("status", "--check")["foreign"]
    assert row == foreign_row(verdict.FOREIGN, "\x1b[2J\ufffd")
    assert "\x1b" not in laptop.hx("sync", "status", "--check").out


def test_check_counts_new_manifests_and_imports_nothing(pair, segment):
    _, desktop = pair
    assert "it holds 1 new manifest" in desktop.hx("sync", "status", "--check").out
    assert desktop.hx("find").code == 1
    shutil.move(desktop.folder, desktop.cwd / "aside")
    assert desktop.hx("sync", "status").code == 0  # without reading the store
    checked = desktop.hx("sync", "status", "--check", "--json")
    assert (checked.code, checked.json["foreign"]) == (5, None)


# ---- the last sync, the vault and the keys ----


def test_a_failed_sync_is_remembered_until_one_succeeds(pair):
    laptop, _ = pair
    shutil.move(laptop.folder, laptop.cwd / "aside")
    assert laptop.hx("sync").code == 5
    assert "is not there" in laptop.sync("status")["store"]["outcome"]
    assert "the last sync failed: " in laptop.hx("sync", "status").out
    shutil.move(laptop.cwd / "aside", laptop.folder)
    laptop.sync("push", "--dry-run")
    assert laptop.sync("status")["store"]["outcome"]
    laptop.sync()
    assert laptop.sync("status")["store"]["outcome"] is None


def test_status_reports_unpublished_events_and_the_last_push(pair):
    laptop, _ = pair
    before = laptop.sync("status")
    laptop.record("make")
    assert laptop.sync("status")["unpublished"] == 1
    assert "to push   1 event\n" in laptop.hx("sync", "status").out
    laptop.sync()
    after = laptop.sync("status")
    assert after["unpublished"] == 0
    for name in ("last_push", "last_pull"):
        assert after["store"][name] > before["store"][name]


def test_all_members_show_the_same_fingerprint_of_the_vault(pair):
    vaults = [member.sync("status")["vault"] for member in pair]
    assert vaults[0] == vaults[1]
    words = vaults[0]["fingerprint"]
    assert len(words.split()) == 6
    assert all(words in member.hx("sync", "status").out for member in pair)


def test_status_reports_where_the_keys_are(pair):
    assert "custody.key, which is not encrypted" in pair[0].sync("status")["custody"]
    (pair[0].home / "custody.toml").write_text("kind = 7\n")
    status = pair[0].hx("sync", "status")
    assert "keys      cannot be used: " in status.out
    assert status.code == 0


# ---- devices ----


def notes(member):
    devices = member.sync("devices")
    return {device["name"]: (device["active"], device["note"]) for device in devices}


def test_a_new_device_is_reported_by_every_member_and_admitted_by_the_first_sync(pair, tmp_path):
    laptop, desktop = pair
    late = Member(tmp_path / "late", laptop.folder, "late")
    assert late.join(laptop.invite()).code == 0
    waiting = (False, "waiting: run `hx sync` on a device that is in the vault")
    assert notes(late)["late"] == waiting
    assert late.hx("sync", "invite").code == 6
    result = desktop.hx("sync", "pull")
    short = next(d["device_id"][:8] for d in late.sync("devices") if d["name"] == "late")
    assert result.err == f"hx: a new device is in the vault: {short} late\n"
    assert notes(desktop)["late"] == waiting
    desktop.sync()
    assert "late" in laptop.hx("sync").err
    late.sync()
    for member in (laptop, desktop, late):
        assert notes(member)["late"] == (True, None)


def test_two_machines_that_were_invited_at_once_come_in_one_after_the_other(pair, tmp_path):
    """The first one brings a new key, which the second one does not have when it joins."""
    laptop, _ = pair
    codes = [laptop.invite(), laptop.invite()]
    first, second = (Member(tmp_path / name, laptop.folder, name) for name in ("first", "second"))
    assert first.join(codes[0]).code == 0
    laptop.sync()
    joined = second.join(codes[1])
    assert joined.code == 3
    assert "hint: the next `hx sync` of a device that is in the vault lets it in" in joined.err
    laptop.sync()
    assert second.hx("sync").code == 0
    assert notes(laptop)["first"] == notes(laptop)["second"] == (True, None)


def two_by_one_code(laptop, tmp_path):
    code = laptop.invite()
    [invitation] = (laptop.folder / "j").iterdir()
    data = invitation.read_bytes()
    joiners = []
    for name in ("thief", "friend"):
        joiners.append(Member(tmp_path / name, laptop.folder, name))
        invitation.write_bytes(data)
        assert joiners[-1].join(code).code == 0
    return joiners


@pytest.mark.parametrize("part", [["pull"], ["push"], []])
def test_several_devices_by_one_code_give_a_warning_and_none_is_admitted(pair, tmp_path, part):
    laptop, _ = pair
    two_by_one_code(laptop, tmp_path)
    if part == ["push"]:
        laptop.hx("sync", "pull")
        laptop.hx("sync", *part)
    else:
        errors = laptop.hx("sync", *part).err
        assert "hx: warning: several devices have used one invitation" in errors
        assert "thief" in errors
        assert "friend" in errors
    laptop.sync()
    assert notes(laptop)["thief"] == notes(laptop)["friend"] == (False, "not admitted")


def let_in_apart(laptop, desktop, tmp_path):
    """Let two members admit a device each, by one code, before either reads of the other."""
    code, store, first, second = laptop.invite(), laptop.folder, tmp_path / "1", tmp_path / "2"
    shutil.copytree(store, second)
    friend = Member(tmp_path / "friend", store, "friend")
    assert friend.join(code).code == 0
    laptop.sync()
    store.rename(first)
    second.rename(store)
    thief = Member(tmp_path / "thief", store, "thief")
    assert thief.join(code).code == 0
    desktop.sync()
    shutil.copytree(first, store, dirs_exist_ok=True)
    return thief


def test_when_one_code_has_let_in_two_devices_all_members_are_told(pair, tmp_path):
    laptop, desktop = pair
    thief = let_in_apart(laptop, desktop, tmp_path)
    for member in pair:
        warning = member.hx("sync").err
        assert "hx: warning: an invitation is for one device, but several have joined" in warning
        assert re.search(": [0-9a-f]{8} (friend|thief), [0-9a-f]{8} (friend|thief)\n", warning)
        assert "hx: warning" not in member.hx("sync").err
        assert "warning   an invitation is for one device" in member.hx("sync", "status").out
    joined = laptop.sync("devices")
    shared = [sorted(each["device_id"] for each in joined if each["name"] in ("friend", "thief"))]
    assert laptop.sync("status")["shared_codes"] == shared
    assert laptop.hx("sync", "revoke", thief.name, "--yes").code == 0
    assert laptop.sync("status")["shared_codes"] == []


def test_a_refused_device_cannot_read_later_events_or_publish_its_own(pair, tmp_path):
    laptop, _ = pair
    thief, _ = two_by_one_code(laptop, tmp_path)
    laptop.sync()
    laptop.record("echo later")
    laptop.sync()
    thief.hx("sync")
    assert thief.hx("find", "later").code == 1
    thief.record("echo planted")
    thief.hx("sync")
    laptop.sync(code=None)
    assert laptop.commands == ["echo later"]


# ---- a plain vault ----


def test_a_plain_vault_syncs_and_is_reported_as_not_encrypted(tmp_path):
    laptop, desktop = vault(tmp_path, "laptop", "desktop", options=("--no-encrypt",))
    laptop.record("make")
    for member in (laptop, desktop):
        member.sync()
        assert member.sync("status")["vault"]["encrypted"] is False
        assert "NOT ENCRYPTED" in member.hx("sync", "status").out
    assert desktop.commands == ["make"]
    assert not (laptop.folder / "k").exists()


def test_a_sealed_object_in_a_plain_vault_is_not_read(tmp_path):
    laptop, desktop = vault(tmp_path, "laptop", "desktop", options=("--no-encrypt",))
    laptop.record("make")
    laptop.sync()
    newest = max((laptop.folder / "m").glob(f"{laptop.sync('devices')[0]['device_id']}-*.hx"))
    key = f"m/{newest.name}"
    vault_id = bytes.fromhex(laptop.sync("status")["vault"]["id"])
    payload, plain = b"?", newest.read_bytes()
    newest.write_bytes(seal(object_names.parsed(key), payload, vault_id=vault_id, vmk=bytes(32)))
    assert (
        "it is sealed in another way than its vault states" in desktop.hx("sync", "--verbose").err
    )
    assert code_and_reasons(desktop) == (3, [("pending", verdict.INCOMPLETE, [key])])
    assert desktop.commands == []
    newest.write_bytes(plain)
    desktop.sync()
    assert desktop.commands == ["make"]
