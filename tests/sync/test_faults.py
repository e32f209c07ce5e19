"""A store that fails, a power cut: at any call and any commit, and the next sync mends it."""

from __future__ import annotations

import itertools

import pytest

from hx.core.errors import HxError
from hx.core.model import Keys
from stores.faulty import AFTER, BEFORE, at, never
from sync.claims import require_all
from sync.devices import Device
from sync.meeting import enter, meet, vault_of
from sync.simulation import crowds_of
from sync.world import Crash


def busy(meeting):
    """One device with all kinds of work: to take, to publish, to write anew, to let in."""
    world, (one, other) = meeting
    kept = [one.record() for _ in range(3)]
    other.record()
    code = one.invite()
    meet(*meeting)
    one.forget(Keys(frozenset([kept[0].key])))
    one.redact(kept[1])
    one.keep(kept[2])
    one.record()
    one.pin(one.session, pinned=True)
    other.record()
    other.sync()
    enter(meeting, Device(world, "third"), code)
    one.view.arrive()
    return one


def each_call(encrypt=True):
    """(meeting, device, number): a fresh vault for every step that a test wants to break."""
    for number in itertools.count(1):
        with vault_of("one", "other", encrypt=encrypt) as meeting:
            yield meeting, busy(meeting), number


def cut_short(device, number, act):
    """What it did, or None: the power went at that call or commit."""
    device.arrange()
    device.points.last = device.points.passed + number
    try:
        return act()
    except Crash:
        device.close()
        device.open()
        return None


@pytest.mark.parametrize("fault", [BEFORE, AFTER])
@pytest.mark.parametrize("verb", ["pull", "push", "sync"])
def test_what_fails_at_any_call_of_the_store_is_completed_by_the_next_sync(fault, verb):
    for meeting, device, number in each_call():
        before = len(device.store.calls)
        device.arrange(at(before + number, fault))
        try:
            getattr(device, verb)()
        except HxError as error:
            assert error.message  # noqa: PT017  (some failures are no more than a delay)
        calls = len(device.store.calls) - before
        device.arrange(never)
        meet(*meeting)
        require_all(meeting)
        if calls < number:
            break
    assert number > 4


@pytest.mark.parametrize(
    ("verb", "encrypt"), [("pull", True), ("push", True), ("sync", True), ("sync", False)]
)
def test_a_power_cut_at_any_call_or_commit_loses_nothing(verb, encrypt):
    for meeting, device, number in each_call(encrypt):
        done = cut_short(device, number, getattr(device, verb))
        meet(*meeting)
        require_all(meeting)
        if done is not None:
            break
    assert number > 10


def test_a_power_cut_at_any_call_or_commit_of_a_merge_of_small_segments_loses_nothing():
    with crowds_of(2):
        for meeting, device, number in each_call():
            for _ in range(3):  # the pushes before the one that is cut short
                meeting.world.pass_time()
                device.record()
                device.push()
            device.record()
            done = cut_short(device, number, device.push)
            meet(*meeting)
            require_all(meeting)
            if done is not None and done.rewritten > 2:
                break
    assert number > 10


def test_nothing_new_is_one_listing_and_nothing_else():
    with vault_of("one", "other") as (_, devices):
        for verb in ("pull", "push", "sync"):
            for device in devices:
                del device.store.calls[:]
                getattr(device, verb)()
                assert device.store.calls == [("list", "m/")], verb


def test_an_open_invitation_costs_no_listing():
    with vault_of("one", "other") as meeting:
        meeting.devices[0].invite()
        meet(*meeting)
        for device in meeting.devices:
            del device.store.calls[:]
            device.sync()
            assert device.store.calls == [("list", "m/")]


def test_what_is_published_is_put_once_and_then_the_manifest():
    with vault_of("one", "other") as (world, (one, _)):
        for _ in range(100):
            world.pass_time()
            one.record()
        del one.store.calls[:]
        pushed = one.push()
        puts = [key[:2] for operation, key in one.store.calls if operation == "put"]
        assert pushed.events == 100
        assert puts == ["o/"] * pushed.objects + ["m/"]


def test_a_thousand_pushes_of_one_event_leave_few_segments():
    with vault_of("one") as (world, (one,)):
        for _ in range(1_000):
            world.pass_time()
            one.record()
            one.push()
        assert sum(key.startswith("o/") for key in world.objects) <= 64
        assert sum(key.startswith("m/") for key in world.objects) == 2
        del one.store.calls[:]
        one.sync()
        assert one.store.calls == [("list", "m/")]


def test_a_thousand_manifests_are_not_remembered():
    with vault_of("one", "other") as (world, (one, other)):
        for _ in range(40):
            world.pass_time()
            one.record()
            one.push()
            other.view.arrive()
            other.pull()
        for device in (one, other):
            rows = device.database.value("SELECT count(*) FROM manifest")
            assert rows <= 4


def test_an_old_own_manifest_that_comes_back_is_taken_out_again():
    with vault_of("one") as (_, (one,)):
        before = dict(one.view.held)
        for _ in range(3):
            one.record()
            one.push()
        old = {k: d for k, d in before.items() if k.startswith("m/") and k not in one.view.held}
        assert old
        one.view.held.update(old)
        one.record()
        one.push()
        assert not old.keys() & one.view.held.keys()


def test_what_was_taken_out_of_the_store_is_not_asked_for_again():
    with vault_of("one", "other") as meeting:
        one = meeting.devices[0]
        event = one.record()
        one.push()
        one.forget(Keys(frozenset([event.key])))
        one.push()
        del one.store.calls[:]
        one.record()
        one.sync()
        assert [key for operation, key in one.store.calls if operation == "get"][:1] != []
        assert not [k for o, k in one.store.calls if o == "get" and k.startswith("o/")]
