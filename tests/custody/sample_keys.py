"""Sample keys, the paths of a device's custody, and a search for keys where none may be."""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING

from hx.core.format.keys import generate, key_id, new_vmk
from hx.custody.files import CustodyPaths, stem
from hx.custody.key_files import Cost
from hx.custody.key_set import Secrets

if TYPE_CHECKING:
    from pathlib import Path

CHEAP = Cost(memory_kib=19 << 10, passes=1)  # the least that is read
PASSPHRASE = b"correct horse %08d" % os.getpid()  # parallel tests must not show the same one


def some_secrets(epochs: int = 1) -> Secrets:
    vmks = [new_vmk() for _ in range(epochs)]
    return Secrets(generate(), {key_id(vmk): (n, vmk) for n, vmk in enumerate(vmks, 1)})


def other_vmks(secrets: Secrets, epochs: int = 2) -> Secrets:
    """Return secrets with the same device keys and new vault master keys."""
    return secrets._replace(vmks=some_secrets(epochs).vmks)


def custody_paths(folder: Path, secrets: Secrets) -> CustodyPaths:
    return CustodyPaths(stem(str(folder)), secrets.device.device_id)


def no_passphrase(new: bool) -> bytes:
    raise AssertionError("a passphrase was asked for")


def encodings(secrets: Secrets) -> list[bytes]:
    """Return every form in which a key could be written by accident: raw, hex, base64, repr."""
    keys = [*secrets.device, *(vmk for _, vmk in secrets.vmks.values())]
    forms = [
        (key, key.hex().encode(), base64.b64encode(key)[:40], repr(key).encode()) for key in keys
    ]
    return [encoded for form in forms for encoded in form]


def contains_secret(text: str | bytes, secrets: Secrets) -> bool:
    """Return whether the text has a key in any form, or the passphrase."""
    data = text if isinstance(text, bytes) else os.fsencode(text)
    return any(secret in data for secret in [*encodings(secrets), PASSPHRASE])
