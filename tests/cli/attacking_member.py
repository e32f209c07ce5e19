"""A member whose person is an attacker: its keys and its database, read out of its HX_HOME."""

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


class Folder(MutableMapping[str, bytes]):
    """The files of a store by their keys, laid without any care."""

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
        found = (path for path in self.path.rglob("*") if path.is_file())
        return (str(path.relative_to(self.path)) for path in found)

    def __len__(self) -> int:
        return len(list(iter(self)))


class Insider:
    """What an Attacker asks of a device; its own hx is not run any more."""

    def __init__(self, member: Member) -> None:
        self.custody = keys_of(member)
        self.me = self.custody.device.device_id
        self.now_us = time.time_ns() // 1000
        self.database = open_database(str(member.home / "hx.db"))
        self.url = f"folder:{member.folder}"
        self.world = self
        self.objects = Folder(member.folder)

    def context(self) -> SyncContext:
        keyring = Keyring(lambda: self.custody, lambda _: None)
        return SyncContext(
            self.database, open_store(self.url, self.me), self.me, keyring, self.now_us
        )


def keys_of(member: Member) -> Secrets:
    return secrets.decode(KeyFile(str(member.home / "custody.key")).read())


def attacker(member: Member) -> Attacker:
    """With the rights of this member."""
    return Attacker(Insider(member))
