"""Many processes on one device at once: each waits for the others a little, and nothing is lost."""

from __future__ import annotations

import pytest

from cli.vaults import vault
from robustness.busy_vault import left_behind
from robustness.store_folder import histories, objects, opener, require_kept

CODES = {
    "forget": {0, 3},  # 3: others read the database, `hx status` cleans its files later
    "find": {0, 1},  # 1: what is there is in the hands of another, and not found yet
}
CASES = {
    "two pushes": [("sync", "push")] * 2,
    "two pulls": [("sync", "pull")] * 2,
    "a push and a pull": [("sync", "push"), ("sync", "pull")],
    "ingest, forget and sync": [
        ("find", "--limit", "1"),
        ("forget", "--match", "gone", "--yes"),
        ("sync",),
    ],
    "eight of all kinds": [
        *[("sync", "push"), ("sync", "pull"), ("sync",), ("sync",)],
        *[("find", "--limit", "1"), ("find", "--all"), ("status",)],
        ("forget", "--match", "gone", "--yes"),
    ],
}


def ended(running, line):
    out, err = running.communicate(timeout=120)
    assert running.returncode in CODES.get(line[0], {0}), (line, running.returncode, out, err)
    assert "hx: error" not in err, (line, err)
    assert "Traceback" not in out + err


@pytest.mark.parametrize("lines", CASES.values(), ids=list(CASES))
def test_nothing_is_lost_and_nobody_fails(tmp_path, lines):
    one, other = vault(tmp_path, "one", "two")
    kept = set()
    for number in range(2 if len(lines) > 2 else 1):
        for member in (one, other):
            session = f"{1 + (member is one):032x}"
            kept.add(f"echo {number} of {member.name}")
            member.record(f"echo {number} of {member.name}", session=session)
            member.record(f"echo gone {number} of {member.name}", session=session)
        other.sync()
        running = [(one.start(*line), line) for line in lines]
        beside = other.start("sync")  # the store is not theirs alone either
        for work, line in running:
            ended(work, line)
        beside.communicate(timeout=120)
        assert beside.returncode in (0, 3)  # 3: it has read the listing in the middle of a push
        require_kept(objects(one), opener(one, other))
    one.sync()
    assert one.hx("forget", "--match", "gone", "--yes").code in (0, 1)  # 1: they were gone before
    for member in (one, other, one, other):
        member.sync()
    assert one.history == other.history
    assert set(one.commands) == kept
    held = histories(objects(one), opener(one, other))
    assert {e.command.decode() for each in held.values() for e in each.events} == kept
    assert left_behind(one.folder) == left_behind(one.home) == left_behind(other.home) == []
