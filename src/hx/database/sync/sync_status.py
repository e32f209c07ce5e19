"""What `hx sync status` tells of the ledger and the devices."""

from __future__ import annotations

from hx.core.format import object_names
from hx.core.format.verdict import IMPORTED
from hx.core.record import NamedTuple
from hx.database.event_detail import device_names
from hx.database.sync import forgotten_copies, ledger, vault

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
    note: str  # newcomer, not admitted, revoked


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
            note = "newcomer: a device that is active in the vault has to sync first"
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


class DeviceCopies(NamedTuple):
    """Of one device, segments in the store that hold what was forgotten."""

    device_id: bytes
    name: str
    objects: int
    last_seen_us: int | None  # when its newest manifest was written, by its clock
    here: bool
    is_member: bool  # in the vault still: its next sync replaces them


class ForgetStatus(NamedTuple):
    at_us: int | None  # of the newest order that was given here
    told: bool | None  # whether the others can read of it; None: nothing is known of that
    confirmed: dict[bytes, str]  # device id -> name: it has written since it read the order
    silent: dict[bytes, str]  # it has not written since
    copies: list[DeviceCopies]

    @property
    def is_settled(self) -> bool:
        return not (self.copies or self.told is False)


def may_have_status(database: Database, me: bytes) -> bool:
    """Whether there may be anything to tell, without asking who is trusted: that takes crypto."""
    sql = (
        "SELECT 1 FROM forgotten_copy UNION ALL SELECT 1 FROM tombstone WHERE device_id = ? LIMIT 1"
    )
    return database.value(sql, (me,)) is not None


def forget_status(database: Database, me: bytes, trust: Trust) -> ForgetStatus | None:
    """None where nothing was forgotten, and nothing that was is anywhere yet."""
    copies = _copies(database, me, trust)
    sql = "SELECT max(created_at_us) FROM tombstone WHERE device_id = ?"
    at_us = database.value(sql, (me,))
    if at_us is None and not copies:
        return None
    told, told_seq = _told(database, me)
    confirmed: dict[bytes, str] = {}
    silent: dict[bytes, str] = {}
    if told_seq is not None:
        owing = {copy.device_id for copy in copies}
        seen, called = forgotten_copies.confirmed(database), device_names(database)
        for device_id, member in sorted(trust.active.items()):
            if device_id == me or device_id in owing:
                continue
            found = confirmed if seen.get(device_id, 0) >= told_seq else silent
            found[device_id] = called.get(device_id) or member.label
    return ForgetStatus(at_us, told, confirmed, silent, copies)


def _told(database: Database, me: bytes) -> tuple[bool | None, int | None]:
    """Whether the orders that were given here are told, and in which own manifest."""
    if forgotten_copies.is_untold(database, me):
        return False, None
    found = vault.read(database)
    seq = found.told_seq if found else None
    return (None, None) if seq is None else (True, seq)


def _copies(database: Database, me: bytes, trust: Trust) -> list[DeviceCopies]:
    found = forgotten_copies.copies(database)
    if not found:
        return []
    heads, called = ledger.heads(database), device_names(database)
    members = trust.enrolled
    made = [
        DeviceCopies(
            device_id,
            called.get(device_id)
            or (members[device_id].label if device_id in members else device_id.hex()[:8]),
            len(objects),
            heads[device_id][-1].at_us if device_id in heads else None,
            device_id == me,
            device_id in trust.active or device_id in trust.waiting,
        )
        for device_id, objects in found.items()
    ]
    return sorted(made, key=lambda copy: (not copy.here, copy.name, copy.device_id))
