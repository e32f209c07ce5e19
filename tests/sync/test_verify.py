"""What is read again, and what is said of an object that is absent or not what was put."""

from __future__ import annotations

import random

import pytest

from hx.core.format import object_names, verdict
from hx.core.format.envelope import seal
from hx.core.format.verdict import Fault
from hx.database.sync import ledger
from hx.stores import Missing
from hx.sync.check import check
from hx.sync.membership import writing_key
from hx.sync.verify import Damage, Stored, read_again, verify_slot
from sync.cluster import converge, new_cluster
from sync.departures import revoked
from sync.losses import damage, lose, own_segments, put


@pytest.fixture
def cluster():
    with new_cluster("laptop", "desktop") as cluster:
        for device in cluster.devices:
            device.record()
        converge(*cluster)
        yield cluster


def problems(device, percent=100):
    found = check(device.context(), percent, random.Random(1)).problems
    return {(problem.key, problem.status, problem.reason) for problem in found}


# ---- invitations, blobs, the vault file ----


def test_a_whole_invitation_is_no_problem_and_a_damaged_one_is(cluster):
    laptop, _ = cluster.devices
    laptop.invite()
    (key,) = [key for key in cluster.environment.objects if key.startswith("j/")]
    assert problems(laptop) == set()
    damage(cluster, key)
    assert problems(laptop) == {(key, verdict.REJECTED, verdict.COMMITMENT)}


def slots_of(cluster, device):
    return [
        Stored(key, object_names.parsed(key), len(data))
        for key, data in cluster.environment.objects.items()
        if key.startswith(object_names.slots_for(device.me))
    ]


def test_a_damaged_slot_of_another_device_is_a_problem(cluster):
    laptop, desktop = cluster.devices
    slot = slots_of(cluster, desktop)[0]
    verify_slot(laptop.context(), slot)
    damage(cluster, slot.key)
    with pytest.raises(Fault, match=verdict.COMMITMENT):
        verify_slot(laptop.context(), slot)


def test_the_slots_for_this_device_bring_its_keys(cluster):
    laptop, _ = cluster.devices
    vmks = {key: vmk for key, (_, vmk) in laptop.custody.vmks.items()}
    laptop.custody = laptop.custody._replace(vmks={})
    context = laptop.context()
    for slot in slots_of(cluster, laptop):
        verify_slot(context, slot)
    assert context.keyring.offered == vmks


def blob(device):
    context = device.context()
    key_id, vmk = writing_key(context)
    name = object_names.Name(object_names.BLOB, device.me, b"\x0b" * 16, key_id)
    data = seal(name, b"output", vault_id=context.vault.vault_id, vmk=vmk)
    return object_names.spelled(name._replace(key_id=object_names.NIL)), data


def test_a_whole_blob_is_no_problem_and_a_damaged_header_is(cluster):
    laptop, _ = cluster.devices
    key, data = blob(laptop)
    put(cluster, {key: data})
    assert problems(laptop) == set()
    put(cluster, {key: b"?" + data[1:]})
    assert problems(laptop) == {(key, verdict.REJECTED, verdict.MAGIC)}


def test_a_vault_file_that_is_gone_is_a_problem(cluster):
    laptop, _ = cluster.devices
    lose(cluster, object_names.VAULT_KEY)
    key = object_names.VAULT_KEY
    assert problems(laptop) == {(key, verdict.PENDING, verdict.NOT_ARRIVED)}


def test_what_a_device_has_left_that_was_revoked_is_passed_over(cluster):
    laptop, desktop = cluster.devices
    revoked(laptop, desktop.me)
    found = check(laptop.context(), 100, random.Random(1))
    assert found.problems == []
    kinds = (f"m/{desktop.me.hex()}", f"o/{desktop.me.hex()}")
    there = [key for key in laptop.view.held if key.startswith(kinds)]
    assert found.passed_over == {verdict.REVOKED: len(there)}
    assert found.behind == []


# ---- a second reading ----


def read(device):
    context = device.context()
    context.list_manifests()
    return read_again(context)


def test_what_is_whole_is_counted(cluster):
    laptop, desktop = cluster.devices
    context, shown, notes = laptop.context(), [], []
    context.report_progress, context.on_note = lambda *numbers: shown.append(numbers), notes.append
    context.list_manifests()
    found = read_again(context)
    heads = len(ledger.heads(laptop.database)[desktop.me])
    segments = own_segments(cluster, laptop) + own_segments(cluster, desktop)
    assert found == (heads + len(segments), 0, [], [])
    assert shown == [(0, 2), (1, 2)]
    assert {(note.key, note.verdict) for note in notes} == {
        (key, verdict.IMPORTED) for key in segments
    }


def test_an_own_segment_that_is_absent_or_damaged_is_lost(cluster):
    laptop, _ = cluster.devices
    (key,) = own_segments(cluster, laptop)
    damage(cluster, key)
    (lost,) = read(laptop).lost
    assert lost.object_id == object_names.parsed(key).object_id
    lose(cluster, key)
    assert len(read(laptop).lost) == 1


def test_a_segment_that_the_store_lists_and_does_not_give_is_not_lost(cluster):
    laptop, _ = cluster.devices
    (key,) = own_segments(cluster, laptop)
    get = laptop.view.get

    def missing(wanted, most):
        if wanted == key:
            raise Missing("it is not there yet")
        return get(wanted, most)

    laptop.view.get = missing
    found = read(laptop)
    assert found.lost == []
    (named,) = found.damaged
    assert (named.key, named.device_id, named.is_missing) == (key, laptop.me, True)


def test_a_segment_that_a_second_reading_gives_is_not_lost(cluster):
    laptop, _ = cluster.devices
    (key,) = own_segments(cluster, laptop)
    get, reads = laptop.view.get, []

    def once(wanted, most):
        data = get(wanted, most)
        if wanted == key:
            reads.append(wanted)
            return data[:-1] if len(reads) == 1 else data
        return data

    laptop.view.get = once
    found = read(laptop)
    assert found.lost == []
    assert [named.reason for named in found.damaged] == [verdict.INCOMPLETE]
    assert len(reads) == 2


def test_an_own_segment_for_which_the_key_is_missing_is_not_lost(cluster):
    """The store is whole, and the keys may come back."""
    laptop, _ = cluster.devices
    laptop.custody = laptop.custody._replace(vmks={})
    found = read(laptop)
    assert found.lost == []
    assert {named.reason for named in found.damaged} == {verdict.NO_KEY}


def test_what_another_device_has_lost_is_damage_and_a_damaged_manifest_of_it_too(cluster):
    laptop, desktop = cluster.devices
    (segment,) = own_segments(cluster, desktop)
    lose(cluster, segment)
    head = ledger.heads(laptop.database)[desktop.me][-1].key
    damage(cluster, head)
    found = read(laptop)
    assert found.lost == []
    assert [(named.key, named.device_id) for named in found.damaged] == [
        (head, desktop.me),
        (segment, desktop.me),
    ]


def test_a_manifest_that_is_not_listed_any_more_is_not_asked_for(cluster):
    laptop, desktop = cluster.devices
    head = ledger.heads(laptop.database)[desktop.me][-1].key
    lose(cluster, head)
    assert read(laptop).damaged == []


def test_only_what_has_not_arrived_is_missing():
    def reason(given):
        return Damage("o/", b"", verdict.PENDING, given, "")

    assert reason(verdict.NOT_ARRIVED).is_missing
    assert not reason(verdict.INCOMPLETE).is_missing
