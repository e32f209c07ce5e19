"""Tombstones of other devices that are held, accepted and refused, on whole devices."""

from __future__ import annotations

import pytest

from hx.core import holding
from hx.core.format import segment
from hx.core.merge import History
from hx.core.model import MAX_SPARED, Tombstone, Window
from hx.database.sync import held, sync_status
from hx.forget.forget import clean
from hx.sync import held_effects
from hx.sync.publish import planned
from sync.attacker import Attacker
from sync.cluster import converge, new_cluster, sync_each
from sync.departures import leave

DAY_US = 86_400_000_000


@pytest.fixture
def cluster(monkeypatch):
    """Yield three devices that have the same four events of the second one."""
    monkeypatch.setattr(holding, "_LEAST", 2)
    with new_cluster("laptop", "desktop", "server") as cluster:
        for _ in range(4):
            cluster.environment.pass_time()
            cluster.devices[1].record()
        converge(*cluster)
        yield cluster


def everything(device, future_us=0):
    return Window(0, device.now_us + future_us)


def forget_all(cluster, future_us=0, times=1):
    """Let the laptop forget everything, so many times, and all devices sync."""
    laptop = cluster.devices[0]
    for _ in range(times):
        cluster.environment.pass_time()
        laptop.forget(everything(laptop, future_us))
    converge(*cluster)


def refuse_all(device):
    for forget in device.held():
        device.refuse(forget)


def texts(device):
    return {event.command for event in device.dump().events}


def test_what_is_held_takes_nothing_and_is_not_published(cluster):
    laptop, desktop, server = cluster.devices
    before = texts(desktop)
    forget_all(cluster)
    for device in (desktop, server):
        [forget] = device.held()
        assert (forget.reason, forget.events) == (holding.LARGE, 4)
        assert texts(device) == before
        assert not device.dump().tombstones
    assert not texts(laptop)
    assert {each.name for each in _status(laptop).holding} == {"desktop", "server"}
    assert not _status(laptop).confirmed


def _status(device):
    return sync_status.forget_status(device.database, device.me, device.context().trust)


def test_becoming_held_is_told_once(cluster):
    forget_all(cluster)
    for device in cluster.devices:
        device.view.receive()
        del device.store.calls[:]
        device.sync()
        assert device.store.calls == [("list", "m/")]


def test_time_releases_what_lies_in_the_future(cluster):
    _, desktop, _ = cluster.devices
    holding._LEAST = 1_000
    forget_all(cluster, 3 * DAY_US)
    assert [forget.reason for forget in desktop.held()] == [holding.FUTURE]
    cluster.environment.now_us += 2 * DAY_US + DAY_US // 2
    after = desktop.record()
    converge(*cluster)
    for device in cluster.devices:
        assert not device.held()
        assert texts(device) == {after.command}


def test_one_acceptance_counts_for_all(cluster):
    _, desktop, server = cluster.devices
    forget_all(cluster)
    desktop.accept(*desktop.held())
    converge(*cluster)
    assert not server.held()
    assert [texts(device) for device in cluster.devices] == [set()] * 3


def test_the_maker_does_not_accept_its_own(cluster):
    laptop, desktop, _ = cluster.devices
    forget_all(cluster)
    [forget] = desktop.held()
    with laptop.database.transaction():
        held.decide(laptop.database, forget.tombstone_id, held.ACCEPTED, laptop.now_us)
    converge(*cluster)
    assert desktop.held()


def test_a_member_does_not_accept_what_it_has_made_in_another_name(cluster):
    laptop, desktop, _ = cluster.devices
    attacker = Attacker(laptop)
    made = Tombstone(b"\x2a" * 16, 1, b"\x11" * 16, everything(laptop))
    attacker.lay(7, attacker.sealed(7, payload=_payload(made)))
    attacker.sign(accepted=(b"\x2a" * 16,))
    sync_each([desktop])
    assert [forget.reason for forget in desktop.held()] == [holding.LARGE]


def test_nobody_else_accepts_an_id_that_two_tombstones_have(cluster):
    laptop, desktop, server = cluster.devices
    attacker = Attacker(laptop)
    made = [Tombstone(b"\x2a" * 16, n, laptop.me, everything(laptop)) for n in (1, 2)]
    attacker.lay(7, attacker.sealed(7, payload=_payload(*made)))
    attacker.sign()
    sync_each([desktop, server])
    desktop.accept(desktop.held()[0])
    sync_each([desktop, server])
    assert len(server.held()) == 2


def _payload(*tombstones):
    from hx.core.format import segment

    return segment.encode(History(tombstones=frozenset(tombstones)))


def test_a_refusal_gives_back_what_another_device_has_forgotten(cluster):
    laptop, desktop, server = cluster.devices
    before = texts(desktop)
    forget_all(cluster)
    server.accept(*server.held())
    desktop.refuse(*desktop.held())
    converge(*cluster)
    for device in cluster.devices:
        assert texts(device) == before
        assert not device.held()
    assert laptop.dump() == desktop.dump() == server.dump()


def test_a_refusal_gives_back_what_this_device_had_accepted_and_only_its_segment_holds(cluster):
    _, desktop, server = cluster.devices
    before = texts(desktop)
    forget_all(cluster)
    server.retain(server.now_us)  # so the refusal gives nothing back there
    for forget in desktop.held():
        desktop.accept(forget)
    assert not texts(desktop)
    refuse_all(server)
    server.sync()
    desktop.view.receive()
    desktop.sync()
    assert texts(desktop) == before
    converge(*cluster)
    assert texts(desktop) == texts(cluster.devices[0]) == before


def test_a_refusal_outlives_the_device_that_has_made_it(cluster):
    _, desktop, server = cluster.devices
    forget_all(cluster)
    before = texts(server)
    desktop.refuse(*desktop.held())
    sync_each([desktop, server])
    leave(desktop)
    cluster.devices.remove(desktop)
    converge(*cluster)
    assert [texts(device) for device in cluster.devices] == [before] * 2
    desktop.close()


@pytest.mark.parametrize("times", [1, 24])
def test_what_retention_has_removed_here_is_given_back_too(cluster, times):
    laptop, desktop, server = cluster.devices
    before = texts(desktop)
    second_us = sorted(event.key.started_at_us for event in desktop.dump().events)[1]
    for device in (desktop, server):
        device.retain(second_us)
        assert len(texts(device)) == 3
    forget_all(cluster, times=times)
    refuse_all(server)
    converge(*cluster)
    assert texts(laptop) == before


@pytest.mark.parametrize("times", [1, 2])
def test_what_comes_late_under_the_old_key_is_given_back(cluster, times):
    """It was recorded before its device knew the tombstone, and published before it was refused."""
    laptop, desktop, server = cluster.devices
    late = desktop.record()
    for _ in range(times):
        cluster.environment.pass_time()
        laptop.forget(everything(laptop))
    sync_each([laptop, server])
    refuse_all(server)
    sync_each([server])
    desktop.push()
    sync_each([server])
    assert late.command in texts(server)


def test_an_event_that_is_given_back_remains_one_of_its_import(cluster):
    laptop, desktop, _ = cluster.devices
    with desktop.database.transaction():
        desktop.database.execute(
            "INSERT INTO import (at_us, path, kind, new, untimed, redacted, complete)"
            " VALUES (1, 'x', 'zsh', 4, 0, 0, 1)"
        )
        desktop.database.execute("UPDATE event SET import = 1")
    laptop.forget(everything(laptop))
    sync_each([laptop, desktop])
    desktop.refuse(*desktop.held())
    assert desktop.database.value("SELECT count(*) FROM event WHERE import = 1") == 4
    assert clean(desktop.database)


def test_two_copies_of_a_device_do_not_answer_each_other_for_ever(cluster):
    _, desktop, server = cluster.devices
    copy = server.clone("copy")
    cluster.devices.append(copy)
    forget_all(cluster)
    copy.accept(*copy.held())
    converge(*cluster)
    assert not [device for device in cluster.devices if device.held()]
    assert texts(desktop) == set()


@pytest.mark.parametrize("way", ["a restored disk", "another copy"])
def test_what_this_device_has_published_already_is_not_held_any_more(cluster, way):
    """It has accepted a tombstone of a revoked device, and its disk is of the time before."""
    laptop, desktop, _ = cluster.devices
    forget_all(cluster)
    cluster.devices.remove(laptop)
    desktop.make_admin()
    desktop.revoke_by_hx(laptop.me)
    converge(*cluster)
    [forget] = desktop.held()
    if way == "another copy":
        cluster.devices.append(desktop.clone("copy"))
        cluster.devices[-1].accept(forget)
    else:
        backup = desktop.backup()
        desktop.accept(forget)
        desktop.sync()
        desktop.restore(backup)
    converge(*cluster)
    for device in cluster.devices:
        assert not device.held()
        assert not texts(device)
    laptop.close()


@pytest.mark.parametrize("decision", ["accept", "refuse"])
def test_what_a_revoked_device_has_in_the_store_stays_until_nothing_of_it_is_held(
    cluster, decision
):
    """Else a device that has not read it yet would never learn of it."""
    laptop, desktop, server = cluster.devices
    desktop.forget(everything(desktop))
    desktop.sync()
    segments = {key for key in cluster.environment.objects if f"o/{desktop.me.hex()}/" in key}
    laptop.view.receive()
    laptop.revoke_by_hx(desktop.me)
    assert laptop.held()
    assert segments <= cluster.environment.objects.keys()
    sync_each([server])
    assert server.held()
    getattr(laptop, decision)(*laptop.held())
    converge(cluster.environment, [laptop, server])
    assert not segments & cluster.environment.objects.keys()
    assert not server.held()
    assert texts(laptop) == texts(server)
    assert bool(texts(laptop)) == (decision == "refuse")


def test_an_acceptance_is_not_one_of_another_tombstone_with_the_same_id(cluster):
    """Each member reads the ids that others have accepted."""
    laptop, desktop, _ = cluster.devices
    forget_all(cluster)
    [accepted] = desktop.held()
    desktop.accept(accepted)
    later = {desktop.record().command for _ in range(4)}
    converge(*cluster)
    cluster.environment.now_us += DAY_US
    attacker = Attacker(laptop)
    made = Tombstone(accepted.tombstone_id, 1, laptop.me, everything(laptop))
    attacker.lay(7, attacker.sealed(7, payload=_payload(made)))
    attacker.sign()
    sync_each([desktop])
    assert texts(desktop) == later
    assert [forget.reason for forget in desktop.held()] == [holding.LARGE]


def test_what_a_revoked_device_has_made_in_another_name_stays_held(cluster):
    laptop, desktop, server = cluster.devices
    holding._LEAST = 1_000
    before = texts(laptop)
    attacker = Attacker(desktop)
    made = Tombstone(b"\x2a" * 16, 1, server.me, everything(desktop, 3 * DAY_US))
    attacker.lay(7, attacker.sealed(7, payload=_payload(made)))
    attacker.sign()
    sync_each([laptop, server])
    assert [forget.reason for forget in laptop.held()] == [holding.FUTURE]
    laptop.revoke_by_hx(desktop.me)
    cluster.environment.now_us += 4 * DAY_US
    converge(cluster.environment, [laptop, server])
    assert texts(laptop) == texts(server) == before
    for device in (laptop, server):
        assert [forget.reason for forget in device.held()] == [holding.OF_REVOKED]
        assert not held.is_due(device.database, device.now_us, holds=True)


def test_a_refusal_forgets_nothing_where_a_key_has_no_room_for_it(cluster):
    """Whoever makes tombstones and refuses them fills the keys of what they cover."""
    _, desktop, server = cluster.devices
    event = desktop.record()
    full = tuple(number.to_bytes(16) for number in range(1, 1 + MAX_SPARED))
    desktop._add_record(event._replace(command=b"full", key=event.key._replace(spared=full)))
    cluster.environment.pass_time()
    forget_all(cluster)
    before = texts(server)
    server.refuse(*server.held())
    converge(cluster.environment, [desktop, server])
    assert b"full" in before
    assert texts(server) == texts(desktop) == before


def test_of_very_many_orders_of_one_maker_only_the_first_ones_are_counted(cluster, monkeypatch):
    """A few bytes hold thousands of windows, and each of them may cover every event."""
    monkeypatch.setattr(held_effects, "_WHOLE_COUNTS", 2)
    monkeypatch.setattr(held_effects, "_LEAST_EVENTS", 0)
    laptop, desktop, _ = cluster.devices
    evil = Attacker(laptop)
    made = {
        Tombstone(bytes([n]) * 16, laptop.now_us + n, laptop.me, Window(0, laptop.now_us))
        for n in range(1, 7)
    }
    evil.lay(9, evil.sealed(9, payload=segment.encode(History(tombstones=frozenset(made)))))
    evil.sign()
    for _ in range(2):
        desktop.record()
        sync_each([desktop])
        assert [forget.reason for forget in desktop.held()] == [holding.LARGE] * 6
        numbers = [forget.events for forget in desktop.held()]
        assert numbers.count(None) in (3, 4)
        assert numbers[0] == 4
    assert len(texts(desktop)) == 6


def test_who_holds_more_than_its_manifest_names_confirms_nothing(cluster, monkeypatch):
    monkeypatch.setattr(held, "MAX_HELD", 1)
    laptop, desktop, server = cluster.devices
    for maker in (laptop, server):
        maker.forget(everything(maker))
    converge(*cluster)
    assert len(desktop.held()) == 2
    for maker in (laptop, server):
        assert "desktop" not in _status(maker).confirmed.values()


def test_a_dry_run_gives_nothing_back(cluster):
    _, desktop, server = cluster.devices
    forget_all(cluster)
    server.retain(server.now_us)
    for forget in desktop.held():
        desktop.accept(forget)
    refuse_all(server)
    server.sync()
    desktop.view.receive()
    desktop.pull()
    assert planned(desktop.context(), desktop.name(), is_dry=True) is not None
    assert not texts(desktop)
