"""What `hx sync revoke` says: what is true at once, at the others' next sync, and never."""

from __future__ import annotations

from collections import Counter

from hx.cli import held_tombstones
from hx.cli.commands.sync.decide import ACCEPT, REFUSE, told
from hx.cli.commands.sync.devices import seen_line, short_id
from hx.cli.events_output import device_names, print_json, short_name
from hx.cli.text import count, visible
from hx.cli.times import rfc3339_or_none
from hx.core.format.farewell import changes_by, open_invitations_of
from hx.core.record import NamedTuple
from hx.database.queries.secrets import exposed
from hx.database.sync import held
from hx.database.sync import vault as vault_rows
from hx.stores import how_to_close

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hx.cli.commands.sync.decide import Decided
    from hx.cli.context import Context
    from hx.core.format.roster import Trust
    from hx.database.queries.secrets import Exposed
    from hx.database.sync.held import HeldForget
    from hx.database.sync.sync_status import DeviceSeen
    from hx.sync.context import SyncContext

_SHOWN = 20  # events with secrets


class Outlook(NamedTuple):
    """What a revocation changes, as far as this device knows."""

    target: DeviceSeen
    others: list[DeviceSeen]  # that are told by their next sync
    sealed: bool
    waits: bool  # the device was not admitted yet
    needs_words: bool  # it is an admin, and the recovery words do not sign
    let_in: list[str]  # ids and names of the devices that it has added
    taken_out: list[str]  # of those that it has revoked
    invitations: int  # of it that are open
    waiting: list[str]  # ids and names of those who wait by them
    secrets: list[tuple[str, tuple[str, ...]]]  # name of an event, kinds of its secrets
    held: list[HeldForget]  # what it has forgotten and this device holds back
    names: dict[bytes, str]  # by device id
    store: str  # URL
    now_us: int


def outlook_of(
    context: Context, sync_context: SyncContext, target: DeviceSeen, others: list[DeviceSeen]
) -> Outlook:
    """Return what the revocation of `target` changes; nothing is written."""
    trust, genesis = sync_context.trust, sync_context.genesis
    records = vault_rows.records(sync_context.database)
    let_in, taken_out = changes_by(genesis, records, trust, target.device_id)
    opened = open_invitations_of(genesis, records, trust, target.device_id)
    waiting = {device for device, invite in trust.waiting_invites.items() if invite in opened}
    return Outlook(
        target,
        others,
        sync_context.is_sealed,
        target.device_id in trust.waiting,
        target.device_id in trust.admins,
        _named(context, trust, let_in - waiting),
        _named(context, trust, taken_out),
        len(opened),
        _named(context, trust, waiting),
        [(short_name(context, event.ident), event.kinds) for event in _exposed(context)],
        [each for each in held.forgets(held.read(context.database)) if _is_of(each, target)],
        device_names(context),
        sync_context.vault.store,
        context.now_us,
    )


def _is_of(forget: HeldForget, target: DeviceSeen) -> bool:
    return any(held.is_of(row, {target.device_id}) for row in forget.rows)


def _exposed(context: Context) -> list[Exposed]:
    """Return the events with secrets here: each device has the whole history in clear."""
    return exposed(context.database, context.config.rules)


def _named(context: Context, trust: Trust, devices: Iterable[bytes]) -> list[str]:
    """Return short ids and the names that the devices have now, or had when they joined."""
    names = device_names(context)
    labels = {device: member.label for device, member in trust.enrolled.items()}
    return [
        f"{device.hex()[:8]} {visible((names.get(device) or labels.get(device, '')).encode())}"
        for device in sorted(devices)
    ]


# ---- in words ----


def print_outlook(outlook: Outlook, *, as_json: bool) -> None:
    """Print what the command would change."""
    if as_json:
        print_json(_object(outlook))
        return
    for line in outlook_lines(outlook):
        print(line)


def outlook_lines(outlook: Outlook) -> Iterator[str]:
    """Yield what the command would change."""
    yield from (*_changes(outlook), *_lasting(outlook), *_secrets(outlook))
    for line in _held_lines(outlook):
        yield f"waits for an answer: {line}"


def print_done(
    outlook: Outlook, admins: int, answer: str, decided: Decided | None, *, as_json: bool
) -> None:
    """Print what is true now.

    `admins`: how many are left in the vault; `answer`, `decided`: what became of what the device
    has forgotten, and None if nothing was decided.
    """
    if as_json:
        print_json({**_object(outlook), "admins": admins, **_answered(outlook, answer, decided)})
        return
    target = outlook.target
    print(f"device {short_id(target)} is out of the vault: {visible(target.name.encode())}")
    for line in (*_effects(outlook), *_lasting(outlook), *_secrets(outlook)):
        print(line)
    of_held = _to_type(outlook) if decided is None else _told(answer, decided)
    for line in (*of_held, *how_to_close(outlook.store)):
        print(line)
    if not admins:
        print("no admin is left in the vault: the recovery words can take out further devices")


def _held_lines(outlook: Outlook) -> Iterator[str]:
    yield from held_tombstones.each(outlook.held, outlook.names, outlook.now_us)


def _to_type(outlook: Outlook) -> Iterator[str]:
    """Yield what the device has forgotten and this one holds back, and what to type."""
    for line in _held_lines(outlook):
        yield f"held: {line}"
    if outlook.held:
        short = held_tombstones.short_id(outlook.held[0]) if len(outlook.held) == 1 else "ID"
        yield f"  `hx sync refuse {short}` keeps them, `hx sync accept {short}` forgets them"


def _told(answer: str, decided: Decided) -> Iterator[str]:
    yield from told(answer, decided)[:1]
    yield "  the other devices do the same at their next sync"


def _changes(outlook: Outlook) -> Iterator[str]:
    target = outlook.target
    yield f"to be taken out of the vault: device {seen_line(target, outlook.now_us)}"
    key = ", and gets no key for what is recorded from now on" if outlook.sealed else ""
    yield f"- it can publish nothing any more{key}"
    if outlook.waits:
        yield "- it was not admitted: nothing of it was read here"
    else:
        yield "- what it has published so far stays, and the other devices keep it"
    for names, said in ((outlook.let_in, "let in"), (outlook.taken_out, "taken out")):
        for name in names:
            yield f"- it has {said} a device, and that stays so: {name}"
    if outlook.invitations:
        opened = count(outlook.invitations, "open invitation")
        yield f"- nobody comes in any more by what it has sent out: {opened}"
    for name in outlook.waiting:
        yield f"- a device that waits by such an invitation is not let in: {name}"


def _effects(outlook: Outlook) -> Iterator[str]:
    """Yield what is true at once, then what is true at the next sync of the other devices."""
    yield "now: this device reads nothing that the removed device publishes from now on"
    if outlook.sealed:
        yield "now: this device writes under a new key, which the removed device does not get"
    if outlook.others:
        yield "later: each of these devices does the same at its next sync; until then it reads"
        yield "  what the removed device writes, and the removed device can read what it writes:"
    for device in outlook.others:
        yield f"  {seen_line(device, outlook.now_us)}"


def _lasting(outlook: Outlook) -> Iterator[str]:
    """Yield what no command changes."""
    yield "what stays: that device keeps what it holds, and can read what the store has until now;"
    yield "  the whole history is in clear on its disk, so nothing is encrypted anew"
    if not outlook.sealed:
        yield "what stays: the vault is not encrypted: who reaches the store can read it"
    if outlook.needs_words:
        yield "what stays: it is an admin, so with its keys somebody can take out the other admins;"
        command = f"hx sync revoke {short_id(outlook.target)} --words-file FILE"
        yield f"  the recovery words prevent that, and end it: {command}"


def _secrets(outlook: Outlook) -> Iterator[str]:
    """Yield which events hold secrets that are worth changing, and of which kinds."""
    if not outlook.secrets:
        yield "secrets: hx finds none in the history that it held; you may know of others"
        return
    kinds = Counter(kind for _, found in outlook.secrets for kind in found)
    listed = ", ".join(f"{number:,} {kind}" for kind, number in sorted(kinds.items()))
    yield f"secrets: change these, which are in the history that it held: {listed}"
    for name, found in outlook.secrets[:_SHOWN]:
        yield f"  {name} {', '.join(found)}"
    if len(outlook.secrets) > _SHOWN:
        yield f"  … and {count(len(outlook.secrets) - _SHOWN, 'older event')}"


# ---- in JSON ----


def _object(outlook: Outlook) -> dict[str, object]:
    target = outlook.target
    return {
        "device_id": target.device_id.hex(),
        "name": target.name,
        "last_seen": rfc3339_or_none(target.last_seen_us),
        "untold": [device.device_id.hex() for device in outlook.others],
        "needs_words": outlook.needs_words,
        "invitations": outlook.invitations,
        "secrets": [{"id": name, "kinds": list(kinds)} for name, kinds in outlook.secrets],
        "store": outlook.store,
        "held": _held_objects(outlook),
    }


def _held_objects(outlook: Outlook) -> list[dict[str, object]]:
    return [held_tombstones.as_object(forget, outlook.names) for forget in outlook.held]


def _answered(outlook: Outlook, answer: str, decided: Decided | None) -> dict[str, object]:
    """Return what still waits for an answer, and what was accepted and refused."""
    found = _held_objects(outlook)
    return {
        "held": found if decided is None else [],
        "accepted": found if answer == ACCEPT else [],
        "refused": found if answer == REFUSE else [],
    }
