"""Keys: derivation, ids, signatures and sealed boxes."""

from __future__ import annotations

from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.public import PrivateKey
from nacl.signing import SigningKey, VerifyKey

from hx import device
from hx.core.format import keys
from hx.core.format.verdict import BODY, REJECTED, Fault

VMK = b"k" * 32
VAULT = b"V" * 16
OWN = keys.DeviceKeys(b"s" * 32, b"b" * 32)


def test_derivation_is_keyed_blake2b_with_the_label_as_personalisation():
    expected = blake2b(b"data", key=VMK, person=b"hx1-wrap" + bytes(8), digest_size=32).digest()
    assert keys.derive(VMK, b"hx1-wrap", b"data") == expected
    assert keys.wrap_key(VMK) == keys.derive(VMK, b"hx1-wrap")
    assert keys.key_id(VMK) == keys.derive(VMK, b"hx1-key-id")[:16]


def test_the_device_id_in_a_vault_is_that_of_the_first_run(tmp_path):
    path = tmp_path / "device.key"
    device_id = device.load_or_make(str(path))
    _, sign_seed, box_seed = map(bytes.fromhex, path.read_text().split()[1::2])
    assert keys.DeviceKeys(sign_seed, box_seed).device_id == device_id


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_the_top_bit_of_a_device_id_is_zero(sign_pub, box_pub):
    derived = keys.derive_id(sign_pub, box_pub)
    digest = blake2b(sign_pub + box_pub, person=b"hx1-device" + bytes(6), digest_size=32).digest()
    assert len(derived) == 16
    assert derived[0] == digest[0] & 0x7F
    assert derived[1:] == digest[1:16]


def test_public_keys_are_those_of_the_seeds():
    assert OWN.sign_pub == bytes(SigningKey(b"s" * 32).verify_key)
    assert OWN.box_pub == bytes(PrivateKey(b"b" * 32).public_key)


def test_new_keys_differ_and_are_not_printed():
    first, second = keys.generate(), keys.generate()
    assert len({*first, *second, keys.new_vmk(), keys.new_vmk()}) == 6
    assert repr(first) == str(first) == "DeviceKeys(…)"


def test_a_signature_is_over_label_vault_and_payload():
    signature = keys.sign(OWN.sign_seed, keys.LABEL_ROSTER, VAULT, b"payload")
    message = b"hx1-roster" + bytes(6) + VAULT + b"payload"
    assert VerifyKey(OWN.sign_pub).verify(message, signature) == message
    assert keys.verify(OWN.sign_pub, signature, keys.LABEL_ROSTER, VAULT, b"payload")


@pytest.mark.parametrize(
    "change",
    [
        {"sign_pub": keys.recovery_keys(b"e" * 16).sign_pub},
        {"sign_pub": b"short"},
        {"sign_pub": bytes(32)},
        {"signature": bytes(64)},
        {"signature": b""},
        {"signature": bytes(65)},
        {"label": keys.LABEL_MANIFEST},
        {"label": keys.LABEL_GENESIS},
        {"vault_id": b"W" * 16},
        {"payload": b"payloae"},
    ],
    ids=str,
)
def test_a_signature_is_valid_for_nothing_else(change):
    signature = keys.sign(OWN.sign_seed, keys.LABEL_ROSTER, VAULT, b"payload")
    right = {
        "sign_pub": OWN.sign_pub,
        "signature": signature,
        "label": keys.LABEL_ROSTER,
        "vault_id": VAULT,
        "payload": b"payload",
    }
    assert keys.verify(**right)
    assert not keys.verify(**{**right, **change})


@given(st.binary(max_size=300))
def test_only_the_recipient_opens_a_box(data):
    sealed = keys.box(OWN.box_pub, data)
    assert keys.unbox(OWN.box_seed, sealed) == data
    for seed, damaged in (
        (b"c" * 32, sealed),
        (OWN.box_seed, sealed[:-1] + bytes([sealed[-1] ^ 1])),
        (OWN.box_seed, sealed[:40]),
        (OWN.box_seed, b""),
    ):
        with pytest.raises(Fault) as caught:
            keys.unbox(seed, damaged)
        assert (caught.value.status, caught.value.reason) == (REJECTED, BODY)
