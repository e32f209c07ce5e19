"""The records of a roster: what somebody signed about devices, invitations and epochs.

A record is kept and passed on as the bytes that were signed. Its id is
SHA-256(signer | signature | payload): with the payload alone, whoever signs a copy of another's
payload would give it the same id, and who saw the copy first would never take the original.
The payload is one msgpack map, `kind` and `v` first, in the one spelling that `encode` gives:
two readers must never read two things out of it. Source: sync contract v1, section 4.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from typing import Annotated, Any, Literal

from msgspec import Meta, MsgspecError, Struct, convert
from msgspec.msgpack import Decoder, encode

from hx.core.device_names import MAX_LABEL_BYTES
from hx.core.errors import InputError
from hx.core.format.keys import LABEL_ROSTER, DeviceKeys, derive_id, sign, verify
from hx.core.format.payload import Bytes32, Id  # noqa: TC001  (msgspec reads the annotations)
from hx.core.model import MAX_TIME_US
from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_RECORD_BYTES = 512
MAX_LIST_RECORD_BYTES = 8192  # of a record that holds a list that grows: revocations and epochs
MAX_EPOCH_NUMBER = (1 << 32) - 1

_REMEMBERED = 8192  # signatures; the bytes of as many records are held by the roster anyway

# why a record says nothing to us
UNKNOWN = "a newer hx wrote it"
MALFORMED = "it cannot be read"
FORGED = "its signature is wrong"
TOO_LONG = "it is too long"
MISNAMED = "its device id does not follow from its keys"


class Record(NamedTuple):
    """Opaque: signed bytes, whose they are, and the signature."""

    signer: bytes  # Ed25519 public key of a device, of an invitation, or of recovery
    payload: bytes
    signature: bytes

    @property
    def id(self) -> bytes:
        return sha256(self.signer + self.signature + self.payload).digest()


class DeviceAdd(Struct, frozen=True, tag_field="kind", tag="device_add"):
    """A device belongs to the vault."""

    v: Literal[1]
    device_id: Id
    sign_pub: Bytes32
    box_pub: Bytes32
    label: str


class Invite(Struct, frozen=True, tag_field="kind", tag="invite"):
    """Whoever holds the key of this invitation may add a device."""

    v: Literal[1]
    invite_id: Id
    sign_pub: Bytes32
    expires_at_us: Annotated[int, Meta(ge=0, le=MAX_TIME_US)]  # read by whoever closes it


class InviteClose(Struct, frozen=True, tag_field="kind", tag="invite_close"):
    """Of those who joined by an invitation, only these stand."""

    v: Literal[1]
    invite_id: Id
    admitted: tuple[Id, ...]  # ascending, as every list


class DeviceRevoke(Struct, frozen=True, tag_field="kind", tag="device_revoke"):
    """A device stands no longer; of what it signed only these records count."""

    v: Literal[1]
    device_id: Id
    keep: tuple[Bytes32, ...]


class Epoch(Struct, frozen=True, tag_field="kind", tag="epoch"):
    """A key of the vault, made without the devices that had fallen."""

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
    """`device` is its public keys: to sign, to box."""
    return _signed(DeviceAdd(1, derive_id(*device), *device, label), seed, vault_id)


def invite(
    invite_id: bytes, sign_pub: bytes, expires_at_us: int, *, seed: bytes, vault_id: bytes
) -> Record:
    return _signed(Invite(1, invite_id, sign_pub, expires_at_us), seed, vault_id)


def invite_close(
    invite_id: bytes, admitted: Iterable[bytes], *, seed: bytes, vault_id: bytes
) -> Record:
    return _signed(InviteClose(1, invite_id, _listed(admitted)), seed, vault_id)


def device_revoke(
    device_id: bytes, keep: Iterable[bytes], *, seed: bytes, vault_id: bytes
) -> Record:
    """`keep`: ids of records that go on counting."""
    return _signed(DeviceRevoke(1, device_id, _listed(keep)), seed, vault_id)


def epoch(
    number: int, key_id: bytes, without: Iterable[bytes], *, seed: bytes, vault_id: bytes
) -> Record:
    """`without`: every fallen device that the signer knows of."""
    return _signed(Epoch(1, number, key_id, _listed(without)), seed, vault_id)


def is_genuine(record: Record, vault_id: bytes) -> bool:
    """Whether its signer signed it for this vault; remembered, as it is asked again and again."""
    return len(record.payload) <= MAX_LIST_RECORD_BYTES and _verified(
        record.signer, record.signature, vault_id, record.payload
    )


def decode(payload: bytes) -> Body | str:
    """What a payload says, or why it says nothing to us."""
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
    """The body, if it is spelled as we would spell it and holds what it may."""
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
    """Whether its list, if it has one, is in order and names nothing twice."""
    match body:
        case InviteClose():
            return body.admitted == _listed(body.admitted)
        case DeviceRevoke():
            return body.keep == _listed(body.keep)
        case Epoch():
            return body.without == _listed(body.without)
    return True


def _listed(members: Iterable[bytes]) -> tuple[bytes, ...]:
    return tuple(sorted(set(members)))


def _signed(body: Body, seed: bytes, vault_id: bytes) -> Record:
    payload = encode(body)
    if isinstance(why := decode(payload), str):
        raise InputError(f"this cannot become part of the roster: {why}")
    signer = DeviceKeys(seed, bytes(32)).sign_pub
    return Record(signer, payload, sign(seed, LABEL_ROSTER, vault_id, payload))


@lru_cache(_REMEMBERED)
def _verified(signer: bytes, signature: bytes, vault_id: bytes, payload: bytes) -> bool:
    return verify(signer, signature, LABEL_ROSTER, vault_id, payload)


class Fact(NamedTuple):
    """A genuine record, read."""

    id: bytes
    signer: bytes
    body: Body


def read(records: Iterable[Record], vault_id: bytes) -> tuple[list[Fact], dict[bytes, str]]:
    """What genuine records say, ascending by id; and by id why the others say nothing."""
    facts: list[Fact] = []
    silent: dict[bytes, str] = {}
    for record in set(records):
        body = decode(record.payload) if is_genuine(record, vault_id) else FORGED
        if isinstance(body, str):
            silent[record.id] = body
        else:
            facts.append(Fact(record.id, record.signer, body))
    return sorted(facts, key=lambda fact: fact.id), silent
