"""SIGKILL while a device is revoked, or removes its keys after that: the next sync ends it."""

from __future__ import annotations

import json

import pytest

from hx.core.format import object_names
from robustness.busy_vault import must
from robustness.kills import TwoMachines, commands, folder_in_ram, kill
from robustness.store_folder import objects, require_no_keys, secrets
from robustness.strace import run

REVOKE = ("sync", "revoke", "desktop", "--yes")
OUT = "taken out of the vault"


class Revoking(TwoMachines):
    """The laptop revokes the desktop, or has revoked it; `former`: the keys of the desktop."""

    def __init__(self, folder, *, revoked):
        super().__init__(folder)
        self.former = secrets(self.desktop)
        if revoked:
            self.desktop.record("echo alone")
            must(run(self.laptop, *REVOKE))
        self.save()


@pytest.fixture(scope="module")
def before():
    with folder_in_ram() as folder:
        yield Revoking(folder, revoked=False)


@pytest.fixture(scope="module")
def after():
    with folder_in_ram() as folder:
        yield Revoking(folder, revoked=True)


def kill_revocation(machines, many=None):
    def check(_):
        must(run(machines.laptop, "sync"))
        notes = {each["name"]: each["note"] for each in machines.devices()}
        if notes["desktop"] is None:  # killed before the record was kept
            must(run(machines.laptop, *REVOKE))
        require_finished(machines)

    kill(machines, machines.laptop, REVOKE, check, many=many)


def require_finished(machines):
    """Assert that all duties after the revocation are done, and nothing is lost."""
    gone = machines.former.device.device_id
    names = [object_names.parsed(key) for key in objects(machines.laptop)]
    assert gone not in {name.device_id for name in names}
    kinds = [name.kind for name in names if name.object_id == gone]
    assert kinds == [object_names.NOTICE]
    assert commands(machines.laptop) == ["echo of the desktop", "echo of the laptop"]
    checked = must(run(machines.laptop, "sync", "check", "--read-data", "--json"))
    assert json.loads(checked.text)["problems"] == []
    assert run(machines.desktop, "sync").code == 6


def kill_removal(machines, many=None):
    def check(_):
        ended = run(machines.desktop, "sync")
        assert (ended.code, OUT in ended.text) == (6, True), ended
        require_no_keys(machines.desktop, machines.former)
        assert commands(machines.desktop) == [
            "echo alone", "echo of the desktop", "echo of the laptop",
        ]  # fmt: skip

    kill(machines, machines.desktop, ("sync",), check, many=many)


def test_a_revocation_that_is_killed_is_finished_by_the_next_sync(before):
    kill_revocation(before, 4)


def test_a_killed_removal_of_the_keys_is_finished_by_the_next_sync(after):
    kill_removal(after, 4)


@pytest.mark.long
def test_a_revocation_that_is_killed_at_any_call_is_finished_by_the_next_sync(before):
    kill_revocation(before)


@pytest.mark.long
def test_a_removal_of_the_keys_that_is_killed_at_any_call_is_finished_by_the_next_sync(after):
    kill_removal(after)
