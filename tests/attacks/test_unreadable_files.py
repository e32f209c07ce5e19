"""Somebody puts files among the manifests that no hx can read, and takes them away again."""

from __future__ import annotations

import pytest
from msgspec import msgpack

from cli.attacking_member import AttackingDevice
from cli.vaults import vault
from hx.core.format import object_names
from hx.core.format.envelope import seal
from hx.core.format.keys import LABEL_MANIFEST, generate, sign
from hx.core.format.manifest import Manifest
from hx.core.format.verdict import NEEDS_UPGRADE, NOT_ARRIVED, PENDING, UNKNOWN_FORMAT
from hx.database.sync import sync_status
from hx.sync.pull import pull
from sync.attacker import Attacker
from sync.cluster import new_cluster
from test_private_files import run_without_privileges

FORMAT = 4  # the byte of a header that states the format


@pytest.fixture
def cluster():
    with new_cluster("laptop", "desktop") as cluster:
        yield cluster


def stray(member):
    """Put a file of another format among the manifests, named as one of a device; return it."""
    source = max((member.folder / "m").iterdir())
    data = bytearray(source.read_bytes())
    data[FORMAT] += 1
    path = source.with_name("ab" * 16 + source.name[32:])
    path.write_bytes(data)
    return path


def test_a_file_that_nobody_has_signed_asks_for_no_upgrade_and_is_gone_with_its_file(tmp_path):
    [anna] = vault(tmp_path, "anna")
    path = stray(anna)
    for line in (("sync",), ("sync", "status"), ("sync", "check"), ("sync", "repair")):
        result = anna.hx(*line)
        assert result.code == 3, result
        assert "upgrade" not in result.err, result
    assert path.name in anna.hx("sync", "status").out
    path.unlink()
    for line in (("sync",), ("sync", "status"), ("sync", "check"), ("sync", "repair")):
        assert anna.hx(*line).code == 0, line


def reasons(device):
    return [(group.status, group.reason) for group in sync_status.reasons(device.database)]


@pytest.mark.parametrize(("signer", "reason"), [("author", NEEDS_UPGRADE), ("x", UNKNOWN_FORMAT)])
def test_an_upgrade_is_asked_for_by_what_an_active_device_has_signed_only(cluster, signer, reason):
    laptop, desktop = cluster.devices
    attacker = Attacker(desktop)
    fields = Manifest(desktop.me, 99, desktop.now_us, "desktop", (), (), (), attacker.key_id)
    payload = msgpack.encode({"v": 1, **fields._asdict(), "mood": 1})
    seed = desktop.custody.device.sign_seed if signer == "author" else generate().sign_seed
    payload += sign(seed, LABEL_MANIFEST, attacker.vault_id, payload)
    name = object_names.Name(
        object_names.MANIFEST, desktop.me, bytes(16), attacker.key_id, fields.seq
    )
    key = object_names.spelled(name)
    attacker.held[key] = seal(name, payload, vault_id=attacker.vault_id, vmk=attacker.vmk)
    laptop.view.receive()
    laptop.sync()
    assert reasons(laptop) == [(PENDING, reason)]


def test_a_manifest_that_may_not_be_read_is_named_and_holds_up_nothing(tmp_path):
    anna, bert = vault(tmp_path, "anna", "bert")
    bert.record("make it")
    bert.sync()
    path = stray(anna)
    path.chmod(0)

    def work():
        device = AttackingDevice(anna)
        assert pull(device.context()).events == 1
        [group] = sync_status.reasons(device.database)
        assert (group.reason, group.objects) == (NOT_ARRIVED, [f"m/{path.name}"])

    assert run_without_privileges(work) == 0
