"""A member sends an object of few bytes that names very many keys to forget."""

from __future__ import annotations

import pytest

from hx.core.format import body, segment
from hx.core.format.envelope import seal, unseal
from hx.core.format.keys import key_id
from hx.core.format.object_names import SEGMENT, Name, spelled
from hx.core.format.verdict import REJECTED, TOO_LARGE, Fault
from hx.core.merge import History
from hx.core.model import MAX_KEYS_IN_TOMBSTONE, EventKey, Keys, Tombstone
from hx.database.sync import sync_status
from sync.attacker import Attacker
from sync.cluster import new_cluster

VAULT, VMK = b"\x01" * 16, b"\x02" * 32


@pytest.fixture
def cluster():
    with new_cluster("laptop", "evil") as cluster:
        yield cluster


def orders(number, device_id=b"\x07" * 16, first=1):
    """Return a tombstone with so many keys of one session, which compress to almost nothing."""
    keys = (
        EventKey(1_790_000_000_000_000 + seq, device_id, b"\x05" * 16, seq)
        for seq in range(first, first + number)
    )
    identity = first.to_bytes(16)
    return Tombstone(identity, 1_790_000_000_000_000, device_id, Keys(frozenset(keys)))


def test_keys_that_compress_to_nothing_are_not_taken_and_written_nowhere(cluster, monkeypatch):
    laptop, evil = cluster.devices
    attacker = Attacker(evil)
    number = MAX_KEYS_IN_TOMBSTONE
    tombstones = frozenset([orders(number), orders(number, first=number + 1)])
    payload = segment.encode(History(tombstones=tombstones))
    with monkeypatch.context() as patch:
        patch.setattr(body, "_MAX_RATIO", 1 << 40)
        data = attacker.sealed(7, payload=payload)
    assert len(data) < 4096
    attacker.lay(7, data)
    attacker.sign()
    laptop.view.receive()
    laptop.sync()
    [group] = sync_status.reasons(laptop.database)
    assert (group.status, group.reason) == (REJECTED, TOO_LARGE)
    assert laptop.database.value("SELECT count(*) FROM tombstone_key") == 0


def test_a_segment_holds_no_more_than_131_072_keys():
    number = MAX_KEYS_IN_TOMBSTONE
    tombstones = [orders(number, first=1 + number * each) for each in range(3)]
    segment.decode(segment.encode(History(tombstones=frozenset(tombstones[:2]))))
    with pytest.raises(Fault):
        segment.decode(segment.encode(History(tombstones=frozenset(tombstones))))


@pytest.mark.parametrize("number", [1, 255, 256, 257, 9_999, MAX_KEYS_IN_TOMBSTONE])
def test_what_hx_publishes_is_read_however_well_its_keys_compress(number):
    history = History(tombstones=frozenset([orders(number)]))
    [(payload, content)] = segment.encode_readable(history).parts
    name = Name(SEGMENT, b"\x03" * 16, b"\x04" * 16)
    sealed = [seal(name, payload, vault_id=VAULT, vmk=VMK, level=level) for level in (3, None)]
    data = next(each for each in sealed if len(each) >= segment.least_size(content))
    keys = {"vault_id": VAULT, "suite": 1}
    _, opened = unseal(data, expect=spelled(name), vmks={key_id(VMK): VMK}, **keys)
    assert segment.decode(opened, len(data)) == history
    with pytest.raises(Fault):
        segment.decode(opened, segment.least_size(content) - 1)


def test_a_forget_of_many_events_that_compress_well_reaches_the_others(cluster):
    laptop, desktop = cluster.devices
    tombstone = orders(9_999, laptop.me)
    laptop._add_record(tombstone)
    laptop.sync()
    desktop.view.receive()
    desktop.sync()
    assert tombstone in desktop.dump().tombstones
    assert sync_status.reasons(desktop.database) == []
