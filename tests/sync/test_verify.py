"""What is read again, and what is said of an object that is absent or not what was put."""

from __future__ import annotations

import random

import pytest

from hx.core.format import object_names, verdict
from hx.core.format.envelope import seal
from hx.database.sync import ledger
from hx.stores import Missing
from hx.sync.check import check
from hx.sync.membership import writing_key
from hx.sync.verify import Damage, read_again
from sync.meeting import meet, vault_of
from sync.test_repair import damage, lose, own_segments, put
from sync.test_segments import revoked


@pytest.fixture
def meeting():
    with vault_of("one", "other") as meeting:
        for device in meeting.devices:
            device.record()
        meet(*meeting)
        yield meeting


def problems(device, percent=100):
    found = check(device.context(), percent, random.Random(1)).problems
    return {(problem.key, problem.status, problem.reason) for problem in found}


# ---- invitations, blobs, the vault file ----


def test_a_whole_invitation_is_no_problem_and_a_damaged_one_is(meeting):
    one, _ = meeting.devices
    one.invite()
    (key,) = [key for key in meeting.world.objects if key.startswith("j/")]
    assert problems(one) == set()
    damage(meeting, key)
    assert problems(one) == {(key, verdict.REJECTED, verdict.COMMITMENT)}


def blob(device):
    context = device.context()
    key_id, vmk = writing_key(context)
    name = object_names.Name(object_names.BLOB, device.me, b"\x0b" * 16, key_id)
    data = seal(name, b"output", vault_id=context.vault.vault_id, vmk=vmk)
    return object_names.spelled(name._replace(key_id=object_names.NIL)), data


def test_a_whole_blob_is_no_problem_and_a_damaged_header_is(meeting):
    one, _ = meeting.devices
    key, data = blob(one)
    put(meeting, {key: data})
    assert problems(one) == set()
    put(meeting, {key: b"?" + data[1:]})
    assert problems(one) == {(key, verdict.REJECTED, verdict.MAGIC)}


def test_a_vault_file_that_is_gone_is_a_problem(meeting):
    one, _ = meeting.devices
    lose(meeting, object_names.VAULT_KEY)
    key = object_names.VAULT_KEY
    assert problems(one) == {(key, verdict.PENDING, verdict.NOT_ARRIVED)}


def test_what_a_device_has_left_that_was_revoked_is_passed_over(meeting):
    one, other = meeting.devices
    revoked(one, other.me)
    one.push()
    found = check(one.context(), 100, random.Random(1))
    assert found.problems == []
    there = [key for key in one.view.held if key.startswith(f"m/{other.me.hex()}")]
    assert found.passed_over == {verdict.REVOKED: len(there)}
    assert found.behind == []


# ---- a second reading ----


def read(device):
    context = device.context()
    context.list_manifests()
    return read_again(context)


def test_what_is_whole_is_counted(meeting):
    one, other = meeting.devices
    found = read(one)
    heads = len(ledger.heads(one.database)[other.me])
    segments = len(own_segments(meeting, one)) + len(own_segments(meeting, other))
    assert found == (heads + segments, 0, [], [])


def test_an_own_segment_that_is_absent_or_damaged_is_lost(meeting):
    one, _ = meeting.devices
    (key,) = own_segments(meeting, one)
    damage(meeting, key)
    (lost,) = read(one).lost
    assert lost.object_id == object_names.parsed(key).object_id
    lose(meeting, key)
    assert len(read(one).lost) == 1


def test_a_segment_that_the_store_lists_and_does_not_give_is_not_lost(meeting):
    one, _ = meeting.devices
    (key,) = own_segments(meeting, one)
    get = one.view.get

    def missing(wanted, most):
        if wanted == key:
            raise Missing("it is not there yet")
        return get(wanted, most)

    one.view.get = missing
    found = read(one)
    assert found.lost == []
    (named,) = found.damaged
    assert (named.key, named.device_id, named.is_missing) == (key, one.me, True)


def test_a_segment_that_a_second_reading_gives_is_not_lost(meeting):
    one, _ = meeting.devices
    (key,) = own_segments(meeting, one)
    get, reads = one.view.get, []

    def once(wanted, most):
        data = get(wanted, most)
        if wanted == key:
            reads.append(wanted)
            return data[:-1] if len(reads) == 1 else data
        return data

    one.view.get = once
    found = read(one)
    assert found.lost == []
    assert [named.reason for named in found.damaged] == [verdict.INCOMPLETE]
    assert len(reads) == 2


def test_an_own_segment_for_which_the_key_is_missing_is_not_lost(meeting):
    """The store is whole, and the keys may come back."""
    one, _ = meeting.devices
    one.custody = one.custody._replace(vmks={})
    found = read(one)
    assert found.lost == []
    assert {named.reason for named in found.damaged} == {verdict.NO_KEY}


def test_what_another_device_has_lost_is_damage_and_a_damaged_manifest_of_it_too(meeting):
    one, other = meeting.devices
    (segment,) = own_segments(meeting, other)
    lose(meeting, segment)
    head = ledger.heads(one.database)[other.me][-1].key
    damage(meeting, head)
    found = read(one)
    assert found.lost == []
    assert [(named.key, named.device_id) for named in found.damaged] == [
        (head, other.me),
        (segment, other.me),
    ]


def test_a_manifest_that_is_not_listed_any_more_is_not_asked_for(meeting):
    one, other = meeting.devices
    head = ledger.heads(one.database)[other.me][-1].key
    lose(meeting, head)
    assert read(one).damaged == []


def test_only_what_has_not_arrived_is_missing():
    def reason(given):
        return Damage("o/", b"", verdict.PENDING, given, "")

    assert reason(verdict.NOT_ARRIVED).is_missing
    assert not reason(verdict.INCOMPLETE).is_missing
