"""An invitation: all that a device needs to join, sealed with a key that follows from a code.

Source: docs/format.md, "Invitation".
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta
from msgspec.msgpack import encode as pack

from hx.core.format.envelope import INVITE, Header, seal_invite, unseal_invite
from hx.core.format.manifest import ROSTER_TYPE, SEEN_TYPE, Seen, roster_of, seen_of
from hx.core.format.object_names import Name, spelled
from hx.core.format.payload import Bytes32, decoders, fields, malformed
from hx.core.format.phrases import invite_id, invite_key
from hx.core.format.slot import EPOCH_TYPE
from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.core.format.roster_records import Record

_VERSION = 1
_MAX_EPOCHS = 1_024
_TYPES: dict[str, Any] = {
    "genesis_sha256": Bytes32,
    "vmks": Annotated[list[tuple[EPOCH_TYPE, Bytes32]], Meta(max_length=_MAX_EPOCHS)],
    "seed": Bytes32,
    "roster": ROSTER_TYPE,
    "heads": SEEN_TYPE,
}
_DECODERS = decoders(_TYPES)


class Invitation(NamedTuple):
    """The fields of an invitation."""

    genesis_sha256: bytes  # the joining device pins it
    vmks: tuple[tuple[int, bytes], ...]  # (number of the epoch, key); empty in a plain vault
    seed: bytes  # Ed25519; signs the device_add of the joining device
    roster: tuple[Record, ...]
    heads: tuple[Seen, ...]  # the newest manifest of each device, as the inviting device knows it

    def __repr__(self) -> str:
        return "Invitation(…)"  # an accidental print does not reveal keys


def encode(invitation: Invitation) -> bytes:
    """Return the payload of an invitation."""
    return pack({"v": _VERSION, **invitation._asdict()})


def decode(payload: bytes) -> Invitation:
    """Return the invitation in a payload. Raises Fault."""
    values = fields(payload, _DECODERS)
    return Invitation(
        values["genesis_sha256"],
        tuple(values["vmks"]),
        values["seed"],
        roster_of(values["roster"]),
        seen_of(values["heads"]),
    )


def store_key(secret: bytes) -> str:
    """Return the store key of the invitation for the secret of a code."""
    return spelled(_name(secret))


def sealed(invitation: Invitation, *, secret: bytes, suite: int) -> bytes:
    """Return the object of an invitation. Raises Fault if it is too large."""
    vault_id = invitation.genesis_sha256[:16]
    key = invite_key(secret)
    return seal_invite(_name(secret), encode(invitation), vault_id=vault_id, suite=suite, key=key)


def opened(data: bytes, *, secret: bytes) -> tuple[Header, Invitation]:
    """Return the header of an invitation and the invitation. Raises Fault.

    The vault in the header is the one that the invitation pins.
    """
    header, payload = unseal_invite(data, expect=store_key(secret), key=invite_key(secret))
    invitation = decode(payload)
    if header.vault_id != invitation.genesis_sha256[:16]:
        raise malformed("its header and its content name different vaults")
    return header, invitation


def _name(secret: bytes) -> Name:
    return Name(INVITE, object_id=invite_id(secret))
