"""What `hx sync status` tells of the ledger and the devices."""

from __future__ import annotations

from hx.core.format import object_names
from hx.core.format.verdict import IMPORTED
from hx.core.record import NamedTuple
from hx.database.event_detail import device_names
from hx.database.sync import ledger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.core.format.roster import Trust
    from hx.database.connection import Database


class Why(NamedTuple):
    """Objects that were not taken for one reason."""

    status: str
    reason: str
    number: int
    since_us: int
    objects: list[str]  # store keys
    devices: list[str]  # names of those whose they are


class DeviceSeen(NamedTuple):
    device_id: bytes
    name: str
    last_seen_us: int | None  # when its newest manifest was written, by its clock
    active: bool
    here: bool
    note: str  # why it is not active; empty for an active device


def reasons(database: Database) -> list[Why]:
    """Of all that was not taken, the oldest first.

    As many as `ledger.counts` gives, and beside them what its author has replaced before it came.
    """
    called = device_names(database)
    found: dict[tuple[str, str], list[tuple[int, str, str]]] = {}
    for status, reason, since_us, device_id, key in _untaken(database):
        whose = called.get(device_id) or device_id.hex()[:8]
        found.setdefault((status, reason), []).append((since_us, key, whose))
    whys = [
        Why(
            *kind,
            len(rows),
            min(rows)[0],
            sorted(key for _, key, _ in rows),
            sorted({whose for _, _, whose in rows}),
        )
        for kind, rows in found.items()
    ]
    return sorted(whys, key=lambda why: why.since_us)


def _untaken(database: Database) -> Iterator[tuple[str, str, int, bytes, str]]:
    """Status, reason, since when, whose, store key."""
    columns = "SELECT status, reason, since_us, device_id"
    for *why, device_id, object_id in database.execute(
        f"{columns}, object_id FROM segment WHERE status <> ?", (IMPORTED,)
    ):
        yield *why, device_id, object_names.segment(device_id, object_id)
    yield from database.execute(f"{columns}, key FROM manifest WHERE status <> ?", (IMPORTED,))


def devices(database: Database, trust: Trust, me: bytes) -> list[DeviceSeen]:
    """Everybody who is or was in the vault; this device first, then by name."""
    heads, called = ledger.heads(database), device_names(database)
    found = []
    for device_id, member in trust.enrolled.items():
        seen = heads.get(device_id)
        note = ""
        if device_id in trust.waiting:
            note = "waiting: run `hx sync` on a device that is in the vault"
        elif device_id in trust.inactive:
            note = "no longer in the vault" if device_id in trust.revoked else "not admitted"
        if device_id in trust.departed:
            note = "left the vault"
        found.append(
            DeviceSeen(
                device_id,
                called.get(device_id) or member.label,
                seen[-1].at_us if seen else None,
                device_id in trust.active,
                device_id == me,
                note,
            )
        )
    return sorted(found, key=lambda one: (not one.here, one.name, one.device_id))
