"""Objects that someone with access to the store changed, cut, swapped or mixed are all rejected."""

from __future__ import annotations

import random
from collections import Counter
from itertools import permutations

import pytest

from dump import dump
from hx.core.format import object_names
from hx.core.format.object_names import parsed
from robustness.busy_vault import BusyVault, must
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


def require_rejected(vault, key, tampered):
    """Assert that each of these bytes is rejected with a reason; return their number."""
    reasons = Counter(vault.fault_of(key, data) for data in tampered)
    assert None not in reasons, f"{key}: {reasons}"
    return reasons.total()


def test_the_vault_has_objects_of_every_kind_and_all_are_accepted(sealed, plain):
    assert {kind(key) for key in sealed.objects} == KINDS
    assert {kind(key) for key in plain.objects} == KINDS - {object_names.SLOT}
    assert len(sealed.objects) >= 20
    for vault in (sealed, plain):
        for key, data in vault.objects.items():
            assert vault.fault_of(key, data) is None, key


def test_an_object_with_a_flipped_bit_is_rejected(vault):
    tried = sum(require_rejected(vault, key, flips(data)) for key, data in vault.objects.items())
    assert tried == sum(8 * len(data) for data in vault.objects.values())


def test_an_object_with_a_flipped_bit_and_a_fitting_commitment_is_rejected(vault):
    """Objects that can be sealed without a key are tested."""
    tried = 0
    for key, data in vault.objects.items():
        if (kind(key) not in BARE and vault.suite) or kind(key) == object_names.BLOB:
            continue
        fitting = (recommitted(flipped_data) for flipped_data in flips(data))
        tried += require_rejected(vault, key, (forged for forged in fitting if forged != data))
    assert tried > 10_000


def test_an_object_that_is_cut_or_extended_is_rejected(vault):
    for key, data in vault.objects.items():
        require_rejected(vault, key, (data[:size] for size in range(len(data))))
        require_rejected(vault, key, (data + bytes(more) for more in range(1, 65)))
        require_rejected(vault, key, [data + data, data + data[HEADER_BYTES:]])


def test_an_object_in_the_place_of_another_is_rejected(vault):
    for first, second in permutations(vault.objects, 2):
        require_rejected(vault, second, [vault.objects[first]])


def test_an_object_under_another_name_is_rejected(vault):
    other_id = b"\x77" * 16
    for key, data in vault.objects.items():
        name = parsed(key)
        others = [
            name._replace(device_id=other_id),
            name._replace(object_id=other_id[:8] + bytes(8)),
            name._replace(seq=name.seq + 1),
            *(name._replace(kind=other_kind) for other_kind in KINDS),
        ]
        for changed in others:
            spelled = object_names.spelled(changed)
            if (
                parsed(spelled) is not None
                and spelled != key
                and kind(spelled) != object_names.SLOT
            ):
                require_rejected(vault, spelled, [data])


def test_a_header_with_the_body_of_another_object_is_rejected(vault):
    for first, second in permutations(vault.objects, 2):
        head, body = vault.objects[first][:HEADER_BYTES], vault.objects[second][HEADER_BYTES:]
        if body == vault.objects[first][HEADER_BYTES:]:
            continue
        require_rejected(vault, first, [head + body])
        if kind(first) in BARE or (not vault.suite and kind(first) != object_names.BLOB):
            require_rejected(vault, first, [recommitted(head + body)])


def test_objects_of_another_vault_are_rejected(sealed, plain):
    vaults = [sealed, plain, small_vault(seed=1), small_vault(seed=1, encrypt=False)]
    for vault, other_vault in permutations(vaults, 2):
        for key, data in other_vault.objects.items():
            for own_key in vault.objects:
                if kind(own_key) == kind(key):
                    require_rejected(vault, own_key, [data])


def test_a_pull_joins_no_changed_object_and_all_of_them_once_they_are_restored(tmp_path):
    busy_vault = BusyVault(tmp_path)
    laptop, desktop = busy_vault.members
    before = objects(laptop)
    must(run(laptop, "sync"))
    new_objects = {key: data for key, data in objects(laptop).items() if key not in before}
    commands = commands_of(desktop)
    rng = random.Random(1)
    for change in CHANGES:
        for key, data in new_objects.items():
            (laptop.folder / key).write_bytes(change(data, rng, new_objects))
        assert run(desktop, "sync", "check", "--read-data").code in (3, 4), change
        must(run(desktop, "sync", "pull"), 3, 4)
        assert commands_of(desktop) == commands, change
    for key, data in new_objects.items():
        (laptop.folder / key).write_bytes(data)
    busy_vault.require_mended()
    assert commands_of(desktop) > commands


def commands_of(member):
    with member.database() as database:
        return {event.command for event in dump(database).events}


def flipped(data, rng, _):
    place = rng.randrange(len(data))
    return data[:place] + bytes([data[place] ^ 1 << rng.randrange(8)]) + data[place + 1 :]


CHANGES = [
    flipped,
    lambda data, rng, _: data[: rng.randrange(len(data))],
    lambda data, _chance, _all: data + b"\0",
    lambda data, rng, others: rng.choice(
        [content for content in others.values() if content != data]
    ),
    lambda data, rng, _: rng.randbytes(len(data)),
]
