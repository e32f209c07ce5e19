"""What lies in a store's folder, opened with the keys of its members: names, and what they name."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from hx.core.format import manifest, object_names, segment
from hx.core.format.envelope import unseal
from hx.core.format.object_names import MANIFEST, SEGMENT, Name, parsed, spelled
from hx.custody.files import unframed
from hx.custody.key_set import decode
from hx.database.sync import vault

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cli.vaults import Member
    from hx.core.format.manifest import Manifest
    from hx.core.merge import History
    from hx.custody.key_set import Secrets


class Opener(NamedTuple):
    vault_id: bytes
    suite: int
    vmks: dict[bytes, bytes]

    def __call__(self, key: str, data: bytes) -> bytes:
        return unseal(data, expect=key, vault_id=self.vault_id, suite=self.suite, vmks=self.vmks)[1]


def secrets(member: Member) -> Secrets:
    body = unframed(b"HXB1", (member.home / "custody.key").read_bytes())
    assert body is not None
    return decode(body)


def opener(*members: Member) -> Opener:
    """With every key that any of them has."""
    from hx.core.format.genesis import read

    with members[0].database() as database:
        found = vault.read(database)
    assert found is not None
    vmks = {k: vmk for one in members for k, (_, vmk) in secrets(one).vmks.items()}
    return Opener(found.vault_id, read(found.genesis).suite, vmks)


def objects(member: Member) -> dict[str, bytes]:
    """Store key -> bytes; what is not a name of ours is left out."""
    found = {}
    for path in member.folder.rglob("*.hx"):
        key = str(path.relative_to(member.folder))
        if parsed(key) is not None:
            found[key] = path.read_bytes()
    return found


def manifests(held: dict[str, bytes], opened: Opener) -> dict[bytes, Manifest]:
    """The newest of each device."""
    newest: dict[bytes, Manifest] = {}
    for key in _of_kind(held, MANIFEST):
        one = manifest.decode(opened(key, held[key])).manifest
        if one.device_id not in newest or newest[one.device_id].seq < one.seq:
            newest[one.device_id] = one
    return newest


def histories(held: dict[str, bytes], opened: Opener) -> dict[str, History]:
    """Of every segment, whoever names it."""
    return {key: segment.decode(opened(key, held[key])) for key in _of_kind(held, SEGMENT)}


def require_kept(held: dict[str, bytes], opened: Opener) -> None:
    """What a newest manifest names is there, as it says."""
    for one in manifests(held, opened).values():
        for listed in one.objects:
            key = spelled(Name(SEGMENT, one.device_id, listed.object_id))
            assert key in held, f"{key} is named and absent"
            assert len(held[key]) == listed.size
            assert sha256(held[key]).digest() == listed.sha256


def _of_kind(held: Iterable[str], kind: int) -> list[str]:
    found = [(key, name) for key in held if (name := object_names.parsed(key))]
    return [key for key, name in found if name.kind == kind]
