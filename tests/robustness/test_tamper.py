"""Whoever holds the store changes, cuts, lengthens, swaps and mixes objects: none is taken."""

from __future__ import annotations

import random
from collections import Counter
from itertools import permutations

import pytest

from dump import dump
from hx.core.format import object_names
from hx.core.format.object_names import parsed
from robustness.busy_vault import Scene, must
from robustness.small_vault import BARE, HEADER_BYTES, flips, recommitted, small_vault
from robustness.store_folder import objects
from robustness.strace import run

KINDS = {
    object_names.GENESIS,
    object_names.SLOT,
    object_names.INVITE,
    object_names.MANIFEST,
    object_names.SEGMENT,
    object_names.BLOB,
}


@pytest.fixture(scope="module")
def sealed():
    return small_vault()


@pytest.fixture(scope="module")
def plain():
    return small_vault(encrypt=False)


@pytest.fixture(params=["sealed", "plain"])
def vault(request):
    return request.getfixturevalue(request.param)


def kind(key):
    return parsed(key).kind


def refused(vault, key, tampered):
    """How many were tried; each has its reason."""
    reasons = Counter(vault.why(key, data) for data in tampered)
    assert None not in reasons, f"{key}: {reasons}"
    return reasons.total()


def test_the_vault_has_objects_of_every_kind_and_all_are_sound(sealed, plain):
    assert {kind(key) for key in sealed.objects} == KINDS
    assert {kind(key) for key in plain.objects} == KINDS - {object_names.SLOT}
    assert len(sealed.objects) >= 20
    for vault in (sealed, plain):
        for key, data in vault.objects.items():
            assert vault.why(key, data) is None, key


def test_no_bit_of_any_object_can_be_flipped(vault):
    tried = sum(refused(vault, key, flips(data)) for key, data in vault.objects.items())
    assert tried == sum(8 * len(data) for data in vault.objects.values())


def test_no_bit_can_be_flipped_where_the_commitment_is_made_to_fit(vault):
    """Of objects that nobody needs a key to seal."""
    tried = 0
    for key, data in vault.objects.items():
        if (kind(key) not in BARE and vault.suite) or kind(key) == object_names.BLOB:
            continue
        fitting = (recommitted(one) for one in flips(data))
        tried += refused(vault, key, (one for one in fitting if one != data))
    assert tried > 10_000


def test_no_object_can_be_cut_or_lengthened(vault):
    for key, data in vault.objects.items():
        refused(vault, key, (data[:size] for size in range(len(data))))
        refused(vault, key, (data + bytes(more) for more in range(1, 65)))
        refused(vault, key, [data + data, data + data[HEADER_BYTES:]])


def test_no_two_objects_can_be_swapped(vault):
    for one, other in permutations(vault.objects, 2):
        refused(vault, other, [vault.objects[one]])


def test_no_object_can_be_put_under_another_name(vault):
    fresh = b"\x77" * 16
    for key, data in vault.objects.items():
        name = parsed(key)
        others = [
            name._replace(device_id=fresh),
            name._replace(object_id=fresh[:8] + bytes(8)),
            name._replace(seq=name.seq + 1),
            *(name._replace(kind=one) for one in KINDS),
        ]
        for other in others:
            spelled = object_names.spelled(other)
            if (
                parsed(spelled) is not None
                and spelled != key
                and kind(spelled) != object_names.SLOT
            ):
                refused(vault, spelled, [data])


def test_no_header_fits_another_body(vault):
    for one, other in permutations(vault.objects, 2):
        head, body = vault.objects[one][:HEADER_BYTES], vault.objects[other][HEADER_BYTES:]
        if body == vault.objects[one][HEADER_BYTES:]:
            continue
        refused(vault, one, [head + body])
        if kind(one) in BARE or (not vault.suite and kind(one) != object_names.BLOB):
            refused(vault, one, [recommitted(head + body)])


def test_nothing_of_another_vault_is_taken(sealed, plain):
    vaults = [sealed, plain, small_vault(seed=1), small_vault(seed=1, encrypt=False)]
    for vault, strange in permutations(vaults, 2):
        for key, data in strange.objects.items():
            for place in vault.objects:
                if kind(place) == kind(key):
                    refused(vault, place, [data])


def test_a_pull_takes_nothing_that_was_tampered_with_and_all_once_it_is_sound_again(tmp_path):
    scene = Scene(tmp_path)
    one, other = scene.members
    before = objects(one)
    must(run(one, "sync"))
    fresh = {key: data for key, data in objects(one).items() if key not in before}
    known = shown(other)
    chance = random.Random(1)
    for way in WAYS:
        for key, data in fresh.items():
            (one.folder / key).write_bytes(way(data, chance, fresh))
        assert run(other, "sync", "check", "--read-data").code in (3, 4), way
        must(run(other, "sync", "pull"), 3, 4)
        assert shown(other) == known, way
    for key, data in fresh.items():
        (one.folder / key).write_bytes(data)
    scene.require_mended()
    assert shown(other) > known


def shown(member):
    with member.database() as database:
        return {event.command for event in dump(database).events}


def flipped(data, chance, _):
    place = chance.randrange(len(data))
    return data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) + data[place + 1 :]


WAYS = [
    flipped,
    lambda data, chance, _: data[: chance.randrange(len(data))],
    lambda data, _chance, _all: data + b"\0",
    lambda data, chance, others: chance.choice([one for one in others.values() if one != data]),
    lambda data, chance, _: chance.randbytes(len(data)),
]
