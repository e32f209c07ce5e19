"""What becomes of a manifest that was read, and what a manifest that is taken brings with it."""

from __future__ import annotations

import pytest

from hx.core.format import verdict
from hx.core.format.keys import key_id, new_vmk, recovery_keys
from hx.core.format.manifest import Seen
from hx.core.format.roster_records import device_revoke
from hx.database.sync import forgotten_copies, ledger
from sync.attacker import Attacker
from sync.cluster import new_cluster, new_member
from sync.departures import revoked
from sync.losses import damage
from sync.test_manifests import own_manifests
from sync.test_verdicts import judged


@pytest.fixture
def cluster():
    with new_cluster("laptop", "desktop", "server") as cluster:
        yield cluster


def receive_and_pull(device):
    device.view.receive()
    return device.pull()


# ---- verdicts ----


def test_a_manifest_that_cannot_be_read_is_pending_and_counted(cluster):
    laptop, desktop, _ = cluster.devices
    desktop.record()
    desktop.push()
    newest = own_manifests(desktop)[-1]
    damage(cluster, newest)
    assert receive_and_pull(laptop).pending == 1
    assert judged(laptop, newest) == (verdict.PENDING, verdict.INCOMPLETE)


def test_a_manifest_of_a_revoked_device_is_taken_as_soon_as_the_revocation_does_not_count(cluster):
    """The device that has revoked it was revoked in its turn, without this record."""
    laptop, desktop, server = cluster.devices
    tablet = new_member(cluster)
    kept = desktop.context().trust.counting
    revoked(laptop, server.me, told=desktop)
    server.record()
    server.push()
    refused = own_manifests(server)[-1]
    receive_and_pull(desktop)
    assert judged(desktop, refused) == (verdict.SKIPPED, verdict.REVOKED)
    attacker, recovery = Attacker(tablet), recovery_keys(cluster.environment.entropy)
    options = {"seed": recovery.sign_seed, "vault_id": attacker.vault_id}
    record = device_revoke(laptop.me, kept, **options)
    attacker.sign(roster=(*attacker.roster, record))
    receive_and_pull(desktop)
    assert judged(desktop, refused) == (verdict.IMPORTED, "")


@pytest.mark.parametrize(
    ("signer", "expected"),
    [
        ("another", (verdict.SKIPPED, verdict.REVOKED)),
        ("itself", (verdict.PENDING, verdict.NO_KEY)),
        (None, (verdict.PENDING, verdict.NO_KEY)),
    ],
)
def test_for_the_key_of_a_manifest_hx_waits_unless_another_device_has_revoked_its_author(
    cluster, signer, expected
):
    """No active device vouches for a key that such a device makes."""
    laptop, desktop, server = cluster.devices
    attacker, vmk = Attacker(server), new_vmk()
    if signer is not None:
        objects = {"another": None, "itself": bytes(32)}[signer]
        by = {"another": laptop, "itself": server}[signer]
        revoked(by, server.me, told=desktop, objects=objects)
    attacker.key_id = key_id(vmk)
    key = attacker.sign(vmk=vmk)
    receive_and_pull(desktop)
    assert judged(desktop, key) == expected


def test_a_damaged_manifest_of_a_revoked_device_waits_as_any_other_does(cluster):
    laptop, desktop, server = cluster.devices
    revoked(laptop, server.me, told=desktop)
    key = Attacker(server).sign()
    damage(cluster, key)
    receive_and_pull(desktop)
    assert judged(desktop, key) == (verdict.PENDING, verdict.INCOMPLETE)


# ---- what it brings ----


def test_the_newest_manifest_of_a_device_tells_which_own_manifest_it_has_read(cluster):
    laptop, desktop, server = cluster.devices
    attacker = Attacker(desktop)
    for seen, expected in [
        ((Seen(server.me, 7, bytes(32)), Seen(laptop.me, 2, bytes(32))), 2),
        ((Seen(laptop.me, 1, bytes(32)), Seen(server.me, 7, bytes(32))), 1),
        ((Seen(server.me, 7, bytes(32)),), 0),
    ]:
        attacker.sign(seen=seen)
        receive_and_pull(laptop)
        assert forgotten_copies.confirmed(laptop.database)[desktop.me] == expected


@pytest.mark.parametrize("seed", range(4))  # chance says which of the two is the greater
@pytest.mark.parametrize("together", [True, False])
def test_of_two_manifests_with_one_number_one_tells_which_own_manifest_was_read(seed, together):
    with new_cluster("laptop", "desktop", seed=seed) as cluster:
        laptop, desktop = cluster.devices
        clone = desktop.clone("clone")
        laptop.record()
        laptop.push()
        receive_and_pull(desktop)
        before = set(own_manifests(desktop))
        desktop.record()
        desktop.push()
        (informed,) = {*own_manifests(desktop)} - before
        if not together:
            receive_and_pull(laptop)
        clone.record()
        clone.push()
        receive_and_pull(laptop)
        first, second = ledger.heads(laptop.database)[desktop.me]
        assert first.seq == second.seq
        own = ledger.pinned_seq(laptop.database, laptop.me)
        expected = own if second.key == informed else own - 1
        assert forgotten_copies.confirmed(laptop.database)[desktop.me] == expected
        clone.close()


def test_an_own_segment_that_is_listed_again_is_marked_for_rewriting(cluster):
    """What it holds may have been forgotten meanwhile, and no row tells so."""
    laptop, _, _ = cluster.devices
    event = laptop.record()
    laptop.push()
    old, clone = Attacker(laptop), laptop.clone("clone")
    (listed,) = old.listed
    clone.redact(event)
    clone.push()
    receive_and_pull(laptop)
    assert not ledger.find(laptop.database, laptop.me, listed.object_id).listed
    old.sign()
    receive_and_pull(laptop)
    row = ledger.find(laptop.database, laptop.me, listed.object_id)
    assert (row.listed, row.rewrite) == (1, 1)
    clone.close()
