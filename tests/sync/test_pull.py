"""What a pull asks the store for, and what it says."""

from __future__ import annotations

import pytest

from hx.core.format.keys import generate
from hx.core.model import Keys
from hx.database.sync import forgotten_copies, ledger, vault
from hx.sync.context import Pulled
from sync.attacker import Attacker
from sync.cluster import converge, new_cluster


@pytest.fixture
def cluster():
    with new_cluster("laptop", "desktop") as cluster:
        yield cluster


def test_a_pull_without_news_is_one_listing_and_is_noted(cluster):
    laptop, _ = cluster.devices
    laptop.environment.now_us += 5
    del laptop.store.calls[:]
    assert laptop.pull() == Pulled() == (0, 0, 0, 0, 0, 0)
    assert laptop.store.calls == [("list", "m/")]
    assert vault.read(laptop.database).pulled_at_us == laptop.now_us


def test_what_a_pull_took_is_counted(cluster):
    laptop, desktop = cluster.devices
    desktop.record()
    desktop.record()
    desktop.push()
    laptop.view.receive()
    assert laptop.pull() == (1, 2, 0, 0, 0, 0)


def test_a_manifest_that_waited_and_is_listed_no_more_is_not_waited_for(cluster):
    laptop, desktop = cluster.devices
    key = Attacker(desktop).sign(seed=generate().sign_seed)
    laptop.view.receive()
    assert laptop.pull().pending == 1
    del laptop.view.held[key]
    assert laptop.pull().pending == 0
    assert key not in ledger.known_manifests(laptop.database)


def test_a_copy_that_its_author_has_replaced_is_not_reported_after_the_pull(cluster):
    laptop, desktop = cluster.devices
    event = desktop.record()
    converge(*cluster)
    laptop.forget(Keys(frozenset([event.key])))
    laptop.sync()
    assert forgotten_copies.copies(laptop.database).keys() == {desktop.me}
    desktop.view.receive()
    desktop.sync()
    laptop.view.receive()
    laptop.pull()
    assert forgotten_copies.copies(laptop.database) == {}
