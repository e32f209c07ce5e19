"""Sealed objects: an object unseals to what was sealed, or is refused with a reason."""

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
DEVICE, THING, OTHER = b"\x01" * 16, b"\x0a" * 16, b"\x0b" * 16
VMKS = {key_id(key): key for key in (VMK, OTHER_VMK)}
NAME = Name(SEGMENT, DEVICE, THING)
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


def why(call, *arguments, **options):
    with pytest.raises(Fault) as caught:
        call(*arguments, **options)
    return caught.value.status, caught.value.reason


def sealed(name=NAME, payload=PAYLOAD, vmk=VMK):
    return seal(name, payload, vault_id=VAULT, vmk=vmk)


def with_byte(data, place, value):
    return data[:place] + bytes([value]) + data[place + 1 :]


@given(names, st.binary(max_size=2_000), st.sampled_from([VMK, OTHER_VMK]))
def test_what_was_sealed_is_opened_again(name, payload, vmk):
    data = sealed(name, payload, vmk)
    header, again = opened(data, name)
    assert again == payload
    assert header.key_id == key_id(vmk)
    assert (header.device_id, header.object_id, header.seq) == (name[1], name[2], name[4])


@given(names, st.binary(max_size=2_000))
def test_in_a_plain_vault_what_was_packed_is_opened_again(name, payload):
    header, again = opened(sealed(name, payload, None), name, suite=PLAIN, vmks={})
    assert again == payload
    assert header.key_id == NIL


def test_a_sealed_object_is_laid_out_as_the_format_says():
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


def test_two_objects_of_one_payload_have_nothing_in_common_behind_their_names():
    one, other = sealed(), sealed()
    assert one[:88] == other[:88]
    same = sum(a == b for a, b in zip(one[88:216], other[88:216], strict=True))
    assert same < 20


def test_no_bit_of_a_sealed_object_can_be_flipped():
    data = sealed()
    for place in range(len(data)):
        for bit in range(8):
            status, _ = why(opened, with_byte(data, place, data[place] ^ 1 << bit))
            assert status in (PENDING, SKIPPED, REJECTED)


def test_no_bit_of_a_plain_object_can_be_flipped_unseen():
    data = sealed(vmk=None)
    for place in range(len(data)):
        for bit in range(8):
            why(opened, with_byte(data, place, data[place] ^ 1 << bit), suite=PLAIN)


def test_an_object_that_is_cut_anywhere_is_still_arriving():
    data = sealed()
    for size in range(len(data)):
        assert why(opened, data[:size]) == (PENDING, INCOMPLETE)


@given(st.binary(min_size=1, max_size=64))
def test_bytes_behind_the_end_are_refused(more):
    assert why(opened, sealed() + more) == (REJECTED, TRAILING)


@given(st.binary(max_size=400), st.booleans())
@example(b"HXS1" + bytes(300), True)
def test_any_bytes_give_a_reason_and_nothing_else(data, whole):
    data = data.ljust(230, b"\0") if whole else data
    for suite in (SEALED, PLAIN):
        why(opened, data, suite=suite)
    why(open_kind, data, expect="hx-vault.hx", vault_id=None, suite=None)
    why(unseal_invite, data, expect=spelled(Name(INVITE, object_id=THING)), key=VMK)


@given(st.data())
def test_a_header_with_any_fields_gives_a_reason_and_nothing_else(data):
    whole = sealed()
    place = data.draw(st.integers(4, 223))
    piece = data.draw(st.binary(min_size=1, max_size=40))
    altered = (whole[:place] + piece + whole[place + len(piece) :])[: len(whole)]
    if altered != whole:
        why(opened, altered)


# Every check of docs/format.md in its order: what fails it, and the finding
LADDER = [
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


@pytest.mark.parametrize("step", range(len(LADDER)))
def test_of_several_faults_the_first_in_the_order_of_the_format_is_named(step):
    data = sealed()
    for break_it, _ in LADDER[step:]:
        data = break_it(data)
    assert why(opened, data) == LADDER[step][1]


@pytest.mark.parametrize(("break_it", "finding"), LADDER)
def test_each_fault_alone_has_its_own_reason(break_it, finding):
    assert why(opened, break_it(sealed())) == finding


def test_an_unknown_suite_or_flag_waits_for_an_upgrade():
    assert why(opened, with_byte(sealed(), 6, 2)) == (PENDING, NEEDS_UPGRADE)
    assert why(opened, with_byte(sealed(), 7, 0x80)) == (PENDING, NEEDS_UPGRADE)


def test_a_plain_object_is_refused_in_a_sealed_vault_and_a_sealed_one_in_a_plain_vault():
    assert why(opened, sealed(vmk=None)) == (REJECTED, HEADER)
    assert why(opened, sealed(), suite=PLAIN) == (REJECTED, HEADER)


def test_a_body_shorter_than_its_header_says_is_incomplete_and_a_longer_one_trailing():
    data = forger.sealed(forger.outer(), forger.padded(b""), VMK)
    assert why(opened, data[:-1]) == (PENDING, INCOMPLETE)
    assert why(opened, forger.sealed(forger.outer(), forger.padded(b""), VMK, 600)) == (
        PENDING,
        INCOMPLETE,
    )
    assert why(opened, forger.sealed(forger.outer(), forger.padded(b""), VMK, 3)) == (
        REJECTED,
        TRAILING,
    )


def test_a_body_too_short_for_its_tag_is_damaged():
    data = forger.sealed(forger.outer(), b"", VMK, 5)[: 224 + 5]
    assert why(opened, data) == (REJECTED, BODY)


def test_reserved_bytes_that_are_not_zero_are_refused_though_they_are_authenticated():
    data = bytearray(forger.sealed(forger.outer(), forger.padded(b""), VMK))
    data[223] = 1
    body = forger.encrypt(
        forger.padded(b""),
        bytes(data[:224]),
        forger.BODY_NONCE,
        forger.derive(forger.DEK, b"hx1-body"),
    )
    assert why(opened, bytes(data[:224]) + body) == (REJECTED, HEADER)


ZEROS = bytes(2_000_000)
BODIES = {
    "zeros that are none": (forger.padded(b"x", fill=b"\1"), BODY),
    "too much padding": (forger.padded(b"x", size=1024), BODY),
    "too little": (forger.padded(b"x", size=511), BODY),
    "a length not of Padmé": (forger.padded(b"x" * 1000, size=1009), BODY),
    "more stored than there is": (forger.padded(b"x", stored_len=504), BODY),
    "less than a head": (b"\0" * 8, BODY),
    "raw, longer than it says": (forger.padded(b"xx", plain_len=1), BODY),
    "raw, shorter than it says": (forger.padded(b"xx", plain_len=3), BODY),
    "an unknown codec": (forger.padded(b"x", codec=2), BODY),
    "a bomb": (forger.padded(compress(ZEROS), codec=1, plain_len=1_000), TOO_LARGE),
    "a bomb that says so": (
        forger.padded(compress(ZEROS), codec=1, plain_len=(64 << 20) + 1),
        TOO_LARGE,
    ),
    "shorter than it says": (forger.padded(compress(b"x" * 99), codec=1, plain_len=100), BODY),
    "no frame": (forger.padded(b"not zstd", codec=1), BODY),
    "an empty frame": (forger.padded(b"", codec=1, plain_len=0), BODY),
    "half a frame": (forger.padded(compress(b"x" * 99)[:-3], codec=1, plain_len=99), BODY),
    "a whole block, and no end": (
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
def test_a_body_that_was_sealed_wrongly_is_refused(body, reason):
    assert why(opened, forger.sealed(forger.outer(), body, VMK)) == (REJECTED, reason)
    data = forger.bare(forger.outer(suite=0), body)
    assert why(opened, data, suite=PLAIN) == (REJECTED, reason)


def test_a_bomb_costs_no_more_memory_than_it_may_unpack_to():
    import tracemalloc

    bomb = forger.padded(compress(bytes(60_000_000)), codec=1, plain_len=1_000)
    data = forger.sealed(forger.outer(), bomb, VMK)
    tracemalloc.start()
    why(opened, data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


@pytest.mark.parametrize(("window_log", "taken"), [(26, True), (27, False), (41, False)])
def test_a_frame_may_ask_for_a_window_of_64_mib_and_no_more(window_log, taken):
    # magic, a frame without its content's size, the window, an empty last block
    frame = b"\x28\xb5\x2f\xfd\x00" + bytes([window_log - 10 << 3]) + b"\x01\x00\x00"
    data = forger.sealed(forger.outer(), forger.padded(frame, codec=1, plain_len=0), VMK)
    if taken:
        assert opened(data)[1] == b""
    else:
        assert why(opened, data) == (REJECTED, BODY)


def test_a_limit_holds_before_anything_is_unwrapped():
    name = Name(MANIFEST, DEVICE, bytes(16), seq=1)
    first = forger.outer(MANIFEST, thing=bytes(16), seq=1)
    over = forger.sealed(first, bytes(size_limit(MANIFEST)), b"another key" * 2)
    assert why(opened, over, name) == (REJECTED, TOO_LARGE)
    huge = b"\0" * (size_limit(SEGMENT) + 1)
    head = forger.sealed(forger.outer(), b"", VMK, 10)[:224]
    assert why(opened, head + huge) == (REJECTED, TOO_LARGE)


def test_what_is_too_large_is_not_sealed():
    import random

    noise = random.Random(1).randbytes(size_limit(MANIFEST))
    name = Name(MANIFEST, DEVICE, bytes(16), seq=1)
    assert why(sealed, name, noise) == (REJECTED, TOO_LARGE)
    part = bytes((8 << 20) + 1)
    assert why(sealed, Name(BLOB, DEVICE, THING), part) == (REJECTED, TOO_LARGE)
    assert opened(sealed(Name(BLOB, DEVICE, THING), part[:-1]), Name(BLOB, DEVICE, THING))


def test_a_blob_unpacks_to_no_more_than_a_part_may_hold():
    body = forger.padded(compress(bytes((8 << 20) + 1)), codec=1, plain_len=(8 << 20) + 1)
    data = forger.sealed(forger.outer(BLOB), body, VMK)
    assert why(opened, data, Name(BLOB, DEVICE, THING)) == (REJECTED, TOO_LARGE)


@given(names, names)
def test_an_object_is_opened_at_its_own_place_only(name, other):
    data = sealed(name)
    if name != other:
        assert why(opened, data, other) == (REJECTED, MISPLACED)
    assert why(opened, data, Name(SLOT, *name[1:])) == (REJECTED, MISPLACED)


def test_a_place_that_is_no_name_of_ours_holds_nothing():
    for key in ("", "o/x.hx", spelled(NAME) + "\n", "../" + spelled(NAME)):
        finding = why(unseal, sealed(), expect=key, vault_id=VAULT, suite=SEALED, vmks=VMKS)
        assert finding == (REJECTED, MISPLACED)


@pytest.mark.parametrize(
    ("name", "first"),
    [
        (NAME, forger.outer(seq=1)),
        (
            Name(MANIFEST, DEVICE, bytes(16), seq=1),
            forger.outer(MANIFEST, thing=bytes(15) + b"\1", seq=1),
        ),
    ],
    ids=["a segment with a seq", "a manifest with a whole object id"],
)
def test_what_a_kind_does_not_use_is_zero(name, first):
    data = forger.sealed(first, forger.padded(b""), VMK)
    assert why(opened, data, name) == (REJECTED, MISPLACED)


def test_another_epochs_key_does_not_open_an_object():
    data = sealed()
    assert why(opened, data, vmks={key_id(OTHER_VMK): OTHER_VMK}) == (PENDING, NO_KEY)
    assert why(opened, data, vmks={key_id(VMK): OTHER_VMK}) == (REJECTED, HEADER)


def test_an_object_of_another_vault_is_skipped():
    assert why(opened, sealed(), vault_id=b"W" * 16) == (SKIPPED, OTHER_VAULT)


def test_a_plain_object_with_keys_in_its_header_is_refused():
    body = forger.padded(b"x")
    for data in (
        forger.bare(forger.outer(suite=0), body, middle=b"\1" + bytes(95)),
        forger.bare(forger.outer(suite=0), body, middle=bytes(30) + b"\1" + bytes(65)),
        forger.bare(forger.outer(suite=0), body, middle=bytes(95) + b"\1"),
        forger.bare(forger.outer(suite=0), body, tail=bytes(7) + b"\1"),
        forger.bare(forger.outer(suite=0, key=b"k" * 16), body),
    ):
        assert why(opened, data, suite=PLAIN) == (REJECTED, HEADER)


SLOT_NAME = Name(SLOT, DEVICE, OTHER, b"\x0c" * 16)
INVITE_NAME = Name(INVITE, object_id=THING)


@given(st.binary(max_size=600))
def test_slots_genesis_and_invitations_are_opened_again(body):
    slot = seal_open_kind(SLOT_NAME, body, vault_id=VAULT, suite=SEALED)
    header, again = open_kind(slot, expect=spelled(SLOT_NAME), vault_id=VAULT, suite=SEALED)
    assert (header.device_id, header.object_id, header.key_id) == SLOT_NAME[1:4]
    assert again == body
    genesis = seal_open_kind(Name(GENESIS), body, vault_id=NIL, suite=PLAIN)
    assert open_kind(genesis, expect="hx-vault.hx", vault_id=None, suite=None)[1] == body
    invite = seal_invite(INVITE_NAME, body, vault_id=VAULT, suite=PLAIN, key=VMK)
    header, again = unseal_invite(invite, expect=spelled(INVITE_NAME), key=VMK)
    assert (header.vault_id, header.suite, again) == (VAULT, PLAIN, body)


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
    for whole, open_it in objects:
        place = data.draw(st.integers(0, len(whole) - 1))
        why(open_it, with_byte(whole, place, whole[place] ^ 1 << data.draw(st.integers(0, 7))))
        assert why(open_it, whole[:place])[1] == INCOMPLETE


def test_what_has_no_wrapped_key_has_zeros_in_its_place():
    expect = spelled(SLOT_NAME)
    first = forger.outer(SLOT, 1, VAULT, *SLOT_NAME[1:4])
    for data in (
        forger.bare(first, b"x", middle=bytes(40) + b"\1" + bytes(55)),
        forger.bare(first, b"x", tail=b"\1" + bytes(7)),
        forger.bare(first, b"x", middle=bytes(90) + b"\1" + bytes(5)),
    ):
        finding = why(open_kind, data, expect=expect, vault_id=VAULT, suite=SEALED)
        assert finding == (REJECTED, HEADER)
    invite = forger.outer(INVITE, 1, VAULT, bytes(16), THING)
    data = forger.bare(invite, bytes(16), middle=bytes(71) + b"\1" + bytes(24))
    finding = why(unseal_invite, data, expect=spelled(INVITE_NAME), key=VMK)
    assert finding == (REJECTED, HEADER)


def test_an_object_at_its_own_place_is_not_opened_as_another_kind():
    slot = seal_open_kind(SLOT_NAME, b"body", vault_id=VAULT, suite=SEALED)
    assert why(opened, slot, SLOT_NAME) == (REJECTED, MISPLACED)
    finding = why(open_kind, sealed(), expect=spelled(NAME), vault_id=VAULT, suite=SEALED)
    assert finding == (REJECTED, MISPLACED)
    assert why(unseal_invite, sealed(), expect=spelled(NAME), key=VMK) == (REJECTED, MISPLACED)


def test_a_commitment_that_does_not_fit_is_named():
    slot = seal_open_kind(SLOT_NAME, b"body", vault_id=VAULT, suite=SEALED)
    altered = slot[:-1] + b"!"
    finding = why(open_kind, altered, expect=spelled(SLOT_NAME), vault_id=VAULT, suite=SEALED)
    assert finding == (REJECTED, COMMITMENT)


def test_a_wrong_code_opens_no_invitation():
    invite = seal_invite(INVITE_NAME, b"keys", vault_id=VAULT, suite=SEALED, key=VMK)
    finding = why(unseal_invite, invite, expect=spelled(INVITE_NAME), key=OTHER_VMK)
    assert finding == (REJECTED, BODY)


def test_the_header_of_an_invitation_is_bound_to_its_body():
    """The commitment of an invitation is not secret: a store could compute it again."""
    data = seal_invite(INVITE_NAME, b"keys", vault_id=VAULT, suite=SEALED, key=VMK)
    moved = forger.bare(
        forger.outer(INVITE, 1, b"W" * 16, bytes(16), THING), data[224:], middle=data[88:184]
    )
    finding = why(unseal_invite, moved, expect=spelled(INVITE_NAME), key=VMK)
    assert finding == (REJECTED, BODY)


@share(0.2)
@given(st.integers(0, 100_000))
def test_the_size_of_an_object_tells_little_of_the_size_of_its_payload(size):
    from random import Random

    data = sealed(payload=Random(size).randbytes(size))
    length = len(data) - 224 - 16
    assert length == forger.padme(max(512, 9 + size))
    assert length >= 512
    assert length <= max(512, 1.12 * (size + 9))
