"""The records of a roster: what somebody signed about devices, invitations and epochs.

A record is kept and passed on as the bytes that were signed. Its id is SHA-256(signer | signature |
payload). If it were a hash of the payload alone, a copy of another signer's payload would have the
same id, and who saw the copy first would never take the original. The payload is one msgpack map,
`kind` and `v` first, in exactly the encoding that `encode` gives: two readers must not decode
different values. Source: docs/format.md, "Roster".
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from typing import Annotated, Any, Literal

from msgspec import Meta, MsgspecError, Struct, convert
from msgspec.msgpack import Decoder, encode

from hx.core.errors import InputError
from hx.core.format.keys import LABEL_ROSTER, DeviceKeys, derive_id, sign, verify
from hx.core.format.payload import Bytes32, Id  # noqa: TC001  (msgspec reads the annotations)
from hx.core.model import MAX_LABEL_BYTES, MAX_TIME_US
from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_RECORD_BYTES = 512
MAX_LIST_RECORD_BYTES = 8192  # of records whose lists grow: revocations and epochs
MAX_EPOCH_NUMBER = (1 << 32) - 1

_REMEMBERED = 8192  # signatures; the roster holds as many records in memory anyway

# Why a record is not used
UNKNOWN = "a newer hx wrote it"
MALFORMED = "it is malformed"
FORGED = "its signature is invalid"
TOO_LONG = "it is too long"
MISNAMED = "its device id does not match its keys"


class Record(NamedTuple):
    """A record is signed bytes, the signer, and the signature; it is not decoded."""

    signer: bytes  # Ed25519 public key of a device, an invitation or recovery
    payload: bytes
    signature: bytes

    @property
    def id(self) -> bytes:
        """Return the id of the record, 32 bytes."""
        return sha256(self.signer + self.signature + self.payload).digest()


class DeviceAdd(Struct, frozen=True, tag_field="kind", tag="device_add"):
    """The record that a device belongs to the vault."""

    v: Literal[1]
    device_id: Id
    sign_pub: Bytes32
    box_pub: Bytes32
    label: str


class Invite(Struct, frozen=True, tag_field="kind", tag="invite"):
    """The record that the holder of the key of an invitation may add a device."""

    v: Literal[1]
    invite_id: Id
    sign_pub: Bytes32
    # tested only by the device that closes it
    expires_at_us: Annotated[int, Meta(ge=0, le=MAX_TIME_US)]


class InviteClose(Struct, frozen=True, tag_field="kind", tag="invite_close"):
    """The record that an invitation has ended.

    Of the devices that joined by it, only the `admitted` ones become active.
    """

    v: Literal[1]
    invite_id: Id
    admitted: tuple[Id, ...]  # ascending, as in all lists


class DeviceRevoke(Struct, frozen=True, tag_field="kind", tag="device_revoke"):
    """The record that a device is no longer active.

    Of the records that it signed, only those in `keep` count. Of its manifests, only one that lists
    these objects is accepted from now on.
    """

    v: Literal[1]
    device_id: Id
    keep: tuple[Bytes32, ...]
    objects: Bytes32 | None  # hx.core.format.manifest.objects_digest; None: none is accepted


class Epoch(Struct, frozen=True, tag_field="kind", tag="epoch"):
    """The record that a vault has a new key, which the devices in `without` do not get."""

    v: Literal[1]
    number: Annotated[int, Meta(ge=1, le=MAX_EPOCH_NUMBER)]
    key_id: Id
    without: tuple[Id, ...]


Body = DeviceAdd | Invite | InviteClose | DeviceRevoke | Epoch
_KINDS: dict[str, type[Body]] = {
    "device_add": DeviceAdd,
    "invite": Invite,
    "invite_close": InviteClose,
    "device_revoke": DeviceRevoke,
    "epoch": Epoch,
}
_LISTS = (DeviceRevoke, Epoch)
_MAP = Decoder(dict[str, Any])


def add(device: tuple[bytes, bytes], label: str, *, seed: bytes, vault_id: bytes) -> Record:
    """Return a signed DeviceAdd; `device` is the pair of its public keys (Ed25519, X25519)."""
    return _signed(DeviceAdd(1, derive_id(*device), *device, label), seed, vault_id)


def invite(
    invite_id: bytes, sign_pub: bytes, expires_at_us: int, *, seed: bytes, vault_id: bytes
) -> Record:
    """Return a signed Invite; `sign_pub` is the public key of the invitation."""
    return _signed(Invite(1, invite_id, sign_pub, expires_at_us), seed, vault_id)


def invite_close(
    invite_id: bytes, admitted: Iterable[bytes], *, seed: bytes, vault_id: bytes
) -> Record:
    """Return a signed InviteClose."""
    return _signed(InviteClose(1, invite_id, _listed(admitted)), seed, vault_id)


def device_revoke(
    device_id: bytes,
    keep: Iterable[bytes],
    *,
    seed: bytes,
    vault_id: bytes,
    objects: bytes | None = None,
) -> Record:
    """Return a signed DeviceRevoke.

    `keep` are the ids of its records that still count, `objects` is the digest of what its last
    manifest lists.
    """
    return _signed(DeviceRevoke(1, device_id, _listed(keep), objects), seed, vault_id)


def epoch(
    number: int, key_id: bytes, without: Iterable[bytes], *, seed: bytes, vault_id: bytes
) -> Record:
    """Return a signed Epoch record.

    `without` are the ids of all inactive devices that the signer knows; they do not get the key.
    """
    return _signed(Epoch(1, number, key_id, _listed(without)), seed, vault_id)


def is_genuine(record: Record, vault_id: bytes) -> bool:
    """Return whether the signer signed this record for this vault.

    The answer is cached, as each evaluation asks it for all records.
    """
    return len(record.payload) <= MAX_LIST_RECORD_BYTES and _verified(
        record.signer, record.signature, vault_id, record.payload
    )


def decode(payload: bytes) -> Body | str:
    """Return what a payload states, or why it states nothing that hx can use."""
    if len(payload) > MAX_LIST_RECORD_BYTES:
        return TOO_LONG
    try:
        fields = _MAP.decode(payload)
    except (ValueError, RecursionError, MsgspecError):
        return MALFORMED
    version, name = fields.get("v"), fields.get("kind")
    if type(version) is not int or not isinstance(name, str):
        return MALFORMED
    kind = _KINDS.get(name)
    if version != 1 or kind is None or fields.keys() - kind.__struct_fields__ - {"kind"}:
        return UNKNOWN
    try:
        return _checked(convert(fields, kind), payload)
    except (ValueError, MsgspecError):
        return MALFORMED


def _checked(body: Body, payload: bytes) -> Body | str:
    """Return the body, or why it is refused: another encoding, too long, or a wrong device id."""
    if encode(body) != payload or not _is_listed(body):
        return MALFORMED
    if len(payload) > MAX_RECORD_BYTES and not isinstance(body, _LISTS):
        return TOO_LONG
    if isinstance(body, DeviceAdd):
        if len(body.label.encode()) > MAX_LABEL_BYTES:
            return TOO_LONG
        if derive_id(body.sign_pub, body.box_pub) != body.device_id:
            return MISNAMED
    return body


def _is_listed(body: Body) -> bool:
    """Return whether the list of a record is ascending and without duplicates."""
    match body:
        case InviteClose():
            return body.admitted == _listed(body.admitted)
        case DeviceRevoke():
            return body.keep == _listed(body.keep)
        case Epoch():
            return body.without == _listed(body.without)
    return True


def _listed(members: Iterable[bytes]) -> tuple[bytes, ...]:
    """Return the list as it is encoded: ascending and without duplicates."""
    return tuple(sorted(set(members)))


def _signed(body: Body, seed: bytes, vault_id: bytes) -> Record:
    """Return the record for a body, signed. Raises InputError if `decode` would refuse it."""
    payload = encode(body)
    if isinstance(why := decode(payload), str):
        raise InputError(
            f"this record cannot be added to the roster: {why}",
            "nothing was changed: check the device's name and clock (`hx sync devices`, `date`)",
        )
    signer = DeviceKeys(seed, bytes(32)).sign_pub
    return Record(signer, payload, sign(seed, LABEL_ROSTER, vault_id, payload))


@lru_cache(_REMEMBERED)
def _verified(signer: bytes, signature: bytes, vault_id: bytes, payload: bytes) -> bool:
    return verify(signer, signature, LABEL_ROSTER, vault_id, payload)


class Fact(NamedTuple):
    """A genuine record, decoded."""

    id: bytes
    signer: bytes
    body: Body


def read(records: Iterable[Record], vault_id: bytes) -> tuple[list[Fact], dict[bytes, str]]:
    """Return the genuine records, decoded and ascending by id, and why the others are not used.

    The second result maps ids of records to the reason.
    """
    facts: list[Fact] = []
    silent: dict[bytes, str] = {}
    for record in set(records):
        body = decode(record.payload) if is_genuine(record, vault_id) else FORGED
        if isinstance(body, str):
            silent[record.id] = body
        else:
            facts.append(Fact(record.id, record.signer, body))
    return sorted(facts, key=lambda fact: fact.id), silent
