"""Roster records as bytes: which are valid, void or unknown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import msgpack

from hx.core.errors import InputError
from hx.core.format import roster, roster_records
from hx.core.format.keys import LABEL_ROSTER, sign
from hx.core.format.roster_records import (
    FORGED,
    MALFORMED,
    MISNAMED,
    TOO_LONG,
    Epoch,
    InviteClose,
    Record,
)
from roster_fixtures import (
    FIRST,
    GENESIS,
    VAULT,
    adds,
    code,
    device,
    evaluate,
    key,
    keys,
    names,
    public,
)


def signed(payload, by=FIRST):
    """Return a genuine record of any payload."""
    signature = sign(keys(by).sign_seed, LABEL_ROSTER, VAULT, payload)
    return Record(public(by)[0], payload, signature)


def test_a_forged_record_is_void_and_does_not_affect_the_genuine_one():
    genuine = adds(FIRST, "ann")
    forged = [
        genuine._replace(signature=bytes(64)),
        genuine._replace(signer=public("eve")[0]),
        genuine._replace(signature=genuine.signature[:-1]),
        genuine._replace(
            signer=genuine.signer + genuine.signature[:1], signature=genuine.signature[1:]
        ),
    ]
    assert evaluate(*forged).active.keys() == {device(FIRST)}
    assert set(evaluate(*forged).void.values()) == {FORGED}
    for parts in ([genuine, *forged], [*forged, genuine]):
        trust = evaluate(*parts)
        assert names(trust.active, "ann") == {FIRST, "ann"}
        assert (
            genuine.id not in trust.void
        )  # the last forged one is the same bytes, divided elsewhere
    assert len({record.id for record in [genuine, *forged[:3]]}) == 4


def test_a_record_of_another_vault_is_void():
    foreign = roster_records.add(
        public("ann"), "ann", seed=keys(FIRST).sign_seed, vault_id=b"W" * 16
    )
    assert evaluate(foreign).active.keys() == {device(FIRST)}
    assert evaluate(foreign).void == {foreign.id: FORGED}


def payload_of(**fields):
    device_id, (sign_pub, box_pub) = device("ann"), public("ann")
    fixed = {"kind": "device_add", "v": 1, "device_id": device_id, "sign_pub": sign_pub,
             "box_pub": box_pub, "label": "x"}  # fmt: skip
    return msgpack.encode(fixed | fields)


def close_of(count):
    admitted = tuple(bytes([number]) * 16 for number in range(count))
    return msgpack.encode(InviteClose(1, code("code1"), admitted))


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        pytest.param(payload_of(device_id=device("bob")), MISNAMED, id="another's id"),
        pytest.param(payload_of(label="x" * 65), TOO_LONG, id="label of 65 bytes"),
        pytest.param(payload_of(label="é" * 33), TOO_LONG, id="label of 66 bytes, 33 characters"),
        pytest.param(close_of(40), TOO_LONG, id="over 512 bytes"),
        pytest.param(payload_of(label=b"x"), MALFORMED, id="label as bytes"),
        pytest.param(payload_of(sign_pub=bytes(31)), MALFORMED, id="short key"),
        pytest.param(payload_of(v=True), MALFORMED, id="version as a boolean"),
        pytest.param(payload_of(v="2"), MALFORMED, id="version as text"),
        pytest.param(payload_of(kind=7), MALFORMED, id="kind as a number"),
        pytest.param(payload_of() + b"\0", MALFORMED, id="trailing byte"),
        pytest.param(payload_of()[:-1], MALFORMED, id="cut"),
        pytest.param(payload_of().replace(b"\x01", b"\xcc\x01", 1), MALFORMED, id="long spelling"),
        pytest.param(b"\x91" * 3000, MALFORMED, id="nested deep"),
        pytest.param(b"", MALFORMED, id="nothing"),
        pytest.param(b"\0" * 8193, TOO_LONG, id="over 8 KiB"),
    ],
)
def test_a_malformed_record_is_void(payload, reason):
    record = signed(payload)
    assert roster_records.decode(payload) == reason
    assert evaluate(record).active.keys() == {device(FIRST)}
    if len(payload) <= 8192:
        assert evaluate(record).void == {record.id: reason}


@pytest.mark.parametrize(
    "fields",
    [{"kind": "device_rename"}, {"v": 2}, {"nick": "x"}],
    ids=["kind", "version", "field"],
)
def test_a_record_of_a_newer_hx_is_unknown_and_carried(fields):
    record = signed(payload_of(**fields))
    trust = evaluate(record)
    assert trust.unknown == {record.id}
    assert not trust.void
    assert names(trust.active) == {FIRST}
    assert roster.carried(GENESIS, [record]) == (record,)


@pytest.mark.parametrize("members", [[device("bob"), device("ann")], [device("ann")] * 2])
def test_an_unsorted_list_is_void(members):
    members = sorted(members, reverse=True)
    body = Epoch(1, 1, key("one"), tuple(members))
    assert roster_records.decode(msgpack.encode(body)) == MALFORMED


@given(st.binary(max_size=64) | st.binary(max_size=64).map(lambda tail: payload_of()[:40] + tail))
def test_any_bytes_give_a_record_or_a_reason(payload):
    assert isinstance(roster_records.decode(payload), str | roster_records.DeviceAdd)


@given(st.data())
def test_a_record_with_a_changed_byte_has_no_effect(data):
    record = adds(FIRST, "ann")
    place = data.draw(st.integers(0, len(record.payload) - 1))
    changed = bytearray(record.payload)
    changed[place] ^= data.draw(st.integers(1, 255))
    assert evaluate(record._replace(payload=bytes(changed))).active.keys() == {device(FIRST)}


@pytest.mark.parametrize(
    "make",
    [
        lambda **by: roster_records.add(public("ann"), "x" * 65, **by),
        lambda **by: roster_records.epoch(2**32, key("one"), [], **by),
        lambda **by: roster_records.device_revoke(
            device("ann"), [n.to_bytes(32, "big") for n in range(300)], **by
        ),
    ],
    ids=["label", "number", "list"],
)
def test_a_record_that_would_be_void_is_not_signed(make):
    with pytest.raises(InputError, match="cannot be added to the roster"):
        make(seed=keys(FIRST).sign_seed, vault_id=VAULT)
