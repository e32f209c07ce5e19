"""A member lists a segment with times that none of its records has."""

from __future__ import annotations

import pytest

from hx.core.model import Keys
from hx.database.sync import forgotten_copies
from sync.attacker import Attacker
from sync.cluster import new_cluster


@pytest.fixture
def cluster():
    with new_cluster("laptop", "evil") as cluster:
        yield cluster


@pytest.mark.parametrize("span", [(None, None), (1, 2)])
def test_a_forgotten_record_is_known_to_be_in_a_segment_whatever_times_were_listed(cluster, span):
    laptop, evil = cluster.devices
    attacker = Attacker(evil)
    event = evil.record()
    attacker.lay(7, attacker.sealed(7, [event]))
    first_us, last_us = span
    attacker.listed[-1] = attacker.listed[-1]._replace(first_us=first_us, last_us=last_us)
    attacker.sign()
    laptop.view.receive()
    laptop.sync()
    assert event in laptop.dump().events
    laptop.forget(Keys(frozenset([event.key]), frozenset()))
    object_id = attacker.name(7).object_id
    assert forgotten_copies.copies(laptop.database) == {evil.me: [object_id]}
    laptop.sync()
    assert forgotten_copies.copies(laptop.database) == {evil.me: [object_id]}
