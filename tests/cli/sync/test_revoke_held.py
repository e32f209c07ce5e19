"""`hx sync revoke` asks what becomes of the mass forget of the device that it takes out."""

from __future__ import annotations

import pexpect
import pytest

from attacks.test_mass_orders import MANY, fill, forge, full_vault, held, starts, sync_all
from cli.vaults import vault
from hx.core.model import Window


@pytest.fixture
def members(tmp_path):
    """Return three members; the second one has forgotten all that the third one holds back."""
    laptop, thief, server = vault(tmp_path, "laptop", "thief", "server")
    fill(server)
    sync_all([server, laptop, thief])
    assert thief.hx("forget", "--since", "1d", "--yes").code == 0
    sync_all([thief, laptop, server])
    assert [len(held(member)) for member in (laptop, server)] == [1, 1]
    return laptop, thief, server


def on_terminal(member, *arguments):
    return member.on_terminal("sync", *arguments)


def ended(child):
    child.expect(pexpect.EOF)
    said = child.before.decode()
    child.close()
    assert child.exitstatus == 0, said
    return said


@pytest.mark.parametrize(
    ("answer", "kept", "said"),
    [
        ("", MANY, "refused: 1,200 events kept here"),
        ("a", 0, "accepted: 1,200 events forgotten here"),
        ("l", MANY, "hx sync refuse "),
        ("\x04", MANY, "hx sync refuse "),
    ],
)
def test_on_a_terminal_it_asks_and_enter_refuses(members, answer, kept, said):
    laptop, _, server = members
    child = on_terminal(laptop, "revoke", "thief")
    child.expect_exact(f"waits for an answer: {held(laptop)[0]['id'][:8]} `hx forget` of thief")
    child.expect_exact("Take it out of the vault? [y/N] ")
    child.sendline("y")
    child.expect_exact("Refuse what it has forgotten (keep these events), accept it, or decide")
    child.expect_exact(" later? [R/a/l] ")
    child.sendline(answer)
    assert said in ended(child)
    waits = answer in ("l", "\x04")
    assert len(laptop.commands) == kept
    sync_all([server, laptop])
    assert [len(held(member)) for member in (laptop, server)] == [waits, waits]
    assert len(server.commands) == kept


def test_a_no_to_the_revocation_decides_nothing(members):
    laptop, *_ = members
    child = on_terminal(laptop, "revoke", "thief")
    child.expect_exact("Take it out of the vault? [y/N] ")
    child.sendline("n")
    child.expect(pexpect.EOF)
    assert b"Refuse what" not in child.before
    child.close()
    assert child.exitstatus == 2
    assert len(held(laptop)) == 1


def test_without_a_terminal_it_stays_held_and_the_command_says_what_to_type(members):
    laptop, _, server = members
    shown = laptop.sync("revoke", "thief", "--dry-run")
    [order] = held(laptop)
    assert [each["id"] for each in shown["held"]] == [order["id"]]
    said = laptop.hx("sync", "revoke", "thief", "--yes")
    short = order["id"][:8]
    assert f"held: {short} `hx forget` of thief" in said.out
    assert f"`hx sync refuse {short}` keeps them, `hx sync accept {short}` forgets" in said.out
    sync_all([server, laptop])
    for member in (laptop, server):
        assert (len(member.commands), [each["reason"] for each in held(member)]) == (
            MANY,
            ["revoked"],
        )
    assert laptop.sync("refuse", short, "--yes")["kept"] == MANY
    sync_all([laptop, server])
    assert (len(server.commands), held(server)) == (MANY, [])


def test_what_it_has_made_in_another_name_is_asked_for_too(tmp_path):
    laptop, thief = full_vault(tmp_path, "laptop", "thief")
    end_us = max(starts(laptop)) + 1
    forge(thief, Window(0, end_us), makers=[b"\x11" * 16])
    laptop.sync()
    assert len(held(laptop)) == 1
    child = on_terminal(laptop, "revoke", "thief", "--json")
    child.expect_exact("[y/N] ")
    child.sendline("y")
    child.expect_exact("[R/a/l] ")
    child.sendline("r")
    ended(child)
    assert (len(laptop.commands), held(laptop)) == (MANY, [])
