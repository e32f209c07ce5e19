"""`hx sync status` says what has not come, why, and who is there."""

from __future__ import annotations

import os
import re
import shutil

import pytest

from cli.vaults import Member, vault
from hx.core.format import object_names, verdict
from hx.core.format.envelope import seal

TEMP, CONFLICT = "m/~hx-00-1.tmp", "m/a.sync-conflict-20261124-000000-ABCDEFG.hx"
FOREIGN = ("notes.txt", "o/readme.md")
LITTER = {TEMP: b"", CONFLICT: b"half", **dict.fromkeys(FOREIGN, b"mine")}


@pytest.fixture
def pair(tmp_path):
    return vault(tmp_path, "one", "two")


@pytest.fixture
def segment(pair):
    """Of the first, listed in the store; the other has not seen it."""
    pair[0].record("make test")
    pair[0].sync()
    [path] = (pair[0].folder / "o").rglob("*.hx")
    return path


def said(member, *options):
    """The exit code, and (status, reason, objects) of each line."""
    result = member.hx("sync", "status", "--json", *options)
    rows = result.json["reasons"]
    assert all(row["count"] == len(row["objects"]) and row["since"] for row in rows)
    return result.code, [(row["status"], row["reason"], row["objects"]) for row in rows]


def put(folder, found):
    for name, content in found.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)


# ---- what has not come, or is not sound ----


def damaged(data):
    return {
        verdict.NOT_ARRIVED: None,
        verdict.INCOMPLETE: data[:100],
        "other bytes": data[:400] + bytes([data[400] ^ 1]) + data[401:],
        "longer": data + b"\0",
        "nothing": b"",
        "of another": bytes(len(data)),
    }


@pytest.mark.parametrize("what", damaged(bytes(401)))
def test_a_segment_that_is_not_as_listed_is_pending_and_comes_when_it_is(pair, segment, what):
    one, other = pair
    good = segment.read_bytes()
    bad = damaged(good)[what]
    segment.unlink() if bad is None else segment.write_bytes(bad)
    other.record("echo goes on")
    assert other.sync(code=3)["pulled"]["pending"] == 1
    key = str(segment.relative_to(one.folder))
    reason = verdict.NOT_ARRIVED if bad is None else verdict.INCOMPLETE
    assert said(other) == (3, [("pending", reason, [key])])
    shown = other.hx("sync", "status").out
    assert reason in shown
    assert key in shown
    segment.write_bytes(good)
    other.sync()
    assert said(other) == (0, [])
    assert other.commands == ["echo goes on", "make test"]


def test_wrong_bytes_that_stay_for_a_day_are_rejected_with_exit_4(pair, segment):
    _, other = pair
    good = segment.read_bytes()
    segment.write_bytes(bytes(len(good)))
    for _ in range(4):
        other.sync(code=3)
    with other.database() as database, database.transaction():
        database.execute("UPDATE segment SET since_us = since_us - 90000000000")
    assert other.sync(code=4)["pulled"]["rejected"] == 1
    code, [row] = said(other)
    assert (code, row[:2]) == (4, ("rejected", verdict.HASH))
    assert other.hx("sync").code == 4


def test_a_manifest_cut_short_is_pending_and_harms_nobody(pair, segment):
    one, other = pair
    cut = max((one.folder / "m").glob(f"{segment.parent.name}-*.hx"))
    good = cut.read_bytes()
    cut.write_bytes(good[:300])
    other.sync(code=3)
    assert said(other) == (3, [("pending", verdict.INCOMPLETE, [f"m/{cut.name}"])])
    cut.write_bytes(good)
    other.sync()
    assert (said(other), other.commands) == ((0, []), ["make test"])


def test_a_manifest_under_a_name_that_nobody_has_is_told(pair, segment):
    one, other = pair
    [first, *_] = sorted((one.folder / "m").glob(f"{segment.parent.name}-*.hx"))
    stranger = first.with_name(f"{'0d' * 16}{first.name[32:]}")
    shutil.copy(first, stranger)
    other.sync(code=3)
    assert said(other) == (3, [("pending", verdict.INCOMPLETE, [f"m/{stranger.name}"])])
    assert other.commands == ["make test"]


def test_what_another_vault_has_left_is_skipped(pair, segment, tmp_path):
    _, other = pair
    (tmp_path / "apart").mkdir()
    [stranger] = vault(tmp_path / "apart", "stranger")
    shutil.copytree(stranger.folder / "m", other.folder / "m", dirs_exist_ok=True)
    assert other.sync()["pulled"]["events"] == 1
    code, [row] = said(other)
    assert (code, row[:2]) == (0, ("skipped", verdict.OTHER_VAULT))
    assert other.sync("status")["objects"]["skipped"] == 1


def test_what_else_lies_there_is_ignored_and_named_by_kind_when_asked(pair, segment):
    _, other = pair
    put(other.folder, LITTER)
    other.sync()
    assert other.commands == ["make test"]
    assert said(other) == (0, [])
    assert other.sync("status")["foreign"] is None
    checked = other.hx("sync", "status", "--check").out
    assert "the store can be read; it holds 0 new manifests" in checked
    assert re.findall("^ignored +(.*?):", checked, re.MULTILINE) == [
        *("1 conflict copy", "2 foreign", "1 temp")
    ]
    assert all(name in checked for name in LITTER)
    assert other.sync("status", "--check")["foreign"] == [
        *(strange(verdict.CONFLICT_COPY, CONFLICT), strange(verdict.FOREIGN, *FOREIGN)),
        strange(verdict.TEMP, TEMP),
    ]
    assert all((other.folder / name).read_bytes() == text for name, text in LITTER.items())


def strange(reason, *names):
    return {"reason": reason, "count": len(names), "names": sorted(names)}


def test_of_many_strangers_three_are_named_and_with_verbose_all(pair):
    one, _ = pair
    names = [f"photo {at}.jpg" for at in range(9)]
    put(one.folder, dict.fromkeys(names, b"?"))
    [some] = one.sync("status", "--check")["foreign"]
    assert (some["count"], len(some["names"])) == (9, 3)
    assert set(some["names"]) <= set(names)
    assert one.sync("status", "--check", "--verbose")["foreign"] == [
        strange(verdict.FOREIGN, *names)
    ]
    told = one.hx("sync", "status", "--check").out
    assert "… and 6 more: --verbose" in told
    told = one.hx("sync", "status", "--check", "--verbose").out
    assert all(name in told for name in names)


def test_a_strangers_name_cannot_move_the_cursor_and_may_be_any_bytes(pair):
    one, _ = pair
    os.close(os.open(bytes(one.folder) + b"/\x1b[2J\xff", os.O_CREAT))
    [row] = one.sync("status", "--check")["foreign"]
    assert row == strange(verdict.FOREIGN, "\x1b[2J\ufffd")
    assert "\x1b" not in one.hx("sync", "status", "--check").out


def test_a_check_counts_what_is_new_and_takes_nothing(pair, segment):
    _, other = pair
    assert "it holds 1 new manifest" in other.hx("sync", "status", "--check").out
    assert other.hx("find").code == 1
    shutil.move(other.folder, other.cwd / "aside")
    assert other.hx("sync", "status").code == 0  # without a question to the store
    checked = other.hx("sync", "status", "--check", "--json")
    assert (checked.code, checked.json["foreign"]) == (5, None)


# ---- how it stands ----


def test_a_failed_sync_is_remembered_until_one_succeeds(pair):
    one, _ = pair
    shutil.move(one.folder, one.cwd / "aside")
    assert one.hx("sync").code == 5
    assert "is not there" in one.sync("status")["store"]["outcome"]
    assert "the last sync failed: " in one.hx("sync", "status").out
    shutil.move(one.cwd / "aside", one.folder)
    one.sync("push", "--dry-run")
    assert one.sync("status")["store"]["outcome"]
    one.sync()
    assert one.sync("status")["store"]["outcome"] is None


def test_what_is_to_push_and_when_it_was_pushed_is_told(pair):
    one, _ = pair
    before = one.sync("status")
    one.record("make")
    assert one.sync("status")["unpublished"] == 1
    assert "to push   1 event\n" in one.hx("sync", "status").out
    one.sync()
    after = one.sync("status")
    assert after["unpublished"] == 0
    for name in ("last_push", "last_pull"):
        assert after["store"][name] > before["store"][name]


def test_all_know_the_vault_by_the_same_words(pair):
    seen = [member.sync("status")["vault"] for member in pair]
    assert seen[0] == seen[1]
    words = seen[0]["fingerprint"]
    assert len(words.split()) == 6
    assert all(words in member.hx("sync", "status").out for member in pair)


def test_where_the_keys_are_is_told(pair):
    assert "custody.key, which is not encrypted" in pair[0].sync("status")["custody"]
    (pair[0].home / "custody.toml").write_text("kind = 7\n")
    status = pair[0].hx("sync", "status")
    assert "keys      cannot be used: " in status.out
    assert status.code == 0


# ---- who is there ----


def notes(member):
    return {one["name"]: (one["active"], one["note"]) for one in member.sync("devices")}


def test_a_newcomer_is_told_by_everyone_and_admitted_by_the_first_that_syncs(pair, tmp_path):
    one, other = pair
    late = Member(tmp_path / "late", one.folder, "late")
    assert late.join(one.invite()).code == 0
    waiting = (False, "waiting: run `hx sync` on a device that is in the vault")
    assert notes(late)["late"] == waiting
    assert late.hx("sync", "invite").code == 6
    told = other.hx("sync", "pull")
    assert told.err == "hx: a new device is in the vault: late\n"
    assert notes(other)["late"] == waiting
    other.sync()
    assert "late" in one.hx("sync").err
    late.sync()
    for member in (one, other, late):
        assert notes(member)["late"] == (True, None)


def two_by_one_code(one, tmp_path):
    code = one.invite()
    [invitation] = (one.folder / "j").iterdir()
    kept = invitation.read_bytes()
    joiners = []
    for name in ("thief", "friend"):
        joiners.append(Member(tmp_path / name, one.folder, name))
        invitation.write_bytes(kept)
        assert joiners[-1].join(code).code == 0
    return joiners


@pytest.mark.parametrize("part", [["pull"], ["push"], []])
def test_several_by_one_code_are_told_loudly_and_none_is_admitted(pair, tmp_path, part):
    one, _ = pair
    two_by_one_code(one, tmp_path)
    if part == ["push"]:
        one.hx("sync", "pull")
        one.hx("sync", *part)
    else:
        told = one.hx("sync", *part).err
        assert "hx: warning: several devices have used one invitation" in told
        assert "thief" in told
        assert "friend" in told
    one.sync()
    assert notes(one)["thief"] == notes(one)["friend"] == (False, "not admitted")


def test_who_was_not_admitted_reads_nothing_that_comes_later(pair, tmp_path):
    one, _ = pair
    thief, _ = two_by_one_code(one, tmp_path)
    one.sync()
    one.record("echo later")
    one.sync()
    thief.hx("sync")
    assert thief.hx("find", "later").code == 1
    thief.record("echo planted")
    thief.hx("sync")
    one.sync(code=None)
    assert one.commands == ["echo later"]


# ---- a plain vault ----


def test_a_plain_vault_is_called_plain_and_syncs(tmp_path):
    one, other = vault(tmp_path, "one", "two", options=("--no-encrypt",))
    one.record("make")
    for member in (one, other):
        member.sync()
        assert member.sync("status")["vault"]["encrypted"] is False
        assert "NOT ENCRYPTED" in member.hx("sync", "status").out
    assert other.commands == ["make"]
    assert not (one.folder / "k").exists()


def test_a_plain_vault_takes_no_sealed_object(tmp_path):
    one, other = vault(tmp_path, "one", "two", options=("--no-encrypt",))
    one.record("make")
    one.sync()
    newest = max((one.folder / "m").glob(f"{one.sync('devices')[0]['device_id']}-*.hx"))
    key = f"m/{newest.name}"
    vault_id = bytes.fromhex(one.sync("status")["vault"]["id"])
    payload, plain = b"?", newest.read_bytes()
    newest.write_bytes(seal(object_names.parsed(key), payload, vault_id=vault_id, vmk=bytes(32)))
    assert "it is sealed in another way than its vault states" in other.hx("sync", "--verbose").err
    assert said(other) == (3, [("pending", verdict.INCOMPLETE, [key])])
    assert other.commands == []
    newest.write_bytes(plain)
    other.sync()
    assert other.commands == ["make"]
