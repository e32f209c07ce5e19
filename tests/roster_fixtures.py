"""Roster records of a small vault. Devices and codes have names; keys are derived from the names.

The first argument of a function that returns a record is the name of its signer.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256

from hx.core.format import roster, roster_records
from hx.core.format.envelope import SEALED
from hx.core.format.genesis import make
from hx.core.format.keys import DeviceKeys, recovery_keys

RECOVERY = "recovery"
FIRST = "first"


@lru_cache(None)
def keys(name):
    """Return the keys of the device, or of the recovery words, with this name."""
    if name == RECOVERY:
        return recovery_keys(bytes(16))
    return DeviceKeys(_digest("sign", name), _digest("box", name))


@lru_cache(None)
def public(name):
    """Return (signing key, box key) of a device or an invitation."""
    return keys(name).sign_pub, keys(name).box_pub


@lru_cache(None)
def device(name):
    """Return a device id."""
    return keys(name).device_id


def code(name):
    """Return the id of an invitation."""
    return _digest("invite", name)[:16]


def key(name):
    """Return the key id of an epoch."""
    return _digest("epoch", name)[:16]


def adds(by, name, label=""):
    return _add(by, name, label or name)


@lru_cache(None)
def _add(by, name, label):
    return roster_records.add(public(name), label, **_signing(by))


def relabels(by, name, number):
    """Return another add of the same device, with a record id of its own."""
    return _add(by, name, f"{name} {number}")


@lru_cache(None)
def invites(by, name, expires_at_us=1):
    return roster_records.invite(code(name), public(name)[0], expires_at_us, **_signing(by))


@lru_cache(None)
def closes(by, name, *admitted):
    return roster_records.invite_close(code(name), map(device, admitted), **_signing(by))


def makes_admin(name):
    """Return the record that makes a device an admin: recovery adds it."""
    return adds(RECOVERY, name)


def revokes(by, name, *keep, objects=None):
    return _revoke(by, name, frozenset(record.id for record in keep), objects)


@lru_cache(None)
def _revoke(by, name, keep, objects):
    return roster_records.device_revoke(device(name), keep, objects=objects, **_signing(by))


@lru_cache(None)
def epoch(by, number, name, *without):
    return roster_records.epoch(number, key(name), map(device, without), **_signing(by))


def evaluate(*records):
    """Return the trust that these records give."""
    return roster.evaluate(GENESIS, records)


def names(devices, *known):
    """Return the names of device ids; raise KeyError for an id that is not of a known name."""
    names_by_id = {device(name): name for name in (FIRST, *known)}
    return {names_by_id[device_id] for device_id in devices}


def _signing(by):
    return {"seed": keys(by).sign_seed, "vault_id": VAULT}


def _digest(use, name):
    return sha256(f"{use} {name}".encode()).digest()


_, GENESIS = make(SEALED, 0, keys(FIRST), keys(RECOVERY))
VAULT = GENESIS.vault_id
