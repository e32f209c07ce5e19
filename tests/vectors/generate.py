"""Write the files v1/*.json that do not exist: values of every format, with fixed randomness.

A vector that exists is never written again: vaults in use contain such values.

    .venv/bin/python tests/vectors/generate.py
"""

from __future__ import annotations

import json
import os
import sys
from hashlib import blake2b
from itertools import count

from msgspec.msgpack import decode as unpack
from msgspec.msgpack import encode as pack
from nacl.bindings import crypto_box, crypto_scalarmult_base

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(FOLDER)]

import forger  # noqa: E402  (found by the line above)
from hx.core import text_orders  # noqa: E402
from hx.core.format import (  # noqa: E402
    genesis,
    invite,
    keys,
    manifest,
    moved,
    phrases,
    segment,
    slot,
)
from hx.core.format.body import compress  # noqa: E402
from hx.core.format.envelope import seal, seal_invite, seal_open_kind  # noqa: E402
from hx.core.format.object_names import (  # noqa: E402
    BLOB,
    GENESIS,
    INVITE,
    MANIFEST,
    MOVED,
    SEGMENT,
    SLOT,
    Name,
    spelled,
)
from hx.core.format.roster_records import Record  # noqa: E402
from hx.core.merge import History  # noqa: E402
from hx.core.model import (  # noqa: E402
    Artifact,
    ArtifactKey,
    Event,
    EventKey,
    Evidence,
    Keys,
    Part,
    Pin,
    Texts,
    Tombstone,
    WholeSession,
    Window,
)

DEVICE = keys.DeviceKeys(bytes(range(32)), bytes(range(32, 64)))
OTHER = keys.DeviceKeys(bytes(range(64, 96)), bytes(range(96, 128)))
ENTROPY, SECRET = bytes(range(16)), bytes(range(240, 256))
RECOVERY = keys.recovery_keys(ENTROPY)
VMKS = (b"\x51" * 32, b"\x52" * 32)
GENESIS_OBJECT, FIRST = genesis.make(1, 1_764_000_000_000_000, DEVICE, RECOVERY)
VAULT = FIRST.vault_id
SESSION = bytes.fromhex("00064a1b2c3d4e5f8899aabbccddeeff")
KEY = EventKey(1_764_000_000_123_456, DEVICE.device_id, SESSION, 1)
SPARED = KEY._replace(started_at_us=KEY[0] + 20, seq=3, spared=(b"\x01" * 16,))
TEXT_SECRET, TEXTS = b"\x55" * 32, (b"make test | tee log", b"caf\xe9", b"")
IMPORT = EventKey(3, b"\x81" * 16, b"\x82" * 16, 9)
ARTIFACT_KEY = ArtifactKey(1_764_000_009_000_000, DEVICE.device_id, SESSION, b"\xaf" * 16, KEY)
SPARED_ARTIFACT_KEY = ArtifactKey(
    *ARTIFACT_KEY[:3], b"\xae" * 16, SPARED, (b"\x01" * 16, b"\x02" * 16)
)

HISTORY = History(
    frozenset(
        {
            Event(KEY, b"make test | tee log", b"/srv", 1, (2, 0), 12_345, b"git@x:a", b"main",
                  b"vm", b"ann", b"zsh", b"pts/1", 1),
            Event(KEY._replace(started_at_us=KEY[0] + 9, seq=2), b"ls", b"/srv", 0, None, 5,
                  None, None, b"vm", b"ann", b"zsh", b"pts/1", 3, 0, 1),
            Event(SPARED, b"make", b"/srv", 0, None, 5,
                  None, None, b"vm", b"ann", b"zsh", b"pts/1", 1),
            Event(IMPORT, b"caf\xe9", b"", flags=4, origin=1),
        }
    ),
    frozenset(
        {
            Artifact(ARTIFACT_KEY, b"log", "output", 700, b"\x0f" * 32,
                     (Part(OTHER.device_id, b"\x0e" * 16, 976, b"\x0d" * 32),), 1,
                     Evidence(1, (2**64 - 1, 7), (b"AssertionError",))),
            Artifact(SPARED_ARTIFACT_KEY, b"out", "output", 0, b"\x0c" * 32),
        }
    ),
    frozenset({Pin(SESSION, True, 1_764_000_010_000_000, OTHER.device_id)}),
    frozenset(
        {
            Tombstone(b"\x01" * 16, 5, DEVICE.device_id, Window(-9, 2**62)),
            Tombstone(b"\x02" * 16, 6, DEVICE.device_id, WholeSession(b"\xb0" * 16)),
            Tombstone(b"\x03" * 16, 7, DEVICE.device_id,
                      Keys(frozenset({IMPORT}), frozenset({ARTIFACT_KEY}))),
            Tombstone(b"\x04" * 16, 8, DEVICE.device_id,
                      Keys(frozenset({IMPORT._replace(seq=8)}), undone=True)),
            Tombstone(b"\x05" * 16, 9, DEVICE.device_id,
                      Texts(TEXT_SECRET, tuple(sorted(
                          text_orders.digest(TEXT_SECRET, text) for text in TEXTS)), 2**61)),
        }
    ),
)  # fmt: skip
MANIFEST_VALUE = manifest.Manifest(
    DEVICE.device_id,
    42,
    1_764_000_020_000_000,
    "Büro",
    (manifest.Listed(b"\x0a" * 16, 752, b"\x0b" * 32, 3, 3, KEY[0] + 9),),
    (manifest.Seen(OTHER.device_id, 7, b"\x0c" * 32),),
    (Record(DEVICE.sign_pub, b"opaque", b"\x09" * 64),),
    keys.key_id(VMKS[1]),
    3,
    (b"\x01" * 16, b"\x04" * 16),
    (b"\x02" * 16,),
    (b"\x03" * 16, b"\x05" * 16),
)


def plain(value):
    """Return a value as JSON has it: bytes in hex, records as arrays."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, frozenset):
        return sorted((plain(item) for item in value), key=repr)
    return {name: plain(item) for name, item in value.items()} if isinstance(value, dict) else value


def fixed_random(seed):
    """Return a function that returns fixed bytes that look random, like os.urandom."""
    numbers = count()
    return lambda size: blake2b(b"%s %d" % (seed, next(numbers)), digest_size=size).digest()


def of_history(history):
    """Return a history as JSON has it, with the kind of each scope as a word."""
    words = {Window: "window", WholeSession: "session", Keys: "keys", Texts: "texts"}
    tombstones = [
        (*each[:3], words[type(each.scope)], tuple(each.scope)) for each in history.tombstones
    ]
    return {**plain(history._asdict()), "tombstones": sorted(plain(tombstones), key=repr)}


def fails(case, status, reason, **change):
    """Return a case that must fail with a status and a reason."""
    return {**case, **change, "status": status, "reason": reason}


def names():
    all_names = [
        Name(GENESIS),
        Name(MANIFEST, DEVICE.device_id, b"\x0a" * 8 + bytes(8), seq=42),
        Name(SEGMENT, DEVICE.device_id, b"\x0a" * 16),
        Name(BLOB, DEVICE.device_id, b"\x0a" * 16),
        Name(SLOT, DEVICE.device_id, OTHER.device_id, keys.key_id(VMKS[0])),
        Name(INVITE, object_id=phrases.invite_id(SECRET)),
        Name(GENESIS, object_id=VAULT),
        Name(MOVED, DEVICE.device_id, b"\x0a" * 8 + bytes(8)),
    ]
    return [{**plain(name._asdict()), "key": spelled(name)} for name in all_names]


def key_values():
    derived = [
        {"vmk": vmk, "key_id": keys.key_id(vmk), "wrap_key": keys.wrap_key(vmk)} for vmk in VMKS
    ]
    devices = [
        {
            **device._asdict(),
            "sign_pub": device.sign_pub,
            "box_pub": device.box_pub,
            "device_id": device.device_id,
        }
        for device in (DEVICE, OTHER)
    ]
    signature = keys.sign(DEVICE.sign_seed, keys.LABEL_ROSTER, VAULT, b"payload")
    signed = {
        "sign_pub": DEVICE.sign_pub, "label": "hx1-roster", "vault_id": VAULT,
        "payload": b"payload", "signature": signature,
    }  # fmt: skip
    signatures = [
        {**signed, "valid": True},
        {**signed, "label": "hx1-manifest", "valid": False},
        {**signed, "vault_id": b"W" * 16, "valid": False},
        {**signed, "payload": b"payloae", "valid": False},
        {**signed, "sign_pub": OTHER.sign_pub, "valid": False},
    ]
    texts = [
        {"secret": TEXT_SECRET, "text": text, "digest": text_orders.digest(TEXT_SECRET, text)}
        for text in TEXTS
    ]
    return plain({"derived": derived, "devices": devices, "signatures": signatures, "texts": texts})


def phrase_values():
    words = [
        {
            "entropy": entropy,
            "words": " ".join(phrases.words_of(entropy)),
            "sign_pub": keys.recovery_keys(entropy).sign_pub,
            "box_pub": keys.recovery_keys(entropy).box_pub,
            "recovery_id": keys.recovery_keys(entropy).device_id,
        }
        for entropy in (ENTROPY, bytes(16), b"\xff" * 16)
    ]
    codes = [
        {
            "secret": secret,
            "code": phrases.code_of(secret),
            "invite_id": phrases.invite_id(secret),
            "invite_key": phrases.invite_key(secret),
        }
        for secret in (SECRET, bytes(16), b"\xff" * 16)
    ]
    code = phrases.code_of(SECRET)
    wrong_codes = [code[:-1], code + "0", "1" + code[1:], code[:-1] + "u"]
    wrong_words = ["abandon " * 12, "abandon " * 11 + "aboot", "abandon " * 10 + "about"]
    fingerprint = {
        "digest": FIRST.sha256,
        "words": " ".join(phrases.fingerprint_words(FIRST.sha256)),
    }
    return plain(
        {
            "words": words,
            "wrong_words": wrong_words,
            "codes": codes,
            "wrong_codes": wrong_codes,
            "fingerprint": fingerprint,
        }
    )


def sealed(name, payload, vmk=VMKS[0], vault_id=VAULT):
    data = seal(
        name, payload, vault_id=vault_id, vmk=vmk, random=fixed_random(spelled(name).encode())
    )
    vmks = {keys.key_id(vmk).hex(): vmk.hex()} if vmk else {}
    return {
        "key": spelled(name), "object": data.hex(), "vault_id": vault_id.hex(),
        "suite": int(vmk is not None), "vmks": vmks,
    }  # fmt: skip


def crafted(case, body):
    """Return a case whose segment has another body and a valid sealing."""
    device, object_id = DEVICE.device_id, b"\x0a" * 16
    data = forger.sealed(forger.outer(1, 1, VAULT, device, object_id), body, VMKS[0])
    return {**case, "object": data.hex()}


def envelopes():
    name = Name(SEGMENT, DEVICE.device_id, b"\x0a" * 16)
    text = b"git push origin main\n" * 60
    case = sealed(name, text)
    valid = [
        {**case, "payload": text.hex()},
        {**sealed(name, b"short"), "payload": b"short".hex()},
        {**sealed(name, text, None), "payload": text.hex()},
        {**sealed(Name(BLOB, DEVICE.device_id, b"\xb0" * 16), bytes(range(256)) * 3),
         "payload": (bytes(range(256)) * 3).hex()},
        {**sealed(Name(MANIFEST, DEVICE.device_id, b"\x0c" * 8 + bytes(8), seq=42), b"m" * 999,
                  VMKS[1]), "payload": (b"m" * 999).hex()},
    ]  # fmt: skip
    data = case["object"]

    def put(offset, value):
        return data[: 2 * offset] + value + data[2 * offset + len(value) :]

    other_key = spelled(name._replace(object_id=b"\x0b" * 16))
    bomb = forger.padded(compress(bytes(10_000)), codec=1, plain_len=100)
    return [
        *valid,
        fails(case, "pending", "incomplete", object=data[:400]),
        fails(case, "pending", "incomplete", object=data[:-2]),
        fails(case, "rejected", "magic", object=put(0, "00")),
        fails(case, "pending", "needs upgrade", object=put(4, "02")),
        fails(case, "pending", "needs upgrade", object=put(5, "03")),
        fails(case, "pending", "needs upgrade", object=put(7, "01")),
        fails(case, "rejected", "header", object=valid[2]["object"]),
        fails(case, "skipped", "other vault", vault_id="00" * 16),
        fails(case, "rejected", "misplaced", key=other_key),
        fails(case, "rejected", "misplaced", object=put(79, "01")),
        fails(case, "rejected", "too large", object=put(80, "0000000001000000")),
        fails(case, "rejected", "trailing", object=data + "00"),
        fails(case, "pending", "no key", vmks={}),
        fails(case, "rejected", "header", object=put(112, "00")),
        fails(case, "rejected", "header", object=put(223, "01")),
        fails(case, "rejected", "commitment", object=put(184, "0000")),
        fails(case, "rejected", "body", object=put(300, "0000")),
        fails(crafted(case, forger.padded(b"x", fill=b"\1")), "rejected", "body"),
        fails(crafted(case, forger.padded(b"x", size=1024)), "rejected", "body"),
        fails(crafted(case, forger.padded(b"x", codec=2)), "rejected", "body"),
        fails(crafted(case, bomb), "rejected", "too large"),
        fails(
            crafted(case, forger.padded(compress(b"x") * 2, codec=1, plain_len=2)),
            "rejected",
            "body",
        ),
    ]


def segments():
    payload = segment.encode(HISTORY)
    fields = unpack(payload)
    upgrade, malformed = ("pending", "needs upgrade"), ("rejected", "malformed")
    first, second = b"\x01" * 16, b"\x02" * 16
    many = [number.to_bytes(16, "big") for number in range(1_025)]
    order = fields["forget_texts"][0]
    digests = order[4]
    bad = [
        ("v", 2, upgrade), ("mood", 1, upgrade), ("flags", [8, 0, 0, 0], upgrade),
        ("command", [0, 0, 0, 9], malformed), ("seq", [1, 1], malformed),
        ("spared", [0, 0, 0, 3], malformed), ("spared_sets", [[second, first], [first]], malformed),
        ("spared_sets", [[first, first], [first]], malformed),
        ("forget_texts", [[*order[:4], digests[::-1], order[5]]], malformed),
        ("forget_texts", [[*order[:4], [digests[0]] * 2, order[5]]], malformed),
        ("forget_texts", [[*order[:4], [], order[5]]], malformed),
        ("forget_texts", [[*order[:4], many, order[5]]], malformed),
        ("forget_texts", [[*order[:3], b"short", *order[4:]]], malformed),
        ("spared_sets", [[first], []], malformed), ("spared_sets", [[first], many], malformed),
    ]  # fmt: skip
    return [
        {"payload": payload.hex(), "history": of_history(HISTORY)},
        {"payload": segment.encode(History()).hex(), "history": of_history(History())},
        *(
            fails({"payload": pack({**fields, name: value}).hex()}, *reason)
            for name, value, reason in bad
        ),
        fails({"payload": (payload + b"\xc0").hex()}, "rejected", "malformed"),
    ]


def manifests():
    data = manifest.encode(MANIFEST_VALUE, DEVICE.sign_seed, VAULT)
    case = {"data": data.hex(), "sign_pub": DEVICE.sign_pub.hex(), "vault_id": VAULT.hex()}
    value = plain(MANIFEST_VALUE._asdict())
    return [
        {**case, "manifest": value, "identity": manifest.identity(data[:-64]).hex()},
        fails(case, "rejected", "signature", sign_pub=OTHER.sign_pub.hex()),
        fails(case, "rejected", "signature", vault_id="00" * 16),
        fails(case, "rejected", "signature", data=data[:-64].hex() + "00" * 64),
        *(
            fails(case, "rejected", "malformed", data=manifest_with(**fields))
            for fields in (
                {"holds": 1},
                {"held": (b"\x04" * 16, b"\x01" * 16)},
                {"accepted": (b"\x02" * 16, b"\x02" * 16)},
                {"refused": (b"\x02" * 15,)},
            )
        ),
    ]


def moves():
    value = moved.Moved(DEVICE.device_id, 1_700_000_000_000_000, "folder:/mnt/nas/hx")
    renewed = value._replace(successor=b"\x05" * 32)

    def signed(note):
        return moved.encode(note, DEVICE.sign_seed, VAULT)

    case = {"data": signed(value).hex(), "sign_pub": DEVICE.sign_pub.hex(), "vault_id": VAULT.hex()}
    places = ["", "folder:/mnt/\x1b[2J", "folder:/" + "x" * 4_089]
    return [
        {**case, "moved": plain(value._asdict())},
        {**case, "data": signed(renewed).hex(), "moved": plain(renewed._asdict())},
        fails(case, "rejected", "signature", sign_pub=OTHER.sign_pub.hex()),
        fails(case, "rejected", "signature", vault_id="00" * 16),
        *(
            fails(case, "rejected", "malformed", data=signed(value._replace(**wrong)).hex())
            for wrong in ({"successor": b"\x05" * 31}, *({"store": place} for place in places))
        ),
    ]


def manifest_with(**fields):
    """Return a signed manifest with other fields, in hex."""
    return manifest.encode(MANIFEST_VALUE._replace(**fields), DEVICE.sign_seed, VAULT).hex()


def genesis_values():
    data = GENESIS_OBJECT
    plain_data, plain_value = genesis.make(0, 5, OTHER, RECOVERY)
    body = data[224:-64] + bytes(64)
    unsigned = seal_open_kind(Name(GENESIS), body, vault_id=bytes(16), suite=1)
    case = {"object": data.hex()}
    return [
        {"object": data.hex(), "genesis": plain(FIRST._asdict())},
        {"object": plain_data.hex(), "genesis": plain(plain_value._asdict())},
        fails(case, "rejected", "signature", object=unsigned.hex()),
        fails(case, "rejected", "commitment", object=data[:-1].hex() + "00"),
        fails(case, "skipped", "other vault", object=(data[:8] + b"\1" + data[9:]).hex()),
    ]


def boxed(box_pub, message):
    """Return a sealed box with a fixed ephemeral key."""
    secret = b"\x77" * 32
    public = crypto_scalarmult_base(secret)
    nonce = blake2b(public + box_pub, digest_size=24).digest()
    return public + crypto_box(message, nonce, box_pub, secret)


def slots():
    value = slot.Slot(VAULT, OTHER.device_id, keys.key_id(VMKS[1]), 2, VMKS[1])

    def case(value, name_key=value.key_id):
        name = Name(SLOT, DEVICE.device_id, OTHER.device_id, name_key)
        body = boxed(OTHER.box_pub, pack({"v": 1, **value._asdict()}))
        data = seal_open_kind(name, body, vault_id=VAULT, suite=1)
        return {"key": spelled(name), "object": data.hex(), "vault_id": VAULT.hex(),
                "box_seed": OTHER.box_seed.hex()}  # fmt: skip

    return [
        {**case(value), "slot": plain(value._asdict())},
        fails(case(value), "rejected", "body", box_seed=DEVICE.box_seed.hex()),
        fails(case(value._replace(vmk=VMKS[0])), "rejected", "malformed"),
        fails(case(value._replace(recipient=DEVICE.device_id)), "rejected", "malformed"),
        fails(case(value, bytes(16)), "rejected", "malformed"),
    ]


def invitations():
    value = invite.Invitation(
        FIRST.sha256, ((1, VMKS[0]), (2, VMKS[1])), b"\x66" * 32, MANIFEST_VALUE.roster,
        MANIFEST_VALUE.seen,
    )  # fmt: skip
    name = Name(INVITE, object_id=phrases.invite_id(SECRET))
    sealing = {"key": phrases.invite_key(SECRET), "suite": 1, "random": fixed_random(b"invite")}
    data = seal_invite(name, invite.encode(value), vault_id=VAULT, **sealing)
    other_vault = seal_invite(name, invite.encode(value), vault_id=bytes(16), **sealing)
    code = phrases.code_of(SECRET)
    case = {"code": code, "key": spelled(name), "object": data.hex()}
    return [
        {**case, "invitation": plain(value._asdict())},
        fails(case, "rejected", "malformed", object=other_vault.hex()),
        fails(case, "rejected", "commitment", object=data.hex()[:-2] + "00"),
        fails(case, "rejected", "misplaced", code=phrases.code_of(bytes(16))),
    ]


FILES = {
    "names": names, "keys": key_values, "phrases": phrase_values, "envelope": envelopes,
    "segment": segments, "manifest": manifests, "genesis": genesis_values, "slot": slots,
    "invite": invitations, "moved": moves,
}  # fmt: skip

if __name__ == "__main__":
    for file_name, values in FILES.items():
        path = os.path.join(FOLDER, "v1", f"{file_name}.json")
        if not os.path.exists(path):
            with open(path, "w", encoding="utf-8") as file:
                json.dump(values(), file, indent=1, ensure_ascii=False)
                file.write("\n")
