"""A member publishes one name with two contents, one after the other."""

from __future__ import annotations

import random

import pytest

from hx.core.format.verdict import REJECTED, TWO_CONTENTS
from hx.database.sync import ledger, sync_status
from hx.sync.check import check
from sync.attacker import Attacker
from sync.cluster import new_cluster


@pytest.fixture
def cluster():
    with new_cluster("laptop", "evil") as cluster:
        yield cluster


def publish(attacker, number, records):
    """List the segment with this number, and nothing else, with these records."""
    attacker.listed.clear()
    attacker.lay(number, attacker.sealed(number, records))
    attacker.sign()


def look(device):
    """Let a device see the store as it is, also where a key holds other bytes than before."""
    device.view.held.clear()
    device.view.receive()


def reasons(device):
    return [(group.status, group.reason) for group in sync_status.reasons(device.database)]


def problems(device):
    return [problem.reason for problem in check(device.context(), 100, random.Random(1)).problems]


@pytest.fixture
def reader(cluster):
    """Return the device that has read the first content of a segment, when the second is there."""
    laptop, evil = cluster.devices
    attacker = Attacker(evil)
    for number in (1, 2):
        publish(attacker, 7, [evil.record() for _ in range(number)])
        look(laptop)
        laptop.sync()
    return laptop


def test_the_second_content_is_rejected_and_told(reader):
    for _ in range(2):
        assert reasons(reader) == [(REJECTED, TWO_CONTENTS)]
        assert ledger.counts(reader.database) == {REJECTED: 1}
        reader.sync()
    assert len(reader.dump().events) == 1


def test_a_check_and_a_repair_tell_it_too(reader):
    assert problems(reader) == [TWO_CONTENTS]
    reader.repair()
    assert reader.dump().events
    assert ledger.counts(reader.database) == {REJECTED: 1}
    assert problems(reader) == [TWO_CONTENTS]


def test_the_reason_is_gone_when_its_author_lists_it_no_more(cluster, reader):
    _, evil = cluster.devices
    publish(Attacker(evil), 8, [evil.record()])
    reader.view.receive()
    reader.sync()
    assert ledger.counts(reader.database).get(REJECTED) is None


def test_a_check_rejects_a_manifest_that_has_another_content_than_the_one_taken(cluster):
    laptop, evil = cluster.devices
    key = Attacker(evil).sign()
    laptop.view.receive()
    laptop.sync()
    attacker = Attacker(evil)
    del attacker.held[key]
    assert attacker.sign(label="another") == key
    look(laptop)
    assert TWO_CONTENTS in problems(laptop)
