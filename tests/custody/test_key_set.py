"""Encoding and decoding the key set that custody keeps."""

from __future__ import annotations

import traceback

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import msgpack

from custody.sample_keys import contains_secret, some_secrets
from hx.core.errors import HxError, KeyMissing, UpgradeNeeded
from hx.core.format.keys import DeviceKeys, key_id
from hx.custody.key_set import Secrets, decode, encode

KEYS = st.binary(min_size=32, max_size=32)


@given(KEYS, KEYS, st.dictionaries(KEYS, st.integers(1, (1 << 32) - 1), max_size=5))
def test_decode_returns_what_was_encoded(sign, box, vmks):
    secrets = Secrets(DeviceKeys(sign, box), {key_id(vmk): (n, vmk) for vmk, n in vmks.items()})
    assert decode(encode(secrets)) == secrets
    assert encode(decode(encode(secrets))) == encode(secrets)


def test_equal_secrets_give_equal_bytes():
    secrets = some_secrets(5)
    reversed_vmks = dict(reversed(secrets.vmks.items()))
    assert encode(secrets._replace(vmks=reversed_vmks)) == encode(secrets)


@given(st.binary(max_size=100))
@example(b"\x91" * 5000)
@example(msgpack.encode({"v": 1}))
def test_any_other_bytes_are_an_error(data):
    with pytest.raises(HxError) as caught:
        decode(data)
    assert caught.value.exit_code in (6, 7)


def changed(**fields):
    return msgpack.encode(msgpack.decode(encode(some_secrets(2))) | fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"sign": b"short"},
        {"sign": "x" * 32},
        {"box": None},
        {"vmks": {}},
        {"vmks": [1]},
        {"vmks": [[1]]},
        {"vmks": [[0, bytes(32)]]},
        {"vmks": [[1 << 32, bytes(32)]]},
        {"vmks": [[True, bytes(32)]]},
        {"vmks": [[1, bytes(31)]]},
        {"vmks": [[1, bytes(32), 3]]},
    ],
)
def test_a_wrong_field_is_damage(fields):
    with pytest.raises(KeyMissing, match="damaged"):
        decode(changed(**fields))


@pytest.mark.parametrize("fields", [{"v": 2}, {"more": 1}])
def test_the_format_of_a_newer_hx_asks_for_an_upgrade(fields):
    with pytest.raises(UpgradeNeeded):
        decode(changed(**fields))


def test_no_key_is_in_a_repr_or_an_error():
    secrets = some_secrets(3)
    assert not contains_secret(f"{secrets} {secrets!r} {secrets.device!r} {[secrets]}", secrets)
    damaged = encode(secrets)[:-40] + b"\xff" * 40
    with pytest.raises(KeyMissing) as caught:
        decode(damaged)
    assert not contains_secret("".join(traceback.format_exception(caught.value)), secrets)
