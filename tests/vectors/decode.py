"""An independent reader of the vault, written from docs/format.md alone, without imports of hx.

Every function returns plain values (bytes in hex), or raises Refused with the reason. It is strict
enough to refuse the wrong cases of the vectors. It has no limits on memory and is not for other
use.
"""

from __future__ import annotations

import struct
import sys
from hashlib import blake2b, sha256
from itertools import accumulate

from mnemonic import Mnemonic
from msgspec import MsgspecError
from msgspec.msgpack import decode as unpack
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt as decrypt
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, SealedBox
from nacl.signing import VerifyKey

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LIMITS = {1: 16 << 20, 2: 16 << 20, 4: 1 << 20, 5: 4096, 6: 4096, 7: 1 << 20, 9: 16 << 10}
BASE32 = "0123456789abcdefghjkmnpqrstvwxyz"


class Refused(Exception):  # noqa: N818  (a refusal is a result here)
    """The reader refuses an object; the message is the reason, in the words of docs/format.md."""


def require(condition, reason):
    """Raise Refused with a reason if a condition is false."""
    if not condition:
        raise Refused(reason)


def plain(value):
    """Return a value as JSON has it: bytes in hex."""
    if isinstance(value, bytes):
        return value.hex()
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def derive(key, label, data=b""):
    return blake2b(data, key=key, person=label, digest_size=32).digest()


def text_digest(secret, text):
    """Return the digest by which a text order with this secret names a text."""
    return derive(secret, b"hx1-text", text)[:16]


def attempt(reason, call, *arguments):
    """Return the result of a call; its errors become Refused with a reason."""
    try:
        return call(*arguments)
    except (CryptoError, ValueError, zstd.ZstdError, MsgspecError, IndexError):
        raise Refused(reason) from None


def signed(sign_pub, label, vault_id, payload, signature):
    """Check the signature of a payload."""
    message = label.ljust(16, b"\0") + vault_id + payload
    attempt("signature", VerifyKey(sign_pub).verify, message, signature)


def store_key(kind, device, object_id, key_id, seq):
    """Return the store key for the fields of a header."""
    device, object_id, key_id = device.hex(), object_id.hex(), key_id.hex()
    return {
        1: f"o/{device}/{object_id}.hx",
        2: f"b/{device}/{object_id[:2]}/{object_id}.hx",
        4: f"m/{device}-{seq:012d}-{object_id[:16]}.hx",
        5: f"k/{object_id}/{key_id}-{device}.hx",
        6: f"hx-vault-{object_id}.hx" if object_id.strip("0") else "hx-vault.hx",
        7: f"j/{object_id}.hx",
        9: f"m/moved-{device}-{object_id[:16]}.hx",
    }[kind]


def header(data, key, vault_id, suite):
    """Return the fields of a header, after all checks that need no key.

    They are: kind, suite, vault_id, key_id, wrap_nonce, wrapped, body_nonce, commitment.
    """
    require(len(data) >= 224, "incomplete")
    magic, version, kind, own_suite, flags, vault, device, object_id, key_id, seq, length = (
        struct.unpack(">4sBBBB16s16s16s16sQQ", data[:88])
    )
    require(magic == b"HXS1", "magic")
    require(version == 1 and own_suite < 2 and not flags, "needs upgrade")
    require(suite in (None, own_suite), "header")
    require(kind in LIMITS, "needs upgrade")
    require(vault_id in (None, vault), "other vault")
    unused = [seq] if kind != 4 else []
    unused += [any(object_id[8:])] if kind in (4, 9) else []
    unused += {6: [any(device + object_id + key_id)], 7: [any(device + key_id)]}.get(kind, [])
    require(store_key(kind, device, object_id, key_id, seq) == key and not any(unused), "misplaced")
    require(max(len(data), 224 + length) <= LIMITS[kind], "too large")
    require(len(data) >= 224 + length, "incomplete")
    require(len(data) == 224 + length, "trailing")
    return kind, own_suite, vault, key_id, data[88:112], data[112:160], data[160:184], data[184:216]


def bare_body(data, commitment, unused):
    """Return the body of an object without a wrapped key, if its commitment is right."""
    require(not any(unused) and not any(data[216:224]), "header")
    digest = blake2b(data[:184] + data[224:], digest_size=32).digest()
    require(digest == commitment, "commitment")
    return data[224:]


def unseal(data, key, vault_id, suite, vmks):
    """Return the payload of a segment, blob, manifest or note of a move."""
    kind, own, _, key_id, wrap_nonce, wrapped, nonce, commitment = header(
        data, key, vault_id, suite
    )
    if own == 0:
        return unpad(kind, bare_body(data, commitment, data[88:184] + key_id))
    require(key_id in vmks, "no key")
    require(not any(data[216:224]), "header")
    wrap_key = derive(vmks[key_id], b"hx1-wrap")
    dek = attempt("header", decrypt, wrapped, data[:88], wrap_nonce, wrap_key)
    bound = blake2b(data[:184], key=dek, person=b"hx1-commit", digest_size=32).digest()
    require(bound == commitment, "commitment")
    body_key = derive(dek, b"hx1-body")
    return unpad(kind, attempt("body", decrypt, data[224:], data[:224], nonce, body_key))


def unpad(kind, body):
    """Return the payload in a body."""
    codec, plain_len, stored_len = struct.unpack(">BII", body[:9])
    length = max(512, 9 + stored_len)
    bits = length.bit_length() - 1
    step = 1 << bits - bits.bit_length()
    require(len(body) == -(-length // step) * step and not any(body[9 + stored_len :]), "body")
    require(plain_len <= min(8 << 20, 64 * len(body)), "too large")
    stored = body[9 : 9 + stored_len]
    require(codec in (0, 1), "body")
    if codec == 1:
        frame = zstd.ZstdDecompressor()
        stored = attempt("body", frame.decompress, stored, plain_len + 1)
        require(len(stored) <= plain_len, "too large")
        require(frame.eof and not frame.unused_data, "body")
    require(len(stored) == plain_len, "body")
    return stored


def fields(payload, known, version="v"):
    """Return the fields of a payload, if it has exactly the known ones."""
    values = attempt("malformed", unpack, payload)
    require(values.pop(version, None) == 1 and set(values) <= set(known.split()), "needs upgrade")
    require(len(values) == len(known.split()), "malformed")
    return values


SEGMENT = (
    "spared_sets sessions commands cwds repos branches session seq started_at_us duration_us"
    " exit_status pipestatus command cwd repo branch flags origin revision spared artifacts pins"
    " forget_windows forget_sessions forget_keys forget_texts key_sessions key_session key_seq"
    " key_started_at_us"
)


def history(payload):
    """Return the history in the payload of a segment."""
    columns = fields(payload, SEGMENT)
    require(
        max(columns["flags"], default=0) < 8 and max(columns["origin"], default=0) < 2,
        "needs upgrade",
    )
    require(len(columns["key_session"]) <= 1 << 17, "malformed")
    sets = spared_sets(columns)
    keys = [
        [started_at_us, device, session, seq, []]
        for (session, device), started_at_us, seq in zip(
            (columns["key_sessions"][n] for n in columns["key_session"]),
            accumulate(columns["key_started_at_us"]),
            accumulate(columns["key_seq"]),
            strict=True,
        )
    ]
    tombstones = [[*row[:3], "window", row[3:]] for row in columns["forget_windows"]]
    tombstones += [[*row[:3], "session", row[3:]] for row in columns["forget_sessions"]]
    for *head, size, artifacts, undone in columns["forget_keys"]:
        named = [[*key, event and [*event, []], []] for *key, event in artifacts]
        tombstones.append([*head, "keys", [keys[:size], named, undone]])
        del keys[:size]
    tombstones += [[*row[:3], "texts", row[3:]] for row in columns["forget_texts"]]
    for *_, secret, digests, _until in columns["forget_texts"]:
        require(len(secret) == 32 and 0 < len(digests) <= 1_024, "malformed")
        require(all(len(digest) == 16 for digest in digests), "malformed")
        require(digests == sorted(set(digests)), "malformed")
    rows = {"pins": columns["pins"], "tombstones": tombstones}
    rows["artifacts"] = attempt("malformed", list, artifact_rows(columns, sets))
    rows["events"] = attempt("malformed", list, events(columns, sets))
    return {name: sorted(plain(row), key=repr) for name, row in rows.items()}


def spared_sets(columns):
    """Return the sets of tombstones of which records are spared, by number."""
    sets = columns["spared_sets"]
    require(all(0 < len(ids) <= 1_024 for ids in sets), "malformed")
    require(all(ids == sorted(set(ids)) for ids in sets), "malformed")
    return [[], *sets]


def artifact_rows(columns, sets):
    """Yield the artifacts of a segment."""
    for (*key, event, number), *rest in columns["artifacts"]:
        yield [[*key, event and [*event[:4], sets[event[4]]], sets[number]], *rest]


def events(columns, sets):
    """Yield the events in the columns of a segment."""
    names = SEGMENT.split()[6:20]
    repos, branches = [None, *columns["repos"]], [None, *columns["branches"]]
    growing = {name: list(accumulate(columns[name])) for name in ("seq", "started_at_us")}
    for row in zip(*({**columns, **growing}[name] for name in names), strict=True):
        session, seq, start, duration, status, pipe, command, cwd, repo, branch, *flags, spared = (
            row
        )
        session_id, device, *machine = columns["sessions"][session]
        texts = columns["commands"][command], columns["cwds"][cwd]
        places = repos[repo], branches[branch], *machine
        key = [start, device, session_id, seq, sets[spared]]
        yield [key, *texts, status, pipe, duration, *places, *flags]


def manifest(data, sign_pub, vault_id):
    """Return the fields of a signed manifest, and its identity."""
    payload = data[:-64]
    names = "device_id seq at_us label objects seen roster key_id holds held accepted refused"
    values = fields(payload, names)
    for name, most in (("held", 64), ("accepted", 1_024), ("refused", 1_024)):
        ids = values[name]
        require(len(ids) <= most and ids == sorted(set(ids)), "malformed")
        require(all(len(each) == 16 for each in ids), "malformed")
    require(values["holds"] >= len(values["held"]), "malformed")
    signed(sign_pub, b"hx1-manifest", vault_id, payload, data[-64:])
    return {name: plain(value) for name, value in values.items()}, sha256(payload).hexdigest()


def moved(data, sign_pub, vault_id):
    """Return the fields of a note that the vault has moved, or is replaced by another one."""
    payload = data[:-64]
    values = fields(payload, "device_id at_us store successor")
    require(
        values["store"].isprintable() and 0 < len(values["store"].encode()) <= 4096, "malformed"
    )
    require(values["successor"] is None or len(values["successor"]) == 32, "malformed")
    signed(sign_pub, b"hx1-moved", vault_id, payload, data[-64:])
    return {name: plain(value) for name, value in values.items()}


def genesis(data):
    """Return the fields of a genesis record, both signatures verified."""
    *_, commitment = header(data, "hx-vault.hx", bytes(16), None)
    body = bare_body(data, commitment, data[88:184])
    payload, names = body[:-128], "suite created_at_us sign_pub box_pub"
    values = fields(payload, f"{names} recovery_sign_pub recovery_box_pub", "format")
    digest = sha256(payload).digest()
    signed(values["sign_pub"], b"hx1-genesis", digest[:16], payload, body[-128:-64])
    signed(values["recovery_sign_pub"], b"hx1-genesis", digest[:16], payload, body[-64:])
    require(values["suite"] == data[6], "header")
    values = {"format": 1, **values, "vault_id": digest[:16], "sha256": digest}
    return {name: plain(value) for name, value in values.items()}


def slot(data, key, vault_id, box_seed):
    """Return the fields of a key slot."""
    *_, key_id, _, _, _, commitment = header(data, key, vault_id, 1)
    body = bare_body(data, commitment, data[88:184])
    payload = attempt("body", SealedBox(PrivateKey(box_seed)).decrypt, body)
    values = fields(payload, "vault_id recipient key_id number vmk")
    identity = values["vault_id"], values["recipient"], values["key_id"]
    require(identity == (vault_id, data[40:56], key_id), "malformed")
    require(derive(values["vmk"], b"hx1-key-id")[:16] == key_id, "malformed")
    return {name: plain(value) for name, value in values.items()}


def invitation(data, code):
    """Return the fields of an invitation."""
    secret = secret_of(code)
    key = f"j/{derive(secret, b'hx1-invite-id')[:16].hex()}.hx"
    _, _, vault, _, _, _, nonce, commitment = header(data, key, None, None)
    body = bare_body(data, commitment, data[88:160])
    payload = attempt("body", decrypt, body, data[:184], nonce, derive(secret, b"hx1-invite-key"))
    values = fields(payload, "genesis_sha256 vmks seed roster heads")
    require(values["genesis_sha256"][:16] == vault, "malformed")
    return {name: plain(value) for name, value in values.items()}


def secret_of(code):
    """Return the 16 bytes of an invitation code."""
    digits = code.lower().translate(str.maketrans("oil", "011", "- "))
    require(len(digits) == 28 and set(digits) <= set(BASE32), "code")
    number = 0
    for digit in digits:
        number = 32 * number + BASE32.index(digit)
    secret = (number >> 12).to_bytes(16, "big")
    check = blake2b(secret, person=b"hx1-code-check", digest_size=32).digest()
    require(number & 0xFFF == int.from_bytes(check[:2], "big") >> 4, "code")
    return secret


def entropy_of(words):
    """Return the 16 bytes of recovery words."""
    bip39 = Mnemonic("english")
    require(len(words.split()) == 12 and bip39.check(words), "words")
    return bytes(bip39.to_entropy(words))
