"""A few bytes that unpack to very much: what a reader spends is bounded by what was sent."""

from __future__ import annotations

import tracemalloc

import pytest
from msgspec.msgpack import decode as unpack
from msgspec.msgpack import encode as pack

from hx.core.format import body, envelope, segment
from hx.core.format.envelope import MAX_PAYLOAD_BYTES, seal, unseal
from hx.core.format.keys import key_id
from hx.core.format.object_names import MANIFEST, SEGMENT, Name, spelled
from hx.core.format.verdict import MALFORMED, TOO_LARGE, Fault
from hx.core.merge import History
from hx.core.model import FINISHED, Event, EventKey
from sync.attacker import Attacker
from sync.cluster import new_cluster
from sync.test_verdicts import judged

VAULT, VMK, DEVICE, SESSION = b"\x01" * 16, b"\x02" * 32, b"\x03" * 16, b"\x05" * 16
KEYS = {"vault_id": VAULT, "suite": 1, "vmks": {key_id(VMK): VMK}}
MIB = 1 << 20


@pytest.fixture
def no_limits(monkeypatch):
    """Let the writer of the attacker make what hx does not make."""

    def sealed(name, payload, **keys):
        with monkeypatch.context() as patch:
            patch.setattr(body, "_MAX_RATIO", 1 << 40)
            patch.setattr(envelope, "MAX_PAYLOAD_BYTES", 1 << 30)
            return seal(name, payload, **keys)

    return sealed


@pytest.mark.parametrize("kind", [SEGMENT, MANIFEST])
@pytest.mark.parametrize("size", [1 * MIB, 60 * MIB])
def test_an_object_of_few_bytes_is_refused_before_it_is_unpacked(no_limits, kind, size):
    name = Name(kind, DEVICE, b"\x04" * 8 + bytes(8), seq=1 if kind == MANIFEST else 0)
    data = no_limits(name, bytes(size), vault_id=VAULT, vmk=VMK)
    assert len(data) < size // 64
    tracemalloc.start()
    with pytest.raises(Fault) as refused:
        unseal(data, expect=spelled(name), **KEYS)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert refused.value.reason == TOO_LARGE
    assert peak_bytes < 4 * len(data) + MIB


@pytest.mark.parametrize("size", [0, 1, 32_000, 34_000, MAX_PAYLOAD_BYTES])
def test_what_hx_seals_can_be_read_however_well_it_compresses(size):
    name = Name(SEGMENT, DEVICE, b"\x04" * 16)
    data = seal(name, bytes(size), vault_id=VAULT, vmk=VMK)
    assert unseal(data, expect=spelled(name), **KEYS)[1] == bytes(size)


def alike(number):
    """Return so many events that differ by seq and time only."""
    return [
        Event(EventKey(1_790_000_000_000_000 + n, DEVICE, SESSION, n), b"x", b"/", flags=FINISHED)
        for n in range(1, number + 1)
    ]


def test_events_that_compress_to_nothing_are_not_taken(no_limits):
    with new_cluster("laptop", "evil") as cluster:
        laptop, evil = cluster.devices
        attacker = Attacker(evil)
        payload = segment.encode(History(frozenset(alike(65_536))))
        data = no_limits(attacker.name(7), payload, vault_id=attacker.vault_id, vmk=attacker.vmk)
        assert len(data) < 4096
        attacker.lay(7, data)
        attacker.sign()
        laptop.view.receive()
        laptop.sync()
        assert judged(laptop, attacker.key(7))[1] == TOO_LARGE
        assert not laptop.dump().events


def test_events_that_compress_well_are_published_so_that_they_are_read():
    with new_cluster("laptop", "desktop") as cluster:
        laptop, desktop = cluster.devices
        for event in alike(2_000):
            laptop._add_record(event)
        laptop.sync()
        desktop.view.receive()
        desktop.sync()
        assert len(desktop.dump().events) == 2_000


def test_a_segment_needs_two_bytes_for_each_event():
    payload = segment.encode(History(frozenset(alike(1_000))))
    assert segment.decode(payload, 2_000)
    with pytest.raises(Fault) as refused:
        segment.decode(payload, 1_999)
    assert refused.value.reason == MALFORMED


@pytest.mark.parametrize("field", ["pipestatus", "artifacts"])
def test_a_field_of_small_numbers_takes_no_more_than_eight_times_its_bytes(field):
    """In memory a number of one byte takes eight bytes and more."""
    content = unpack(segment.encode(History(frozenset(alike(256)))))
    if field == "pipestatus":
        content[field] = [(0,) * 30_000] * 256
    else:
        key = (1, DEVICE, SESSION, SESSION, None, 0)
        content[field] = [(key, b"n", "k", 1, bytes(32), (), 0, (1, (0,) * 400, ()))] * 14_000
    payload = pack(content)
    assert segment.MAX_PLAIN_BYTES < len(payload) < segment.MAX_SEGMENT_BYTES
    tracemalloc.start()
    with pytest.raises(Fault) as refused:
        segment.decode(payload, len(payload))
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (refused.value.reason, field in refused.value.detail) == (MALFORMED, True)
    assert peak_bytes < 4 * MIB
