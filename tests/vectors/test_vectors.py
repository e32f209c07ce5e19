"""The formats do not change: two readers without common code return the same for every vector.

One is hx, the other is decode.py, written from docs/format.md alone. A released vector is never
changed: vaults in use contain such bytes.
"""

from __future__ import annotations

import ast
import json
import os

import pytest

from hx.core import text_orders
from hx.core.errors import InputError
from hx.core.format import (
    genesis,
    invite,
    keys,
    manifest,
    moved,
    object_names,
    phrases,
    segment,
    slot,
)
from hx.core.format.envelope import unseal
from hx.core.format.verdict import SIGNATURE, Fault, rejected
from vectors import decode, generate

FOLDER = os.path.dirname(os.path.abspath(__file__))


def vectors(name):
    """Return the cases of one file of vectors."""
    with open(os.path.join(FOLDER, "v1", f"{name}.json"), encoding="utf-8") as file:
        return json.load(file)


def ids(case):
    return case.get("reason", "valid")


def result_of(reader, case):
    """Return what a reader returns for a case: a value, or the reason for which it refuses."""
    try:
        return reader(case)
    except decode.Refused as refused:
        return str(refused)
    except Fault as fault:
        return fault.reason if fault.status == case.get("status") else fault


def raw(case):
    """Return the hexadecimal values of a case as bytes, by name."""
    return {
        name: bytes.fromhex(value)
        for name, value in case.items()
        if isinstance(value, str) and name not in ("key", "code", "status", "reason")
    }


def own_envelope(case):
    values = raw(case)
    vmks = {bytes.fromhex(name): bytes.fromhex(vmk) for name, vmk in case["vmks"].items()}
    _, payload = unseal(
        values["object"],
        expect=case["key"],
        vault_id=values["vault_id"],
        suite=case["suite"],
        vmks=vmks,
    )
    return payload.hex()


def independent_envelope(case):
    values = raw(case)
    vmks = {bytes.fromhex(name): bytes.fromhex(vmk) for name, vmk in case["vmks"].items()}
    payload = decode.unseal(values["object"], case["key"], values["vault_id"], case["suite"], vmks)
    return payload.hex()


def own_manifest(case):
    values = raw(case)
    signed = manifest.decode(values["data"])
    if not manifest.is_signed(signed, values["sign_pub"], values["vault_id"]):
        raise rejected(SIGNATURE, "it is not signed by its author")
    return generate.plain(signed.manifest._asdict()), manifest.identity(signed.payload).hex()


def independent_manifest(case):
    values = raw(case)
    return decode.manifest(values["data"], values["sign_pub"], values["vault_id"])


def own_moved(case):
    values = raw(case)
    note = moved.decode(values["data"])
    if not moved.is_signed(note, values["sign_pub"], values["vault_id"]):
        raise rejected(SIGNATURE, "it is not signed by its author")
    return generate.plain(note.moved._asdict())


def independent_moved(case):
    values = raw(case)
    return decode.moved(values["data"], values["sign_pub"], values["vault_id"])


def own_slot(case):
    values = raw(case)
    opened = slot.opened(
        values["object"],
        expect=case["key"],
        vault_id=values["vault_id"],
        box_seed=values["box_seed"],
    )
    return generate.plain(opened._asdict())


def independent_slot(case):
    values = raw(case)
    return decode.slot(values["object"], case["key"], values["vault_id"], values["box_seed"])


def own_invitation(case):
    secret = phrases.secret_of(case["code"])
    invitation = invite.opened(bytes.fromhex(case["object"]), secret=secret)[1]
    return generate.plain(invitation._asdict())


def independent_invitation(case):
    return decode.invitation(bytes.fromhex(case["object"]), case["code"])


READERS = {
    "envelope": (own_envelope, independent_envelope, "payload"),
    "segment": (
        lambda case: generate.of_history(segment.decode(bytes.fromhex(case["payload"]))),
        lambda case: decode.history(bytes.fromhex(case["payload"])),
        "history",
    ),
    "manifest": (own_manifest, independent_manifest, "manifest"),
    "moved": (own_moved, independent_moved, "moved"),
    "genesis": (
        lambda case: generate.plain(genesis.read(bytes.fromhex(case["object"]))._asdict()),
        lambda case: decode.genesis(bytes.fromhex(case["object"])),
        "genesis",
    ),
    "slot": (own_slot, independent_slot, "slot"),
    "invite": (own_invitation, independent_invitation, "invitation"),
}
CASES = [
    pytest.param(name, case, id=f"{name}-{number}-{ids(case)}")
    for name in READERS
    for number, case in enumerate(vectors(name))
]


@pytest.mark.parametrize("reader", [0, 1], ids=["hx", "decode.py"])
@pytest.mark.parametrize(("name", "case"), CASES)
def test_every_object_is_decoded_or_refused_with_its_reason(name, case, reader):
    if name == "manifest" and "manifest" in case:
        expected = case["manifest"], case["identity"]
    else:
        expected = case.get("reason") or case[READERS[name][2]]
    assert result_of(READERS[name][reader], case) == expected


@pytest.mark.parametrize("case", vectors("names"), ids=lambda case: case["key"][:2])
def test_every_key_is_formatted_and_parsed(case):
    ids_ = [bytes.fromhex(case[name]) for name in ("device_id", "object_id", "key_id")]
    name = object_names.Name(case["kind"], *ids_, case["seq"])
    assert object_names.spelled(name) == decode.store_key(*name) == case["key"]
    assert object_names.parsed(case["key"]) == name


def test_derived_keys_and_device_ids_are_those_of_the_vectors():
    values = vectors("keys")
    for case in map(raw, values["derived"]):
        assert keys.key_id(case["vmk"]) == case["key_id"]
        assert keys.wrap_key(case["vmk"]) == case["wrap_key"]
        assert decode.derive(case["vmk"], b"hx1-wrap") == case["wrap_key"]
    for case in map(raw, values["texts"]):
        named = case["secret"], case["text"]
        assert text_orders.digest(*named) == decode.text_digest(*named) == case["digest"]
    for case in map(raw, values["devices"]):
        own = keys.DeviceKeys(case["sign_seed"], case["box_seed"])
        public = own.sign_pub, own.box_pub, own.device_id
        assert public == (case["sign_pub"], case["box_pub"], case["device_id"])


@pytest.mark.parametrize("number", range(5))
def test_signatures_are_valid_only_for_what_was_signed(number):
    case = vectors("keys")["signatures"][number]
    names_ = ("sign_pub", "signature", "vault_id", "payload")
    sign_pub, signature, vault_id, payload = (bytes.fromhex(case[name]) for name in names_)
    label = case["label"].encode()
    assert keys.verify(sign_pub, signature, label, vault_id, payload) is case["valid"]
    try:
        decode.signed(sign_pub, label, vault_id, payload, signature)
    except decode.Refused:
        assert not case["valid"]
    else:
        assert case["valid"]


def test_recovery_words_and_their_keys_are_those_of_the_vectors():
    values = vectors("phrases")
    for case in values["words"]:
        entropy = phrases.entropy_of(case["words"])
        assert entropy.hex() == decode.entropy_of(case["words"]).hex() == case["entropy"]
        recovery = keys.recovery_keys(entropy)
        public = recovery.sign_pub.hex(), recovery.box_pub.hex(), recovery.device_id.hex()
        assert public == (case["sign_pub"], case["box_pub"], case["recovery_id"])
    digest = bytes.fromhex(values["fingerprint"]["digest"])
    assert " ".join(phrases.fingerprint_words(digest)) == values["fingerprint"]["words"]


def test_invitation_codes_and_their_keys_are_those_of_the_vectors():
    for case in vectors("phrases")["codes"]:
        secret = phrases.secret_of(case["code"])
        assert secret.hex() == decode.secret_of(case["code"]).hex() == case["secret"]
        assert phrases.code_of(secret) == case["code"]
        assert phrases.invite_id(secret).hex() == case["invite_id"]
        assert phrases.invite_key(secret).hex() == case["invite_key"]


@pytest.mark.parametrize(("kind", "own", "independent"), [
    ("wrong_words", phrases.entropy_of, decode.entropy_of),
    ("wrong_codes", phrases.secret_of, decode.secret_of),
])  # fmt: skip
def test_wrong_words_and_codes_are_refused(kind, own, independent):
    for text in vectors("phrases")[kind]:
        with pytest.raises(InputError):
            own(text)
        with pytest.raises(decode.Refused):
            independent(text)


def test_the_independent_reader_imports_nothing_of_hx():
    with open(decode.__file__, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    nodes = list(ast.walk(tree))
    imported = {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    imported |= {
        alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names
    }
    assert {name.split(".")[0] for name in imported} == {
        "__future__", "backports", "compression", "hashlib", "itertools", "mnemonic", "msgspec",
        "nacl", "struct", "sys",
    }  # fmt: skip


def test_the_independent_reader_reads_what_hx_writes():
    payload = segment.encode(generate.HISTORY)
    assert decode.history(payload) == generate.of_history(generate.HISTORY)
