"""The envelope: an object unseals to the payload that was sealed, or is refused with a reason."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import forger
from hx.core.format.body import compress
from hx.core.format.envelope import (
    BLOB,
    GENESIS,
    INVITE,
    MANIFEST,
    PLAIN,
    SEALED,
    SEGMENT,
    SLOT,
    Fault,
    open_kind,
    seal,
    seal_invite,
    seal_open_kind,
    size_limit,
    unseal,
    unseal_invite,
)
from hx.core.format.keys import key_id
from hx.core.format.object_names import NIL, Name, spelled
from hx.core.format.verdict import (
    BODY,
    COMMITMENT,
    HEADER,
    INCOMPLETE,
    MAGIC,
    MISPLACED,
    NEEDS_UPGRADE,
    NO_KEY,
    OTHER_VAULT,
    PENDING,
    REJECTED,
    SKIPPED,
    TOO_LARGE,
    TRAILING,
)
from strategies import share

VAULT, VMK, OTHER_VMK = b"V" * 16, b"k" * 32, b"l" * 32
DEVICE, OBJECT_ID, OTHER = b"\x01" * 16, b"\x0a" * 16, b"\x0b" * 16
VMKS = {key_id(key): key for key in (VMK, OTHER_VMK)}
NAME = Name(SEGMENT, DEVICE, OBJECT_ID)
PAYLOAD = b"git push " * 40
SIXTEEN = st.binary(min_size=16, max_size=16)

names = st.one_of(
    st.builds(Name, st.sampled_from([SEGMENT, BLOB]), SIXTEEN, SIXTEEN),
    st.builds(
        lambda device, rand, seq: Name(MANIFEST, device, rand + bytes(8), seq=seq),
        SIXTEEN,
        st.binary(min_size=8, max_size=8),
        st.integers(1, 10**12 - 1),
    ),
)


def opened(data, name=NAME, vault_id=VAULT, suite=SEALED, vmks=VMKS):
    return unseal(data, expect=spelled(name), vault_id=vault_id, suite=suite, vmks=vmks)


def fault_of(call, *arguments, **options):
    """Return (status, reason) of the Fault that a call raises."""
    with pytest.raises(Fault) as caught:
        call(*arguments, **options)
    return caught.value.status, caught.value.reason


def sealed(name=NAME, payload=PAYLOAD, vmk=VMK):
    return seal(name, payload, vault_id=VAULT, vmk=vmk)


def with_byte(data, place, value):
    return data[:place] + bytes([value]) + data[place + 1 :]


@given(names, st.binary(max_size=2_000), st.sampled_from([VMK, OTHER_VMK]))
def test_a_sealed_payload_is_opened_again(name, payload, vmk):
    data = sealed(name, payload, vmk)
    header, content = opened(data, name)
    assert content == payload
    assert header.key_id == key_id(vmk)
    assert (header.device_id, header.object_id, header.seq) == (name[1], name[2], name[4])


@given(names, st.binary(max_size=2_000))
def test_a_payload_of_a_plain_vault_is_opened_again(name, payload):
    header, content = opened(sealed(name, payload, None), name, suite=PLAIN, vmks={})
    assert content == payload
    assert header.key_id == NIL


def test_a_sealed_object_has_the_layout_of_the_format():
    """The comparison is with an encoder that was written from docs/format.md alone."""
    drawn = {32: forger.DEK, 24: forger.WRAP_NONCE}
    nonces = iter([forger.WRAP_NONCE, forger.BODY_NONCE])
    data = seal(
        NAME,
        b"short",
        vault_id=VAULT,
        vmk=VMK,
        random=lambda size: drawn[size] if size == 32 else next(nonces),
    )
    assert data == forger.sealed(forger.outer(), forger.padded(b"short"), VMK)
    plain = seal(NAME, b"short", vault_id=VAULT, vmk=None)
    assert plain == forger.bare(forger.outer(suite=0), forger.padded(b"short"))


def test_two_objects_with_one_payload_differ_after_their_names():
    first, second = sealed(), sealed()
    assert first[:88] == second[:88]
    equal = sum(a == b for a, b in zip(first[88:216], second[88:216], strict=True))
    assert equal < 20


def test_a_sealed_object_with_a_flipped_bit_is_refused():
    data = sealed()
    for place in range(len(data)):
        for bit in range(8):
            status, _ = fault_of(opened, with_byte(data, place, data[place] ^ 1 << bit))
            assert status in (PENDING, SKIPPED, REJECTED)


def test_a_plain_object_with_a_flipped_bit_is_refused():
    data = sealed(vmk=None)
    for place in range(len(data)):
        for bit in range(8):
            fault_of(opened, with_byte(data, place, data[place] ^ 1 << bit), suite=PLAIN)


def test_a_truncated_object_is_incomplete():
    data = sealed()
    for size in range(len(data)):
        assert fault_of(opened, data[:size]) == (PENDING, INCOMPLETE)


@given(st.binary(min_size=1, max_size=64))
def test_bytes_after_the_end_are_refused(more):
    assert fault_of(opened, sealed() + more) == (REJECTED, TRAILING)


@given(st.binary(max_size=400), st.booleans())
@example(b"HXS1" + bytes(300), True)
def test_any_bytes_give_a_reason(data, padded):
    data = data.ljust(230, b"\0") if padded else data
    for suite in (SEALED, PLAIN):
        fault_of(opened, data, suite=suite)
    fault_of(open_kind, data, expect="hx-vault.hx", vault_id=None, suite=None)
    fault_of(unseal_invite, data, expect=spelled(Name(INVITE, object_id=OBJECT_ID)), key=VMK)


@given(st.data())
def test_a_header_with_any_fields_gives_a_reason(data):
    original = sealed()
    place = data.draw(st.integers(4, 223))
    piece = data.draw(st.binary(min_size=1, max_size=40))
    altered = (original[:place] + piece + original[place + len(piece) :])[: len(original)]
    if altered != original:
        fault_of(opened, altered)


# Every check of docs/format.md in its order: (change that fails it, (status, reason))
CHECKS = [
    (lambda d: with_byte(d, 0, 0), (REJECTED, MAGIC)),
    (lambda d: with_byte(d, 4, 2), (PENDING, NEEDS_UPGRADE)),
    (lambda d: with_byte(d, 5, 3), (PENDING, NEEDS_UPGRADE)),
    (lambda d: d[:8] + b"W" + d[9:], (SKIPPED, OTHER_VAULT)),
    (lambda d: d[:24] + b"\x05" + d[25:], (REJECTED, MISPLACED)),
    (lambda d: d[:80] + b"\xff" * 8 + d[88:], (REJECTED, TOO_LARGE)),
    (lambda d: d + b"+", (REJECTED, TRAILING)),
    (lambda d: d[:56] + bytes(16) + d[72:], (PENDING, NO_KEY)),
    (lambda d: with_byte(d, 120, d[120] ^ 1), (REJECTED, HEADER)),
    (lambda d: with_byte(d, 184, d[184] ^ 1), (REJECTED, COMMITMENT)),
    (lambda d: with_byte(d, 230, d[230] ^ 1), (REJECTED, BODY)),
]


@pytest.mark.parametrize("step", range(len(CHECKS)))
def test_the_first_fault_in_the_order_of_the_format_is_reported(step):
    data = sealed()
    for change, _ in CHECKS[step:]:
        data = change(data)
    assert fault_of(opened, data) == CHECKS[step][1]


@pytest.mark.parametrize(("change", "finding"), CHECKS)
def test_each_fault_has_its_own_reason(change, finding):
    assert fault_of(opened, change(sealed())) == finding


def test_an_unknown_suite_or_flag_waits_for_an_upgrade():
    assert fault_of(opened, with_byte(sealed(), 6, 2)) == (PENDING, NEEDS_UPGRADE)
    assert fault_of(opened, with_byte(sealed(), 7, 0x80)) == (PENDING, NEEDS_UPGRADE)


def test_a_plain_object_is_refused_in_a_sealed_vault_and_a_sealed_one_in_a_plain_vault():
    assert fault_of(opened, sealed(vmk=None)) == (REJECTED, HEADER)
    assert fault_of(opened, sealed(), suite=PLAIN) == (REJECTED, HEADER)


def test_a_body_shorter_than_its_header_states_is_incomplete_and_a_longer_one_trailing():
    data = forger.sealed(forger.outer(), forger.padded(b""), VMK)
    assert fault_of(opened, data[:-1]) == (PENDING, INCOMPLETE)
    assert fault_of(opened, forger.sealed(forger.outer(), forger.padded(b""), VMK, 600)) == (
        PENDING,
        INCOMPLETE,
    )
    assert fault_of(opened, forger.sealed(forger.outer(), forger.padded(b""), VMK, 3)) == (
        REJECTED,
        TRAILING,
    )


def test_a_body_too_short_for_its_tag_is_damaged():
    data = forger.sealed(forger.outer(), b"", VMK, 5)[: 224 + 5]
    assert fault_of(opened, data) == (REJECTED, BODY)


def test_authenticated_reserved_bytes_that_are_not_zero_are_refused():
    data = bytearray(forger.sealed(forger.outer(), forger.padded(b""), VMK))
    data[223] = 1
    body = forger.encrypt(
        forger.padded(b""),
        bytes(data[:224]),
        forger.BODY_NONCE,
        forger.derive(forger.DEK, b"hx1-body"),
    )
    assert fault_of(opened, bytes(data[:224]) + body) == (REJECTED, HEADER)


ZEROS = bytes(2_000_000)
BODIES = {
    "padding that is not zero": (forger.padded(b"x", fill=b"\1"), BODY),
    "too much padding": (forger.padded(b"x", size=1024), BODY),
    "too little padding": (forger.padded(b"x", size=511), BODY),
    "a length that Padmé does not give": (forger.padded(b"x" * 1000, size=1009), BODY),
    "more stored than there is": (forger.padded(b"x", stored_len=504), BODY),
    "less than a head": (b"\0" * 8, BODY),
    "raw, longer than it says": (forger.padded(b"xx", plain_len=1), BODY),
    "raw, shorter than it says": (forger.padded(b"xx", plain_len=3), BODY),
    "an unknown codec": (forger.padded(b"x", codec=2), BODY),
    "a bomb": (forger.padded(compress(ZEROS), codec=1, plain_len=1_000), TOO_LARGE),
    "a bomb with a true length": (
        forger.padded(compress(ZEROS), codec=1, plain_len=(64 << 20) + 1),
        TOO_LARGE,
    ),
    "shorter than it says": (forger.padded(compress(b"x" * 99), codec=1, plain_len=100), BODY),
    "no zstd frame": (forger.padded(b"not zstd", codec=1), BODY),
    "an empty frame": (forger.padded(b"", codec=1, plain_len=0), BODY),
    "half a frame": (forger.padded(compress(b"x" * 99)[:-3], codec=1, plain_len=99), BODY),
    "a whole block without an end": (
        forger.padded(
            b"\x28\xb5\x2f\xfd\x20\x05" + (5 << 3).to_bytes(3, "little") + b"hello",
            codec=1,
            plain_len=5,
        ),
        BODY,
    ),
    "two frames": (
        forger.padded(compress(b"x" * 99) + compress(b"y"), codec=1, plain_len=100),
        BODY,
    ),
    "a skippable frame in front": (
        forger.padded(b"\x50\x2a\x4d\x18\x01\0\0\0z" + compress(b"x" * 99), codec=1, plain_len=99),
        BODY,
    ),
}


@pytest.mark.parametrize(("body", "reason"), BODIES.values(), ids=list(BODIES))
def test_a_malformed_body_is_refused(body, reason):
    assert fault_of(opened, forger.sealed(forger.outer(), body, VMK)) == (REJECTED, reason)
    data = forger.bare(forger.outer(suite=0), body)
    assert fault_of(opened, data, suite=PLAIN) == (REJECTED, reason)


def test_a_decompression_bomb_costs_little_memory():
    import tracemalloc

    bomb = forger.padded(compress(bytes(60_000_000)), codec=1, plain_len=1_000)
    data = forger.sealed(forger.outer(), bomb, VMK)
    tracemalloc.start()
    fault_of(opened, data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


@pytest.mark.parametrize(("window_log", "is_accepted"), [(26, True), (27, False), (41, False)])
def test_a_frame_with_a_window_over_64_mib_is_refused(window_log, is_accepted):
    # magic, a frame without its content's size, the window, an empty last block
    frame = b"\x28\xb5\x2f\xfd\x00" + bytes([window_log - 10 << 3]) + b"\x01\x00\x00"
    data = forger.sealed(forger.outer(), forger.padded(frame, codec=1, plain_len=0), VMK)
    if is_accepted:
        assert opened(data)[1] == b""
    else:
        assert fault_of(opened, data) == (REJECTED, BODY)


def test_size_limits_are_checked_before_keys():
    name = Name(MANIFEST, DEVICE, bytes(16), seq=1)
    first = forger.outer(MANIFEST, object_id=bytes(16), seq=1)
    over = forger.sealed(first, bytes(size_limit(MANIFEST)), b"another key" * 2)
    assert fault_of(opened, over, name) == (REJECTED, TOO_LARGE)
    huge = b"\0" * (size_limit(SEGMENT) + 1)
    head = forger.sealed(forger.outer(), b"", VMK, 10)[:224]
    assert fault_of(opened, head + huge) == (REJECTED, TOO_LARGE)


def test_a_payload_that_is_too_large_is_not_sealed():
    import random

    noise = random.Random(1).randbytes(size_limit(MANIFEST))
    name = Name(MANIFEST, DEVICE, bytes(16), seq=1)
    assert fault_of(sealed, name, noise) == (REJECTED, TOO_LARGE)
    part = bytes((8 << 20) + 1)
    assert fault_of(sealed, Name(BLOB, DEVICE, OBJECT_ID), part) == (REJECTED, TOO_LARGE)
    assert opened(sealed(Name(BLOB, DEVICE, OBJECT_ID), part[:-1]), Name(BLOB, DEVICE, OBJECT_ID))


def test_a_blob_that_unpacks_to_more_than_a_part_is_refused():
    body = forger.padded(compress(bytes((8 << 20) + 1)), codec=1, plain_len=(8 << 20) + 1)
    data = forger.sealed(forger.outer(BLOB), body, VMK)
    assert fault_of(opened, data, Name(BLOB, DEVICE, OBJECT_ID)) == (REJECTED, TOO_LARGE)


@given(names, names)
def test_an_object_is_opened_under_its_own_name_only(name, other):
    data = sealed(name)
    if name != other:
        assert fault_of(opened, data, other) == (REJECTED, MISPLACED)
    assert fault_of(opened, data, Name(SLOT, *name[1:])) == (REJECTED, MISPLACED)


def test_an_object_under_a_key_that_is_no_name_is_misplaced():
    for key in ("", "o/x.hx", spelled(NAME) + "\n", "../" + spelled(NAME)):
        finding = fault_of(unseal, sealed(), expect=key, vault_id=VAULT, suite=SEALED, vmks=VMKS)
        assert finding == (REJECTED, MISPLACED)


@pytest.mark.parametrize(
    ("name", "first"),
    [
        (NAME, forger.outer(seq=1)),
        (
            Name(MANIFEST, DEVICE, bytes(16), seq=1),
            forger.outer(MANIFEST, object_id=bytes(15) + b"\1", seq=1),
        ),
    ],
    ids=["a segment with a seq", "a manifest with 16 bytes of object id"],
)
def test_fields_that_a_kind_does_not_use_must_be_zero(name, first):
    data = forger.sealed(first, forger.padded(b""), VMK)
    assert fault_of(opened, data, name) == (REJECTED, MISPLACED)


def test_the_key_of_another_epoch_does_not_open_an_object():
    data = sealed()
    assert fault_of(opened, data, vmks={key_id(OTHER_VMK): OTHER_VMK}) == (PENDING, NO_KEY)
    assert fault_of(opened, data, vmks={key_id(VMK): OTHER_VMK}) == (REJECTED, HEADER)


def test_an_object_of_another_vault_is_skipped():
    assert fault_of(opened, sealed(), vault_id=b"W" * 16) == (SKIPPED, OTHER_VAULT)


def test_a_plain_object_with_keys_in_its_header_is_refused():
    body = forger.padded(b"x")
    for data in (
        forger.bare(forger.outer(suite=0), body, middle=b"\1" + bytes(95)),
        forger.bare(forger.outer(suite=0), body, middle=bytes(30) + b"\1" + bytes(65)),
        forger.bare(forger.outer(suite=0), body, middle=bytes(95) + b"\1"),
        forger.bare(forger.outer(suite=0), body, tail=bytes(7) + b"\1"),
        forger.bare(forger.outer(suite=0, key=b"k" * 16), body),
    ):
        assert fault_of(opened, data, suite=PLAIN) == (REJECTED, HEADER)


SLOT_NAME = Name(SLOT, DEVICE, OTHER, b"\x0c" * 16)
INVITE_NAME = Name(INVITE, object_id=OBJECT_ID)


@given(st.binary(max_size=600))
def test_slots_genesis_and_invitations_are_opened_again(body):
    slot = seal_open_kind(SLOT_NAME, body, vault_id=VAULT, suite=SEALED)
    header, content = open_kind(slot, expect=spelled(SLOT_NAME), vault_id=VAULT, suite=SEALED)
    assert (header.device_id, header.object_id, header.key_id) == SLOT_NAME[1:4]
    assert content == body
    genesis = seal_open_kind(Name(GENESIS), body, vault_id=NIL, suite=PLAIN)
    assert open_kind(genesis, expect="hx-vault.hx", vault_id=None, suite=None)[1] == body
    invite = seal_invite(INVITE_NAME, body, vault_id=VAULT, suite=PLAIN, key=VMK)
    header, content = unseal_invite(invite, expect=spelled(INVITE_NAME), key=VMK)
    assert (header.vault_id, header.suite, content) == (VAULT, PLAIN, body)


@given(st.data())
def test_slots_genesis_and_invitations_cannot_be_altered(data):
    body = data.draw(st.binary(min_size=1, max_size=60))
    objects = [
        (seal_open_kind(SLOT_NAME, body, vault_id=VAULT, suite=SEALED),
         lambda d: open_kind(d, expect=spelled(SLOT_NAME), vault_id=VAULT, suite=SEALED)),
        (seal_open_kind(Name(GENESIS), body, vault_id=NIL, suite=SEALED),
         lambda d: open_kind(d, expect="hx-vault.hx", vault_id=None, suite=None)),
        (seal_invite(INVITE_NAME, body, vault_id=VAULT, suite=SEALED, key=VMK),
         lambda d: unseal_invite(d, expect=spelled(INVITE_NAME), key=VMK)),
    ]  # fmt: skip
    for original, open_it in objects:
        place = data.draw(st.integers(0, len(original) - 1))
        bit = data.draw(st.integers(0, 7))
        fault_of(open_it, with_byte(original, place, original[place] ^ 1 << bit))
        assert fault_of(open_it, original[:place])[1] == INCOMPLETE


def test_an_object_without_a_wrapped_key_must_have_zeros_instead():
    expect = spelled(SLOT_NAME)
    first = forger.outer(SLOT, 1, VAULT, *SLOT_NAME[1:4])
    for data in (
        forger.bare(first, b"x", middle=bytes(40) + b"\1" + bytes(55)),
        forger.bare(first, b"x", tail=b"\1" + bytes(7)),
        forger.bare(first, b"x", middle=bytes(90) + b"\1" + bytes(5)),
    ):
        finding = fault_of(open_kind, data, expect=expect, vault_id=VAULT, suite=SEALED)
        assert finding == (REJECTED, HEADER)
    invite = forger.outer(INVITE, 1, VAULT, bytes(16), OBJECT_ID)
    data = forger.bare(invite, bytes(16), middle=bytes(71) + b"\1" + bytes(24))
    finding = fault_of(unseal_invite, data, expect=spelled(INVITE_NAME), key=VMK)
    assert finding == (REJECTED, HEADER)


def test_an_object_is_not_opened_as_another_kind():
    slot = seal_open_kind(SLOT_NAME, b"body", vault_id=VAULT, suite=SEALED)
    assert fault_of(opened, slot, SLOT_NAME) == (REJECTED, MISPLACED)
    finding = fault_of(open_kind, sealed(), expect=spelled(NAME), vault_id=VAULT, suite=SEALED)
    assert finding == (REJECTED, MISPLACED)
    assert fault_of(unseal_invite, sealed(), expect=spelled(NAME), key=VMK) == (REJECTED, MISPLACED)


def test_a_wrong_commitment_is_reported():
    slot = seal_open_kind(SLOT_NAME, b"body", vault_id=VAULT, suite=SEALED)
    altered = slot[:-1] + b"!"
    finding = fault_of(open_kind, altered, expect=spelled(SLOT_NAME), vault_id=VAULT, suite=SEALED)
    assert finding == (REJECTED, COMMITMENT)


def test_a_wrong_code_opens_no_invitation():
    invite = seal_invite(INVITE_NAME, b"keys", vault_id=VAULT, suite=SEALED, key=VMK)
    finding = fault_of(unseal_invite, invite, expect=spelled(INVITE_NAME), key=OTHER_VMK)
    assert finding == (REJECTED, BODY)


def test_the_header_of_an_invitation_is_bound_to_its_body():
    """The commitment of an invitation needs no secret: a store could compute it again."""
    data = seal_invite(INVITE_NAME, b"keys", vault_id=VAULT, suite=SEALED, key=VMK)
    moved = forger.bare(
        forger.outer(INVITE, 1, b"W" * 16, bytes(16), OBJECT_ID), data[224:], middle=data[88:184]
    )
    finding = fault_of(unseal_invite, moved, expect=spelled(INVITE_NAME), key=VMK)
    assert finding == (REJECTED, BODY)


@share(0.2)
@given(st.integers(0, 100_000))
def test_the_size_of_an_object_reveals_little_of_its_payload(size):
    from random import Random

    data = sealed(payload=Random(size).randbytes(size))
    length = len(data) - 224 - 16
    assert length == forger.padme(max(512, 9 + size))
    assert length >= 512
    assert length <= max(512, 1.12 * (size + 9))
