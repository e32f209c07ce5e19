"""One number, whichever command says it: what is pending, what was rejected, what is to push."""

from __future__ import annotations

import shutil

import pytest

from cli.vaults import Member, vault
from hx.cli.text import count

STATUSES = ("pending", "rejected")


def agreed(member: Member) -> dict[str, int]:
    """What each command says after a sync; they say the same, and end alike."""
    synced = member.hx("sync", "--json")
    status = member.hx("sync", "status", "--json")
    pulled = synced.json["pulled"]
    objects, short = status.json["objects"], member.hx("status", "--json").json["sync"]
    found = {one: pulled[one] for one in STATUSES}
    assert found == {one: objects[one] for one in STATUSES} == {one: short[one] for one in STATUSES}
    reasons = status.json["reasons"]
    assert found == {
        kind: sum(one["count"] for one in reasons if one["status"] == kind) for kind in STATUSES
    }
    assert status.json["unpublished"] == short["unpublished"]
    again = [member.hx("sync", part) for part in ("pull", "push")]
    assert {synced.code, status.code, *(one.code for one in again)} == {synced.code}
    said = member.hx("sync").out + member.hx("status").out
    for one, number in found.items():
        assert (f"{one}: {count(number, 'object')}" in said) == bool(number), said
        assert (f"{number} {one}" in said) == bool(number), said
    assert ("nothing is pending" in said) == (not any(found.values())), said
    return found


@pytest.fixture
def pair(tmp_path):
    one, two = vault(tmp_path, "one", "two")
    one.record("make test")
    one.sync()
    two.sync()
    return one, two


def test_a_file_below_m_that_cannot_be_read_is_pending_until_it_is_removed(pair):
    one, _ = pair
    [first, *_] = sorted((one.folder / "m").glob("*.hx"))
    stranger = first.with_name(f"{'0d' * 16}{first.name[32:]}")
    stranger.write_bytes(first.read_bytes()[:6] + b"\xff" + first.read_bytes()[7:])
    for member in pair:
        assert agreed(member)["pending"] == 1
    stranger.unlink()
    for member in pair:
        assert agreed(member) == {"pending": 0, "rejected": 0}


def test_a_copied_disk_a_lost_segment_and_two_repairs_leave_nothing_pending(pair, tmp_path):
    one, two = pair
    twin = Member(tmp_path / "twin", one.folder, "twin")
    shutil.copytree(one.home, twin.home, dirs_exist_ok=True)
    twin.record("make by the twin", session="0006400000000002" + "c" * 16)
    before = set((one.folder / "o").rglob("*.hx"))
    twin.sync()
    for path in set((one.folder / "o").rglob("*.hx")) - before:
        path.unlink()
    one.record("make after", session="0006400000000003" + "d" * 16)
    assert agreed(one)["pending"] == 1
    for _ in range(2):
        repaired = one.hx("sync", "repair", "--json")
        assert (repaired.code, repaired.json["pulled"]["pending"]) == (0, 0), repaired
        assert agreed(one) == {"pending": 0, "rejected": 0}
    assert agreed(two) == {"pending": 0, "rejected": 0}


def test_what_a_device_has_imported_of_itself_makes_no_second_device(pair):
    one, two = pair
    for member in pair:
        history = member.cwd / ".bash_history"
        history.write_text("echo imported\n")
        assert member.hx("import", str(history)).code == 0
    for member in (one, two, one):
        member.sync()
    for member in pair:
        names = {row["name"] for row in member.sync("devices")}
        assert member.hx("status", "--json").json["database"]["devices"] == len(names) == 2
        assert member.hx("stats", "--json").json["total"]["events"] == len(member.history)
        assert member.hx("status", "--json").json["database"]["events"] == len(member.history)


def test_what_was_replaced_and_taken_out_of_the_store_is_counted_no_more(pair):
    one, two = pair
    for number in range(3):
        for command in (f"curl token{number}", f"make {number}"):
            two.record(command, session="0006400000000004" + "e" * 16)
        two.sync()
        assert two.hx("forget", "--match", f"token{number}", "--yes").code == 0
        two.sync()
        one.sync()
    in_store = {"imported": len(list((one.folder / "o").rglob("*.hx"))), "skipped": 0}
    for member in pair:
        objects = member.sync("status")["objects"]
        assert {kind: objects[kind] for kind in in_store} == in_store
