"""A device whose database was lost is shown a vault of somebody else.

Its public keys are in the roster of each vault in which it was, so anybody who read that can sign
them into a vault of their own.
"""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from hx.core.format.keys import recovery_keys
from hx.core.format.roster_records import add
from hx.database.sync import vault
from hx.sync.own_keys import membership
from sync.cluster import new_cluster
from sync.devices import URL, Device


@contextmanager
def shown(cluster, device):
    """Yield what the store says of a device to its new database, which stays as it is."""
    newly = Device(cluster.environment, "newly")
    try:
        genesis = cluster.devices[0].context().vault.genesis
        vault_id = cluster.devices[0].context().vault.vault_id
        known = vault.Vault(vault_id, "store", URL, genesis)
        newly.view.receive()
        yield membership(newly.database, known, newly.store, device.custody, newly.now_us)
        assert vault.read(newly.database) is None
    finally:
        newly.close()


@pytest.mark.parametrize("encrypt", [True, False])
def test_a_member_is_told_from_a_device_that_somebody_else_has_signed_in(encrypt):
    with new_cluster("laptop", "desktop", encrypt=encrypt) as cluster:
        laptop, desktop = cluster.devices
        with shown(cluster, desktop) as found:
            assert found.label == "desktop"
            assert found.records == vault.records(desktop.database)
        victim = Device(cluster.environment, "victim")
        keys = victim.custody.device
        seed = recovery_keys(cluster.environment.entropy).sign_seed
        vault_id = laptop.context().vault.vault_id
        signed_in = add((keys.sign_pub, keys.box_pub), "victim", seed=seed, vault_id=vault_id)
        context = laptop.context()
        context.learn([signed_in])
        assert keys.device_id in context.trust.active
        laptop.record()
        laptop.push()
        victim.custody = victim.custody._replace(vmks=laptop.custody.vmks)
        with shown(cluster, victim) as found:
            assert found is None
        victim.close()
