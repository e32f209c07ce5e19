"""What is printed of devices that have just come in, and where one code let in several."""

from __future__ import annotations

import sys
from collections import Counter

from hx.cli.text import visible
from hx.database.event_detail import device_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hx.core.format.roster import Trust
    from hx.sync.context import SyncContext


def print_newcomers(sync_context: SyncContext) -> None:
    """Print each device that has joined, and warn when a code may have reached somebody else.

    Warn also where something in the store is in the way of what a device is to get.
    """
    for error in sync_context.closed.values():
        print(
            f"hx: warning: {error.message}; a device gets no key of the vault there until it can be"
            f" used again\nhx: hint: {error.hint}",
            file=sys.stderr,
        )
    newcomers = {each.device_id for each in sync_context.newcomers}
    if not newcomers:  # a sync with nothing new does not evaluate the roster
        return
    trust = sync_context.trust
    for named in _names(trust, newcomers):
        print(f"hx: a new device is in the vault: {named}", file=sys.stderr)
    _offer_admin(sync_context, newcomers)
    refused = _not_admitted(trust)
    if refused & newcomers:
        labels = ", ".join(_label(trust, device_id) for device_id in sorted(refused))
        print(
            "hx: warning: several devices have used one invitation, or one has used it after it was"
            f" closed; not admitted: {labels}"
            "\nhx: hint: `hx sync devices` lists all devices; if one is not yours, somebody has"
            " seen the code: make a new invitation for your own device",
            file=sys.stderr,
        )
    for sharing in trust.shared_codes:
        if sharing & newcomers:
            print(f"hx: warning: {_shared(trust, sharing)}\nhx: hint: {_HINT}", file=sys.stderr)


def _offer_admin(sync_context: SyncContext, newcomers: set[bytes]) -> None:
    """Say once, with the second device, how a vault gets a second admin: the first may be lost."""
    trust, names = sync_context.trust, device_names(sync_context.database)
    admins = sorted(trust.admins & trust.active.keys())
    others = sorted(trust.active.keys() - set(admins))
    if len(admins) == len(others) == 1 and others[0] in newcomers:
        other = _label(trust, others[0])
        admin = visible((names.get(admins[0]) or admins[0].hex()[:8]).encode())
        print(
            f"hx: hint: only {admin} can let devices in or take them out; for the day when it is"
            f" lost, make {other} an admin too: run `hx sync admin` there,"
            " which asks for the recovery words",
            file=sys.stderr,
        )


_HINT = (
    "if one of them is not yours, take it out at once: `hx sync revoke DEVICE`, which says what"
    " else to do; it keeps what it has read until then"
)


def shared_codes(trust: Trust) -> Iterator[str]:
    """Yield two lines for each code that several devices of the vault came in by."""
    for sharing in trust.shared_codes:
        yield _shared(trust, sharing)
        yield _HINT


def _shared(trust: Trust, sharing: Iterable[bytes]) -> str:
    names = ", ".join(_names(trust, sharing))
    return f"an invitation is for one device, but several have joined by the same one: {names}"


def _not_admitted(trust: Trust) -> set[bytes]:
    """Return the devices that share one invitation, or have used it after it was closed."""
    # a code is for one device, so a second one that used it may be a stranger
    joined = Counter(trust.waiting_invites.values())
    sharing = {
        device_id for device_id, invite_id in trust.waiting_invites.items() if joined[invite_id] > 1
    }
    return sharing | (trust.inactive - trust.revoked - trust.departed.keys())


def _names(trust: Trust, devices: Iterable[bytes]) -> list[str]:
    """Return short ids and the names that the devices had when they joined, safe to print."""
    return [f"{each.hex()[:8]} {_label(trust, each)}" for each in sorted(devices)]


def _label(trust: Trust, device_id: bytes) -> str:
    return visible(trust.enrolled[device_id].label.encode())
