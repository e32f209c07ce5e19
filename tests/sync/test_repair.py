"""What a repair brings back, publishes again and takes out; and that it bends no rule for it."""

from __future__ import annotations

import pytest

from hx.core.errors import NotAVault
from hx.core.model import Keys
from stores.faulty import FLIPPED, NONE, never
from sync.cluster import converge, new_cluster
from sync.environment import Crash
from sync.invariants import require_all


@pytest.fixture
def cluster():
    with new_cluster("laptop", "desktop") as cluster:
        yield cluster


def own_segments(cluster, device):
    return sorted(
        key for key in cluster.environment.objects if key.startswith(f"o/{device.me.hex()}/")
    )


def lose(cluster, *keys):
    for key in keys:
        cluster.environment.objects.pop(key)
        for device in cluster.devices:
            device.view.held.pop(key, None)


def put(cluster, objects):
    """As a tool would that copies files into the store."""
    cluster.environment.objects.update(objects)
    for device in cluster.devices:
        device.view.held.update(objects)


def damage(cluster, key):
    data = bytearray(cluster.environment.objects[key])
    data[len(data) // 2] ^= 1
    put(cluster, {key: bytes(data)})


def test_a_repair_of_what_is_whole_changes_nothing(cluster):
    laptop = cluster.devices[0]
    laptop.record()
    converge(*cluster)
    before = dict(cluster.environment.objects)
    done = laptop.repair()
    assert cluster.environment.objects == before
    assert not done.damaged
    assert (done.events, done.lost, done.unlisted, done.slots) == (0, 0, 0, 0)
    assert done.read >= 2
    require_all(cluster)


def test_own_segments_that_the_store_has_lost_are_published_again(cluster):
    laptop, desktop = cluster.devices
    event = laptop.record()
    laptop.push()
    lose(cluster, *own_segments(cluster, laptop))
    desktop.view.receive()
    assert desktop.pull().pending == 1
    assert laptop.repair().lost == 1
    converge(*cluster)
    assert event in desktop.dump().events
    require_all(cluster)


def test_a_damaged_own_segment_is_replaced_and_then_taken_out(cluster):
    laptop, desktop = cluster.devices
    event = laptop.record()
    laptop.push()
    (key,) = own_segments(cluster, laptop)
    damage(cluster, key)
    done = laptop.repair()
    assert done.lost == 1
    assert not done.damaged
    assert key not in cluster.environment.objects
    converge(*cluster)
    assert event in desktop.dump().events
    require_all(cluster)


def test_a_segment_that_is_read_badly_by_chance_loses_nothing_that_retention_took_here(cluster):
    laptop, desktop = cluster.devices
    event = laptop.record()
    laptop.push()
    laptop.retain(cluster.environment.now_us + 10**15)
    (key,) = own_segments(cluster, laptop)
    reads = []

    def choose(_number, operation, called):
        reads.append(called if operation == "get" else "")
        return FLIPPED if operation == "get" and called == key and reads.count(key) < 3 else NONE

    laptop.store.choose = choose
    laptop.repair()
    converge(*cluster)
    assert event in desktop.dump().events
    require_all(cluster)


def test_what_a_damaged_database_lacks_comes_back(cluster):
    laptop, desktop = cluster.devices
    mine, theirs = laptop.record(), desktop.record()
    converge(*cluster)
    with laptop.database.transaction():
        laptop.database.execute("DELETE FROM event")
    assert laptop.repair().events == 2
    assert {mine, theirs} <= laptop.dump().events
    converge(*cluster)
    require_all(cluster)


def test_a_store_restored_from_an_old_copy_hears_all_again(cluster):
    laptop, desktop = cluster.devices
    before, gone = laptop.record(), laptop.record()
    converge(*cluster)
    old = dict(cluster.environment.objects)
    laptop.forget(Keys(frozenset([gone.key])))
    after = laptop.record()
    converge(*cluster)
    lose(cluster, *list(cluster.environment.objects.keys() - old.keys()))
    put(cluster, old)
    for device in cluster.devices:
        device.repair()
    converge(*cluster)
    assert {before, after} <= desktop.dump().events
    assert gone not in desktop.dump().events
    require_all(cluster)


def test_a_segment_that_comes_back_after_it_was_taken_out_goes_again(cluster):
    laptop = cluster.devices[0]
    event = laptop.record()
    laptop.push()
    (key,) = own_segments(cluster, laptop)
    old = {key: cluster.environment.objects[key]}
    laptop.forget(Keys(frozenset([event.key])))
    laptop.push()
    assert key not in cluster.environment.objects
    put(cluster, old)
    assert laptop.repair().unlisted == 1
    assert key not in cluster.environment.objects
    converge(*cluster)
    require_all(cluster)


def test_a_segment_that_nobody_knows_is_joined_before_it_goes(cluster):
    """A restored disk has forgotten what a push had put before its manifest was up."""
    laptop, desktop = cluster.devices
    backup = laptop.backup()
    event = laptop.record()
    laptop.store.choose = lambda _number, operation, key: (
        "read-only" if operation == "put" and key.startswith("m/") else NONE
    )
    with pytest.raises(Exception, match="as the test asked for"):
        laptop.push()
    laptop.store.choose = lambda *_: NONE
    laptop.restore(backup)
    cluster.environment.maybe_lost.clear()
    (key,) = own_segments(cluster, laptop)
    assert laptop.repair().unlisted == 1
    assert key not in cluster.environment.objects
    converge(*cluster)
    assert event in desktop.dump().events
    require_all(cluster)


def test_an_unknown_segment_that_cannot_be_read_stays_and_is_named(cluster):
    laptop = cluster.devices[0]
    event = laptop.record()
    laptop.push()
    (key,) = own_segments(cluster, laptop)
    stranger = key[:-7] + "0000.hx"
    put(cluster, {stranger: cluster.environment.objects[key]})
    (found,) = laptop.repair().damaged
    assert (found.key, found.reason) == (stranger, "misplaced")
    assert stranger in cluster.environment.objects
    assert event in laptop.dump().events


def test_what_another_has_lost_is_named_and_published_again_by_its_own_repair(cluster):
    laptop, desktop = cluster.devices
    event = laptop.record()
    converge(*cluster)
    (key,) = own_segments(cluster, laptop)
    lose(cluster, key)
    (found,) = desktop.repair().damaged
    assert (found.key, found.device_id, found.is_missing) == (key, laptop.me, True)
    assert event in desktop.dump().events
    laptop.repair()
    desktop.view.receive()
    desktop.pull()
    assert not desktop.repair().damaged
    converge(*cluster)
    require_all(cluster)


def test_a_vault_file_that_is_gone_is_written_again_where_the_vault_is_known(cluster):
    laptop = cluster.devices[0]
    vault_file = cluster.environment.objects["hx-vault.hx"]
    lose(cluster, "hx-vault.hx")
    assert laptop.repair().vault_file
    assert cluster.environment.objects["hx-vault.hx"] == vault_file


def test_in_an_empty_place_nothing_is_made(cluster):
    laptop = cluster.devices[0]
    lose(cluster, *list(cluster.environment.objects))
    with pytest.raises(NotAVault):
        laptop.repair()
    assert not cluster.environment.objects


def test_beside_the_vault_file_of_another_vault_nothing_is_made(cluster):
    laptop = cluster.devices[0]
    damage(cluster, "hx-vault.hx")
    before = dict(cluster.environment.objects)
    with pytest.raises(NotAVault):
        laptop.repair()
    assert cluster.environment.objects == before


def test_an_own_head_that_is_damaged_is_published_again_and_goes(cluster):
    laptop, desktop = cluster.devices
    laptop.record()
    laptop.push()
    newest = max(
        key for key in cluster.environment.objects if key.startswith(f"m/{laptop.me.hex()}")
    )
    damage(cluster, newest)
    laptop.repair()
    assert newest not in cluster.environment.objects
    converge(*cluster)
    assert desktop.pull().pending == 0
    require_all(cluster)


def test_key_slots_that_are_gone_are_put_down_again(cluster):
    laptop = cluster.devices[0]
    slots = sorted(key for key in cluster.environment.objects if key.startswith("k/"))
    lose(cluster, *slots)
    recipients = {key.split("/")[1] for key in slots}
    assert laptop.repair().slots == len({tuple(key[2:].split("-")[0].split("/")) for key in slots})
    assert {
        key.split("/")[1] for key in cluster.environment.objects if key[:2] == "k/"
    } == recipients


def test_a_second_repair_at_once_finds_nothing_to_do(cluster):
    laptop = cluster.devices[0]
    laptop.record()
    laptop.push()
    lose(cluster, *own_segments(cluster, laptop))
    laptop.repair()
    before = dict(cluster.environment.objects)
    again = laptop.repair()
    assert cluster.environment.objects == before
    assert (again.lost, again.unlisted, again.events) == (0, 0, 0)


def test_a_damaged_key_slot_is_put_down_anew_and_another_device_puts_one_beside_it(cluster):
    laptop, desktop = cluster.devices
    own = [
        key
        for key in cluster.environment.objects
        if key[:2] == "k/" and key.endswith(f"{laptop.me.hex()}.hx")
    ]
    damage(cluster, own[0])
    bad = cluster.environment.objects[own[0]]
    (found,) = desktop.repair().damaged
    assert (found.key, found.reason) == (own[0], "commitment")
    in_second_process = own[0].replace(f"-{laptop.me.hex()}", f"-{desktop.me.hex()}")
    assert in_second_process in cluster.environment.objects
    laptop.view.receive()
    assert not laptop.repair().damaged
    assert cluster.environment.objects.get(own[0]) != bad
    converge(*cluster)
    require_all(cluster)


def test_a_closed_invitation_that_comes_back_goes_again(cluster):
    laptop = cluster.devices[0]
    (closed,) = laptop.context().trust.closed
    key = f"j/{closed.hex()}.hx"
    put(cluster, {key: b"an old copy"})
    assert laptop.repair().invitations == 1
    assert key not in cluster.environment.objects


@pytest.mark.parametrize("case", ["lost", "damaged", "unlisted"])
@pytest.mark.parametrize(
    "first", [1, pytest.param(2, marks=pytest.mark.long), pytest.param(3, marks=pytest.mark.long)]
)
def test_a_repair_that_the_power_cuts_anywhere_is_ended_by_the_next(case, first):
    cut = first
    while cut:
        with new_cluster("laptop", "desktop", seed=cut) as cluster:
            laptop, _ = cluster.devices
            events = {laptop.record(), cluster.devices[1].record()}
            converge(*cluster)
            (key,) = own_segments(cluster, laptop)
            old = {key: cluster.environment.objects[key]}
            if case == "lost":
                lose(cluster, key)
            elif case == "damaged":
                damage(cluster, key)
            else:
                gone = laptop.record()
                laptop.push()
                laptop.forget(Keys(frozenset([gone.key])))
                converge(*cluster)
                put(cluster, old)
            laptop.crash_points.crash_at = laptop.crash_points.count + cut
            laptop.store.choose = lambda *_, laptop=laptop: laptop.crash_points.tick() or NONE
            try:
                laptop.repair()
            except Crash:
                laptop.close()
                laptop.open()
                cut += 3
            else:
                assert cut > 20
                cut = 0
            laptop.inject_fault(never)
            laptop.repair()
            converge(*cluster)
            require_all(cluster)
            assert all(events <= device.dump().events for device in cluster.devices)
