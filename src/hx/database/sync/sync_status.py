"""The state of the ledger, the devices and forgotten records, as `hx sync status` prints it.

Only what is certain is reported. A device that had nothing to rewrite need not have written since
it read a tombstone, so "silent" does not mean that it has not read it.
"""

from __future__ import annotations

from hx.core.format import object_names
from hx.core.format.verdict import IMPORTED
from hx.core.record import NamedTuple
from hx.database.event_detail import device_names
from hx.database.sync import forgotten_copies, held, ledger, vault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from hx.core.format.roster import Trust
    from hx.database.connection import Database
    from hx.database.sync.ledger import Head


class UntakenGroup(NamedTuple):
    """The objects that were not taken, grouped by one reason."""

    status: str
    reason: str
    number: int
    since_us: int
    objects: list[str]  # store keys
    devices: list[str]  # names of their authors


_MINUTE_US = 60_000_000  # clocks differ by seconds, and files take time to arrive


class DeviceSeen(NamedTuple):
    """A device that is or was in the vault."""

    device_id: bytes
    name: str
    last_seen_us: int | None  # when its newest manifest was written, by its clock
    active: bool
    here: bool
    admin: bool
    epoch: int | None  # number of the key of its newest manifest here; None: there is none
    clock_ahead_us: int  # how far its clock seemed ahead of the one here; 0: not by a minute
    note: str  # a sentence about a device that is not active; else empty


def reasons(database: Database) -> list[UntakenGroup]:
    """Return the objects that were not taken, by status and reason, the oldest group first.

    They are those that `ledger.counts` counts, and those that their author replaced before they
    arrived.
    """
    called = device_names(database)
    groups: dict[tuple[str, str], list[tuple[int, str, str]]] = {}
    for status, reason, since_us, device_id, key in _untaken(database):
        whose = called.get(device_id) or device_id.hex()[:8]
        groups.setdefault((status, reason), []).append((since_us, key, whose))
    untaken = [
        UntakenGroup(
            *kind,
            len(rows),
            min(rows)[0],
            sorted(key for _, key, _ in rows),
            sorted({whose for _, _, whose in rows}),
        )
        for kind, rows in groups.items()
    ]
    return sorted(untaken, key=lambda group: group.since_us)


def _untaken(database: Database) -> Iterator[tuple[str, str, int, bytes, str]]:
    """Yield status, reason, since_us, author and store key of each object that was not taken."""
    columns = "SELECT status, reason, since_us, device_id"
    for *kind, device_id, object_id in database.execute(
        f"{columns}, object_id FROM segment WHERE status <> ?", (IMPORTED,)
    ):
        yield *kind, device_id, object_names.segment(device_id, object_id)
    yield from database.execute(f"{columns}, key FROM manifest WHERE status <> ?", (IMPORTED,))


def devices(database: Database, trust: Trust, me: bytes) -> list[DeviceSeen]:
    """Return all devices that are or were in the vault: this one first, then by name."""
    heads, called = ledger.heads(database), device_names(database)
    numbers = {made.key_id: made.number for made in trust.epochs}
    listed = []
    for device_id, member in trust.enrolled.items():
        seen = heads.get(device_id)
        note = ""
        if device_id in trust.waiting:
            note = "waiting: run `hx sync` on a device that is in the vault"
        elif device_id in trust.inactive:
            note = "no longer in the vault" if device_id in trust.revoked else "not admitted"
        if device_id in trust.departed:
            note = "left the vault"
        listed.append(
            DeviceSeen(
                device_id,
                called.get(device_id) or member.label,
                seen[-1].at_us if seen else None,
                device_id in trust.active,
                device_id == me,
                device_id in trust.admins,
                numbers.get(seen[-1].key_id) if seen else None,
                _ahead_us(database, seen[-1]) if seen else 0,
                note,
            )
        )
    return sorted(listed, key=lambda seen: (not seen.here, seen.name, seen.device_id))


def _ahead_us(database: Database, head: Head) -> int:
    ahead_us = ledger.clock_ahead_us(database, head)
    return ahead_us if ahead_us >= _MINUTE_US else 0


class DeviceCopies(NamedTuple):
    """How many segments of a device in the store hold, or may hold, forgotten records."""

    device_id: bytes
    name: str
    objects: int
    last_seen_us: int | None  # when its newest manifest was written, by its clock
    here: bool
    is_member: bool  # active or waiting: its next sync replaces them


class Holding(NamedTuple):
    """A device that does not carry out tombstones of this device."""

    device_id: bytes
    name: str
    held: tuple[bytes, ...]  # an id of each `hx forget` that waits for a person there
    refused: tuple[bytes, ...]


class ForgetStatus(NamedTuple):
    """Who has read the newest tombstone of this device, and where forgotten records still lie."""

    at_us: int | None  # when the newest tombstone was made here
    told: bool | None  # whether it is in the store; None: that is not known
    confirmed: dict[bytes, str]  # device id -> name: it has read the tombstone and written since
    silent: dict[bytes, str]  # device id -> name: no manifest of it shows that
    copies: list[DeviceCopies]
    holding: list[Holding]
    may_hold: dict[bytes, str]  # those of `silent` that may hold a text that was named by keys only

    @property
    def is_settled(self) -> bool:
        """Return whether nothing is left to do."""
        return not (self.copies or self.told is False or any(each.held for each in self.holding))


def may_have_status(database: Database, me: bytes) -> bool:
    """Return whether `forget_status` may have something to tell.

    It needs no Trust, whose evaluation checks signatures.
    """
    sql = (
        "SELECT 1 FROM forgotten_copy UNION ALL SELECT 1 FROM tombstone WHERE device_id = ? LIMIT 1"
    )
    return database.value(sql, (me,)) is not None


def forget_status(database: Database, me: bytes, trust: Trust) -> ForgetStatus | None:
    """Return the status; None: nothing was forgotten here, and no copy is known anywhere."""
    copies = _copies(database, me, trust)
    sql = "SELECT max(created_at_us) FROM tombstone WHERE device_id = ?"
    at_us = database.value(sql, (me,))
    if at_us is None and not copies:
        return None
    told, told_seq = _told(database, me)
    confirmed: dict[bytes, str] = {}
    silent: dict[bytes, str] = {}
    holding = _holding(database, me, trust)
    if told_seq is not None:
        owing = {copy.device_id for copy in copies} | {each.device_id for each in holding}
        seen, called = forgotten_copies.confirmed(database), device_names(database)
        said = held.said(database)
        for device_id, member in sorted(trust.active.items()):
            if device_id == me or device_id in owing:
                continue
            has_read = seen.get(device_id, 0) >= told_seq
            # it may hold what was made here, without naming it: a manifest has room for a few ids
            may_hold_it = device_id in said and said[device_id].holds > len(said[device_id].held)
            group = confirmed if has_read and not may_hold_it else silent
            group[device_id] = called.get(device_id) or member.label
    may_hold = silent if _names_keys_only(database, me, at_us) else {}
    return ForgetStatus(at_us, told, confirmed, silent, copies, holding, may_hold)


def _holding(database: Database, me: bytes, trust: Trust) -> list[Holding]:
    """Return the active devices that say that they hold or have refused what was made here."""
    said = held.said(database)
    if not said.keys() - {me}:
        return []
    sql = "SELECT tombstone_id, created_at_us FROM tombstone WHERE device_id = ?"
    mine: dict[bytes, int] = dict(database.execute(sql, (me,)))
    called = device_names(database)
    made = [
        Holding(
            device_id,
            called.get(device_id) or member.label,
            _one_of_each(said[device_id].held, mine),
            _one_of_each(said[device_id].refused, mine),
        )
        for device_id, member in trust.active.items()
        if device_id in said and device_id != me
    ]
    some = [each for each in made if each.held or each.refused]
    return sorted(some, key=lambda each: (each.name, each.device_id))


def _one_of_each(ids: Iterable[bytes], mine: Mapping[bytes, int]) -> tuple[bytes, ...]:
    """Return one id of each `hx forget`; `mine`: id -> when it was made here."""
    by_time: dict[int, list[bytes]] = {}
    for each in ids:
        if each in mine:
            by_time.setdefault(mine[each], []).append(each)
    return tuple(held.least_id(group) for group in by_time.values())


def _names_keys_only(database: Database, me: bytes, at_us: int | None) -> bool:
    """Return whether the newest tombstones made here name records, and no time, session or text."""
    sql = "SELECT DISTINCT kind FROM tombstone WHERE device_id = ? AND created_at_us = ?"
    return [kind for (kind,) in database.execute(sql, (me, at_us))] == ["keys"]


def _told(database: Database, me: bytes) -> tuple[bool | None, int | None]:
    """Return whether the tombstones made here are in the store, and in which own manifest."""
    if forgotten_copies.has_unpublished_tombstone(database, me):
        return False, None
    row = vault.read(database)
    seq = row.told_seq if row else None
    return (None, None) if seq is None else (True, seq)


def _copies(database: Database, me: bytes, trust: Trust) -> list[DeviceCopies]:
    by_device = forgotten_copies.copies(database)
    if not by_device:
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
        for device_id, objects in by_device.items()
    ]
    return sorted(made, key=lambda copy: (not copy.here, copy.name, copy.device_id))
