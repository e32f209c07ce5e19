"""`hx sync revoke` takes another device out of the vault, such as a laptop that was stolen."""

from __future__ import annotations

import sys

from hx.cli import held_tombstones
from hx.cli.commands.sync.devices import short_id
from hx.cli.commands.sync.sync import scrub
from hx.cli.commands.sync.vault_access import alone, label_of, outbox_of, sync_context_of
from hx.cli.context import drained, now_us, open_context
from hx.cli.events_output import print_json
from hx.cli.prompts import Progress, at_terminal, confirm, read_words
from hx.cli.text import count, visible
from hx.cli.times import age
from hx.core.errors import InputError, NotInVault, UsageError
from hx.core.format.farewell import changes_by
from hx.database.sync import held, sync_status
from hx.database.sync import vault as vault_rows
from hx.sync.device_state import MEMBER, place_of
from hx.sync.pull import pull
from hx.sync.push import push
from hx.sync.revoke import pending_of, revoke

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from hx.cli.context import Context
    from hx.config import Config
    from hx.core.format.roster import Trust
    from hx.database.sync.sync_status import DeviceSeen
    from hx.sync.context import SyncContext

_MIN_ID = 4  # digits of an id that name a device


def run(_: str, given: Namespace, config: Config) -> int:
    context = drained(open_context(config))
    with alone(context):
        sync_context = sync_context_of(context._replace(now_us=now_us()))
        with Progress("syncing") as progress:
            sync_context.report_progress = progress.told
            pull(sync_context)  # it admits nobody: the device may be one that waits
        _require_member(sync_context)
        seen = sync_status.devices(context.database, sync_context.trust, sync_context.me)
        target = _named(given.device, seen, sync_context.trust)
        _require_read(sync_context, target, anyway=given.anyway)
        seed = _seed(sync_context, given)
        others = [each for each in seen if each.active and not each.here and each != target]
        if not given.yes:
            print("\n".join(_before(target, context, sync_context)))
            confirm("Take it out of the vault?")
        revoke(sync_context, target.device_id, seed=seed)
        push(sync_context, outbox_of(context), label_of(context), listed=True)
    scrub(context)
    _print(given, sync_context, target, others)
    return 0


def _require_member(sync_context: SyncContext) -> None:
    if place_of(sync_context.trust, sync_context.me) != MEMBER:
        raise NotInVault(
            "this device is not in the vault, so it can take no other device out",
            "run `hx sync revoke` on a device that is in the vault; `hx sync status` shows which",
        )


def _named(name: str, seen: list[DeviceSeen], trust: Trust) -> DeviceSeen:
    """Return the device that a name, or the beginning of an id, means. Raises UsageError.

    It is one that is in the vault or waits to be admitted.
    """
    inside = trust.active.keys() | trust.waiting.keys()
    called = [
        device
        for device in seen
        if device.name == name
        or (len(name) >= _MIN_ID and device.device_id.hex().startswith(name.lower()))
    ]
    present = [device for device in called if device.device_id in inside and not device.here]
    if not present and any(device.here for device in called):
        raise UsageError("this is the device itself", "a device leaves with `hx sync leave`")
    if not present:
        gone = " any more" if called else ""
        raise UsageError(
            f"no other device called {name!r} is in the vault{gone}: nothing was changed",
            "`hx sync devices` lists them; give a name, or the first digits of an id",
        )
    if len(present) > 1:
        ids = ", ".join(short_id(device) for device in present)
        raise UsageError(f"several devices are called {name!r}: {ids}", "give one of these ids")
    return present[0]


def _require_read(sync_context: SyncContext, target: DeviceSeen, *, anyway: bool) -> None:
    """Check that all that the device has listed was read: the rest would be lost to the others."""
    pending = pending_of(sync_context, target.device_id)
    if pending and not anyway:
        raise InputError(
            f"not read here yet: {count(pending, 'object')} of that device; nothing was changed",
            "let the store sync and run the command again, or add --anyway",
        )


def _seed(sync_context: SyncContext, given: Namespace) -> bytes | None:
    """Return the signing seed of the recovery words if they are needed; None: this device signs.

    An admin signs itself. Raises InputError.
    """
    if sync_context.me in sync_context.trust.admins and given.words_file is None:
        return None
    from hx.core.format.keys import recovery_keys

    if given.words_file is None and not at_terminal():
        raise UsageError(
            "this device is no admin, so it needs the recovery words to take another device out",
            "use --words-file FILE, or run the command on the device that made the vault",
        )
    if given.words_file is None:
        print("this device is no admin: the recovery words are needed", file=sys.stderr)
    recovery = recovery_keys(read_words(given.words_file))
    if recovery.sign_pub != sync_context.genesis.recovery_sign_pub:
        raise InputError(
            "the vault was not made with these recovery words: nothing was changed",
            "check the words; they were shown when the vault was made",
        )
    return recovery.sign_seed


def _before(target: DeviceSeen, context: Context, sync_context: SyncContext) -> Iterator[str]:
    """Yield what the command is going to do, before the question."""
    trust, sealed = sync_context.trust, sync_context.is_sealed
    seen = target.last_seen_us
    when = "never seen" if seen is None else f"last seen {age(seen, context.now_us)} ago"
    yield f"device {short_id(target)} ({when}): {visible(target.name.encode())}"
    key = ", and gets no key for what is recorded from now on" if sealed else ""
    yield f"- it can publish nothing any more{key}"
    if not sealed:
        yield "- the vault is not encrypted: it reads the store as long as it can reach it"
    if target.device_id in trust.waiting:
        yield "- it was not admitted: nothing of it was read here"
    else:
        yield "- what it has published so far stays, and the other devices keep it"
    yield "- what it holds it can still read: its history, and what is in the store until now"
    records = vault_rows.records(sync_context.database)
    let_in, taken_out = changes_by(sync_context.genesis, records, trust, target.device_id)
    for devices, said in ((let_in, "let in"), (taken_out, "taken out")):
        for device_id in sorted(devices):
            name = trust.enrolled[device_id].label.encode() if device_id in trust.enrolled else b""
            yield f"- it has {said} {device_id.hex()[:8]}, and that stays so: {visible(name)}"


def _print(
    given: Namespace, sync_context: SyncContext, target: DeviceSeen, others: list[DeviceSeen]
) -> None:
    if given.json:
        print_json(
            {
                "device_id": target.device_id.hex(),
                "name": target.name,
                "untold": [device.device_id.hex() for device in others],
                "admins": len(sync_context.trust.admins & sync_context.trust.active.keys()),
            }
        )
        return
    print("\n".join(_after(sync_context, target, others)))


def _after(
    sync_context: SyncContext, target: DeviceSeen, others: list[DeviceSeen]
) -> Iterator[str]:
    """Yield the effects: now, at the next sync of the other devices, and what cannot be undone."""
    yield f"device {short_id(target)} is out of the vault: {visible(target.name.encode())}"
    if sync_context.is_sealed:
        yield "now: this device writes under a new key, which that device does not get"
    for device in others:
        yield f"{short_id(device)} does the same at its next sync; until then it accepts what"
        yield f"  the removed device writes, which can read what it writes: {_name(device)}"
    if not sync_context.is_sealed:
        yield "the vault is not encrypted: that device reads the store as long as it can reach it"
    yield "what stays: that device keeps what it holds; change the secrets in its history"
    yield from _waiting(sync_context, target)
    yield f"at the store: take away its access to {sync_context.vault.store}"
    if not sync_context.trust.admins & sync_context.trust.active.keys():
        yield "no admin is left in the vault: the recovery words can take out further devices"


def _waiting(sync_context: SyncContext, target: DeviceSeen) -> Iterator[str]:
    """Yield what the device has forgotten and this one holds back, and what to type."""
    forgets = held.forgets(held.read(sync_context.database))
    for forget in forgets:
        if forget.rows[0].device_id == target.device_id:
            names, short = {target.device_id: target.name}, held_tombstones.short_id(forget)
            yield held_tombstones.line(forget, names, sync_context.now_us)
            yield f"  `hx sync refuse {short}` keeps them, `hx sync accept {short}` forgets them"


def _name(device: DeviceSeen) -> str:
    return visible(device.name.encode())
