"""What a member of the vault can list in its manifest, and is not sound; and what is said of it."""

from __future__ import annotations

import forger
from hx.core.format import verdict
from hx.core.format.body import compress
from hx.core.format.keys import new_vmk
from hx.core.model import FINISHED, Event, EventKey
from sync.attacker import ABSENT


def flipped(data, place):
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def event(device_id, *, origin=0):
    key = EventKey(1_790_000_000_000_000, device_id, b"\x05" * 16, 1)
    return Event(key, b"true", b"/", flags=FINISHED, origin=origin)


def bomb(attacker, at):
    """64 MiB and one byte of zeros in one frame; sealed as it should be."""
    size = (64 << 20) + 1
    body = forger.padded(compress(bytes(size), 3), codec=1, plain_len=size)
    first = forger.outer(vault=attacker.vault_id, device=attacker.device.me, thing=bytes([at]) * 16)
    return forger.sealed(first, body, attacker.vmk)


# what lies at a name, as (listed bytes, bytes that are there) or as bytes, and what is said of it
BROKEN = {
    "not there": (verdict.PENDING, verdict.NOT_ARRIVED, lambda a, at: (a.sealed(at), ABSENT)),
    "half copied": (verdict.PENDING, verdict.INCOMPLETE, lambda a, at: (a.sealed(at), b"HXS1")),
    "other bytes": (
        verdict.PENDING,
        verdict.INCOMPLETE,
        lambda a, at: (a.sealed(at), flipped(a.sealed(at), 300)),
    ),
    "cut by its author": (verdict.PENDING, verdict.INCOMPLETE, lambda a, at: a.sealed(at)[:-1]),
    "a key nobody has": (
        verdict.PENDING,
        verdict.NO_KEY,
        lambda a, at: a.sealed(at, vmk=new_vmk()),
    ),
    "of a stranger": (
        verdict.PENDING,
        verdict.ROSTER,
        lambda a, at: a.sealed(at, [event(b"\x07" * 16)]),
    ),
    "a flag of the future": (
        verdict.PENDING,
        verdict.NEEDS_UPGRADE,
        lambda a, at: flipped(a.sealed(at), 7),
    ),
    "a field of the future": (
        verdict.PENDING,
        verdict.NEEDS_UPGRADE,
        lambda a, at: a.sealed(at, payload=b"\x81\xa1v\x02"),
    ),
    "of another vault": (
        verdict.SKIPPED,
        verdict.OTHER_VAULT,
        lambda a, at: a.sealed(at, vault_id=b"\x09" * 16),
    ),
    "no object of hx": (verdict.REJECTED, verdict.MAGIC, lambda _, __: bytes(300)),
    "under another name": (verdict.REJECTED, verdict.MISPLACED, lambda a, at: a.sealed(at ^ 1)),
    "too long by far": (verdict.REJECTED, verdict.TOO_LARGE, lambda _, __: bytes((16 << 20) + 1)),
    "with bytes behind": (verdict.REJECTED, verdict.TRAILING, lambda a, at: a.sealed(at) + b"\0"),
    "a plain one": (verdict.REJECTED, verdict.HEADER, lambda a, at: a.sealed(at, vmk=None)),
    "a key altered": (verdict.REJECTED, verdict.HEADER, lambda a, at: flipped(a.sealed(at), 120)),
    "a commitment altered": (
        verdict.REJECTED,
        verdict.COMMITMENT,
        lambda a, at: flipped(a.sealed(at), 190),
    ),
    "content altered": (verdict.REJECTED, verdict.BODY, lambda a, at: flipped(a.sealed(at), 300)),
    "nonsense": (verdict.REJECTED, verdict.MALFORMED, lambda a, at: a.sealed(at, payload=b"\xc1")),
    "an import that ran here": (
        verdict.REJECTED,
        verdict.AUTHOR,
        lambda a, at: a.sealed(at, [event(b"\x87" * 16)]),
    ),
    "more than it says": (verdict.REJECTED, verdict.TOO_LARGE, bomb),
}


def lay(attacker, at, make):
    """The manifest will list what `make` gives; the key of it."""
    found = make(attacker, at)
    data, there = found if isinstance(found, tuple) else (found, found)
    attacker.lay(at, data, there=there)
    return attacker.key(at)
