"""SIGKILL while another vault takes the place of the old one, and while a device comes over."""

from __future__ import annotations

import pytest

from hx.core.format import object_names
from robustness.busy_vault import left_behind, must
from robustness.kills import TwoMachines, commands, folder_in_ram, kill
from robustness.store_folder import require_no_keys, secrets
from robustness.strace import run
from robustness.test_kill_membership import words_in

ALL = ["echo late", "echo of the desktop", "echo of the laptop"]


class Renewing(TwoMachines):
    """The laptop renews the vault, or has done so: then `code` lets the desktop come over."""

    def __init__(self, folder, *, renewed):
        super().__init__(folder)
        self.new = folder / "work" / "new"
        self.new.mkdir()
        self.renew = ("sync", "renew", "--store", f"folder:{self.new}", "--yes", "--json")
        self.former = {member.name: secrets(member) for member in (self.laptop, self.desktop)}
        self.late = self.desktop if renewed else self.laptop
        self.code = b""
        if renewed:
            must(run(self.laptop, *self.renew))
            self.code = self.invite()
        self.late.record("echo late")
        self.save()

    def enter(self, way, secret):
        """Bring the desktop into the new vault by a code or by words."""
        option = "--code-file" if way == "join" else "--words-file"
        line = ("sync", way, "--store", f"folder:{self.new}", option, "-")
        return run(self.desktop, *line, stdin=secret)

    def require_renewed(self):
        """Assert that both are in the new vault with every event, and nothing is left behind."""
        for member in (self.laptop, self.desktop):
            assert run(member, "sync").code in (0, 3)
        for member in (self.laptop, self.desktop):
            must(run(member, "sync"))
            assert commands(member) == ALL
            names = sorted(path.name for path in member.home.glob("custody*"))
            assert names == ["custody.key", "custody.toml"]
            require_no_keys(member, self.former[member.name])
        assert [each["active"] for each in self.devices()] == [True, True]
        assert left_behind(self.store) == left_behind(self.new) == []
        names = [object_names.parsed(f"m/{path.name}") for path in (self.store / "m").iterdir()]
        assert [name.kind for name in names].count(object_names.MOVED) == 1


@pytest.fixture(scope="module")
def before():
    with folder_in_ram() as folder:
        yield Renewing(folder, renewed=False)


@pytest.fixture(scope="module")
def after():
    with folder_in_ram() as folder:
        yield Renewing(folder, renewed=True)


def kill_renewal(machines, many=None):
    def check(ended):
        again = run(machines.laptop, *machines.renew)
        words = words_in(ended.text)
        if again.code == 2:  # it is in the new vault, so the words that were shown open it
            assert "the new vault cannot be in" in again.text, again
        else:
            words = words_in(must(again).text)
        told = must(run(machines.desktop, "sync"), 6)
        assert "is replaced by a new one" in told.text
        must(run(machines.laptop, "sync"))
        must(machines.enter("recover", words.encode()))
        machines.require_renewed()

    kill(machines, machines.laptop, machines.renew, check, many=many)


def kill_coming_over(machines, many=None):
    def check(_):
        again = run(machines.desktop, "sync")
        if again.code == 6:  # it is in the old vault
            again = machines.enter("join", machines.code)
        assert again.code in (0, 3), again
        machines.require_renewed()

    line = ("sync", "join", "--store", f"folder:{machines.new}", "--code-file", "-")
    kill(machines, machines.desktop, line, check, stdin=machines.code, many=many)


def test_a_killed_renewal_is_begun_again_or_is_done(before):
    kill_renewal(before, 4)


def test_who_is_killed_while_it_comes_over_is_here_or_there(after):
    kill_coming_over(after, 4)


@pytest.mark.long
def test_a_renewal_that_is_killed_at_any_call_is_begun_again_or_is_done(before):
    kill_renewal(before)


@pytest.mark.long
def test_who_is_killed_at_any_call_while_it_comes_over_is_here_or_there(after):
    kill_coming_over(after)
