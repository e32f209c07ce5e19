"""The place of this device in its vault (one of PLACES), and whether the device was copied.

A device is copied when own manifests are in the store that this database did not write: a copied
disk is used elsewhere, or a restored backup lacks what it wrote. This is noted until a sync in
which this device publishes and reads no such manifest.
"""

from __future__ import annotations

from hx.core.errors import NotInVault
from hx.database.sync import ledger, vault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from hx.core.format.roster import Trust
    from hx.database.connection import Database
    from hx.database.sync.vault import TakenOut
    from hx.sync.context import SyncContext

MEMBER, WAITING, NOT_ADMITTED, REVOKED, LEFT = PLACES = (
    "member",
    "waiting",
    "not admitted",
    "revoked",
    "departed",
)
_PLACE = "place"  # meta: the place when the roster was last evaluated
_COPY_SEEN = "copy_seen_us"  # meta: when a manifest of another copy of this device was last read

WAITS = (
    "this device waits until another one lets it in",
    "the next `hx sync` of a device that is in the vault lets it in; then run it here too",
)
_REJOIN = "run `hx sync leave`, then `hx sync join` with a code from a new `hx sync invite`"
_DROP = "run `hx sync`, which removes the keys of the vault from here; the history stays"
OUTSIDE = {
    NOT_ADMITTED: (
        (
            "this device was not admitted to the vault: another device used the same invitation,"
            " or the device that let it in has left the vault without knowing of it"
        ),
        _REJOIN,
    ),
    REVOKED: ("this device was taken out of the vault", _DROP),
    LEFT: ("this device, or a copy of its disk, has left the vault", _DROP),
}
GONE = (REVOKED, LEFT)  # the places from which no device comes back under its id


def waits(database: Database) -> tuple[str, str]:
    """Return (message, hint) for a waiting device.

    A device that was not admitted cannot read the record that says so: the others write under a new
    key, which it does not get.
    """
    if not ledger.lacks_key(database):
        return WAITS
    return (
        f"{WAITS[0]}, and the others write under a key that it does not have",
        f"{WAITS[1]}; if hx says so again then, the device was not let in: {_REJOIN}",
    )


def place_of(trust: Trust, device_id: bytes) -> str:
    """Return the place of a device, one of PLACES."""
    if device_id in trust.active:
        return MEMBER
    if device_id in trust.waiting:
        return WAITING
    if device_id in trust.departed:
        return LEFT
    return REVOKED if device_id in trust.revoked else NOT_ADMITTED


def place_here(context: SyncContext) -> str:
    """Return the place of this device, one of PLACES.

    If this sync has not evaluated the roster, it is the place that was stored last, which needs no
    cryptography.
    """
    known = stored_place(context.database)
    if not context.knows_trust and known is not None:
        return known
    place = place_of(context.trust, context.me)
    if place != known:
        context.database.set_meta(_PLACE, place)
    return place


def stored_place(database: Database) -> str | None:
    """Return the place of this device as a sync stored it last; None: none has stored it yet."""
    known = database.meta(_PLACE)
    return str(known) if known in PLACES else None


def taken_out_of(note: TakenOut) -> NotInVault:
    """Return the error for a device that has removed the keys of its vault, with the way back."""
    from shlex import quote

    return NotInVault(
        f"{OUTSIDE[note.place][0]} {note.vault!r} ({note.store}): it has removed the keys of the"
        " vault, and keeps its history",
        f"it comes back under a new id: `hx sync join --store {quote(note.store)}`, with a code"
        " from `hx sync invite` on a device that is in the vault",
    )


def require_place(place: str) -> None:
    """Check that a device at this place may publish. Raises NotInVault, with what to do."""
    if place in OUTSIDE:
        raise NotInVault(*OUTSIDE[place])


# ---- other copies of this device ----


def copy_seen_us(database: Database) -> int | None:
    """Return when another copy of this device was last noticed; None: not since the last push."""
    seen_us = database.meta(_COPY_SEEN)
    return seen_us if isinstance(seen_us, int) else None


def note_copies(context: SyncContext, own: Collection[str]) -> bool:
    """Note after a sync whether another copy was noticed; return whether to warn about it.

    That is so only the first time. `own`: keys of the objects in the outbox of this copy when the
    sync began.
    """
    database, known = context.database, copy_seen_us(context.database)
    if set(context.own_read) - set(own):
        database.set_meta(_COPY_SEEN, context.now_us)
        return known is None
    row = vault.read(database)
    if known is not None and row is not None and row.pushed_at_us == context.now_us:
        database.delete_meta(_COPY_SEEN)
    return False
