"""The objects in the folder of a store, opened with the keys of its members."""

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
    """Unseal objects of one vault; `vmks` are its master keys by key id."""

    vault_id: bytes
    suite: int
    vmks: dict[bytes, bytes]

    def __call__(self, key: str, data: bytes) -> bytes:
        return unseal(data, expect=key, vault_id=self.vault_id, suite=self.suite, vmks=self.vmks)[1]


def secrets(member: Member) -> Secrets:
    """Return the keys of a member, from its key file."""
    body = unframed(b"HXB1", (member.home / "custody.key").read_bytes())
    assert body is not None
    return decode(body)


def require_no_keys(member: Member, former: Secrets) -> None:
    """Assert that no file of a member holds one of these keys."""
    kept = [path.read_bytes() for path in member.home.rglob("*") if path.is_file()]
    keys = [former.device.sign_seed, former.device.box_seed]
    keys += [vmk for _, vmk in former.vmks.values()]
    assert not [key for key in keys for data in kept if key in data]


def opener(*members: Member) -> Opener:
    """Return an Opener with the keys of all these members."""
    from hx.core.format.genesis import read

    with members[0].database() as database:
        own_vault = vault.read(database)
    assert own_vault is not None
    vmks = {key_id: vmk for member in members for key_id, (_, vmk) in secrets(member).vmks.items()}
    return Opener(own_vault.vault_id, read(own_vault.genesis).suite, vmks)


def objects(member: Member) -> dict[str, bytes]:
    """Return the objects of a store by key; files with other names are left out."""
    contents = {}
    for path in member.folder.rglob("*.hx"):
        key = str(path.relative_to(member.folder))
        if parsed(key) is not None:
            contents[key] = path.read_bytes()
    return contents


def manifests(held: dict[str, bytes], opened: Opener) -> dict[bytes, Manifest]:
    """Return the newest manifest of each device, by device id."""
    newest: dict[bytes, Manifest] = {}
    for key in _of_kind(held, MANIFEST):
        decoded = manifest.decode(opened(key, held[key])).manifest
        device_id = decoded.device_id
        if device_id not in newest or newest[device_id].seq < decoded.seq:
            newest[device_id] = decoded
    return newest


def histories(held: dict[str, bytes], opened: Opener) -> dict[str, History]:
    """Return the content of every segment by key, listed or not."""
    return {key: segment.decode(opened(key, held[key])) for key in _of_kind(held, SEGMENT)}


def require_listed_present(held: dict[str, bytes], opened: Opener) -> None:
    """Assert that each segment in a newest manifest is in the store with the listed bytes."""
    for head in manifests(held, opened).values():
        for entry in head.objects:
            key = spelled(Name(SEGMENT, head.device_id, entry.object_id))
            assert key in held, f"{key} is listed and absent"
            assert len(held[key]) == entry.size
            assert sha256(held[key]).digest() == entry.sha256


def _of_kind(held: Iterable[str], kind: int) -> list[str]:
    names = [(key, name) for key in held if (name := object_names.parsed(key))]
    return [key for key, name in names if name.kind == kind]
