"""`hx forget --match --everywhere`: an order by text reaches what other devices have not synced."""

from __future__ import annotations

import pytest

from cli.test_forget_sync import now_us, require_nowhere, sync
from cli.vaults import vault

TEXT = "CANARY-8wQj"
LINE = f"rsync {TEXT}@backup:/srv ."


@pytest.fixture
def pair(tmp_path):
    return vault(tmp_path, "laptop", "desktop")


def forget(member, *options):
    return member.hx("forget", "--match", TEXT, "--yes", *options)


def test_a_text_that_another_device_has_not_synced_goes_there_too(pair):
    laptop, desktop = pair
    laptop.record(LINE)
    sync(laptop, desktop)
    desktop.record(LINE, at=now_us() - 60_000_000)
    desktop.record("echo stays")
    assert desktop.commands  # it is in the database of desktop, and not in the store
    assert forget(laptop, "--everywhere").code == 0
    sync(laptop)
    report = desktop.sync()
    sync(laptop, desktop)
    require_nowhere(pair, TEXT)
    assert laptop.commands == desktop.commands == ["echo stays"], report
