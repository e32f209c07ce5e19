"""The store keys of objects: `spelled` and `parsed` are inverse functions.

A store key is a function of the header, so an object cannot be swapped, renamed or replayed under
another key. Keys contain no hash of a plaintext, no host, user or label. Source: docs/format.md,
"Names in the store".
"""

from __future__ import annotations

import re

from hx.core.format.verdict import CONFLICT_COPY, FOREIGN, TEMP
from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

SEGMENT, BLOB, MANIFEST, SLOT, GENESIS, INVITE, NOTICE, MOVED = 1, 2, 4, 5, 6, 7, 8, 9
KINDS = frozenset({SEGMENT, BLOB, MANIFEST, SLOT, GENESIS, INVITE, NOTICE, MOVED})

VAULT_KEY = "hx-vault.hx"
KEPT_VAULT_FILES = "hx-vault-"
MANIFESTS = "m/"
SLOTS = "k/"
INVITES = "j/"

NIL = bytes(16)
MAX_SEQ = 10**12 - 1  # twelve digits
_RAND = 8  # random bytes of a manifest's object_id; the other eight bytes are zero

_TEMP = re.compile(r"~hx-.*\.tmp|\.syncthing\..*|~syncthing~.*", re.DOTALL)
_CONFLICT = re.compile(r".*\.sync-conflict-.*|.*conflicted copy.*|.* \([0-9]+\)\.hx", re.DOTALL)


class Name(NamedTuple):
    """The fields of the header that give the store key; those that a kind does not use are zero."""

    kind: int
    device_id: bytes = NIL  # the author
    object_id: bytes = NIL
    key_id: bytes = NIL  # only in the name of a slot
    seq: int = 0  # only in the name of a manifest


def spelled(name: Name) -> str:
    """Return the store key of a name."""
    device, object_id = name.device_id.hex(), name.object_id.hex()
    keys = {
        GENESIS: VAULT_KEY if name.object_id == NIL else f"hx-vault-{object_id}.hx",
        MANIFEST: f"m/{device}-{name.seq:012d}-{object_id[: 2 * _RAND]}.hx",
        SEGMENT: f"o/{device}/{object_id}.hx",
        BLOB: f"b/{device}/{object_id[:2]}/{object_id}.hx",
        SLOT: f"k/{object_id}/{name.key_id.hex()}-{device}.hx",
        NOTICE: f"k/{object_id}/notice-{device}.hx",
        INVITE: f"j/{object_id}.hx",
        MOVED: f"m/moved-{device}-{object_id[: 2 * _RAND]}.hx",
    }
    return keys[name.kind]


def parsed(key: str) -> Name | None:
    """Return the name that a store key gives, or None if it is not a key of hx."""
    for pattern, name in _PATTERNS:
        match = pattern.fullmatch(key)
        if match is not None:
            return name(*match.groups())
    return None


def _manifest(device: str, seq: str, rand: str) -> Name:
    object_id = _id(rand) + bytes(16 - _RAND)
    return Name(MANIFEST, _id(device), object_id, seq=int(seq))


def _moved(device: str, rand: str) -> Name:
    return Name(MOVED, _id(device), _id(rand) + bytes(16 - _RAND))


_id = bytes.fromhex
_ID = "([0-9a-f]{32})"
_PATTERNS: tuple[tuple[re.Pattern[str], Callable[..., Name]], ...] = (
    (re.compile(r"hx-vault\.hx"), lambda: Name(GENESIS)),
    (
        re.compile(rf"hx-vault-(?!0{{32}}){_ID}\.hx"),
        lambda vault: Name(GENESIS, object_id=_id(vault)),
    ),
    (re.compile(rf"m/{_ID}-(?!0{{12}})([0-9]{{12}})-([0-9a-f]{{16}})\.hx"), _manifest),
    (
        re.compile(rf"o/{_ID}/{_ID}\.hx"),
        lambda device, segment: Name(SEGMENT, _id(device), _id(segment)),
    ),
    (
        re.compile(rf"b/{_ID}/([0-9a-f]{{2}})/(?=\2){_ID}\.hx"),
        lambda device, _, part: Name(BLOB, _id(device), _id(part)),
    ),
    (
        re.compile(rf"k/{_ID}/{_ID}-{_ID}\.hx"),
        lambda recipient, key, author: Name(SLOT, _id(author), _id(recipient), _id(key)),
    ),
    (
        re.compile(rf"k/{_ID}/notice-{_ID}\.hx"),
        lambda recipient, author: Name(NOTICE, _id(author), _id(recipient)),
    ),
    (re.compile(rf"j/{_ID}\.hx"), lambda invite: Name(INVITE, object_id=_id(invite))),
    (re.compile(rf"m/moved-{_ID}-([0-9a-f]{{16}})\.hx"), _moved),
)


def why_skipped(key: str) -> str:
    """Return FOREIGN, TEMP or CONFLICT_COPY for a key that `parsed` refuses."""
    base = key.rpartition("/")[2]
    if _TEMP.fullmatch(base):
        return TEMP
    return CONFLICT_COPY if _CONFLICT.fullmatch(base) else FOREIGN


def segment(device_id: bytes, object_id: bytes) -> str:
    """Return the store key of a segment."""
    return spelled(Name(SEGMENT, device_id, object_id))


def segments_of(device_id: bytes) -> str:
    """Return the prefix of the keys of a device's segments."""
    return f"o/{device_id.hex()}/"


def vault_file_of(vault_id: bytes) -> str:
    """Return the store key of the vault file of a vault, where another one has its usual place."""
    return spelled(Name(GENESIS, object_id=vault_id))


def blobs_of(device_id: bytes) -> str:
    """Return the prefix of the keys of a device's blobs."""
    return f"b/{device_id.hex()}/"


def manifests_of(device_id: bytes) -> str:
    """Return the prefix of the keys of a device's manifests."""
    return f"m/{device_id.hex()}-"


def slots_for(recipient: bytes) -> str:
    """Return the prefix of the keys of the slots and notices that one recipient can open."""
    return f"k/{recipient.hex()}/"
