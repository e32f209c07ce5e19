"""`hx sync repair` reads all objects again, publishes what the store lost and removes leftovers."""

from __future__ import annotations

import time

from hx.cli.commands.sync.check import code_of, device_name, line_of, object_of
from hx.cli.commands.sync.newcomers import print_newcomers
from hx.cli.commands.sync.taken_out import finish_removal, require_not_gone
from hx.cli.commands.sync.vault_access import (
    alone,
    label_of,
    outbox_of,
    remember,
    scrub,
    sync_context_of,
    vault_of,
)
from hx.cli.context import drained, open_context
from hx.cli.events_output import device_names, print_json
from hx.cli.prompts import Progress
from hx.cli.text import count
from hx.core.errors import Busy, DatabaseError, HxError
from hx.database.retention import border_us, retain
from hx.database.sync import ledger
from hx.files import Lock
from hx.sync.repair import repair

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from hx.cli.context import Context
    from hx.config import Config
    from hx.sync.context import SyncContext
    from hx.sync.rebuild import Rebuilt
    from hx.sync.repair import Repaired

_PATIENCE_S, _PAUSE_S = 5, 0.05


def run(_: str, given: Namespace, config: Config) -> int:
    """Run `hx sync repair`, print what was done, and return the exit code.

    It is 8 when the rebuilt database differs from the old one, which is then kept. Else it is 4
    when an object cannot be repaired here, 7 when one needs a newer hx, 3 when one stays pending,
    or 0.
    """
    context = drained(open_context(config))
    finish_removal(context)
    vault_of(context)
    with alone(context):
        sync_context = sync_context_of(context)
        try:
            with Progress("repairing", quiet=given.json) as progress:
                sync_context.report_progress = progress.told
                adopted = _adopted(given, context, sync_context)
                outbox, label = outbox_of(context), label_of(context)
                done = repair(sync_context, outbox, label, adopt=adopted)
                rebuilt = _rebuilt(context, sync_context) if given.rebuild else None
        except HxError as error:
            remember(sync_context, error.message)
            require_not_gone(context, sync_context)
            raise
        remember(sync_context, None)
    # objects that were read again may hold expired events
    retain(context.database, _border(context))
    scrub(context)
    print_newcomers(sync_context)
    _print(given, context, done, rebuilt)
    if rebuilt is not None and rebuilt.differences:
        return DatabaseError.exit_code
    upgrade = ledger.waits_for_upgrade(context.database)
    return code_of(done.damaged, ledger.counts(context.database), upgrade=upgrade)


def _adopted(given: Namespace, context: Context, sync_context: SyncContext) -> bytes | None:
    """Return the id of the device in --adopt; None without it. Raises UsageError."""
    if given.adopt is None:
        return None
    from hx.cli.commands.sync.revoke import named
    from hx.database.sync import sync_status

    seen = sync_status.devices(context.database, sync_context.trust, sync_context.me)
    return named(given.adopt, seen, sync_context.trust).device_id


def _border(context: Context) -> int | None:
    days = int(context.config.values["retention_days"])
    return border_us(context.database, days, context.now_us)


def _rebuilt(context: Context, sync_context: SyncContext) -> Rebuilt:
    """Rebuild the database while no other hx drains the spool. Raises Busy."""
    from hx.sync.rebuild import rebuild

    until_s = time.monotonic() + _PATIENCE_S
    while True:
        # an hx that drains meanwhile would change the database, and the rebuild would be in vain
        with Lock(context.config.paths.lock) as held:
            if held:
                return rebuild(sync_context, _border(context))
        if time.monotonic() > until_s:
            raise Busy("another hx is still draining the spool", "try again in a moment")
        time.sleep(_PAUSE_S)


def _print(given: Namespace, context: Context, done: Repaired, rebuilt: Rebuilt | None) -> None:
    names = device_names(context)
    if given.json:
        print_json(
            {
                "read": done.read,
                "events": done.events,
                "published": done.lost,
                "removed": done.unlisted,
                "slots": done.slots,
                "invitations": done.invitations,
                "vault_file": done.vault_file,
                "problems": [object_of(names, problem) for problem in done.damaged],
                "pulled": done.pulled._asdict(),
                "pushed": done.pushed._asdict(),
                "rebuilt": None if rebuilt is None else _object(rebuilt),
            }
        )
        return
    for line in _lines(done):
        print(line)
    for problem in done.damaged:
        print(line_of(names, problem))
        if problem.device_id != context.who.device_id:
            name = device_name(names, problem.device_id)
            print(
                f"  run `hx sync repair` on {name}: it publishes the object again; if that device"
                f" will not come back: `hx sync repair --adopt {problem.device_id.hex()[:8]}` on"
                " each device that has its history"
            )
    for line in [] if rebuilt is None else _rebuilt_lines(rebuilt):
        print(line)


def _lines(done: Repaired) -> Iterator[str]:
    yield f"read again: {count(done.read, 'object')} without faults"
    lines = (
        (done.vault_file, "restored: the vault file"),
        (done.events, f"restored: {count(done.events, 'event')} that this device lacked"),
        (
            done.lost,
            f"published again: the content of {count(done.lost, 'object')} that the store had lost",
        ),
        (done.unlisted, f"removed: {count(done.unlisted, 'object')} that no manifest lists"),
        (done.slots, f"published: {count(done.slots, 'key')} that another device lacked"),
        (done.invitations, f"removed: {count(done.invitations, 'closed invitation')}"),
    )
    yield from [line for number, line in lines if number] or ["nothing had to be repaired"]


def _object(rebuilt: Rebuilt) -> dict[str, object]:
    return {
        "replaced": not rebuilt.differences,
        "events": rebuilt.totals["event"],
        "artifacts": rebuilt.totals["artifact"],
        "pins": rebuilt.totals["pin"],
        "tombstones": rebuilt.totals["tombstone"],
        "only_here": rebuilt.unpublished_events,
        "differences": [difference._asdict() for difference in rebuilt.differences],
    }


def _rebuilt_lines(rebuilt: Rebuilt) -> Iterator[str]:
    events = count(rebuilt.totals["event"], "event")
    summary = f"{events}, of which {rebuilt.unpublished_events:,} are in no segment"
    if not rebuilt.differences:
        yield f"rebuilt: {summary}; it is equal to the old database and has replaced it"
        return
    yield f"rebuilt: {summary}; it differs from the old database, which is kept"
    for difference in rebuilt.differences:
        yield (
            f"  {difference.kind}s: {difference.lacking:,} only in the old database,"
            f" {difference.more:,} only in the new one, {difference.other:,} differ:"
            f" {', '.join(difference.examples)}"
        )
