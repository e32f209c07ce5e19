"""Under which key a device writes that waits to be admitted, and when it asks for a better one."""

from __future__ import annotations

import pytest

from hx.core.errors import KeyMissing
from hx.core.format.keys import key_id, new_vmk
from hx.core.format.phrases import invite_id
from hx.core.format.roster_records import epoch
from hx.custody.key_set import Secrets
from hx.sync.membership import update_membership, writing_key
from sync.cluster import new_cluster
from sync.departures import revoked
from sync.test_device_state import joined


@pytest.fixture
def cluster():
    with new_cluster("laptop", "desktop") as cluster:
        yield cluster


def named_epoch(device, *, told):
    """Let a device make an epoch of which the others hear and get no key; return the id and key."""
    context, vmk = device.context(), new_vmk()
    options = {"seed": device.custody.device.sign_seed, "vault_id": context.vault.vault_id}
    record = epoch(context.trust.next_number, key_id(vmk), (), **options)
    for each in told:
        each.context().learn([record])
    return key_id(vmk), vmk


def slots_listed(device):
    return [key for call, key in device.store.calls if call == "list" and key.startswith("k/")]


def test_a_device_that_waits_and_has_a_key_asks_for_no_better_one(cluster):
    """It gets no slots before it is admitted."""
    laptop, _ = cluster.devices
    server = joined(cluster, "server", laptop.invite())
    held, _ = writing_key(server.context())
    better, _ = named_epoch(laptop, told=[server])
    assert server.context().trust.writing[1] == better
    del server.store.calls[:]
    assert writing_key(server.context())[0] == held
    assert server.store.calls == []


def test_a_device_asks_for_a_better_key_once_in_a_sync(cluster):
    laptop, desktop = cluster.devices
    held, _ = writing_key(desktop.context())
    named_epoch(laptop, told=[desktop])
    del desktop.store.calls[:]
    context = desktop.context()
    for _ in range(2):
        assert writing_key(context)[0] == held
    assert len(slots_listed(desktop)) == 1


def test_a_device_without_any_key_asks_for_one_although_it_waits(cluster):
    laptop, _ = cluster.devices
    server = joined(cluster, "server", laptop.invite())
    server.custody = Secrets(server.custody.device, {})
    with pytest.raises(KeyMissing):
        writing_key(server.context())
    assert slots_listed(server)


def test_a_device_that_waits_writes_under_no_key_that_a_removed_device_has_made(cluster):
    laptop, desktop = cluster.devices
    server = joined(cluster, "server", laptop.invite())
    sound, _ = writing_key(server.context())
    made, vmk = named_epoch(desktop, told=[server])
    server.custody = server.custody._replace(vmks={**server.custody.vmks, made: (9, vmk)})
    assert writing_key(server.context())[0] == made
    revoked(laptop, desktop.me, told=server)
    assert server.context().trust.usable == ()
    assert writing_key(server.context())[0] == sound


def test_nobody_is_admitted_with_the_old_key_where_no_new_one_can_be_made(cluster, monkeypatch):
    """Whoever has seen the code of the invitation may have the old key."""
    laptop, desktop = cluster.devices
    code = laptop.invite()
    joined(cluster, "server", code)
    desktop.view.receive()
    desktop.pull()
    context = desktop.context()
    monkeypatch.setattr("hx.core.format.reached.MAX_COUNTING", len(context.trust.counting))
    assert context.trust.usable
    assert context.trust.waiting
    with pytest.raises(KeyMissing, match="too many records"):
        update_membership(context)
    assert context.trust.usable, "the old key would do for writing"
    assert invite_id(code) in context.trust.open_invites
