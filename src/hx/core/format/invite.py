"""An invitation: all that a device needs to join, sealed under the code that its owner types.

Source: sync contract v1, section 4.
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
    genesis_sha256: bytes  # what the joiner pins
    vmks: tuple[tuple[int, bytes], ...]  # (number of the epoch, key); none in a plain vault
    seed: bytes  # Ed25519: signs the joiner's device_add
    roster: tuple[Record, ...]
    heads: tuple[Seen, ...]  # the newest manifest of each device that the inviter knows

    def __repr__(self) -> str:
        return "Invitation(…)"  # what is printed by accident tells nothing


def encode(invitation: Invitation) -> bytes:
    """The payload."""
    return pack({"v": _VERSION, **invitation._asdict()})


def decode(payload: bytes) -> Invitation:
    """The invitation again. Raises Fault."""
    found = fields(payload, _DECODERS)
    return Invitation(
        found["genesis_sha256"],
        tuple(found["vmks"]),
        found["seed"],
        roster_of(found["roster"]),
        seen_of(found["heads"]),
    )


def store_key(secret: bytes) -> str:
    """Where the invitation of a code lies."""
    return spelled(_name(secret))


def sealed(invitation: Invitation, *, secret: bytes, suite: int) -> bytes:
    """The object of an invitation. Raises Fault when it is too large."""
    vault_id = invitation.genesis_sha256[:16]
    key = invite_key(secret)
    return seal_invite(_name(secret), encode(invitation), vault_id=vault_id, suite=suite, key=key)


def opened(data: bytes, *, secret: bytes) -> tuple[Header, Invitation]:
    """Header and invitation; the vault is the one that the invitation pins. Raises Fault."""
    header, payload = unseal_invite(data, expect=store_key(secret), key=invite_key(secret))
    invitation = decode(payload)
    if header.vault_id != invitation.genesis_sha256[:16]:
        raise malformed("its header and its content differ")
    return header, invitation


def _name(secret: bytes) -> Name:
    return Name(INVITE, object_id=invite_id(secret))
