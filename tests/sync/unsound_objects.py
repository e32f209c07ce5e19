"""Unsound objects that a member can list in its manifest, with the verdict that each one gets."""

from __future__ import annotations

import forger
from hx.core.format import verdict
from hx.core.format.body import compress
from hx.core.format.keys import new_vmk
from hx.core.model import FINISHED, Event, EventKey
from sync.attacker import ABSENT


def flipped(data, place):
    """Return the bytes with the lowest bit of one byte inverted."""
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def event(device_id, *, origin=0):
    """Return a finished event that names this device as its author."""
    key = EventKey(1_790_000_000_000_000, device_id, b"\x05" * 16, 1)
    return Event(key, b"true", b"/", flags=FINISHED, origin=origin)


def bomb(attacker, number):
    """Return a valid sealing of a zstd frame that unpacks to 64 MiB and one byte."""
    size = (64 << 20) + 1
    body = forger.padded(compress(bytes(size), 3), codec=1, plain_len=size)
    first = forger.outer(
        vault=attacker.vault_id, device=attacker.device.me, object_id=bytes([number]) * 16
    )
    return forger.sealed(first, body, attacker.vmk)


# name of the case -> (status, reason, function of an Attacker and a number); the function returns
# the bytes of the object, or (bytes as listed, bytes that the store holds)
BROKEN = {
    "not there": (verdict.PENDING, verdict.NOT_ARRIVED, lambda a, n: (a.sealed(n), ABSENT)),
    "half copied": (verdict.PENDING, verdict.INCOMPLETE, lambda a, n: (a.sealed(n), b"HXS1")),
    "other bytes": (
        verdict.PENDING,
        verdict.INCOMPLETE,
        lambda a, n: (a.sealed(n), flipped(a.sealed(n), 300)),
    ),
    "cut by its author": (verdict.PENDING, verdict.INCOMPLETE, lambda a, n: a.sealed(n)[:-1]),
    "a key nobody has": (
        verdict.PENDING,
        verdict.NO_KEY,
        lambda a, n: a.sealed(n, vmk=new_vmk()),
    ),
    "a flag of the future": (
        verdict.PENDING,
        verdict.NEEDS_UPGRADE,
        lambda a, n: flipped(a.sealed(n), 7),
    ),
    "a field of the future": (
        verdict.PENDING,
        verdict.NEEDS_UPGRADE,
        lambda a, n: a.sealed(n, payload=b"\x81\xa1v\x02"),
    ),
    "of another vault": (
        verdict.SKIPPED,
        verdict.OTHER_VAULT,
        lambda a, n: a.sealed(n, vault_id=b"\x09" * 16),
    ),
    "no object of hx": (verdict.REJECTED, verdict.MAGIC, lambda _, __: bytes(300)),
    "under another name": (verdict.REJECTED, verdict.MISPLACED, lambda a, n: a.sealed(n ^ 1)),
    "too long by far": (verdict.REJECTED, verdict.TOO_LARGE, lambda _, __: bytes((16 << 20) + 1)),
    "with bytes behind": (verdict.REJECTED, verdict.TRAILING, lambda a, n: a.sealed(n) + b"\0"),
    "a plain one": (verdict.REJECTED, verdict.HEADER, lambda a, n: a.sealed(n, vmk=None)),
    "a key altered": (verdict.REJECTED, verdict.HEADER, lambda a, n: flipped(a.sealed(n), 120)),
    "a commitment altered": (
        verdict.REJECTED,
        verdict.COMMITMENT,
        lambda a, n: flipped(a.sealed(n), 190),
    ),
    "content altered": (verdict.REJECTED, verdict.BODY, lambda a, n: flipped(a.sealed(n), 300)),
    "nonsense": (verdict.REJECTED, verdict.MALFORMED, lambda a, n: a.sealed(n, payload=b"\xc1")),
    "an import that ran here": (
        verdict.REJECTED,
        verdict.AUTHOR,
        lambda a, n: a.sealed(n, [event(b"\x87" * 16)]),
    ),
    "more than it says": (verdict.REJECTED, verdict.TOO_LARGE, bomb),
}


def lay(attacker, number, make):
    """List and store what `make` returns, as the segment with this number; return its key."""
    made = make(attacker, number)
    data, there = made if isinstance(made, tuple) else (made, made)
    attacker.lay(number, data, there=there)
    return attacker.key(number)
