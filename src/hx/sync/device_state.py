"""Where a device stands in its vault, in words: in it, waiting, not admitted, revoked, or left."""

from __future__ import annotations

from hx.core.errors import NotInVault
from hx.database.sync import ledger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.core.format.roster import Trust
    from hx.database.connection import Database
    from hx.sync.context import SyncContext

MEMBER, WAITING, NOT_ADMITTED, REVOKED, LEFT = PLACES = (
    "member",
    "waiting",
    "not admitted",
    "revoked",
    "departed",
)
_PLACE = "place"  # meta: as it was when the roster was last evaluated

WAITS = (
    "this device waits to be admitted",
    "run `hx sync` on a device that is in the vault, which admits this one, then here",
)
_REJOIN = "run `hx sync leave`, then `hx sync join` with a code from a new `hx sync invite`"
OUTSIDE = {
    NOT_ADMITTED: (
        "this device was not admitted to the vault: another device has used the same invitation",
        _REJOIN,
    ),
    REVOKED: ("this device was removed from the vault", _REJOIN),
    LEFT: ("this device is leaving the vault", "run `hx sync leave` to finish that"),
}


def waits(database: Database) -> tuple[str, str]:
    """Of a device that waits: a sentence, and what to do.

    Who is not admitted cannot read it: the others turn to a key that it does not get.
    """
    if not ledger.lacks_key(database):
        return WAITS
    return (
        f"{WAITS[0]}, and the others write with a key that it does not have",
        f"{WAITS[1]}; if this message stays, it was not admitted: {_REJOIN}",
    )


def place_of(trust: Trust, device_id: bytes) -> str:
    """One of PLACES."""
    if device_id in trust.active:
        return MEMBER
    if device_id in trust.waiting:
        return WAITING
    if device_id in trust.departed:
        return LEFT
    return REVOKED if device_id in trust.revoked else NOT_ADMITTED


def place_here(context: SyncContext) -> str:
    """Of this device. Costs no cryptography when nothing was heard since the last time."""
    known = context.database.meta(_PLACE)
    if context.knows_trust or known not in PLACES:
        found = place_of(context.trust, context.me)
        if found != known:
            context.database.set_meta(_PLACE, found)
        return found
    return str(known)


def require_place(place: str) -> None:
    """Raises NotInVault, with what to do, where a device may not publish."""
    if place in OUTSIDE:
        raise NotInVault(*OUTSIDE[place])
