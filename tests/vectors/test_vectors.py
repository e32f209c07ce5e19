"""The formats do not change: two readers that share no code return the same for every vector.

One is hx, the other is decode.py, written from docs/format.md alone. A released vector is never
changed: vaults in use contain such bytes.
"""

from __future__ import annotations

import ast
import json
import os

import pytest

from hx.core.errors import InputError
from hx.core.format import genesis, invite, keys, manifest, object_names, phrases, segment, slot
from hx.core.format.envelope import unseal
from hx.core.format.verdict import SIGNATURE, Fault, rejected
from vectors import decode, generate

FOLDER = os.path.dirname(os.path.abspath(__file__))


def vectors(name):
    with open(os.path.join(FOLDER, "v1", f"{name}.json"), encoding="utf-8") as file:
        return json.load(file)


def ids(case):
    return case.get("reason", "taken")


def said(reader, case):
    """Return what a reader makes of a case: a value, or the reason why it refuses."""
    try:
        return reader(case)
    except decode.Refused as refused:
        return str(refused)
    except Fault as fault:
        return fault.reason if fault.status == case.get("status") else fault


def raw(case):
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


def other_envelope(case):
    values = raw(case)
    vmks = {bytes.fromhex(name): bytes.fromhex(vmk) for name, vmk in case["vmks"].items()}
    found = decode.unseal(values["object"], case["key"], values["vault_id"], case["suite"], vmks)
    return found.hex()


def own_manifest(case):
    values = raw(case)
    found = manifest.decode(values["data"])
    if not manifest.is_signed(found, values["sign_pub"], values["vault_id"]):
        raise rejected(SIGNATURE, "it is not signed by its author")
    return generate.plain(found.manifest._asdict()), manifest.identity(found.payload).hex()


def other_manifest(case):
    values = raw(case)
    return decode.manifest(values["data"], values["sign_pub"], values["vault_id"])


def own_slot(case):
    values = raw(case)
    found = slot.opened(
        values["object"],
        expect=case["key"],
        vault_id=values["vault_id"],
        box_seed=values["box_seed"],
    )
    return generate.plain(found._asdict())


def other_slot(case):
    values = raw(case)
    return decode.slot(values["object"], case["key"], values["vault_id"], values["box_seed"])


def own_invitation(case):
    secret = phrases.secret_of(case["code"])
    found = invite.opened(bytes.fromhex(case["object"]), secret=secret)[1]
    return generate.plain(found._asdict())


def other_invitation(case):
    return decode.invitation(bytes.fromhex(case["object"]), case["code"])


READERS = {
    "envelope": (own_envelope, other_envelope, "payload"),
    "segment": (
        lambda case: generate.of_history(segment.decode(bytes.fromhex(case["payload"]))),
        lambda case: decode.history(bytes.fromhex(case["payload"])),
        "history",
    ),
    "manifest": (own_manifest, other_manifest, "manifest"),
    "genesis": (
        lambda case: generate.plain(genesis.read(bytes.fromhex(case["object"]))._asdict()),
        lambda case: decode.genesis(bytes.fromhex(case["object"])),
        "genesis",
    ),
    "slot": (own_slot, other_slot, "slot"),
    "invite": (own_invitation, other_invitation, "invitation"),
}
CASES = [
    pytest.param(name, case, id=f"{name}-{number}-{ids(case)}")
    for name in READERS
    for number, case in enumerate(vectors(name))
]


@pytest.mark.parametrize("reader", [0, 1], ids=["hx", "the other reader"])
@pytest.mark.parametrize(("name", "case"), CASES)
def test_every_object_is_read_as_it_was_written_or_refused_for_its_reason(name, case, reader):
    if name == "manifest" and "manifest" in case:
        wanted = case["manifest"], case["identity"]
    else:
        wanted = case.get("reason") or case[READERS[name][2]]
    assert said(READERS[name][reader], case) == wanted


@pytest.mark.parametrize("case", vectors("names"), ids=lambda case: case["key"][:2])
def test_every_key_is_spelled_and_parsed(case):
    ids_ = [bytes.fromhex(case[name]) for name in ("device_id", "object_id", "key_id")]
    name = object_names.Name(case["kind"], *ids_, case["seq"])
    assert object_names.spelled(name) == decode.store_key(*name) == case["key"]
    assert object_names.parsed(case["key"]) == name


def test_derived_keys_and_device_ids_are_as_written():
    values = vectors("keys")
    for case in map(raw, values["derived"]):
        assert keys.key_id(case["vmk"]) == case["key_id"]
        assert keys.wrap_key(case["vmk"]) == case["wrap_key"]
        assert decode.derive(case["vmk"], b"hx1-wrap") == case["wrap_key"]
    for case in map(raw, values["devices"]):
        own = keys.DeviceKeys(case["sign_seed"], case["box_seed"])
        found = own.sign_pub, own.box_pub, own.device_id
        assert found == (case["sign_pub"], case["box_pub"], case["device_id"])


@pytest.mark.parametrize("number", range(5))
def test_signatures_hold_where_they_were_made(number):
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


def test_recovery_words_and_their_keys_are_as_written():
    values = vectors("phrases")
    for case in values["words"]:
        entropy = phrases.entropy_of(case["words"])
        assert entropy.hex() == decode.entropy_of(case["words"]).hex() == case["entropy"]
        found = keys.recovery_keys(entropy)
        public = found.sign_pub.hex(), found.box_pub.hex(), found.device_id.hex()
        assert public == (case["sign_pub"], case["box_pub"], case["recovery_id"])
    digest = bytes.fromhex(values["fingerprint"]["digest"])
    assert " ".join(phrases.fingerprint_words(digest)) == values["fingerprint"]["words"]


def test_invitation_codes_and_their_keys_are_as_written():
    for case in vectors("phrases")["codes"]:
        secret = phrases.secret_of(case["code"])
        assert secret.hex() == decode.secret_of(case["code"]).hex() == case["secret"]
        assert phrases.code_of(secret) == case["code"]
        assert phrases.invite_id(secret).hex() == case["invite_id"]
        assert phrases.invite_key(secret).hex() == case["invite_key"]


@pytest.mark.parametrize(("kind", "own", "other"), [
    ("wrong_words", phrases.entropy_of, decode.entropy_of),
    ("wrong_codes", phrases.secret_of, decode.secret_of),
])  # fmt: skip
def test_wrong_words_and_codes_are_refused(kind, own, other):
    for text in vectors("phrases")[kind]:
        with pytest.raises(InputError):
            own(text)
        with pytest.raises(decode.Refused):
            other(text)


def test_the_other_reader_imports_nothing_of_hx():
    with open(decode.__file__, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    nodes = list(ast.walk(tree))
    imported = {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    imported |= {alias.name for n in nodes if isinstance(n, ast.Import) for alias in n.names}
    assert {name.split(".")[0] for name in imported} == {
        "__future__", "backports", "compression", "hashlib", "itertools", "mnemonic", "msgspec",
        "nacl", "struct", "sys",
    }  # fmt: skip


def test_what_hx_writes_today_is_read_by_the_other_reader_too():
    payload = segment.encode(generate.HISTORY)
    assert decode.history(payload) == generate.of_history(generate.HISTORY)
