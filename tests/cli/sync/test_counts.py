"""Every command reports the same number of pending, rejected and unpublished objects."""

from __future__ import annotations

import shutil

import pytest

from cli.vaults import Member, vault
from hx.cli.text import count

STATUSES = ("pending", "rejected")


def common_counts(member: Member) -> dict[str, int]:
    """Check that all commands report the same counts and exit codes; return the counts."""
    synced = member.hx("sync", "--json")
    status = member.hx("sync", "status", "--json")
    pulled = synced.json["pulled"]
    objects, short = status.json["objects"], member.hx("status", "--json").json["sync"]
    counts = {kind: pulled[kind] for kind in STATUSES}
    assert counts == {kind: objects[kind] for kind in STATUSES}
    assert counts == {kind: short[kind] for kind in STATUSES}
    reasons = status.json["reasons"]
    assert counts == {
        kind: sum(row["count"] for row in reasons if row["status"] == kind) for kind in STATUSES
    }
    assert status.json["unpublished"] == short["unpublished"]
    results = [member.hx("sync", part) for part in ("pull", "push")]
    assert {synced.code, status.code, *(result.code for result in results)} == {synced.code}
    output = member.hx("sync").out + member.hx("status").out
    for kind, number in counts.items():
        assert (f"{kind}: {count(number, 'object')}" in output) == bool(number), output
        assert (f"{number} {kind}" in output) == bool(number), output
    assert ("nothing is pending" in output) == (not any(counts.values())), output
    return counts


@pytest.fixture
def pair(tmp_path):
    laptop, desktop = vault(tmp_path, "laptop", "desktop")
    laptop.record("make test")
    laptop.sync()
    desktop.sync()
    return laptop, desktop


def test_an_unreadable_manifest_is_pending_until_it_is_removed(pair):
    laptop, _ = pair
    [first, *_] = sorted((laptop.folder / "m").glob("*.hx"))
    stranger = first.with_name(f"{'0d' * 16}{first.name[32:]}")
    stranger.write_bytes(first.read_bytes()[:6] + b"\xff" + first.read_bytes()[7:])
    for member in pair:
        assert common_counts(member)["pending"] == 1
    stranger.unlink()
    for member in pair:
        assert common_counts(member) == {"pending": 0, "rejected": 0}


def test_a_copied_disk_a_lost_segment_and_two_repairs_leave_nothing_pending(pair, tmp_path):
    laptop, desktop = pair
    clone = Member(tmp_path / "clone", laptop.folder, "clone")
    shutil.copytree(laptop.home, clone.home, dirs_exist_ok=True)
    clone.record("make by the clone", session="0006400000000002" + "c" * 16)
    before = set((laptop.folder / "o").rglob("*.hx"))
    clone.sync()
    for path in set((laptop.folder / "o").rglob("*.hx")) - before:
        path.unlink()
    laptop.record("make after", session="0006400000000003" + "d" * 16)
    assert common_counts(laptop)["pending"] == 1
    for _ in range(2):
        repaired = laptop.hx("sync", "repair", "--json")
        assert (repaired.code, repaired.json["pulled"]["pending"]) == (0, 0), repaired
        assert common_counts(laptop) == {"pending": 0, "rejected": 0}
    assert common_counts(desktop) == {"pending": 0, "rejected": 0}


def test_the_import_origin_of_a_device_is_not_counted_as_a_device(pair):
    laptop, desktop = pair
    for member in pair:
        history = member.cwd / ".bash_history"
        history.write_text("echo imported\n")
        assert member.hx("import", str(history)).code == 0
    for member in (laptop, desktop, laptop):
        member.sync()
    for member in pair:
        names = {row["name"] for row in member.sync("devices")}
        assert member.hx("status", "--json").json["database"]["devices"] == len(names) == 2
        # the two imported commands without a time are one row
        events = sum(row.get("runs", 1) for row in member.history)
        assert member.hx("stats", "--json").json["total"]["events"] == events == 2
        assert member.hx("status", "--json").json["database"]["events"] == events


def test_replaced_segments_that_were_deleted_are_not_counted(pair):
    laptop, desktop = pair
    for number in range(3):
        for command in (f"curl token{number}", f"make {number}"):
            desktop.record(command, session="0006400000000004" + "e" * 16)
        desktop.sync()
        assert desktop.hx("forget", "--match", f"token{number}", "--yes").code == 0
        desktop.sync()
        laptop.sync()
    in_store = {"imported": len(list((laptop.folder / "o").rglob("*.hx"))), "skipped": 0}
    for member in pair:
        objects = member.sync("status")["objects"]
        assert {kind: objects[kind] for kind in in_store} == in_store
