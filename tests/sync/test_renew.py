"""A new vault replaces the old one: what goes along, who is told, and what comes over later."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from hx.core import holding
from hx.core.errors import NotAVault, WasRenewed
from hx.core.format.keys import DeviceKeys
from hx.core.model import Keys, Window
from hx.database.event_detail import rename_device
from hx.database.sync import vault
from hx.stores import Transient
from hx.sync import enroll
from hx.sync.moved_notes import leave_note
from hx.sync.pull import pull
from hx.sync.renew import depart, is_replaced_by, read_old, tell_others
from stores.faulty import BEFORE, NONE, FaultyStore
from sync.cluster import converge, new_cluster
from sync.devices import Device
from sync.environment import Environment, StoreView

URL = "folder:/new"
DAY_US = 86_400_000_000


@pytest.fixture
def cluster():
    with new_cluster("laptop", "desktop", "phone") as cluster:
        for device in cluster.devices:
            device.record()
        converge(*cluster)
        yield cluster


class New(NamedTuple):
    """A vault that replaces that of a cluster: its store, and its first device."""

    environment: Environment
    genesis: object
    first: Device


def entering(device, environment, first=lambda: None):
    """Return the device as it enters a vault in another store, under new keys."""
    old = device.context()
    rng = device.environment.rng
    keys = DeviceKeys(rng.randbytes(32), rng.randbytes(32))
    view = StoreView(environment)
    view.receive()
    store = FaultyStore(view)

    def keep(secrets):
        device.waiting = secrets

    def enter():
        first()
        depart(old, device.outbox)
        device.me, device.custody = keys.device_id, device.waiting
        device.view, device.store = view, store
        rename_device(device.database, device.me, device.label)

    here = enroll.ThisDevice(device.database, keys, device.label, keep, device.now_us, enter)
    return here, enroll.VaultPlace(store, URL, "vault")


def renew(device):
    environment = Environment(1, device.environment.folder)
    environment.now_us = device.environment.now_us
    old, made = device.context(), []
    read_old(old, device.store, URL)
    here, place = entering(device, environment, lambda: tell_others(old, URL, made[0]))
    genesis = enroll.init(here, place, encrypt=True, entropy=bytes(16), made=made.append)
    device.push()
    return New(environment, genesis, device)


def come_over(new, device):
    """Bring a device of the old vault into the new one, and let both sync there."""
    device.view.receive()
    assert is_replaced_by(device.context(), new.genesis.sha256)
    code = new.first.invite()
    enroll.join(*entering(device, new.environment), code)
    for each in (device, new.first, device, new.first, device):
        each.view.receive()
        each.sync()


def newcomer(cluster, new):
    """Return a device that has joined the new vault and was never in the old one."""
    device = Device(cluster.environment, "newcomer")
    device.view = StoreView(new.environment)
    device.store = FaultyStore(device.view)
    code = new.first.invite()
    device.view.receive()
    device.join(code)
    for each in (device, new.first, device):
        each.view.receive()
        each.sync()
    return device


def texts(device):
    return {event.command for event in device.dump().events}


def test_the_new_vault_gets_all_that_the_first_device_holds(cluster):
    laptop, desktop, phone = cluster.devices
    desktop.keep(desktop.record())
    phone.pin(phone.session, pinned=True)
    laptop.forget(Keys(frozenset([laptop.record().key])))
    converge(*cluster)
    before = laptop.dump()
    new = renew(laptop)
    assert laptop.dump() == before == newcomer(cluster, new).dump()


def test_the_others_read_the_old_place_and_publish_nothing_there(cluster):
    laptop, desktop, _ = cluster.devices
    renew(laptop)
    desktop.record()
    desktop.view.receive()
    before = dict(cluster.environment.objects)
    for sync in (desktop.sync, desktop.push):
        with pytest.raises(WasRenewed, match="is replaced by a new one in folder:/new") as raised:
            sync()
        assert "hx sync join" in raised.value.hint
    assert cluster.environment.objects == before


def test_a_note_leads_to_a_place_that_is_called_as_the_old_one(cluster):
    """Another machine may reach the new place under the path that the old one has here."""
    laptop, desktop, _ = cluster.devices
    vault.update(desktop.database, store=URL)
    new = renew(laptop)
    desktop.view.receive()
    assert is_replaced_by(desktop.context(), new.genesis.sha256)


def test_a_device_that_is_no_admin_tells_nobody(cluster):
    laptop, desktop, _ = cluster.devices
    assert read_old(laptop.context(), laptop.store, URL).tells_others
    assert not read_old(desktop.context(), desktop.store, URL).tells_others
    new = renew(desktop)
    laptop.view.receive()
    laptop.sync()
    assert not is_replaced_by(laptop.context(), new.genesis.sha256)


def test_a_newer_note_of_somebody_who_knows_the_old_words_keeps_nobody_back(cluster):
    laptop, desktop, phone = cluster.devices
    phone.make_admin()
    converge(*cluster)
    new = renew(laptop)
    for successor in (bytes(32), None):
        cluster.environment.pass_time()
        context = phone.context()
        context.now_us += DAY_US
        leave_note(context, "folder:/wrong", successor)
        desktop.view.receive()
        assert is_replaced_by(desktop.context(), new.genesis.sha256)


def test_who_comes_over_brings_what_only_it_has(cluster):
    laptop, desktop, phone = cluster.devices
    new = renew(laptop)
    alone = desktop.record()
    come_over(new, desktop)
    come_over(new, phone)
    assert alone.command in texts(laptop)
    assert laptop.dump() == desktop.dump() == phone.dump()
    assert vault.read(desktop.database).vault_id == new.genesis.vault_id


def test_what_an_interrupted_push_has_left_is_published_in_the_new_vault_only(cluster):
    laptop, desktop, _ = cluster.devices
    event = desktop.record()
    desktop.store.choose = lambda _, call, key: BEFORE if (call, key[:2]) == ("put", "m/") else NONE
    with pytest.raises(Transient):
        desktop.push()
    desktop.inject_fault()
    assert desktop.outbox.read() is not None
    new = renew(laptop)
    come_over(new, desktop)
    assert event.command in texts(laptop)
    vault_ids = {data[8:24] for data in new.environment.objects.values()} - {bytes(16)}
    assert vault_ids == {new.genesis.vault_id}


def test_what_was_forgotten_stays_forgotten_when_an_old_copy_comes_over(cluster):
    laptop, desktop, _ = cluster.devices
    secret = desktop.record()
    converge(*cluster)
    laptop.forget(Keys(frozenset([secret.key])))  # the desktop never syncs in the old vault again
    new = renew(laptop)
    assert secret.command in texts(desktop)
    come_over(new, desktop)
    assert secret.command not in texts(desktop) | texts(laptop) | texts(newcomer(cluster, new))


def held_in(cluster, since_us=0):
    """Let the phone, which is gone then, forget what is in the future; return the new vault."""
    laptop, _, phone = cluster.devices
    phone.forget(Window(since_us, phone.now_us + 3 * DAY_US))
    converge(*cluster)
    [before] = laptop.held()
    assert before.reason == holding.FUTURE
    new = renew(laptop)
    [after] = laptop.held()
    assert (after.tombstone_id, after.reason) == (before.tombstone_id, before.reason)
    return new


def test_what_is_held_waits_in_the_new_vault_and_one_yes_there_counts(cluster):
    laptop, desktop, _ = cluster.devices
    new = held_in(cluster)
    come_over(new, desktop)
    assert [forget.reason for forget in desktop.held()] == [holding.FUTURE]
    before = texts(laptop)
    event = laptop.record()  # a held tombstone is known: it takes nothing that is recorded now
    desktop.accept(*desktop.held())
    for each in (desktop, laptop, desktop):
        each.view.receive()
        each.sync()
    assert not laptop.held()
    assert texts(laptop) == texts(desktop) == {event.command}
    assert len(before) > 2
    assert newcomer(cluster, new).dump() == laptop.dump()


def test_what_is_accepted_in_the_new_vault_is_published_there(cluster):
    """Nobody there has shown it: it was published in the old vault only."""
    laptop, _, phone = cluster.devices
    new = held_in(cluster, since_us=phone.now_us + 2 * DAY_US)
    laptop.accept(*laptop.held())
    laptop.sync()
    assert len(laptop.dump().tombstones) == 1
    assert newcomer(cluster, new).known_tombstones() == laptop.dump().tombstones


def test_a_refusal_in_the_new_vault_keeps_everything(cluster):
    laptop, desktop, _ = cluster.devices
    new = held_in(cluster)
    before = texts(laptop)
    laptop.refuse(*laptop.held())
    laptop.sync()
    come_over(new, desktop)
    assert texts(laptop) == texts(desktop) == before
    assert newcomer(cluster, new).dump() == laptop.dump()


def test_the_roster_of_the_old_vault_stays_behind(cluster):
    laptop, desktop, _ = cluster.devices
    old = vault.records(laptop.database)
    new = renew(laptop)
    come_over(new, desktop)
    for device in (laptop, desktop):
        assert not vault.records(device.database) & old
        assert set(device.context().trust.active) == {laptop.me, desktop.me}


def test_a_run_that_was_cut_short_before_it_entered_the_new_vault_is_begun_again(cluster):
    laptop, desktop, _ = cluster.devices
    environment = Environment(1, laptop.environment.folder)
    old, made = laptop.context(), []
    read_old(old, laptop.store, URL)

    def cut():
        tell_others(old, URL, made[0])
        raise KeyboardInterrupt

    here, place = entering(laptop, environment, cut)
    with pytest.raises(KeyboardInterrupt):
        enroll.init(here, place, encrypt=True, entropy=bytes(16), made=made.append)
    with pytest.raises(WasRenewed) as raised:
        pull(laptop.context())
    assert "run `hx sync renew --store folder:/new` again" in raised.value.hint
    with pytest.raises(NotAVault):
        enroll.require_empty(place.store, URL)
    enroll.require_empty(place.store, URL, vault.begun(laptop.database))
    new = renew(laptop)
    come_over(new, desktop)  # the note of the first run is gone, so the second one counts
