"""What `hx sync repair` does with key slots and invitations."""

from __future__ import annotations

import pytest

from hx.core.errors import NotInVault
from sync.cluster import converge, new_cluster
from sync.departures import revoked
from sync.invariants import require_all
from sync.losses import damage, lose, put


@pytest.fixture
def cluster():
    with new_cluster("laptop", "desktop") as cluster:
        yield cluster


def test_lost_key_slots_are_written_again(cluster):
    laptop = cluster.devices[0]
    slots = sorted(key for key in cluster.environment.objects if key.startswith("k/"))
    lose(cluster, *slots)
    recipients = {key.split("/")[1] for key in slots}
    assert laptop.repair().slots == len({tuple(key[2:].split("-")[0].split("/")) for key in slots})
    assert {
        key.split("/")[1] for key in cluster.environment.objects if key[:2] == "k/"
    } == recipients


def test_a_damaged_key_slot_is_replaced_and_another_device_adds_its_own(cluster):
    laptop, desktop = cluster.devices
    own = [
        key
        for key in cluster.environment.objects
        if key[:2] == "k/" and key.endswith(f"{laptop.me.hex()}.hx")
    ]
    damage(cluster, own[0])
    damaged = cluster.environment.objects[own[0]]
    (problem,) = desktop.repair().damaged
    assert (problem.key, problem.reason) == (own[0], "commitment")
    second_slot = own[0].replace(f"-{laptop.me.hex()}", f"-{desktop.me.hex()}")
    assert second_slot in cluster.environment.objects
    assert cluster.environment.objects[own[0]] == damaged, "only its author deletes it"
    laptop.view.receive()
    assert not laptop.repair().damaged
    assert cluster.environment.objects.get(own[0]) != damaged
    converge(*cluster)
    require_all(cluster)


def test_a_damaged_own_slot_of_a_key_that_is_not_here_stays(cluster):
    laptop = cluster.devices[0]
    slot = next(key for key in cluster.environment.objects if key[:2] == "k/")
    unknown = f"{slot[:35]}{'ab' * 16}-{laptop.me.hex()}.hx"
    put(cluster, {unknown: b"damaged"})
    laptop.repair()
    assert unknown in cluster.environment.objects


def test_in_a_vault_without_encryption_there_are_no_slots_to_repair():
    with new_cluster("laptop", encrypt=False) as cluster:
        (laptop,) = cluster.devices
        put(cluster, {f"k/{laptop.me.hex()}/{'ab' * 16}-{laptop.me.hex()}.hx": b"of another vault"})
        before = dict(cluster.environment.objects)
        assert laptop.repair().damaged == ()
        assert cluster.environment.objects == before


def test_a_device_that_was_removed_repairs_no_slot(cluster):
    laptop, desktop = cluster.devices
    slot = next(key for key in cluster.environment.objects if key[:2] == "k/")
    revoked(laptop, desktop.me, told=desktop)
    damage(cluster, slot)
    before = dict(cluster.environment.objects)
    desktop.record()
    with pytest.raises(NotInVault):
        desktop.repair()
    assert cluster.environment.objects == before


def test_an_open_invitation_stays(cluster):
    laptop = cluster.devices[0]
    laptop.invite()
    (key,) = [key for key in cluster.environment.objects if key[:2] == "j/"]
    assert laptop.repair().invitations == 0
    assert key in cluster.environment.objects


def test_a_closed_invitation_that_comes_back_is_deleted_again(cluster):
    laptop = cluster.devices[0]
    (closed,) = laptop.context().trust.closed
    key = f"j/{closed.hex()}.hx"
    put(cluster, {key: b"an old copy"})
    assert laptop.repair().invitations == 1
    assert key not in cluster.environment.objects
