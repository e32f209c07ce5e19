"""What a check of the store finds; and that it takes and writes nothing."""

from __future__ import annotations

import random

import pytest

from hx.core.errors import NotAVault
from hx.core.format import object_names
from hx.core.format.envelope import seal
from hx.core.model import Keys
from hx.database.sync import ledger
from hx.sync.check import check
from hx.sync.verify import read_again
from sync.devices import Device
from sync.meeting import enter, meet, vault_of
from sync.test_repair import damage, lose, own_segments, put


@pytest.fixture
def meeting():
    with vault_of("one", "other") as meeting:
        for device in meeting.devices:
            device.record()
        meet(*meeting)
        yield meeting


def checked(device, percent=100):
    return check(device.context(), percent, random.Random(1))


def rows(device):
    tables = "event", "segment", "manifest", "vault", "roster_record", "location", "device"
    return [device.database.execute(f"SELECT * FROM {one}").fetchall() for one in tables]


def test_a_whole_store_has_no_problem_and_is_read_whole(meeting):
    found = checked(meeting.devices[0])
    assert not found.problems
    assert not found.unnamed
    assert not found.behind
    objects = meeting.world.objects
    assert found.objects == len(objects)
    assert found.size == sum(map(len, objects.values()))
    assert (found.read, found.read_bytes) == (found.objects, found.size)


def test_nothing_is_written_and_nothing_is_taken_of_news_either(meeting):
    """A device that is new, a key that was made for it, and what is sealed under that."""
    one, other = meeting.devices
    third = Device(meeting.world, "third")
    enter(meeting, third, other.invite())
    other.view.arrive()
    other.sync()
    third.view.arrive()
    third.record()
    third.sync()
    one.view.arrive()
    before, objects, custody = rows(one), dict(meeting.world.objects), one.custody
    found = checked(one)
    assert not found.problems
    assert found.read == len(objects)
    assert rows(one) == before
    assert meeting.world.objects == objects
    assert one.custody == custody
    one.sync()
    assert rows(one) != before
    assert one.custody != custody


def test_without_read_data_no_segment_is_fetched(meeting):
    one = meeting.devices[0]
    del one.store.calls[:]
    assert not checked(one, 0).problems
    assert not [key for operation, key in one.store.calls if operation == "get" and key[0] == "o"]


def test_of_some_percent_so_many_segments_are_read(meeting):
    one = meeting.devices[0]
    for _ in range(18):
        one.record()
        one.push()
    del one.store.calls[:]
    checked(one, 10)
    read = [key for operation, key in one.store.calls if operation == "get" and key[0] == "o"]
    assert len(read) == 2


@pytest.mark.parametrize("kind", ["m/", "o/", "k/", "hx-vault.hx"])
def test_a_flipped_bit_is_found_wherever_it_is(meeting, kind):
    one = meeting.devices[0]
    for key in [key for key in meeting.world.objects if key.startswith(kind)]:
        whole = meeting.world.objects[key]
        damage(meeting, key)
        found = checked(one)
        bad = [(one.key, one.status) for one in found.problems if not one.is_missing]
        assert bad == [(key, "rejected")]
        put(meeting, {key: whole})


def test_a_named_segment_that_is_not_there_is_missing(meeting):
    one, other = meeting.devices
    (key,) = own_segments(meeting, other)
    lose(meeting, key)
    (found,) = checked(one, 0).problems
    assert (found.key, found.device_id, found.is_missing) == (key, other.me, True)


@pytest.mark.parametrize(("change", "reason"), [(-1, "incomplete"), (1, "hash")])
def test_a_length_that_is_not_the_listed_one_is_found_without_reading(meeting, change, reason):
    one, other = meeting.devices
    (key,) = own_segments(meeting, other)
    put(meeting, {key: (meeting.world.objects[key] + b"\0")[: change - 1 or None]})
    (found,) = checked(one, 0).problems
    assert (found.key, found.reason) == (key, reason)


def test_what_no_manifest_names_is_counted_and_is_no_problem(meeting):
    one, other = meeting.devices
    (old,) = own_segments(meeting, other)
    copy = {old: meeting.world.objects[old]}
    (event,) = [e for e in other.dump().events if e.key.device_id == other.me]
    other.forget(Keys(frozenset([event.key])))
    meet(*meeting)
    put(meeting, copy)
    found = checked(one)
    assert not found.problems
    assert found.unnamed == {other.me: 1}


def test_a_manifest_that_its_device_did_not_sign_is_named(meeting):
    """Whoever has a key of the vault can seal one, and not sign it."""
    one, other = meeting.devices
    key = max(k for k in meeting.world.objects if k.startswith(f"m/{other.me.hex()}"))
    context = one.context()
    payload = context.unsealed(key, meeting.world.objects[key])
    forged = payload[:-1] + bytes([payload[-1] ^ 1])
    name = object_names.parsed(key)._replace(object_id=b"forgery!" + bytes(8))
    ((key_id, vmk),) = list(context.keyring.vmks.items())[-1:]
    data = seal(name._replace(key_id=key_id), forged, vault_id=context.vault.vault_id, vmk=vmk)
    put(meeting, {object_names.spelled(name): data})
    (found,) = checked(one).problems
    assert (found.key, found.reason) == (object_names.spelled(name), "signature")


def test_a_store_that_is_older_than_what_was_seen_here_is_said_to_be_behind(meeting):
    one, other = meeting.devices
    old = dict(meeting.world.objects)
    other.record()
    meet(*meeting)
    lose(meeting, *list(meeting.world.objects.keys() - old.keys()))
    put(meeting, old)
    found = checked(one)
    assert not found.problems
    assert found.behind == [other.me]


def test_another_vault_or_none_is_refused(meeting):
    one = meeting.devices[0]
    lose(meeting, *[key for key in meeting.world.objects if key.startswith("m/")])
    damage(meeting, "hx-vault.hx")
    with pytest.raises(NotAVault):
        checked(one)


def at_listing(device, act):
    """Once, when all objects are about to be listed."""
    waiting = [act]

    def choose(_number, operation, key):
        if waiting and (operation, key) == ("list", ""):
            waiting.pop()()
        return ""

    device.store.choose = choose


def test_what_a_device_replaces_during_the_check_is_not_missing_and_the_rest_is(meeting):
    one, other = meeting.devices
    (event,) = [e for e in other.dump().events if e.key.device_id == other.me]
    (lost,) = own_segments(meeting, one)

    def replace():
        lose(meeting, lost)
        damage(meeting, "hx-vault.hx")
        other.forget(Keys(frozenset([event.key])))
        other.push()
        one.view.arrive()

    (before,) = own_segments(meeting, other)
    at_listing(one, replace)
    found = checked(one)
    assert before not in meeting.world.objects
    told = [(problem.key, problem.is_missing) for problem in found.problems]
    assert told == [("hx-vault.hx", False), (lost, True)]


@pytest.mark.parametrize("who", [0, 1], ids=["its own device", "the other"])
def test_of_two_manifests_with_one_number_the_others_miss_the_segments_of_both(meeting, who):
    one, other = meeting.devices
    clone = one.clone("clone")
    for copy in (one, clone):
        copy.record()
        copy.push()
    for device in (one, other):
        device.view.arrive()
        device.pull()
    segments = own_segments(meeting, one)
    live = {row.object_id for row in ledger.live(one.database, one.me)}
    named = [key for key in segments if object_names.parsed(key).object_id in live]
    assert len(named) == len(segments) - 1
    lose(meeting, *segments)
    missing = {problem.key for problem in checked(meeting.devices[who], 0).problems}
    assert missing == set(segments if who else named)
    clone.close()


def test_a_device_of_which_the_store_has_no_manifest_is_said_to_be_behind(meeting):
    one, other = meeting.devices
    lose(meeting, *[key for key in meeting.world.objects if key.startswith(f"m/{other.me.hex()}")])
    with one.database.transaction():
        one.database.execute("UPDATE manifest SET seq = 1 WHERE device_id = ?", (other.me,))
    assert checked(one).behind == [other.me]


def test_how_far_it_is_with_the_segments_is_told(meeting):
    context, told = meeting.devices[0].context(), []
    context.tell = lambda done, size: told.append((done, size))
    check(context, 100, random.Random(1))
    assert told == [(0, 2), (1, 2)]
    del told[:]
    read_again(context)
    assert told == [(0, 2), (1, 2)]


def test_what_became_of_each_object_in_a_second_reading_is_told(meeting):
    one, other = meeting.devices
    (bad,), (whole,) = own_segments(meeting, other), own_segments(meeting, one)
    damage(meeting, bad)
    context, notes = one.context(), []
    context.on_note = notes.append
    read_again(context)
    said = {note.key: note.verdict for note in notes}
    assert said == {whole: "imported", bad: "pending incomplete"}
