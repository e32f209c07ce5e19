"""Manifests, genesis, slots and invitations: they are read as written or refused with a reason."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.msgpack import decode as unpack
from msgspec.msgpack import encode as pack

from hx.core.format import envelope, genesis, invite, keys, manifest, slot
from hx.core.format.envelope import seal_invite, seal_open_kind
from hx.core.format.object_names import GENESIS, INVITE, NIL, SLOT, VAULT_KEY, Name, spelled
from hx.core.format.phrases import invite_id, invite_key
from hx.core.format.roster_records import Record
from hx.core.format.verdict import (
    BODY,
    HEADER,
    MALFORMED,
    MISPLACED,
    NEEDS_UPGRADE,
    OTHER_VAULT,
    PENDING,
    REJECTED,
    SIGNATURE,
    SKIPPED,
    Fault,
)

DEVICE = keys.DeviceKeys(b"s" * 32, b"b" * 32)
OTHER = keys.DeviceKeys(b"t" * 32, b"c" * 32)
RECOVERY = keys.recovery_keys(b"e" * 16)
VAULT, VMK, SECRET = b"V" * 16, b"k" * 32, b"c" * 16
RECORD = Record(DEVICE.sign_pub, b"opaque", b"\x09" * 64)
LISTED = manifest.Listed(b"\x0a" * 16, 752, b"\x0b" * 32, 3, -5, 2**62)
SEEN = manifest.Seen(OTHER.device_id, 10**12 - 1, b"\x0d" * 32)
MANIFEST = manifest.Manifest(
    DEVICE.device_id, 1, 1_700_000_000_000_000, "Büro", (LISTED,), (SEEN,), (RECORD,), b"\x0e" * 16,
    2, (b"\x01" * 16,), (b"\x02" * 16, b"\x03" * 16), (b"\x01" * 16,),
)  # fmt: skip
INVITATION = invite.Invitation(
    VAULT + b"W" * 16, ((1, VMK), (2**32 - 1, b"l" * 32)), b"i" * 32, (RECORD,), (SEEN,)
)


def fault_of(call, *arguments, **options):
    """Return (status, reason) of the Fault that a call raises."""
    with pytest.raises(Fault) as caught:
        call(*arguments, **options)
    return caught.value.status, caught.value.reason


def signed(**fields):
    """Return a manifest with other fields, with a valid signature."""
    payload = pack({**unpack(manifest.encode(MANIFEST, bytes(32), VAULT)[:-64]), **fields})
    return payload + keys.sign(DEVICE.sign_seed, keys.LABEL_MANIFEST, VAULT, payload)


def test_a_manifest_is_decoded_as_encoded_with_the_signature_of_its_author():
    signed_manifest = manifest.decode(manifest.encode(MANIFEST, DEVICE.sign_seed, VAULT))
    assert signed_manifest.manifest == MANIFEST
    assert manifest.is_signed(signed_manifest, DEVICE.sign_pub, VAULT)
    assert not manifest.is_signed(signed_manifest, OTHER.sign_pub, VAULT)
    assert not manifest.is_signed(signed_manifest, DEVICE.sign_pub, b"W" * 16)
    assert manifest.identity(signed_manifest.payload) == sha256(signed_manifest.payload).digest()


def test_a_manifest_with_a_flipped_bit_has_no_valid_signature():
    data = manifest.encode(MANIFEST, DEVICE.sign_seed, VAULT)
    for place in range(len(data)):
        altered = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        try:
            signed_manifest = manifest.decode(altered)
        except Fault:
            continue
        assert not manifest.is_signed(signed_manifest, DEVICE.sign_pub, VAULT)


ROW = list(LISTED)
BAD_MANIFESTS = {
    "seq zero": {"seq": 0},
    "a seq of 13 digits": {"seq": 10**12},
    "a boolean seq": {"seq": True},
    "a time too far": {"at_us": 2**62 + 1},
    "a label of bytes": {"label": b"x"},
    "a label over 64 bytes": {"label": "é" * 33},
    "a short device id": {"device_id": bytes(15)},
    "a repeated object": {"objects": [ROW, [*ROW[:1], 9, *ROW[2:]]]},
    "an object of five fields": {"objects": [ROW[:5]]},
    "an object of a negative size": {"objects": [[*ROW[:1], -1, *ROW[2:]]]},
    "a short hash": {"objects": [[*ROW[:2], bytes(31), *ROW[3:]]]},
    "a device seen twice": {"seen": [list(SEEN), [SEEN[0], 7, SEEN[2]]]},
    "a seen seq of zero": {"seen": [[SEEN[0], 0, SEEN[2]]]},
    "a record over 8 KiB": {"roster": [[bytes(32), bytes(8193), bytes(64)]]},
    "a record without its signature": {"roster": [[bytes(32), b""]]},
    "a signature that is short": {"roster": [[bytes(32), b"", bytes(63)]]},
    "too many records": {"roster": [[bytes(32), b"", bytes(64)]] * 1_025},
    "a short key id": {"key_id": b""},
    "fewer held than named": {"holds": 0},
    "more than 64 held that are named": {"holds": 65, "held": [bytes([n]) * 16 for n in range(65)]},
    "ids that descend": {"accepted": [b"\x03" * 16, b"\x02" * 16]},
    "an id twice": {"refused": [b"\x03" * 16] * 2},
    "a short id": {"refused": [bytes(15)]},
    "too many refused": {"refused": [n.to_bytes(16) for n in range(1_025)]},
}


@pytest.mark.parametrize("fields", BAD_MANIFESTS.values(), ids=list(BAD_MANIFESTS))
def test_a_signed_manifest_with_values_out_of_range_is_malformed(fields):
    assert fault_of(manifest.decode, signed(**fields)) == (REJECTED, MALFORMED)


def test_a_newer_manifest_waits_for_an_upgrade():
    assert fault_of(manifest.decode, signed(v=2)) == (PENDING, NEEDS_UPGRADE)
    assert fault_of(manifest.decode, signed(mood=1)) == (PENDING, NEEDS_UPGRADE)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_fault(data):
    for read in (manifest.decode, invite.decode, genesis.read):
        fault_of(read, data)


@pytest.mark.parametrize("suite", [0, 1])
def test_a_genesis_is_decoded_as_made(suite):
    data, made = genesis.make(suite, 1_700_000_000_000_000, DEVICE, RECOVERY)
    assert genesis.read(data) == made
    assert (made.format, made.suite, made.created_at_us) == (1, suite, 1_700_000_000_000_000)
    assert made.vault_id == made.sha256[:16]
    assert (made.device_id, made.recovery_id) == (DEVICE.device_id, RECOVERY.device_id)
    assert data[8:72] == bytes(64)


def forged_genesis(signers=(DEVICE, RECOVERY), label=keys.LABEL_GENESIS, suite=1, **fields):
    _, body = envelope.open_kind(
        genesis.make(1, 5, DEVICE, RECOVERY)[0], expect=VAULT_KEY, vault_id=None, suite=None
    )
    payload = pack({**unpack(body[:-128]), **fields})
    vault_id = sha256(payload).digest()[:16]
    signatures = [keys.sign(signer.sign_seed, label, vault_id, payload) for signer in signers]
    body = payload + b"".join(signatures)
    return seal_open_kind(Name(GENESIS), body, vault_id=NIL, suite=suite)


@pytest.mark.parametrize(
    ("forged", "finding"),
    [
        ({"signers": (OTHER, RECOVERY)}, (REJECTED, SIGNATURE)),
        ({"signers": (DEVICE, OTHER)}, (REJECTED, SIGNATURE)),
        ({"signers": (RECOVERY, DEVICE)}, (REJECTED, SIGNATURE)),
        ({"label": keys.LABEL_ROSTER}, (REJECTED, SIGNATURE)),
        ({"signers": (DEVICE,)}, (REJECTED, MALFORMED)),
        ({"suite": 0}, (REJECTED, HEADER)),
        ({"format": 2}, (PENDING, NEEDS_UPGRADE)),
        ({"motto": "x"}, (PENDING, NEEDS_UPGRADE)),
        ({"sign_pub": bytes(31)}, (REJECTED, MALFORMED)),
        ({"created_at_us": 1.0}, (REJECTED, MALFORMED)),
    ],
    ids=str,
)
def test_a_genesis_that_its_two_keys_did_not_sign_is_refused(forged, finding):
    assert genesis.read(forged_genesis())
    assert fault_of(genesis.read, forged_genesis(**forged)) == finding


def test_a_genesis_with_an_id_in_its_header_is_refused():
    data, _ = genesis.make(1, 5, DEVICE, RECOVERY)
    for place, finding in ((8, (SKIPPED, OTHER_VAULT)), (24, (REJECTED, MISPLACED)),
                           (56, (REJECTED, MISPLACED)), (79, (REJECTED, MISPLACED))):  # fmt: skip
        assert fault_of(genesis.read, data[:place] + b"\1" + data[place + 1 :]) == finding


SLOT_OF_OTHER = slot.Slot(VAULT, OTHER.device_id, keys.key_id(VMK), 3, VMK)


def open_slot(data, key, seed=OTHER.box_seed, vault_id=VAULT):
    return slot.opened(data, expect=key, vault_id=vault_id, box_seed=seed)


def test_a_slot_is_opened_by_its_recipient_alone():
    key, data = slot.sealed(SLOT_OF_OTHER, author=DEVICE.device_id, box_pub=OTHER.box_pub)
    assert key == spelled(Name(SLOT, DEVICE.device_id, OTHER.device_id, keys.key_id(VMK)))
    assert open_slot(data, key) == SLOT_OF_OTHER
    assert fault_of(open_slot, data, key, DEVICE.box_seed) == (REJECTED, BODY)
    assert fault_of(open_slot, data, key, vault_id=b"W" * 16) == (SKIPPED, OTHER_VAULT)


@pytest.mark.parametrize(
    "change",
    [
        {"vault_id": b"W" * 16},
        {"recipient": DEVICE.device_id},
        {"key_id": b"\x0e" * 16},
        {"vmk": b"l" * 32},
    ],
    ids=str,
)
def test_a_slot_whose_content_differs_from_its_name_is_malformed(change):
    name = Name(SLOT, DEVICE.device_id, OTHER.device_id, keys.key_id(VMK))
    payload = pack({"v": 1, **SLOT_OF_OTHER._replace(**change)._asdict()})
    body = keys.box(OTHER.box_pub, payload)
    data = seal_open_kind(name, body, vault_id=VAULT, suite=1)
    assert fault_of(open_slot, data, spelled(name)) == (REJECTED, MALFORMED)


def test_a_slot_whose_key_has_another_id_is_malformed():
    false_slot = SLOT_OF_OTHER._replace(vmk=b"l" * 32)
    key, data = slot.sealed(false_slot, author=DEVICE.device_id, box_pub=OTHER.box_pub)
    assert fault_of(open_slot, data, key) == (REJECTED, MALFORMED)


@pytest.mark.parametrize("number", [0, 2**32, True, 1.0])
def test_an_epoch_number_outside_1_to_32_bits_is_malformed(number):
    false_slot = SLOT_OF_OTHER._replace(number=number)
    key, data = slot.sealed(false_slot, author=DEVICE.device_id, box_pub=OTHER.box_pub)
    assert fault_of(open_slot, data, key) == (REJECTED, MALFORMED)


@pytest.mark.parametrize("suite", [0, 1])
def test_an_invitation_is_opened_with_its_code(suite):
    data = invite.sealed(INVITATION, secret=SECRET, suite=suite)
    header, invitation = invite.opened(data, secret=SECRET)
    assert invitation == INVITATION
    assert (header.vault_id, header.suite) == (VAULT, suite)
    assert invite.store_key(SECRET) == f"j/{invite_id(SECRET).hex()}.hx"
    assert fault_of(invite.opened, data, secret=b"d" * 16) == (REJECTED, MISPLACED)


def test_an_invitation_for_another_vault_than_in_its_header_is_malformed():
    name = Name(INVITE, object_id=invite_id(SECRET))
    data = seal_invite(
        name, invite.encode(INVITATION), vault_id=b"X" * 16, suite=1, key=invite_key(SECRET)
    )
    assert fault_of(invite.opened, data, secret=SECRET) == (REJECTED, MALFORMED)


BAD_INVITATIONS = {
    "a short hash": {"genesis_sha256": bytes(31)},
    "epoch zero": {"vmks": [[0, VMK]]},
    "a short key": {"vmks": [[1, VMK[1:]]]},
    "a short seed": {"seed": b""},
    "a repeated device": {"heads": [list(SEEN)] * 2},
    "a roster of text": {"roster": ["x"]},
}


@pytest.mark.parametrize("fields", BAD_INVITATIONS.values(), ids=list(BAD_INVITATIONS))
def test_an_invitation_with_values_out_of_range_is_malformed(fields):
    payload = pack({**unpack(invite.encode(INVITATION)), **fields})
    assert fault_of(invite.decode, payload) == (REJECTED, MALFORMED)


def test_values_with_secrets_do_not_print_them():
    for text in (repr(SLOT_OF_OTHER), str(INVITATION), repr(INVITATION)):
        assert "kkkk" not in text
        assert "iiii" not in text
