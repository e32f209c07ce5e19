"""Secrets to keep, a place to note it in, and the search for what must not be seen."""

from __future__ import annotations

import base64
import os
import signal
from typing import TYPE_CHECKING

from capture.kill import forked, outcome
from hx.core.format.keys import generate, key_id, new_vmk
from hx.custody.key_files import Cost
from hx.custody.key_set import Secrets
from hx.custody.place import CustodyPaths, stem

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CHEAP = Cost(memory_kib=19 << 10, passes=1)  # the least that is read
PASSPHRASE = b"correct horse %08d" % os.getpid()  # other tests show theirs meanwhile
_CALLS = ("open", "fchmod", "fsync", "replace", "pwrite", "unlink")


def some_secrets(epochs: int = 1) -> Secrets:
    vmks = [new_vmk() for _ in range(epochs)]
    return Secrets(generate(), {key_id(vmk): (n, vmk) for n, vmk in enumerate(vmks, 1)})


def other_vmks(secrets: Secrets, epochs: int = 2) -> Secrets:
    """Of the same device, after its vault has turned to new keys."""
    return secrets._replace(vmks=some_secrets(epochs).vmks)


def place(folder: Path, secrets: Secrets) -> CustodyPaths:
    return CustodyPaths(stem(str(folder), "box", shared=False), secrets.device.device_id)


def nobody(new: bool) -> bytes:
    raise AssertionError("a passphrase was asked for")


def spellings(secrets: Secrets) -> list[bytes]:
    """Each key as it could be written by accident."""
    keys = [*secrets.device, *(vmk for _, vmk in secrets.vmks.values())]
    forms = [
        (key, key.hex().encode(), base64.b64encode(key)[:40], repr(key).encode()) for key in keys
    ]
    return [one for form in forms for one in form]


def is_told(text: str | bytes, secrets: Secrets) -> bool:
    data = text if isinstance(text, bytes) else os.fsencode(text)
    return any(one in data for one in [*spellings(secrets), PASSPHRASE])


def after_every_death(
    work: Callable[[], object], look: Callable[[], object], *, ring: bool = False
) -> int:
    """Do the work in processes that die before the first call that changes a disk, the second …

    `look` runs after each; gives how many deaths there were until one did all the work. With `ring`
    the calls are those to a Secret Service, and an entry is deleted before it is written.
    """
    for call in range(1, 100):
        code = outcome(forked(lambda call=call: _dying(call, work, ring=ring)))
        look()
        if code == 0:
            return call - 1
        assert code == -signal.SIGKILL
    raise AssertionError("the work does not end")


def _dying(call: int, work: Callable[[], object], *, ring: bool) -> None:
    seen = 0

    def count() -> None:
        nonlocal seen
        seen += 1
        if seen == call:
            os.kill(os.getpid(), signal.SIGKILL)

    if ring:
        _count_in_ring(count)
    else:
        for name in _CALLS:
            setattr(os, name, _counted(getattr(os, name), count))
    work()


def _counted(function: Callable, count: Callable) -> Callable:
    def counted(*arguments: object, **named: object) -> object:
        count()
        return function(*arguments, **named)

    return counted


def _count_in_ring(count: Callable) -> None:
    from keyring.backends.SecretService import Keyring

    write, delete = Keyring.set_password, Keyring.delete_password

    def replace(self: Keyring, service: str, user: str, password: str) -> None:
        count()
        if self.get_password(service, user) is not None:
            delete(self, service, user)
        count()
        write(self, service, user, password)

    Keyring.set_password, Keyring.delete_password = replace, _counted(delete, count)
