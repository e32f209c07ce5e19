"""Make a device an admin: recovery adds it once more, by a record of its own.

An admin cannot make another one. A thief with its keys could do so, too, also after it was revoked,
and nothing proves when a record was signed. Source: docs/format.md, "Roster".
"""

from __future__ import annotations

from hx.core.errors import NotInVault
from hx.core.format.roster_records import add
from hx.database.event_detail import device_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.core.format.roster import Trust
    from hx.sync.context import SyncContext


def active_admins(trust: Trust) -> list[bytes]:
    """Return the ids of the admins that are in the vault, ascending."""
    return sorted(trust.admins & trust.active.keys())


def make_admin(context: SyncContext, device_id: bytes, *, seed: bytes) -> None:
    """Learn the record that makes an active device an admin; the caller has to push next.

    `seed`: the signing seed of recovery.
    """
    member = context.trust.active[device_id]
    keys = member.sign_pub, member.box_pub
    context.learn([add(keys, member.label, seed=seed, vault_id=context.vault.vault_id)])


def require_admin(context: SyncContext) -> None:
    """Check that this device may let others in. Raises NotInVault, and says which device may."""
    if context.me in context.trust.admins:
        return
    called = device_names(context.database)
    admins = [called.get(device_id) or "" for device_id in active_admins(context.trust)]
    named = " or ".join(repr(name) for name in admins if name)
    elsewhere = f"run the command on {named}, or make" if named else "no admin is left: make"
    raise NotInVault(
        "this device is no admin, so it cannot let another one in",
        f"{elsewhere} this device an admin: `hx sync admin`, which asks for the recovery words",
    )
