"""`hx sync repair`: read everything again, publish what the store lost, take out what is left."""

from __future__ import annotations

import time

from hx.cli.commands.sync.check import code_of, line_of, object_of, whose
from hx.cli.commands.sync.run import scrub, tell_newcomers
from hx.cli.commands.sync.vault import alone, label_of, outbox_of, sync_context_of, vault_of
from hx.cli.context import drained, open_context
from hx.cli.events_output import device_names
from hx.cli.progress import Progress
from hx.core.errors import Busy, DatabaseError, HxError
from hx.database.retention import border_us, retain
from hx.database.sync import ledger
from hx.database.sync import vault as rows
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
    """Exit code 3 when something stays pending, 4 when something cannot be mended here.

    8 when the database that was made anew is another than the old one, which stays then.
    """
    context = drained(open_context(config))
    vault_of(context)
    with alone(context):
        sync_context = sync_context_of(context)
        try:
            with Progress("repairing") as progress:
                sync_context.tell = progress.told
                done = repair(sync_context, outbox_of(context), label_of(context))
                anew = _rebuilt(context, sync_context) if given.rebuild else None
        except HxError as error:
            _remember(sync_context, error.message)
            raise
        _remember(sync_context, None)
    retain(context.database, _border(context))  # what was read again may be too old
    scrub(context)
    tell_newcomers(sync_context)
    _print(given, context, done, anew)
    if anew is not None and anew.differences:
        return DatabaseError.exit_code
    upgrade = ledger.waits_for_upgrade(context.database)
    return code_of(done.damaged, ledger.counts(context.database), upgrade=upgrade)


def _remember(sync_context: SyncContext, outcome: str | None) -> None:
    """For `hx sync status`, which asks nobody."""
    conditions = "\n".join(sorted(getattr(sync_context.store, "conditions", ())))
    with sync_context.database.transaction():
        rows.update(sync_context.database, outcome=outcome, conditions=conditions)


def _border(context: Context) -> int | None:
    return border_us(int(context.config.values["retention_days"]), context.now_us)


def _rebuilt(context: Context, sync_context: SyncContext) -> Rebuilt:
    """Nobody drains the spool meanwhile. Raises Busy."""
    from hx.sync.rebuild import rebuild

    until_s = time.monotonic() + _PATIENCE_S
    while True:
        with Lock(context.config.paths.lock) as held:
            if held:
                return rebuild(sync_context, _border(context))
        if time.monotonic() > until_s:
            raise Busy("another hx is still at work", "try again in a moment")
        time.sleep(_PAUSE_S)


def _print(given: Namespace, context: Context, done: Repaired, anew: Rebuilt | None) -> None:
    called = device_names(context)
    if given.json:
        from hx.cli.json_output import print_json

        print_json(
            {
                "read": done.read,
                "events": done.events,
                "published": done.lost,
                "removed": done.unlisted,
                "slots": done.slots,
                "invitations": done.invitations,
                "marker": done.vault_file,
                "problems": [object_of(called, one) for one in done.damaged],
                "pulled": done.pulled._asdict(),
                "pushed": done.pushed._asdict(),
                "rebuilt": None if anew is None else _object(anew),
            }
        )
        return
    for line in _lines(done):
        print(line)
    for one in done.damaged:
        print(line_of(called, one))
        if one.device_id != context.who.device_id:
            name = whose(called, one.device_id)
            print(f"  it is published again when {name} runs `hx sync repair`")
    for line in [] if anew is None else _lines_of(anew):
        print(line)


def _lines(done: Repaired) -> Iterator[str]:
    yield f"read again: {done.read:,} objects are whole"
    told = (
        (done.vault_file, "put back: the mark of the vault"),
        (done.events, f"came back: {done.events:,} events that were not here"),
        (done.lost, f"published again: what was in {done.lost:,} objects that the store had lost"),
        (done.unlisted, f"taken out: {done.unlisted:,} objects that nothing named"),
        (done.slots, f"put down: {done.slots:,} keys that were missing"),
        (done.invitations, f"taken out: {done.invitations:,} closed invitations"),
    )
    found = [line for number, line in told if number]
    yield from found or ["nothing had to be mended"]


def _object(anew: Rebuilt) -> dict[str, object]:
    return {
        "replaced": not anew.differences,
        "events": anew.totals["event"],
        "artifacts": anew.totals["artifact"],
        "pins": anew.totals["pin"],
        "orders": anew.totals["tombstone"],
        "only_here": anew.unpublished_events,
        "differences": [one._asdict() for one in anew.differences],
    }


def _lines_of(anew: Rebuilt) -> Iterator[str]:
    held = (
        f"{anew.totals['event']:,} events, of which {anew.unpublished_events:,} are in no segment"
    )
    if not anew.differences:
        yield f"rebuilt: {held}: equal to the old database, and in its place"
        return
    yield f"rebuilt: {held}: other than the old database, which stays as it is"
    for one in anew.differences:
        yield (
            f"  {one.kind}s: {one.lacking:,} only in the old one, {one.more:,} only in the new one,"
            f" {one.other:,} differ: {', '.join(one.examples)}"
        )
