"""`hx sync repair`: what it restores, publishes again and deletes, without breaking a rule."""

from __future__ import annotations

import pytest

from hx.core.errors import NotAVault
from hx.core.model import Keys
from hx.database.sync import forgotten_copies, ledger
from hx.sync.heads import own_head
from hx.sync.repair import repair
from stores.faulty import FLIPPED, NONE, READ_ONLY, never, of
from sync.cluster import converge, new_cluster
from sync.environment import Crash
from sync.invariants import require_all
from sync.losses import cut_short, damage, lose, own_segments, put


@pytest.fixture
def cluster():
    with new_cluster("laptop", "desktop") as cluster:
        yield cluster


def test_a_repair_of_a_sound_store_changes_nothing(cluster):
    laptop = cluster.devices[0]
    laptop.record()
    converge(*cluster)
    before = dict(cluster.environment.objects)
    report = laptop.repair()
    assert cluster.environment.objects == before
    assert not report.damaged
    assert (report.events, report.lost, report.unlisted, report.slots) == (0, 0, 0, 0)
    assert (report.invitations, report.vault_file) == (0, False)
    assert report.read >= 2
    require_all(cluster)


def test_lost_own_segments_are_published_again(cluster):
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


def test_a_damaged_own_segment_is_replaced_and_then_deleted(cluster):
    laptop, desktop = cluster.devices
    event = laptop.record()
    laptop.push()
    (key,) = own_segments(cluster, laptop)
    damage(cluster, key)
    report = laptop.repair()
    assert report.lost == 1
    assert not report.damaged
    assert key not in cluster.environment.objects
    converge(*cluster)
    assert event in desktop.dump().events
    require_all(cluster)


def test_a_damaged_own_segment_stays_until_the_manifest_without_it_is_read_back(cluster):
    laptop = cluster.devices[0]
    laptop.record()
    laptop.push()
    (key,) = own_segments(cluster, laptop)
    damage(cluster, key)
    before = {*cluster.environment.objects}

    def choose(_number, operation, name):
        return FLIPPED if operation == "get" and name[:2] == "m/" and name not in before else NONE

    laptop.store.choose = choose
    laptop.repair()
    assert key in cluster.environment.objects
    laptop.inject_fault(never)
    laptop.repair()
    assert key not in cluster.environment.objects


def test_a_read_error_loses_no_event_that_retention_removed_here(cluster):
    laptop, desktop = cluster.devices
    event = laptop.record()
    laptop.push()
    laptop.retain(cluster.environment.now_us + 10**15)
    (key,) = own_segments(cluster, laptop)
    reads = []

    def choose(_number, operation, requested):
        reads.append(requested if operation == "get" else "")
        is_damaged = operation == "get" and requested == key and reads.count(key) < 3
        return FLIPPED if is_damaged else NONE

    laptop.store.choose = choose
    laptop.repair()
    converge(*cluster)
    assert event in desktop.dump().events
    require_all(cluster)


def test_events_that_a_damaged_database_lost_come_back(cluster):
    laptop, desktop = cluster.devices
    laptop_event, desktop_event = laptop.record(), desktop.record()
    converge(*cluster)
    with laptop.database.transaction():
        laptop.database.execute("DELETE FROM event")
    assert laptop.repair().events == 2
    assert {laptop_event, desktop_event} <= laptop.dump().events
    converge(*cluster)
    require_all(cluster)


def test_a_store_restored_from_an_old_copy_gets_all_records_again(cluster):
    laptop, desktop = cluster.devices
    before, forgotten = laptop.record(), laptop.record()
    converge(*cluster)
    old_objects = dict(cluster.environment.objects)
    laptop.forget(Keys(frozenset([forgotten.key])))
    after = laptop.record()
    converge(*cluster)
    lose(cluster, *list(cluster.environment.objects.keys() - old_objects.keys()))
    put(cluster, old_objects)
    for device in cluster.devices:
        device.repair()
    converge(*cluster)
    assert {before, after} <= desktop.dump().events
    assert forgotten not in desktop.dump().events
    require_all(cluster)


def test_a_deleted_segment_that_comes_back_is_deleted_again(cluster):
    laptop = cluster.devices[0]
    event = laptop.record()
    laptop.push()
    (key,) = own_segments(cluster, laptop)
    old_objects = {key: cluster.environment.objects[key]}
    laptop.forget(Keys(frozenset([event.key])))
    laptop.push()
    assert key not in cluster.environment.objects
    put(cluster, old_objects)
    assert laptop.repair().unlisted == 1
    assert key not in cluster.environment.objects
    converge(*cluster)
    require_all(cluster)


def test_a_replaced_segment_that_a_push_could_not_delete_is_deleted_and_not_joined(cluster):
    laptop = cluster.devices[0]
    event = laptop.record()
    laptop.push()
    (key,) = own_segments(cluster, laptop)
    laptop.forget(Keys(frozenset([event.key])))
    laptop.store.choose = of("delete", READ_ONLY, "o/")
    with pytest.raises(Exception, match="as the test asked for"):
        laptop.push()
    laptop.inject_fault(never)
    assert laptop.repair().unlisted == 0
    assert key not in cluster.environment.objects


def test_an_unknown_own_segment_is_joined_before_it_is_deleted(cluster):
    """A restored disk does not know of a segment that was put before a push was cut short."""
    laptop, desktop = cluster.devices
    backup = laptop.backup()
    event = laptop.record()
    cut_short(laptop)
    laptop.restore(backup)
    cluster.environment.maybe_lost.clear()
    (key,) = own_segments(cluster, laptop)
    assert laptop.repair().unlisted == 1
    assert key not in cluster.environment.objects
    converge(*cluster)
    assert event in desktop.dump().events
    require_all(cluster)


def test_an_unknown_segment_that_is_unreadable_stays_and_is_reported(cluster):
    laptop = cluster.devices[0]
    event = laptop.record()
    laptop.push()
    (key,) = own_segments(cluster, laptop)
    stranger = key[:-7] + "0000.hx"
    put(cluster, {stranger: cluster.environment.objects[key]})
    (problem,) = laptop.repair().damaged
    assert (problem.key, problem.reason) == (stranger, "misplaced")
    assert stranger in cluster.environment.objects
    assert event in laptop.dump().events


def test_a_lost_segment_of_another_device_is_reported_and_published_by_its_own_repair(cluster):
    laptop, desktop = cluster.devices
    event = laptop.record()
    converge(*cluster)
    (key,) = own_segments(cluster, laptop)
    lose(cluster, key)
    (problem,) = desktop.repair().damaged
    assert (problem.key, problem.device_id, problem.is_missing) == (key, laptop.me, True)
    assert event in desktop.dump().events
    laptop.repair()
    desktop.view.receive()
    desktop.pull()
    assert not desktop.repair().damaged
    converge(*cluster)
    require_all(cluster)


def test_a_lost_vault_file_is_written_again(cluster):
    laptop = cluster.devices[0]
    vault_file = cluster.environment.objects["hx-vault.hx"]
    lose(cluster, "hx-vault.hx")
    assert laptop.repair().vault_file
    assert cluster.environment.objects["hx-vault.hx"] == vault_file


def test_where_all_manifests_are_lost_the_vault_file_shows_that_it_is_this_vault(cluster):
    laptop, desktop = cluster.devices
    event = laptop.record()
    converge(*cluster)
    lose(cluster, *[key for key in cluster.environment.objects if key[:2] == "m/"])
    assert not laptop.repair().vault_file
    assert not desktop.repair().vault_file
    converge(*cluster)
    assert event in desktop.dump().events
    require_all(cluster)


def test_what_a_repair_pushes_is_counted_and_what_it_finds_is_told(cluster):
    """Its second push, which deletes what the first has replaced, counts as well."""
    laptop, _ = cluster.devices
    laptop.record()
    laptop.push()
    (key,) = own_segments(cluster, laptop)
    old_objects = {key: cluster.environment.objects[key]}
    laptop.redact(next(iter(laptop.dump().events)))
    laptop.push()
    put(cluster, old_objects)
    (present,) = {*own_segments(cluster, laptop)} - {key}
    damage(cluster, present)
    context, notes = laptop.context(), []
    context.on_note = notes.append
    report = repair(context, laptop.outbox, laptop.name())
    assert (key, "imported") in [note[:2] for note in notes]
    assert report.pushed.events == 1
    assert report.pushed.objects == 1
    assert report.pushed.removed >= 1
    assert (report.unlisted, report.lost, report.events) == (1, 1, 0)
    converge(*cluster)
    require_all(cluster)


def test_an_empty_store_is_refused_and_stays_empty(cluster):
    laptop = cluster.devices[0]
    lose(cluster, *list(cluster.environment.objects))
    with pytest.raises(NotAVault):
        laptop.repair()
    assert not cluster.environment.objects


def test_a_store_with_old_manifests_and_without_the_vault_file_is_refused_and_unchanged(cluster):
    laptop = cluster.devices[0]
    newest = {head.key for heads in ledger.heads(laptop.database).values() for head in heads}
    lose(cluster, "hx-vault.hx", *newest)
    before = dict(cluster.environment.objects)
    assert ledger.known_manifests(laptop.database) & before.keys()
    with pytest.raises(NotAVault):
        laptop.repair()
    assert cluster.environment.objects == before


def test_a_damaged_vault_file_without_a_known_head_is_refused_and_unchanged(cluster):
    laptop = cluster.devices[0]
    damage(cluster, "hx-vault.hx")
    lose(cluster, *(key for key in cluster.environment.objects if key.startswith("m/")))
    before = dict(cluster.environment.objects)
    with pytest.raises(NotAVault):
        laptop.repair()
    assert cluster.environment.objects == before


def test_a_damaged_own_head_is_published_again_and_deleted(cluster):
    laptop, desktop = cluster.devices
    laptop.record()
    laptop.push()
    newest = max(
        key for key in cluster.environment.objects if key.startswith(f"m/{laptop.me.hex()}")
    )
    damage(cluster, newest)
    laptop.repair()
    assert newest not in cluster.environment.objects
    assert newest not in ledger.known_manifests(laptop.database)
    converge(*cluster)
    assert desktop.pull().pending == 0
    require_all(cluster)


@pytest.mark.parametrize("failing", [1, 2, 3])
def test_one_reading_that_fails_does_not_replace_the_newest_own_manifest(cluster, failing):
    laptop, _ = cluster.devices
    laptop.record()
    laptop.push()
    head, reads = own_head(laptop.context()).key, []

    def choose(_number, operation, key):
        reads.extend([key] if (operation, key) == ("get", head) else [])
        return FLIPPED if (operation, key, len(reads)) == ("get", head, failing) else NONE

    laptop.store.choose = choose
    laptop.repair()
    assert own_head(laptop.context()).key == head
    assert head in cluster.environment.objects


def test_a_push_that_was_cut_short_is_completed_before_unlisted_segments_are_looked_for(cluster):
    laptop, desktop = cluster.devices
    event = laptop.record()
    cut_short(laptop)
    (key,) = own_segments(cluster, laptop)
    report = laptop.repair()
    assert (report.unlisted, report.lost) == (0, 0)
    assert own_segments(cluster, laptop) == [key]
    converge(*cluster)
    assert event in desktop.dump().events


def test_what_was_refused_and_is_right_now_is_taken(cluster):
    laptop, desktop = cluster.devices
    event = desktop.record()
    desktop.push()
    (key,) = own_segments(cluster, desktop)
    laptop.view.receive()
    whole = laptop.view.held[key]
    laptop.view.held[key] = whole[:-1] + bytes([whole[-1] ^ 1])
    for _ in range(4):
        laptop.pull()
        laptop.environment.now_us += 2 * 86_400_000_000
    assert laptop.pull().rejected == 1
    laptop.view.held[key] = whole
    laptop.pull()
    assert event not in laptop.dump().events
    laptop.repair()
    assert event in laptop.dump().events


@pytest.mark.parametrize("is_there", [False, True], ids=["lost", "damaged"])
def test_an_own_segment_that_was_never_joined_is_taken_if_it_arrives_later(cluster, is_there):
    """A restored disk knows of it only by a manifest; other devices may have joined it."""
    laptop, _ = cluster.devices
    backup = laptop.backup()
    event = laptop.record()
    laptop.push()
    laptop.restore(backup)
    (key,) = own_segments(cluster, laptop)
    whole = {key: cluster.environment.objects[key]}
    damage(cluster, key) if is_there else lose(cluster, key)
    report = laptop.repair()
    assert [problem.key for problem in report.damaged] == [key] * is_there
    assert (key in cluster.environment.objects) == is_there
    put(cluster, whole)
    laptop.environment.now_us += 1
    laptop.repair() if is_there else laptop.pull()
    assert event in laptop.dump().events
    converge(*cluster)
    assert event in cluster.devices[1].dump().events


def test_a_second_repair_has_nothing_to_do(cluster):
    laptop = cluster.devices[0]
    laptop.record()
    laptop.push()
    lose(cluster, *own_segments(cluster, laptop))
    laptop.repair()
    before = dict(cluster.environment.objects)
    second = laptop.repair()
    assert cluster.environment.objects == before
    assert (second.lost, second.unlisted, second.events) == (0, 0, 0)


@pytest.mark.parametrize("case", ["lost", "damaged", "unlisted"])
@pytest.mark.parametrize(
    "first", [1, pytest.param(2, marks=pytest.mark.long), pytest.param(3, marks=pytest.mark.long)]
)
def test_a_repair_cut_short_at_any_step_is_completed_by_the_next(case, first):
    step = first
    while step:
        with new_cluster("laptop", "desktop", seed=step) as cluster:
            laptop, _ = cluster.devices
            events = {laptop.record(), cluster.devices[1].record()}
            converge(*cluster)
            (key,) = own_segments(cluster, laptop)
            old_objects = {key: cluster.environment.objects[key]}
            if case == "lost":
                lose(cluster, key)
            elif case == "damaged":
                damage(cluster, key)
            else:
                forgotten = laptop.record()
                laptop.push()
                laptop.forget(Keys(frozenset([forgotten.key])))
                converge(*cluster)
                put(cluster, old_objects)
            laptop.crash_points.crash_at = laptop.crash_points.count + step
            laptop.store.choose = lambda *_, laptop=laptop: laptop.crash_points.tick() or NONE
            try:
                laptop.repair()
            except Crash:
                laptop.close()
                laptop.open()
                step += 3
            else:
                assert step > 20
                step = 0
            laptop.inject_fault(never)
            laptop.repair()
            converge(*cluster)
            require_all(cluster)
            assert all(events <= device.dump().events for device in cluster.devices)


def test_after_a_repair_no_copy_of_a_forgotten_record_is_noted_that_the_store_has_lost(cluster):
    laptop = cluster.devices[0]
    event = laptop.record()
    laptop.push()
    laptop.forget(Keys(frozenset([event.key])))
    assert forgotten_copies.copies(laptop.database).keys() == {laptop.me}
    lose(cluster, *own_segments(cluster, laptop))
    laptop.repair()
    assert forgotten_copies.copies(laptop.database) == {}


def test_what_a_repair_finds_to_be_forgotten_is_searched_in_the_segments_of_others(cluster):
    """The tombstone was in a push that was cut short before a restored disk."""
    laptop, desktop = cluster.devices
    event = desktop.record()
    converge(*cluster)
    backup = laptop.backup()
    laptop.forget(Keys(frozenset([event.key])))
    cut_short(laptop)
    laptop.restore(backup)
    cluster.environment.maybe_lost.clear()
    assert laptop.repair().unlisted == 1
    assert event not in laptop.dump().events
    assert forgotten_copies.copies(laptop.database).keys() == {desktop.me}
    assert [*forgotten_copies.suspected(laptop.database, laptop.me)] == []
