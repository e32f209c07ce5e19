"""What a repair brings back, publishes again and takes out; and that it bends no rule for it."""

from __future__ import annotations

import pytest

from hx.core.errors import NotAVault
from hx.core.model import Keys
from stores.faulty import FLIPPED, NONE, never
from sync.claims import require_all
from sync.meeting import meet, vault_of
from sync.world import Crash


@pytest.fixture
def meeting():
    with vault_of("one", "other") as meeting:
        yield meeting


def own_segments(meeting, device):
    return sorted(key for key in meeting.world.objects if key.startswith(f"o/{device.me.hex()}/"))


def lose(meeting, *keys):
    for key in keys:
        meeting.world.objects.pop(key)
        for device in meeting.devices:
            device.view.held.pop(key, None)


def put(meeting, objects):
    """As a tool would that copies files into the store."""
    meeting.world.objects.update(objects)
    for device in meeting.devices:
        device.view.held.update(objects)


def damage(meeting, key):
    data = bytearray(meeting.world.objects[key])
    data[len(data) // 2] ^= 1
    put(meeting, {key: bytes(data)})


def test_a_repair_of_what_is_whole_changes_nothing(meeting):
    one = meeting.devices[0]
    one.record()
    meet(*meeting)
    before = dict(meeting.world.objects)
    done = one.repair()
    assert meeting.world.objects == before
    assert not done.damaged
    assert (done.events, done.lost, done.unlisted, done.slots) == (0, 0, 0, 0)
    assert done.read >= 2
    require_all(meeting)


def test_own_segments_that_the_store_has_lost_are_published_again(meeting):
    one, other = meeting.devices
    event = one.record()
    one.push()
    lose(meeting, *own_segments(meeting, one))
    other.view.arrive()
    assert other.pull().pending == 1
    assert one.repair().lost == 1
    meet(*meeting)
    assert event in other.dump().events
    require_all(meeting)


def test_a_damaged_own_segment_is_replaced_and_then_taken_out(meeting):
    one, other = meeting.devices
    event = one.record()
    one.push()
    (key,) = own_segments(meeting, one)
    damage(meeting, key)
    done = one.repair()
    assert done.lost == 1
    assert not done.damaged
    assert key not in meeting.world.objects
    meet(*meeting)
    assert event in other.dump().events
    require_all(meeting)


def test_a_segment_that_is_read_badly_by_chance_loses_nothing_that_retention_took_here(meeting):
    one, other = meeting.devices
    event = one.record()
    one.push()
    one.retain(meeting.world.now_us + 10**15)
    (key,) = own_segments(meeting, one)
    reads = []

    def choose(_number, operation, called):
        reads.append(called if operation == "get" else "")
        return FLIPPED if operation == "get" and called == key and reads.count(key) < 3 else NONE

    one.store.choose = choose
    one.repair()
    meet(*meeting)
    assert event in other.dump().events
    require_all(meeting)


def test_what_a_damaged_database_lacks_comes_back(meeting):
    one, other = meeting.devices
    mine, theirs = one.record(), other.record()
    meet(*meeting)
    with one.database.transaction():
        one.database.execute("DELETE FROM event")
    assert one.repair().events == 2
    assert {mine, theirs} <= one.dump().events
    meet(*meeting)
    require_all(meeting)


def test_a_store_restored_from_an_old_copy_hears_all_again(meeting):
    one, other = meeting.devices
    before, gone = one.record(), one.record()
    meet(*meeting)
    old = dict(meeting.world.objects)
    one.forget(Keys(frozenset([gone.key])))
    after = one.record()
    meet(*meeting)
    lose(meeting, *list(meeting.world.objects.keys() - old.keys()))
    put(meeting, old)
    for device in meeting.devices:
        device.repair()
    meet(*meeting)
    assert {before, after} <= other.dump().events
    assert gone not in other.dump().events
    require_all(meeting)


def test_a_segment_that_comes_back_after_it_was_taken_out_goes_again(meeting):
    one = meeting.devices[0]
    event = one.record()
    one.push()
    (key,) = own_segments(meeting, one)
    old = {key: meeting.world.objects[key]}
    one.forget(Keys(frozenset([event.key])))
    one.push()
    assert key not in meeting.world.objects
    put(meeting, old)
    assert one.repair().unlisted == 1
    assert key not in meeting.world.objects
    meet(*meeting)
    require_all(meeting)


def test_a_segment_that_nobody_knows_is_joined_before_it_goes(meeting):
    """A restored disk has forgotten what a push had put before its manifest was up."""
    one, other = meeting.devices
    backup = one.backup()
    event = one.record()
    one.store.choose = lambda _number, operation, key: (
        "read-only" if operation == "put" and key.startswith("m/") else NONE
    )
    with pytest.raises(Exception, match="as the test asked for"):
        one.push()
    one.store.choose = lambda *_: NONE
    one.restore(backup)
    meeting.world.unsure.clear()
    (key,) = own_segments(meeting, one)
    assert one.repair().unlisted == 1
    assert key not in meeting.world.objects
    meet(*meeting)
    assert event in other.dump().events
    require_all(meeting)


def test_an_unknown_segment_that_cannot_be_read_stays_and_is_named(meeting):
    one = meeting.devices[0]
    event = one.record()
    one.push()
    (key,) = own_segments(meeting, one)
    stranger = key[:-7] + "0000.hx"
    put(meeting, {stranger: meeting.world.objects[key]})
    (found,) = one.repair().damaged
    assert (found.key, found.reason) == (stranger, "misplaced")
    assert stranger in meeting.world.objects
    assert event in one.dump().events


def test_what_another_has_lost_is_named_and_published_again_by_its_own_repair(meeting):
    one, other = meeting.devices
    event = one.record()
    meet(*meeting)
    (key,) = own_segments(meeting, one)
    lose(meeting, key)
    (found,) = other.repair().damaged
    assert (found.key, found.device_id, found.is_missing) == (key, one.me, True)
    assert event in other.dump().events
    one.repair()
    other.view.arrive()
    other.pull()
    assert not other.repair().damaged
    meet(*meeting)
    require_all(meeting)


def test_a_vault_file_that_is_gone_is_written_again_where_the_vault_is_known(meeting):
    one = meeting.devices[0]
    vault_file = meeting.world.objects["hx-vault.hx"]
    lose(meeting, "hx-vault.hx")
    assert one.repair().vault_file
    assert meeting.world.objects["hx-vault.hx"] == vault_file


def test_in_an_empty_place_nothing_is_made(meeting):
    one = meeting.devices[0]
    lose(meeting, *list(meeting.world.objects))
    with pytest.raises(NotAVault):
        one.repair()
    assert not meeting.world.objects


def test_beside_the_vault_file_of_another_vault_nothing_is_made(meeting):
    one = meeting.devices[0]
    damage(meeting, "hx-vault.hx")
    before = dict(meeting.world.objects)
    with pytest.raises(NotAVault):
        one.repair()
    assert meeting.world.objects == before


def test_an_own_head_that_is_damaged_is_published_again_and_goes(meeting):
    one, other = meeting.devices
    one.record()
    one.push()
    newest = max(key for key in meeting.world.objects if key.startswith(f"m/{one.me.hex()}"))
    damage(meeting, newest)
    one.repair()
    assert newest not in meeting.world.objects
    meet(*meeting)
    assert other.pull().pending == 0
    require_all(meeting)


def test_key_slots_that_are_gone_are_put_down_again(meeting):
    one = meeting.devices[0]
    slots = sorted(key for key in meeting.world.objects if key.startswith("k/"))
    lose(meeting, *slots)
    recipients = {key.split("/")[1] for key in slots}
    assert one.repair().slots == len({tuple(key[2:].split("-")[0].split("/")) for key in slots})
    assert {key.split("/")[1] for key in meeting.world.objects if key[:2] == "k/"} == recipients


def test_a_second_repair_at_once_finds_nothing_to_do(meeting):
    one = meeting.devices[0]
    one.record()
    one.push()
    lose(meeting, *own_segments(meeting, one))
    one.repair()
    before = dict(meeting.world.objects)
    again = one.repair()
    assert meeting.world.objects == before
    assert (again.lost, again.unlisted, again.events) == (0, 0, 0)


def test_a_damaged_key_slot_is_put_down_anew_and_another_device_puts_one_beside_it(meeting):
    one, other = meeting.devices
    own = [
        key
        for key in meeting.world.objects
        if key[:2] == "k/" and key.endswith(f"{one.me.hex()}.hx")
    ]
    damage(meeting, own[0])
    bad = meeting.world.objects[own[0]]
    (found,) = other.repair().damaged
    assert (found.key, found.reason) == (own[0], "commitment")
    beside = own[0].replace(f"-{one.me.hex()}", f"-{other.me.hex()}")
    assert beside in meeting.world.objects
    one.view.arrive()
    assert not one.repair().damaged
    assert meeting.world.objects.get(own[0]) != bad
    meet(*meeting)
    require_all(meeting)


def test_a_closed_invitation_that_comes_back_goes_again(meeting):
    one = meeting.devices[0]
    (closed,) = one.context().trust.closed
    key = f"j/{closed.hex()}.hx"
    put(meeting, {key: b"an old copy"})
    assert one.repair().invitations == 1
    assert key not in meeting.world.objects


@pytest.mark.parametrize("case", ["lost", "damaged", "unlisted"])
@pytest.mark.parametrize(
    "first", [1, pytest.param(2, marks=pytest.mark.long), pytest.param(3, marks=pytest.mark.long)]
)
def test_a_repair_that_the_power_cuts_anywhere_is_ended_by_the_next(case, first):
    cut = first
    while cut:
        with vault_of("one", "other", seed=cut) as meeting:
            one, _ = meeting.devices
            events = {one.record(), meeting.devices[1].record()}
            meet(*meeting)
            (key,) = own_segments(meeting, one)
            old = {key: meeting.world.objects[key]}
            if case == "lost":
                lose(meeting, key)
            elif case == "damaged":
                damage(meeting, key)
            else:
                gone = one.record()
                one.push()
                one.forget(Keys(frozenset([gone.key])))
                meet(*meeting)
                put(meeting, old)
            one.points.last = one.points.passed + cut
            one.store.choose = lambda *_, one=one: one.points.tick() or NONE
            try:
                one.repair()
            except Crash:
                one.close()
                one.open()
                cut += 3
            else:
                assert cut > 20
                cut = 0
            one.arrange(never)
            one.repair()
            meet(*meeting)
            require_all(meeting)
            assert all(events <= device.dump().events for device in meeting.devices)
