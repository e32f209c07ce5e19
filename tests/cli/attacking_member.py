"""A member of a vault that attacks it, with the keys and the database out of its HX_HOME."""

from __future__ import annotations

import time
from collections.abc import MutableMapping
from typing import TYPE_CHECKING

from hx.custody import key_set as secrets
from hx.custody.key_files import KeyFile
from hx.database.connection import open_database
from hx.stores import open_store
from hx.sync.context import Keyring, SyncContext
from sync.attacker import Attacker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cli.vaults import Member
    from hx.custody.key_set import Secrets


class StoreFiles(MutableMapping[str, bytes]):
    """The files of a store by their keys, written without the checks of a store."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __getitem__(self, key: str) -> bytes:
        return (self.path / key).read_bytes()

    def __setitem__(self, key: str, data: bytes) -> None:
        (self.path / key).parent.mkdir(parents=True, exist_ok=True)
        (self.path / key).write_bytes(data)

    def __delitem__(self, key: str) -> None:
        (self.path / key).unlink()

    def __iter__(self) -> Iterator[str]:
        paths = (path for path in self.path.rglob("*") if path.is_file())
        return (str(path.relative_to(self.path)) for path in paths)

    def __len__(self) -> int:
        return len(list(iter(self)))


class AttackingDevice:
    """What an Attacker needs of a device: its keys, its database and the files of the store."""

    def __init__(self, member: Member) -> None:
        self.custody = keys_of(member)
        self.me = self.custody.device.device_id
        self.now_us = time.time_ns() // 1000
        self.database = open_database(str(member.home / "hx.db"))
        self.url = f"folder:{member.folder}"
        self.environment = self
        self.objects = StoreFiles(member.folder)

    def context(self) -> SyncContext:
        keyring = Keyring(lambda: self.custody, lambda _: None)
        return SyncContext(
            self.database, open_store(self.url, self.me), self.me, keyring, self.now_us
        )


def keys_of(member: Member) -> Secrets:
    return secrets.decode(KeyFile(str(member.home / "custody.key")).read())


def attacker(member: Member) -> Attacker:
    """Return an attacker with the keys of this member."""
    return Attacker(AttackingDevice(member))
