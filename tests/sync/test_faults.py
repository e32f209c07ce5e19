"""A store error or a power cut at any call or commit: the next sync completes the work."""

from __future__ import annotations

import itertools

import pytest

from hx.core.errors import HxError
from hx.core.model import Keys
from stores.faulty import AFTER, BEFORE, at, never
from sync.cluster import admit, converge, new_cluster
from sync.devices import Device
from sync.environment import Crash
from sync.invariants import require_all
from sync.simulation import small_segment_limit


def busy(cluster):
    """Return a device that has to pull, to publish, to rewrite segments and to admit a device."""
    environment, (laptop, desktop) = cluster
    events = [laptop.record() for _ in range(3)]
    desktop.record()
    code = laptop.invite()
    converge(*cluster)
    laptop.forget(Keys(frozenset([events[0].key])))
    laptop.redact(events[1])
    laptop.keep(events[2])
    laptop.record()
    laptop.pin(laptop.session, pinned=True)
    desktop.record()
    desktop.sync()
    admit(cluster, Device(environment, "server"), code)
    laptop.view.receive()
    return laptop


def each_call(encrypt=True):
    """Yield (cluster, device, number) with a fresh cluster for each number from 1 on."""
    for number in itertools.count(1):
        with new_cluster("laptop", "desktop", encrypt=encrypt) as cluster:
            yield cluster, busy(cluster), number


def cut_short(device, number, act):
    """Return the result of `act`, or None if the power failed at its step with this number."""
    device.inject_fault()
    device.crash_points.crash_at = device.crash_points.count + number
    try:
        return act()
    except Crash:
        device.close()
        device.open()
        return None


@pytest.mark.parametrize("fault", [BEFORE, AFTER])
@pytest.mark.parametrize("verb", ["pull", "push", "sync"])
def test_the_next_sync_completes_a_verb_that_failed_at_any_call_of_the_store(fault, verb):
    for cluster, device, number in each_call():
        before = len(device.store.calls)
        device.inject_fault(at(before + number, fault))
        try:
            getattr(device, verb)()
        except HxError as error:
            assert error.message  # noqa: PT017  (some failures are no more than a delay)
        calls = len(device.store.calls) - before
        device.inject_fault(never)
        converge(*cluster)
        require_all(cluster)
        if calls < number:
            break
    assert number > 4


@pytest.mark.parametrize(
    ("verb", "encrypt"), [("pull", True), ("push", True), ("sync", True), ("sync", False)]
)
def test_a_power_cut_at_any_step_loses_nothing(verb, encrypt):
    for cluster, device, number in each_call(encrypt):
        result = cut_short(device, number, getattr(device, verb))
        converge(*cluster)
        require_all(cluster)
        if result is not None:
            break
    assert number > 10


def test_a_power_cut_at_any_step_of_a_merge_of_segments_loses_nothing():
    with small_segment_limit(2):
        for cluster, device, number in each_call():
            for _ in range(3):  # pushes before the one that is cut short
                cluster.environment.pass_time()
                device.record()
                device.push()
            device.record()
            result = cut_short(device, number, device.push)
            converge(*cluster)
            require_all(cluster)
            if result is not None and result.rewritten > 2:
                break
    assert number > 10


def test_a_sync_without_news_is_one_listing():
    with new_cluster("laptop", "desktop") as (_, devices):
        for verb in ("pull", "push", "sync"):
            for device in devices:
                del device.store.calls[:]
                getattr(device, verb)()
                assert device.store.calls == [("list", "m/")], verb


def test_an_open_invitation_costs_no_listing():
    with new_cluster("laptop", "desktop") as cluster:
        cluster.devices[0].invite()
        converge(*cluster)
        for device in cluster.devices:
            del device.store.calls[:]
            device.sync()
            assert device.store.calls == [("list", "m/")]


def test_a_push_puts_each_segment_once_and_then_the_manifest():
    with new_cluster("laptop", "desktop") as (environment, (laptop, _)):
        for _ in range(100):
            environment.pass_time()
            laptop.record()
        del laptop.store.calls[:]
        pushed = laptop.push()
        puts = [key[:2] for operation, key in laptop.store.calls if operation == "put"]
        assert pushed.events == 100
        assert puts == ["o/"] * pushed.objects + ["m/"]


def test_a_thousand_pushes_of_one_event_leave_few_segments():
    with new_cluster("laptop") as (environment, (laptop,)):
        for _ in range(1_000):
            environment.pass_time()
            laptop.record()
            laptop.push()
        assert sum(key.startswith("o/") for key in environment.objects) <= 64
        assert sum(key.startswith("m/") for key in environment.objects) == 2
        del laptop.store.calls[:]
        laptop.sync()
        assert laptop.store.calls == [("list", "m/")]


def test_the_ledger_keeps_few_manifests_of_each_device():
    with new_cluster("laptop", "desktop") as (environment, (laptop, desktop)):
        for _ in range(40):
            environment.pass_time()
            laptop.record()
            laptop.push()
            desktop.view.receive()
            desktop.pull()
        for device in (laptop, desktop):
            rows = device.database.value("SELECT count(*) FROM manifest")
            assert rows <= 4


def test_an_old_own_manifest_that_comes_back_is_deleted_again():
    with new_cluster("laptop") as (_, (laptop,)):
        before = dict(laptop.view.held)
        for _ in range(3):
            laptop.record()
            laptop.push()
        old = {k: d for k, d in before.items() if k.startswith("m/") and k not in laptop.view.held}
        assert old
        laptop.view.held.update(old)
        laptop.record()
        laptop.push()
        assert not old.keys() & laptop.view.held.keys()


def test_a_deleted_segment_is_not_requested_again():
    with new_cluster("laptop", "desktop") as cluster:
        laptop = cluster.devices[0]
        event = laptop.record()
        laptop.push()
        laptop.forget(Keys(frozenset([event.key])))
        laptop.push()
        del laptop.store.calls[:]
        laptop.record()
        laptop.sync()
        assert [key for operation, key in laptop.store.calls if operation == "get"][:1] != []
        assert not [k for o, k in laptop.store.calls if o == "get" and k.startswith("o/")]
