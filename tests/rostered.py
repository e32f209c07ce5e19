"""Records of a small vault, by the names of who signs them; keys follow from the names."""

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
    if name == RECOVERY:
        return recovery_keys(bytes(16))
    return DeviceKeys(_digest("sign", name), _digest("box", name))


@lru_cache(None)
def public(name):
    return keys(name).sign_pub, keys(name).box_pub


@lru_cache(None)
def device(name):
    return keys(name).device_id


def code(name):
    return _digest("invite", name)[:16]


def key(name):
    return _digest("epoch", name)[:16]


def adds(by, name, label=""):
    return _add(by, name, label or name)


@lru_cache(None)
def _add(by, name, label):
    return roster_records.add(public(name), label, **_signing(by))


def relabels(by, name, number):
    """Another add of the same device, with an id of its own."""
    return _add(by, name, f"{name} {number}")


@lru_cache(None)
def invites(by, name, expires_at_us=1):
    return roster_records.invite(code(name), public(name)[0], expires_at_us, **_signing(by))


@lru_cache(None)
def closes(by, name, *admitted):
    return roster_records.invite_close(code(name), map(device, admitted), **_signing(by))


def revokes(by, name, *keep):
    return _revoke(by, name, frozenset(record.id for record in keep))


@lru_cache(None)
def _revoke(by, name, keep):
    return roster_records.device_revoke(device(name), keep, **_signing(by))


@lru_cache(None)
def epoch(by, number, name, *without):
    return roster_records.epoch(number, key(name), map(device, without), **_signing(by))


def evaluate(*records):
    return roster.evaluate(GENESIS, records)


def names(devices, *known):
    """Which of the known names these device ids are; fails where one is not known."""
    told = {device(name): name for name in (FIRST, *known)}
    return {told[device_id] for device_id in devices}


def _signing(by):
    return {"seed": keys(by).sign_seed, "vault_id": VAULT}


def _digest(use, name):
    return sha256(f"{use} {name}".encode()).digest()


_, GENESIS = make(SEALED, 0, keys(FIRST), keys(RECOVERY))
VAULT = GENESIS.vault_id
