"""A member forgets everything, or far into the future: the others ask before they do the same."""

from __future__ import annotations

import time

import pexpect
import pytest

from cli.attacking_member import attacker, keys_of
from cli.machine import DAY_US, HOUR_US, SECOND_US
from cli.vaults import is_error, vault
from hx.core.format import segment
from hx.core.holding import MAX_AHEAD
from hx.core.merge import History
from hx.core.model import FINISHED, MAX_SPARED, Event, EventKey, Tombstone, WholeSession, Window
from hx.core.text_orders import scope_of
from hx.database.join import join

MANY = 1_200
EVERYTHING = Window(-(2**62), 2**62)


def now_us():
    return time.time_ns() // 1000


def fill(machine, number=MANY):
    """Add so many events of the last hour, as if they had been recorded here."""
    session, begin_us = b"\x5e" * 16, now_us() - HOUR_US
    me = keys_of(machine).device.device_id
    events = [
        Event(EventKey(begin_us + n, me, session, n), b"echo %d" % n, b"/", flags=FINISHED)
        for n in range(1, number + 1)
    ]
    with machine.database() as database, database.transaction():
        join(database, History(frozenset(events)))


def forge(machine, *scopes, makers=()):
    """Publish tombstones with the keys of a member, without following any rule."""
    member = attacker(machine)
    makers = makers or [member.device.me] * len(scopes)
    made = {
        Tombstone((1 + n).to_bytes(16), now_us() + n, maker, scope)
        for n, (scope, maker) in enumerate(zip(scopes, makers, strict=True))
    }
    payload = segment.encode(History(tombstones=frozenset(made)))
    member.lay(1, member.sealed(1, payload=payload))
    member.sign(label=machine.name)
    member.device.database.close()


def held(machine):
    return machine.sync("status")["held"]


def sync_all(members):
    for _ in range(2):
        for member in members:
            member.sync()


def full_vault(tmp_path, *names):
    """Return members that all have MANY events of the second one."""
    members = vault(tmp_path, *names)
    fill(members[1])
    sync_all(members)
    return members


def test_an_order_to_forget_all_time_is_held(tmp_path):
    laptop, desktop = vault(tmp_path, "laptop", "desktop")
    desktop.record("echo before", at=now_us() - HOUR_US)
    desktop.sync()
    forge(laptop, EVERYTHING)
    desktop.sync()
    assert desktop.commands == ["echo before"]
    [order] = held(desktop)
    assert (order["reason"], order["events"], order["device"]) == ("future", 1, "laptop")
    desktop.record("echo after", at=now_us())
    desktop.sync()
    assert desktop.commands == ["echo after", "echo before"]
    assert desktop.sync("accept", "--yes")["forgotten"] == 1
    assert desktop.commands == ["echo after"]


def test_a_window_that_ends_within_a_day_is_not_held(tmp_path):
    laptop, desktop = vault(tmp_path, "laptop", "desktop")
    desktop.record("echo before", at=now_us() - HOUR_US)
    desktop.sync()
    forge(laptop, Window(0, now_us() + DAY_US - HOUR_US))
    desktop.sync()
    assert (desktop.commands, held(desktop)) == ([], [])


def test_a_mass_forget_of_another_device_is_held_until_it_is_accepted(tmp_path):
    laptop, desktop = full_vault(tmp_path, "laptop", "desktop")
    assert laptop.hx("forget", "--since", "1d", "--yes").code == 0
    laptop.sync()
    said = desktop.hx("sync")
    assert (said.code, "hx sync accept" in said.err) == (0, True), said
    assert len(desktop.commands) == MANY
    [order] = held(desktop)
    assert (order["reason"], order["events"]) == ("large", MANY)
    laptop.sync()
    [holding] = laptop.sync("status")["forgotten"]["holding"]
    assert (holding["device"], holding["held"]) == ("desktop", [order["id"]])
    assert laptop.sync("status")["forgotten"]["confirmed"] == []
    assert f"hx sync accept {order['id'][:8]}" in laptop.hx("sync", "status").out
    assert "1 `hx forget` of another device held" in desktop.hx("status").out
    asked = desktop.hx("sync", "accept", "--json")
    assert (asked.code, asked.out, order["id"][:8] in asked.err) == (2, "", True)
    assert laptop.commands == []
    desktop.record("echo after", at=now_us())
    result = desktop.sync("accept", order["id"][:8], "--yes")
    assert (result["forgotten"], len(result["accepted"])) == (MANY, 1)
    sync_all([desktop, laptop])
    assert laptop.commands == desktop.commands == ["echo after"]
    assert held(desktop) == held(laptop) == []
    forgotten = laptop.sync("status")["forgotten"]
    assert (len(forgotten["confirmed"]), forgotten["holding"]) == (1, [])


def test_one_yes_is_enough_for_all_machines(tmp_path):
    laptop, desktop, server = members = full_vault(tmp_path, "laptop", "desktop", "server")
    assert laptop.hx("forget", "--since", "1d", "--yes").code == 0
    sync_all(members)
    assert len(held(desktop)) == len(held(server)) == 1
    assert len(server.commands) == MANY
    assert desktop.hx("sync", "accept", "--yes").code == 0
    sync_all([desktop, server, laptop])
    for member in members:
        assert (member.commands, held(member)) == ([], [])


def test_what_one_machine_refuses_comes_back_to_all(tmp_path):
    laptop, desktop, server = members = full_vault(tmp_path, "laptop", "desktop", "server")
    wanted = desktop.commands
    assert laptop.hx("forget", "--since", "1d", "--yes").code == 0
    sync_all(members)
    [order] = held(desktop)
    assert server.hx("sync", "accept", "--yes").code == 0
    result = desktop.sync("refuse", order["id"][:8], "--yes")
    assert (result["kept"], result["refused"][0]["id"]) == (MANY, order["id"])
    sync_all(members)
    for member in members:
        assert member.commands == wanted
        assert held(member) == []
    refusing, _ = laptop.sync("status")["forgotten"]["holding"]
    assert refusing["refused"] == [order["id"]]


def test_many_small_orders_of_one_member_are_held_once_they_are_many(tmp_path):
    laptop, desktop = full_vault(tmp_path, "laptop", "desktop")
    begin_us = min(starts(desktop))
    step = MANY // 4
    forge(laptop, *(Window(begin_us + n * step, begin_us + (n + 1) * step) for n in range(4)))
    desktop.sync()
    assert len(desktop.commands) == step
    assert [order["events"] for order in held(desktop)] == [step]


def starts(machine):
    with machine.database() as database:
        return [us for (us,) in database.execute("SELECT started_at_us FROM event")]


def test_a_member_that_makes_up_the_makers_has_no_more_room(tmp_path):
    laptop, desktop = full_vault(tmp_path, "laptop", "desktop")
    begin_us = min(starts(desktop))
    half = MANY // 2
    windows = [Window(begin_us + n * half, begin_us + (n + 1) * half) for n in range(2)]
    forge(laptop, *windows, makers=[b"\x11" * 16, b"\x12" * 16])
    desktop.sync()
    assert len(desktop.commands) == half
    assert len(held(desktop)) == 1


def test_the_setting_turns_holding_off(tmp_path):
    laptop, desktop = full_vault(tmp_path, "laptop", "desktop")
    assert laptop.hx("forget", "--since", "1d", "--yes").code == 0
    laptop.sync()
    desktop.sync()
    assert len(held(desktop)) == 1
    (desktop.home / "config.toml").write_text("sync_hold = false\n")
    desktop.sync()
    assert (desktop.commands, held(desktop)) == ([], [])


@pytest.mark.parametrize(("answer", "left"), [("a", 0), ("r", MANY), ("", MANY), ("\x04", MANY)])
def test_a_sync_on_a_terminal_asks(tmp_path, answer, left):
    laptop, desktop = full_vault(tmp_path, "laptop", "desktop")
    assert laptop.hx("forget", "--since", "1d", "--yes").code == 0
    laptop.sync()
    child = desktop.on_terminal("sync")
    child.expect_exact(f"it takes {MANY:,} events here")
    child.expect_exact("Accept it (forget these events here too), refuse it (keep them), or ")
    child.expect_exact("decide later? [a/r/L] ")
    child.sendline(answer)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert len(desktop.commands) == left
    assert len(held(desktop)) == (answer in ("", "\x04"))


def test_while_a_sync_asks_another_one_runs(tmp_path):
    laptop, desktop = full_vault(tmp_path, "laptop", "desktop")
    assert laptop.hx("forget", "--since", "1d", "--yes").code == 0
    laptop.sync()
    child = desktop.on_terminal("sync")
    child.expect_exact("decide later? [a/r/L] ")
    desktop.record("echo meanwhile", at=now_us())
    assert desktop.sync()["pushed"]["events"] == 1
    child.sendline("a")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert (desktop.commands, held(desktop)) == (["echo meanwhile"], [])
    laptop.sync()
    assert len(laptop.sync("status")["forgotten"]["confirmed"]) == 1


def test_what_is_held_outlives_a_rebuild(tmp_path):
    laptop, desktop = full_vault(tmp_path, "laptop", "desktop")
    assert laptop.hx("forget", "--since", "1d", "--yes").code == 0
    laptop.sync()
    desktop.sync()
    before = held(desktop)
    assert desktop.sync("repair", "--rebuild")["rebuilt"]["replaced"]
    assert len(desktop.commands) == MANY
    assert held(desktop) == before


def test_accept_and_refuse_say_what_they_do_not_find(tmp_path):
    laptop, desktop = full_vault(tmp_path, "laptop", "desktop")
    assert desktop.hx("sync", "accept").out == "nothing is held here\n"
    assert is_error(desktop.hx("sync", "refuse", "abcd"), 2, "'abcd'", "hx sync status")
    assert laptop.hx("forget", "--since", "1d", "--yes").code == 0
    laptop.sync()
    desktop.sync()
    [order] = held(desktop)
    shown = desktop.hx("sync", "refuse", order["id"][:8])
    assert (shown.code, "--yes" in shown.err) == (2, True), shown
    assert order["id"][:8] in shown.out
    assert held(desktop) == [order]


@pytest.mark.parametrize("kind", ["window", "session"])
def test_so_many_orders_that_a_key_has_no_room_for_them_cover_nothing_that_is_typed_later(
    tmp_path, kind
):
    """A record is spared of each order that is known when it is typed."""
    laptop, desktop = vault(tmp_path, "laptop", "desktop")
    session, soon = b"\x5e" * 16, now_us() + 20 * HOUR_US
    window = [Window(soon - DAY_US, soon + n) for n in range(MANY)]
    forge(laptop, *(window if kind == "window" else [WholeSession(session)] * MANY))
    desktop.sync()
    assert {each["reason"] for each in held(desktop)} == {"many"}
    assert (
        f"more than {MAX_AHEAD} would also take what is recorded"
        in desktop.hx("sync", "status").out
    )
    desktop.record("echo later", at=now_us(), session=session.hex())
    desktop.sync()
    assert desktop.commands == ["echo later"]


def forged(machine, *groups, **fields):
    """Publish tombstones of a member, each group in a segment of its own."""
    member = attacker(machine)
    for number, group in enumerate(groups, 1):
        payload = segment.encode(History(tombstones=frozenset(group)))
        member.lay(number, member.sealed(number, payload=payload))
    member.sign(label=machine.name, **fields)
    member.device.database.close()


def of_member(machine, scopes, *, first=0, apart=1):
    """Return tombstones of a member, with ascending ids.

    `apart`: microseconds between two of them; those that were made at once are of one `hx forget`.
    """
    me, made_us = keys_of(machine).device.device_id, now_us()
    return [
        Tombstone((1 + first + n).to_bytes(16), made_us + n * apart, me, scope)
        for n, scope in enumerate(scopes)
    ]


def for_ever(number):
    return [Window(now_us() + n, 2**62 - n) for n in range(number)]


def test_windows_and_tombstones_of_a_session_leave_room_for_each_other(tmp_path):
    laptop, desktop = vault(tmp_path, "laptop", "desktop")
    session, until = b"\x5e" * 16, now_us() + 20 * HOUR_US
    windows = of_member(laptop, [Window(0, until + n) for n in range(MAX_SPARED)])
    sessions = of_member(laptop, [WholeSession(session)] * MAX_SPARED, first=1 << 100)
    forged(laptop, windows, sessions)
    desktop.sync()
    for each in {each["device_id"]: each for each in held(desktop)}.values():
        desktop.sync("accept", each["id"], "--yes")
    desktop.record("echo later", at=now_us(), session=session.hex())
    desktop.sync()
    assert desktop.commands == ["echo later"]


def test_text_orders_take_no_room_of_the_windows_that_cover_what_is_typed_next(tmp_path):
    """The ids of the windows are the last ones, and all the text orders name the same line."""
    laptop, desktop = vault(tmp_path, "laptop", "desktop")
    until = now_us() + 20 * HOUR_US
    windows = of_member(laptop, [Window(0, until + n) for n in range(MAX_AHEAD)], first=1 << 100)
    texts = [scope_of(n.to_bytes(32), [b"echo later"], now_us()) for n in range(MAX_SPARED)]
    forged(laptop, windows, of_member(laptop, texts))
    desktop.sync()
    desktop.record("echo later", at=now_us())
    desktop.sync()
    assert desktop.commands == ["echo later"]


@pytest.mark.parametrize("answer", ["accept", "refuse"])
def test_no_answer_to_very_many_orders_stops_recording(tmp_path, answer):
    laptop, desktop = vault(tmp_path, "laptop", "desktop")
    forged(laptop, of_member(laptop, for_ever(2 * MAX_SPARED), apart=0))
    desktop.sync()
    [waiting] = held(desktop)
    desktop.sync(answer, waiting["id"], "--yes")
    for _ in range(2):
        desktop.record("echo later", at=now_us() + SECOND_US)
        assert set(desktop.commands) == {"echo later"}
        desktop.sync()
    assert set(desktop.commands) == {"echo later"}
    assert held(desktop), "what there is no room for"


def test_two_members_that_accept_what_the_other_has_made_do_not_stop_recording(tmp_path):
    laptop, desktop, tablet = vault(tmp_path, "laptop", "desktop", "tablet")
    made = of_member(laptop, for_ever(MANY), apart=0)
    forged(laptop, made)
    desktop.sync()
    ids = sorted(each.tombstone_id for each in made)
    for part in (ids[:1_000], ids[1_000:]):
        forged(tablet, accepted=tuple(part))
        desktop.sync()
    desktop.record("echo later", at=now_us() + SECOND_US)
    desktop.sync()
    assert desktop.commands == ["echo later"]
