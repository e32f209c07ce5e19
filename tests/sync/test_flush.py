"""When a sync in the background pushes, and that histories converge by such syncs alone."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hx.core.model import Keys
from hx.database.event_detail import rename_device
from hx.sync.device_state import MEMBER, place_here
from hx.sync.flush import Limits, flush
from hx.sync.pull import pull
from hx.sync.push import Pushed
from sync.cluster import new_cluster
from sync.devices import Device
from sync.losses import cut_short

MINUTE_US = 60_000_000
LIMITS = Limits(events=4, minutes=15)


@pytest.fixture
def pair():
    with new_cluster("laptop", "desktop") as cluster:
        quiet(cluster)
        yield cluster.devices


def quiet(cluster, minutes=20):
    """Let so much time pass that the last push is old."""
    cluster.environment.now_us += minutes * MINUTE_US


def in_background(device):
    """Sync a device in the background; return what was pushed."""
    device.view.receive()
    context = device.context()
    pull(context, admits=True)
    return flush(context, device.outbox, device.name(), LIMITS)


def record(device, *ages):
    """Record an event for each age in minutes."""
    return [device.record(ago_us=age * MINUTE_US) for age in ages]


# ---- what is due ----


@pytest.mark.parametrize(
    ("ages", "events"),
    [
        ((), 0),
        ((14,), 0),
        ((15,), 1),
        ((15, 3, 1), 2),
        ((3, 3, 3), 0),
        ((3, 3, 3, 3), 4),
        ((3, 3, 3, 1), 0),
        ((3, 3, 3, 3, 1, 1), 4),
        ((1,) * 9, 0),
    ],
)
def test_events_go_by_number_and_by_age_but_never_the_youngest(pair, ages, events):
    laptop, _ = pair
    record(laptop, *ages)
    assert in_background(laptop).events == events


def test_an_event_from_ahead_of_the_clock_is_not_young(pair):
    laptop, _ = pair
    record(laptop, *[-60] * 4)
    assert in_background(laptop).events == 4


def test_a_tombstone_goes_at_once_and_takes_what_is_old_enough_along(pair):
    laptop, _ = pair
    [old] = record(laptop, 20)
    assert in_background(laptop).events == 1
    record(laptop, 3, 1)
    laptop.forget(Keys(frozenset([old.key])))
    assert in_background(laptop).events == 1
    assert in_background(laptop) == Pushed()


def test_a_tombstone_for_an_event_of_another_device_goes_at_once(pair):
    laptop, desktop = pair
    [old], _ = record(desktop, 20), record(laptop, 20)
    in_background(desktop)
    assert in_background(laptop).events == 1
    laptop.forget(Keys(frozenset([old.key])))
    in_background(laptop)
    in_background(desktop)
    assert old not in desktop.dump().events


def test_a_redaction_goes_at_once(pair):
    laptop, desktop = pair
    [old] = record(laptop, 20)
    in_background(laptop)
    in_background(desktop)
    laptop.redact(old)
    assert in_background(laptop).rewritten == 1
    in_background(desktop)
    assert {event.revision for event in desktop.dump().events if event.key == old.key} == {1}


def test_a_device_that_waits_is_let_in_at_once():
    with new_cluster("laptop", "desktop") as cluster:
        laptop, _ = cluster.devices
        third = Device(cluster.environment, "third")
        cluster.devices.append(third)
        code = laptop.invite()
        third.view.receive()
        third.join(code)
        third.sync()
        assert third.me not in laptop.context().trust.active
        in_background(laptop)
        in_background(third)
        assert place_here(third.context()) == MEMBER


def test_a_name_and_a_pin_wait_for_a_quiet_quarter_of_an_hour(pair):
    laptop, _ = pair
    changes = laptop.environment
    [event] = record(laptop, 20)
    assert in_background(laptop).events == 1
    before = changes.changes
    with laptop.database.transaction():
        rename_device(laptop.database, laptop.me, "another name")
    laptop.pin(event.key.session_id, pinned=True)
    in_background(laptop)
    assert changes.changes == before
    changes.now_us += 16 * MINUTE_US
    in_background(laptop)
    assert changes.changes > before


def test_a_push_that_was_cut_short_is_completed_at_once(pair):
    laptop, desktop = pair
    record(laptop, 1)
    cut_short(laptop)
    in_background(laptop)
    in_background(desktop)
    assert laptop.outbox.read() is None
    assert desktop.dump().events == laptop.dump().events


# ---- devices that sync in the background alone ----


steps = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from(["record", "forget", "sync", "sync", "wait"])),
    max_size=30,
)


@settings(max_examples=25)
@given(steps)
def test_background_syncs_alone_converge_and_publish_nothing_young(steps):
    with new_cluster("laptop", "desktop") as cluster:
        environment, devices = cluster
        for number, step in steps:
            act(environment, devices[number], step)
        for _ in range(4):
            quiet(cluster)
            for device in devices:
                in_background(device)
        first, second = (device.dump() for device in devices)
        assert first.events == second.events
        assert first.tombstones == second.tombstones


def act(environment, device, step):
    if step == "record":
        device.record()
    elif step == "forget":
        keys = sorted(event.key for event in device.dump().events)
        if keys:
            device.forget(Keys(frozenset(keys[:1])))
    elif step == "wait":
        environment.now_us += 3 * MINUTE_US
    else:
        before = {event.key for event in device.dump().events}
        pushed = in_background(device)
        young = {key for key in before if 0 <= device.now_us - key[0] < 2 * MINUTE_US}
        assert pushed.events <= len(before - young)
