"""Many processes of one device at the same time: they wait for each other and lose nothing."""

from __future__ import annotations

import pytest

from cli.vaults import vault
from robustness.busy_vault import left_behind
from robustness.store_folder import histories, objects, opener, require_listed_present

CODES = {
    "forget": {0, 3},  # 3: others read the database; `hx status` cleans its files later
    "find": {0, 1},  # 1: another process is ingesting the events, so none is found yet
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


def require_success(process, line):
    """Wait for a process; assert that it reports no error."""
    out, err = process.communicate(timeout=120)
    assert process.returncode in CODES.get(line[0], {0}), (line, process.returncode, out, err)
    assert "hx: error" not in err, (line, err)
    assert "Traceback" not in out + err


@pytest.mark.parametrize("lines", CASES.values(), ids=list(CASES))
def test_concurrent_processes_lose_nothing_and_report_no_error(tmp_path, lines):
    laptop, desktop = vault(tmp_path, "laptop", "desktop")
    kept = set()
    for number in range(2 if len(lines) > 2 else 1):
        for member in (laptop, desktop):
            session = f"{1 + (member is laptop):032x}"
            kept.add(f"echo {number} of {member.name}")
            member.record(f"echo {number} of {member.name}", session=session)
            member.record(f"echo gone {number} of {member.name}", session=session)
        desktop.sync()
        processes = [(laptop.start(*line), line) for line in lines]
        desktop_sync = desktop.start("sync")  # another device uses the store, too
        for process, line in processes:
            require_success(process, line)
        desktop_sync.communicate(timeout=120)
        assert desktop_sync.returncode in (0, 3)  # 3: it listed the store in the middle of a push
        require_listed_present(objects(laptop), opener(laptop, desktop))
    laptop.sync()
    assert laptop.hx("forget", "--match", "gone", "--yes").code in (
        0,
        1,
    )  # 1: all are forgotten already
    for member in (laptop, desktop, laptop, desktop):
        member.sync()
    assert laptop.history == desktop.history
    assert set(laptop.commands) == kept
    held = histories(objects(laptop), opener(laptop, desktop))
    commands = {event.command.decode() for part in held.values() for event in part.events}
    assert commands == kept
    assert left_behind(laptop.folder) == left_behind(laptop.home) == left_behind(desktop.home) == []
