"""Notices: a revoked device learns of it, and nobody else can make it believe so."""

from __future__ import annotations

import pytest

from hx.core.format import notice, object_names
from hx.core.format.keys import DeviceKeys
from hx.core.format.roster_records import DeviceRevoke, decode, device_revoke
from hx.core.format.verdict import Fault
from hx.database.sync import vault
from hx.sync.device_state import MEMBER, REVOKED, place_of
from hx.sync.notices import read_notices
from hx.sync.revoke import revoke
from sync.cluster import converge, new_cluster, new_member

STRANGER = DeviceKeys(b"\x31" * 32, b"\x32" * 32)


@pytest.fixture
def cluster():
    with new_cluster("laptop", "desktop") as cluster:
        yield cluster


def place(device):
    return place_of(device.context().trust, device.me)


def put_notice(cluster, device, records, author=STRANGER.device_id):
    key, data = notice.sealed(
        records,
        vault_id=vault.read(device.database).vault_id,
        author=author,
        recipient=device.me,
        box_pub=device.custody.device.box_pub,
    )
    cluster.environment.objects[key] = data


def notices(cluster):
    names = map(object_names.parsed, cluster.environment.objects)
    return [name.object_id for name in names if name.kind == object_names.NOTICE]


def test_a_notice_is_written_once_and_read_by_the_revoked_device(cluster):
    laptop, desktop = cluster.devices
    revoke(laptop.context(), desktop.me)
    converge(cluster.environment, [laptop])
    assert notices(cluster) == [desktop.me]
    laptop.record()
    laptop.sync()
    desktop.view.receive()
    desktop.pull()
    assert place(desktop) == REVOKED


def test_a_notice_that_was_cut_short_is_written_by_the_next_sync(cluster):
    laptop, desktop = cluster.devices
    revoke(laptop.context(), desktop.me)
    converge(cluster.environment, [laptop])
    [key] = [key for key in cluster.environment.objects if "/notice-" in key]
    del cluster.environment.objects[key]
    with laptop.database.transaction():
        vault.update(laptop.database, slots_for=None)
    converge(cluster.environment, [laptop])
    assert notices(cluster) == [desktop.me]


def test_a_notice_by_a_stranger_changes_nothing(cluster):
    laptop, desktop = cluster.devices
    vault_id = vault.read(laptop.database).vault_id
    forged = device_revoke(desktop.me, (), seed=STRANGER.sign_seed, vault_id=vault_id)
    before = vault.records(desktop.database)
    put_notice(cluster, desktop, [forged])
    desktop.view.receive()
    assert not read_notices(desktop.context())
    assert place(desktop) == MEMBER
    assert vault.records(desktop.database) == before


def test_a_notice_has_the_record_that_counts_whatever_others_have_signed(cluster):
    laptop, desktop = cluster.devices
    server = new_member(cluster)
    signing = {
        "seed": server.custody.device.sign_seed,
        "vault_id": vault.read(laptop.database).vault_id,
    }
    numbers = range(notice.MAX_RECORDS)
    laptop.context().learn(
        [device_revoke(desktop.me, (bytes([n]) * 32,), **signing) for n in numbers]
    )
    revoke(laptop.context(), desktop.me)
    converge(cluster.environment, [laptop, server])
    desktop.view.receive()
    assert read_notices(desktop.context())
    assert place(desktop) == REVOKED


def test_a_notice_is_only_for_the_device_in_its_name():
    key, data = notice.sealed(
        [], vault_id=b"v" * 16, author=b"a" * 16, recipient=b"r" * 16, box_pub=STRANGER.box_pub
    )
    opening = {"vault_id": b"v" * 16, "box_seed": STRANGER.box_seed}
    assert notice.opened(data, expect=key, **opening) == ()
    with pytest.raises(Fault):
        notice.opened(data, expect=notice.store_key(b"a" * 16, b"q" * 16), **opening)
    with pytest.raises(Fault):
        notice.opened(data, expect=key, vault_id=b"v" * 16, box_seed=bytes(32))


def test_a_notice_has_at_most_so_many_records_and_bytes():
    record = device_revoke(b"r" * 16, (), seed=bytes(32), vault_id=b"v" * 16)
    many = [record._replace(payload=bytes([n]) * 2000) for n in range(200)]
    key, data = notice.sealed(
        many, vault_id=b"v" * 16, author=b"a" * 16, recipient=b"r" * 16, box_pub=STRANGER.box_pub
    )
    read = notice.opened(data, expect=key, vault_id=b"v" * 16, box_seed=STRANGER.box_seed)
    assert 30 <= len(read) <= notice.MAX_BYTES // 2000
    small = [record._replace(payload=bytes([n])) for n in range(200)]
    key, data = notice.sealed(
        small, vault_id=b"v" * 16, author=b"a" * 16, recipient=b"r" * 16, box_pub=STRANGER.box_pub
    )
    read = notice.opened(data, expect=key, vault_id=b"v" * 16, box_seed=STRANGER.box_seed)
    assert len(read) == notice.MAX_RECORDS


def test_a_notice_has_the_revocation_and_the_adds_of_its_signer_and_no_more(cluster):
    laptop, desktop = cluster.devices
    server = new_member(cluster)
    laptop.revoke(desktop.me, by_recovery=True)
    revoke(laptop.context(), desktop.me)
    converge(cluster.environment, [laptop, server])
    key = notice.store_key(laptop.me, desktop.me)
    records = notice.opened(
        cluster.environment.objects[key],
        expect=key,
        vault_id=vault.read(laptop.database).vault_id,
        box_seed=desktop.custody.device.box_seed,
    )
    bodies = [decode(record.payload) for record in records]
    assert bodies
    assert all(
        body.device_id == desktop.me
        if isinstance(body, DeviceRevoke)
        else body.device_id == laptop.me
        for body in bodies
    )
    assert server.me not in {body.device_id for body in bodies}
