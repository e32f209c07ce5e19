"""Somebody who has the keys of a device signs a manifest with the greatest number that there is."""

from __future__ import annotations

import pytest

from cli.attacking_member import attacker
from cli.vaults import is_error, vault
from hx.core.errors import KeysElsewhere
from hx.core.format.object_names import MAX_SEQ
from hx.sync.push import push
from sync.attacker import Attacker
from sync.cluster import new_cluster


@pytest.fixture
def cluster():
    with new_cluster("laptop", "desktop") as cluster:
        yield cluster


def test_the_device_says_so_and_goes_on_under_a_new_id(tmp_path):
    anna, bert = vault(tmp_path, "anna", "bert")
    anna.record("first")
    anna.sync()
    attacker(anna).sign(seq=MAX_SEQ)
    anna.record("second")
    for line in (("sync",), ("sync", "push"), ("sync", "repair")):
        assert is_error(anna.hx(*line), 6, "the keys of this device are used elsewhere", "--new-id")
    bert.sync()
    result = anna.hx("sync", "join", "--new-id")
    assert result.code == 0, result
    anna.record("third")
    anna.sync()
    bert.sync()
    assert bert.commands == anna.commands == ["first", "second", "third"]


def test_it_is_remembered_when_the_file_is_taken_away(cluster):
    laptop, _ = cluster.devices
    key = Attacker(laptop).sign(seq=MAX_SEQ)
    laptop.view.receive()
    with pytest.raises(KeysElsewhere):
        laptop.sync()
    del laptop.environment.objects[key]
    laptop.view.receive()
    laptop.pull()
    with pytest.raises(KeysElsewhere):
        push(laptop.context(), laptop.outbox, "laptop")


def test_a_number_that_a_restored_disk_can_meet_is_no_sign_of_it(cluster):
    laptop, desktop = cluster.devices
    Attacker(laptop).sign(seq=1 << 20)
    event = laptop.record()
    laptop.view.receive()
    laptop.sync()
    desktop.view.receive()
    desktop.sync()
    assert event in desktop.dump().events
