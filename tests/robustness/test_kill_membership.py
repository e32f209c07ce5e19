"""SIGKILL at the writes of what changes the vault of a device: it can be repeated or undone.

No folder is dead afterwards, no recovery words are lost, no history, and no device is shut out.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from cli.vaults import KEYS, Member
from robustness.busy_vault import left_behind, must
from robustness.kills import SavedMachines, commands, folder_in_ram, kill
from robustness.store_folder import require_no_keys, secrets
from robustness.strace import run

if TYPE_CHECKING:
    from pathlib import Path

ASK = dict.fromkeys(("HX_PASSPHRASE_COMMAND", "HX_NEW_PASSPHRASE_COMMAND"), "echo sesame")
OWN = {"laptop": "echo of the laptop", "desktop": "echo of the desktop"}


class Machines(SavedMachines):
    """The machines `laptop`, `desktop` and `spare`, and the folder of a store between them.

    `members` are in one vault. What `reset` restores is the state after `save`.
    """

    def __init__(self, folder: Path, members: tuple[str, ...]) -> None:
        super().__init__(folder, "laptop", "desktop", "spare")
        self.words, self.code = "", b""
        for member in (self.laptop, self.desktop):
            member.record(OWN[member.name])
            must(run(member, "find"))
        if "laptop" in members:
            made = must(run(self.laptop, "sync", "init", *self.laptop.at, "--yes", "--json"))
            self.words = words_in(made.text)
        if "desktop" in members:
            at = (*self.desktop.at, "--code-file", "-")
            must(run(self.desktop, "sync", "join", *at, stdin=self.invite()))
            for member in (self.laptop, self.desktop, self.laptop):
                must(run(member, "sync"))
        if members == ("laptop",):
            self.code = self.invite()

    def require_equal(self, *members: Member, devices: int) -> None:
        """Assert that all members hold every event, and that the vault has so many devices."""
        for member in members:
            ended = run(member, "sync")
            assert ended.code in (0, 3), ended
        for member in members:
            must(run(member, "sync"))
            assert set(OWN.values()) <= set(commands(member))
        assert members[0] == self.laptop
        listed = self.devices()
        assert len([each for each in listed if each["active"]]) == devices, listed


@contextmanager
def machines_in_ram(*members):
    with folder_in_ram() as folder:
        yield Machines(folder, members)


@pytest.fixture(scope="module")
def alone():
    with machines_in_ram() as machines:
        machines.save()
        yield machines


@pytest.fixture(scope="module")
def invited():
    with machines_in_ram("laptop") as machines:
        machines.save()
        yield machines


@pytest.fixture(scope="module")
def two():
    with machines_in_ram("laptop", "desktop") as machines:
        machines.desktop.record("echo alone")
        machines.save()
        yield machines


@pytest.fixture(scope="module")
def without_keys():
    with machines_in_ram("laptop", "desktop") as machines:
        machines.desktop.record("echo alone")
        (machines.desktop.home / "custody.key").unlink()
        machines.save()
        yield machines


@pytest.fixture(scope="module")
def sealed():
    with machines_in_ram("laptop", "desktop") as machines:
        machines.desktop.variables = ASK
        must(run(machines.desktop, "sync", "custody", "--to", "passphrase"))
        machines.save()
        yield machines


def words_in(text):
    """Return the recovery words that an init has printed, or nothing."""
    start = text.find("{")
    if start < 0 or '"recovery_words"' not in text:
        return ""
    return json.JSONDecoder().raw_decode(text[start:])[0]["recovery_words"]


def kill_init(machines, many=None):
    line = ("sync", "init", *machines.laptop.at, "--yes", "--json")

    def check(ended):
        words = words_in(ended.text)
        again = run(machines.laptop, "sync")
        if again.code == 6:  # it is in no vault: the init is repeated
            again = must(run(machines.laptop, *line))
            words = words_in(again.text)
        assert again.code == 0, again
        recover = ("sync", "recover", *machines.desktop.at, "--words-file", "-")
        must(run(machines.desktop, *recover, stdin=words.encode()))
        machines.require_equal(machines.laptop, machines.desktop, devices=2)

    kill(machines, machines.laptop, line, check, many=many)


def kill_entry(machines, way, many=None):
    secret = machines.code if way == "join" else machines.words.encode()
    option = "--code-file" if way == "join" else "--words-file"
    line = ("sync", way, *machines.desktop.at, option, "-")

    def check(_):
        again = run(machines.desktop, "sync")
        if again.code == 6:
            again = run(machines.desktop, *line, stdin=secret)
        assert again.code in (0, 3), again
        machines.require_equal(machines.laptop, machines.desktop, devices=2)

    kill(machines, machines.desktop, line, check, stdin=secret, many=many)


def kill_return(machines, many=None):
    words = machines.words.encode()
    line = ("sync", "recover", "--words-file", "-", "--yes", *KEYS)

    def check(_):
        again = run(machines.desktop, "sync")
        if again.code == 6:
            again = run(machines.desktop, *line, stdin=words)
        assert again.code == 0, again
        machines.require_equal(machines.laptop, machines.desktop, devices=3)
        assert "echo alone" in commands(machines.laptop)
        names = sorted(path.name for path in machines.desktop.home.glob("custody*"))
        assert names == ["custody.key", "custody.toml"]

    kill(machines, machines.desktop, line, check, stdin=words, many=many)


def kill_leave(machines, many=None):
    machines.reset()  # another test may have moved the keys
    former = secrets(machines.desktop)

    def check(_):
        again = run(machines.desktop, "sync", "leave", "--yes")
        assert again.code in (0, 6), again
        assert run(machines.desktop, "sync", "leave", "--yes").code == 6
        code = machines.invite()  # which syncs before
        assert "echo alone" in commands(machines.laptop)
        notes = {each["name"]: each["note"] for each in machines.devices()}
        assert notes["desktop"] == "left the vault"
        require_no_keys(machines.desktop, former)
        assert left_behind(machines.store) == []
        at = (*machines.desktop.at, "--code-file", "-")
        must(run(machines.desktop, "sync", "join", *at, stdin=code))
        machines.require_equal(machines.laptop, machines.desktop, devices=2)

    kill(machines, machines.desktop, ("sync", "leave", "--yes"), check, many=many)


def kill_custody(machines, kind, many=None):
    line = ("sync", "custody", "--to", kind)
    machines.desktop.variables = ASK

    def check(_):
        machines.desktop.record("echo after the kill")
        must(run(machines.desktop, "sync"))
        shown = json.loads(must(run(machines.desktop, "sync", "custody", "--json")).text)
        names = sorted(path.name for path in machines.desktop.home.glob("custody*"))
        there = {"file": "custody.key", "passphrase": "custody.sealed"}[shown["custody"]]
        assert names == [there, "custody.toml"], "the keys are in one place"
        must(run(machines.desktop, *line))
        names = sorted(path.name for path in machines.desktop.home.glob("custody*"))
        assert names == [
            {"file": "custody.key", "passphrase": "custody.sealed"}[kind],
            "custody.toml",
        ]
        must(run(machines.desktop, "sync"))
        must(run(machines.laptop, "sync"))
        assert "echo after the kill" in commands(machines.laptop)

    kill(machines, machines.desktop, line, check, many=many)


SOME = 4


def test_a_killed_init_can_be_repeated_and_its_last_words_open_the_vault(alone):
    kill_init(alone, SOME)


def test_a_killed_join_is_finished_by_the_next_sync_or_by_the_same_code(invited):
    kill_entry(invited, "join", SOME)


def test_a_killed_recovery_is_finished_by_the_next_sync_or_by_the_same_words(invited):
    kill_entry(invited, "recover", SOME)


def test_a_killed_return_of_a_device_without_keys_can_be_repeated(without_keys):
    kill_return(without_keys, SOME)


def test_a_killed_leave_can_be_repeated_and_leaves_no_key(two):
    kill_leave(two, SOME)


def test_a_killed_change_of_custody_leaves_the_keys_in_one_place(two):
    kill_custody(two, "passphrase", SOME)


def test_a_killed_change_back_leaves_the_keys_in_one_place(sealed):
    kill_custody(sealed, "file", SOME)


@pytest.mark.long
def test_an_init_that_is_killed_at_any_call_can_be_repeated(alone):
    kill_init(alone)


@pytest.mark.long
@pytest.mark.parametrize("way", ["join", "recover"])
def test_an_entry_that_is_killed_at_any_call_can_be_repeated(invited, way):
    kill_entry(invited, way)


@pytest.mark.long
def test_a_return_that_is_killed_at_any_call_can_be_repeated(without_keys):
    kill_return(without_keys)


@pytest.mark.long
def test_a_leave_that_is_killed_at_any_call_can_be_repeated(two):
    kill_leave(two)


@pytest.mark.long
@pytest.mark.parametrize(("before", "kind"), [("two", "passphrase"), ("sealed", "file")])
def test_a_change_of_custody_that_is_killed_at_any_call_can_be_repeated(request, before, kind):
    kill_custody(request.getfixturevalue(before), kind)
