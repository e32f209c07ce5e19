"""`hx sync`, `hx sync push` and `hx sync pull`, and what they print about this device itself."""

from __future__ import annotations

import os
import sys

from hx.cli import held_tombstones
from hx.cli.commands.sync import behind, clocks, vault_files
from hx.cli.commands.sync.copies import unfinished_push, warn_of_copies
from hx.cli.commands.sync.newcomers import print_newcomers
from hx.cli.commands.sync.reasons import code_now
from hx.cli.commands.sync.taken_out import finish_removal, require_not_gone
from hx.cli.commands.sync.vault_access import (
    Exchanged,
    alone,
    label_of,
    outbox_of,
    remember,
    scrub,
    sync_context_of,
    vault_of,
)
from hx.cli.context import open_context
from hx.cli.events_output import device_names, print_json
from hx.cli.prompts import Progress, at_terminal
from hx.cli.text import count
from hx.core.errors import HasMoved, HxError
from hx.core.format.verdict import PENDING, REJECTED
from hx.database.sync import held, ledger
from hx.database.sync import vault as rows
from hx.database.sync.runs import HAND
from hx.scheduler import backoff
from hx.sync.device_state import WAITING, place_here, require_place, waits
from hx.sync.pull import pull, require_vault, with_counts
from hx.sync.push import Pushed, mend_vault_file, push

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from hx.cli.context import Context
    from hx.config import Config
    from hx.database.connection import Database
    from hx.sync.context import ObjectNote, Pulled, SyncContext


_NAMED = 3  # objects in a warning


def run(name: str, given: Namespace, config: Config) -> int:
    """Run `hx sync`, `push` or `pull`, print what was done, and return the exit code.

    It is 4 when an object was rejected, else 7 when one needs a newer hx, else 6 when two vaults
    lie in the store, else 3 when one is pending or a device is behind, else 0. On a terminal it
    asks whether to follow a note that the vault has moved.
    """
    try:
        return _run(name, given, config)
    except HasMoved as note:
        if given.json or not at_terminal():
            raise
        from hx.cli.commands.sync.move import follow

        return follow(note, config)


def _run(name: str, given: Namespace, config: Config) -> int:
    context = open_context(config)
    finish_removal(context)
    vault_of(context)
    with alone(context):
        sync_context = sync_context_of(context)
        # before the sync: these manifests in the store are ours, not those of another copy
        own = unfinished_push(context)
        if given.verbose:
            sync_context.on_note = _say
        try:
            with Progress("syncing", quiet=given.json) as progress:
                sync_context.report_progress = progress.told
                pulled, pushed = _carry_out(name, given, context, sync_context)
            if not given.dry_run:
                _check_place(sync_context)
            if pulled is not None:  # a push may have changed what is pending
                pulled = with_counts(sync_context.database, pulled)
        except HxError as error:
            _remember(given, sync_context, error.message, own)
            raise
        _remember(given, sync_context, None, own, _exchanged(pulled, pushed))
    if pulled is not None and not given.json and not held.is_empty(context.database):
        _ask_about_held(context, publishes=name == "sync")
    scrub(context)
    print_newcomers(sync_context)
    _warn_of_refused(sync_context.refused)
    _warn_of_lost(sync_context)
    warn_of_staying(sync_context)
    vault_files.warn(sync_context)
    clocks.warn(context, sync_context)
    if not held.is_empty(context.database):
        _warn_of_held(context)
    _print(given, context, sync_context, pulled, pushed)
    return _exit_code(sync_context)


def _warn_of_refused(number: int) -> None:
    """Warn of records that stay on this device because others could not read them."""
    if number:
        print(
            f"hx: warning: {count(number, 'record')} of this device cannot be published: other"
            " devices would refuse what contains them, because a number in it is out of range"
            "\nhx: hint: they stay on this device; all others are published",
            file=sys.stderr,
        )


def _warn_of_lost(sync_context: SyncContext) -> None:
    """Warn when the store has lost objects of this device, or has gone back to an older state."""
    lost = f"the store had lost {count(sync_context.lost, 'object')} of this device, whose content"
    again = f"{lost} is published again now"
    if sync_context.shows_older_state:
        also = f"; {again}" if sync_context.lost else ""
        print(
            f"hx: warning: the store has gone back to an older state of this device{also}"
            "\nhx: hint: it may have lost objects of other devices too: `hx sync check` says which",
            file=sys.stderr,
        )
    elif sync_context.lost:
        print(
            f"hx: warning: {again}"
            "\nhx: hint: it may have lost objects of other devices too: `hx sync check` says which",
            file=sys.stderr,
        )


def warn_of_staying(sync_context: SyncContext) -> None:
    """Name the objects of revoked devices that stay in the store because nobody here read them."""
    staying = sync_context.staying
    if staying:
        more = f" and {len(staying) - _NAMED:,} more" if len(staying) > _NAMED else ""
        print(
            "hx: warning: not deleted, because it could not be read here:"
            f" {', '.join(staying[:_NAMED])}{more}, of a device that was revoked"
            "\nhx: hint: let the store sync; hx looks again with the next change, or in a day",
            file=sys.stderr,
        )


def _check_place(sync_context: SyncContext) -> None:
    """Print a note while this device waits to be admitted. Raises NotInVault when it is out."""
    place = place_here(sync_context)
    require_place(place)
    print_waiting(sync_context.database, place)


def print_waiting(database: Database, place: str | None) -> None:
    """Print a note if this device, at this place, waits to be admitted."""
    if place == WAITING:
        sentence, hint = waits(database)
        print(f"hx: {sentence}\nhx: hint: {hint}", file=sys.stderr)


def _carry_out(
    name: str, given: Namespace, context: Context, sync_context: SyncContext
) -> tuple[Pulled | None, Pushed | None]:
    if given.dry_run:
        require_place(place_here(sync_context))
        return None, _would_push(context, sync_context)
    pulled = pull(sync_context, admits=name == "sync") if name in ("sync", "pull") else None
    require_not_gone(context, sync_context)
    if name == "pull":
        return pulled, None
    if pulled is not None:
        mend_vault_file(sync_context)
    outbox = outbox_of(context)
    pushed = push(sync_context, outbox, label_of(context), listed=pulled is not None)
    return pulled, pushed


def _ask_about_held(context: Context, *, publishes: bool) -> None:
    """Ask on a terminal what becomes of the tombstones that are held, and tell the others."""
    from hx.cli.commands.sync.decide import ask, decide_asked

    answers = ask(context.database, device_names(context), context.now_us)
    if not answers:
        return
    with alone(context):
        sync_context = sync_context_of(context)
        decide_asked(sync_context, answers)
        if publishes:
            push(sync_context, outbox_of(context), label_of(context), listed=False)


def _warn_of_held(context: Context) -> None:
    """Say what is held, and what to type."""
    forgets = held.forgets(held.read(context.database))
    for line in held_tombstones.lines(forgets, device_names(context), context.now_us):
        print(f"hx: {line}", file=sys.stderr)


def _would_push(context: Context, sync_context: SyncContext) -> Pushed:
    """Return what a push would publish, without writing anything."""
    from hx.sync.publish import planned

    sync_context.list_manifests()
    require_vault(sync_context)
    plan = planned(sync_context, label_of(context), is_dry=True)
    if plan is None:
        return Pushed()
    # the sealed size, which is what the store would hold
    size = sum(len(part.data) for part in plan.parts)
    events = sum(len(part.history.events) for part in plan.parts)
    return Pushed(events, len(plan.parts), size, len(plan.replaced))


def _exchanged(pulled: Pulled | None, pushed: Pushed | None) -> Exchanged:
    return Exchanged(HAND, pulled.events if pulled else 0, pushed.events if pushed else 0)


def _remember(
    given: Namespace,
    sync_context: SyncContext,
    error: str | None,
    own: tuple[str, ...],
    exchanged: Exchanged | None = None,
) -> None:
    """Keep the outcome for `hx sync status`, which does not look into the store.

    A sync by hand ends the waiting of the background after a failure, whatever its outcome.
    """
    if given.dry_run:
        return
    backoff.clear(os.path.dirname(sync_context.database.path))
    if rows.read(sync_context.database) is not None:
        warn_of_copies(sync_context, own)
        remember(sync_context, error, exchanged)


def _say(note: ObjectNote) -> None:
    detail = f": {note.detail}" if note.detail else ""
    print(f"{note.verdict:<12} {note.key}{detail}", file=sys.stderr)


def _exit_code(sync_context: SyncContext) -> int:
    if ledger.waits_for_upgrade(sync_context.database):
        print(
            "hx: warning: a newer hx wrote some of the pending objects\nhx: hint: upgrade hx here",
            file=sys.stderr,
        )
    return code_now(sync_context.database)


def _print(
    given: Namespace,
    context: Context,
    sync_context: SyncContext,
    pulled: Pulled | None,
    pushed: Pushed | None,
) -> None:
    if given.json:
        print_json(
            {
                "pulled": None if pulled is None else pulled._asdict(),
                "pushed": None if pushed is None else pushed._asdict(),
                "dry_run": bool(given.dry_run),
                "clocks_ahead": clocks.as_objects(sync_context),
                "behind": behind.as_objects(context),
                "held": held_tombstones.objects(context),
            }
        )
        return
    for line in [*_pulled_lines(pulled), *_pushed_lines(pushed, dry=given.dry_run)]:
        print(line)
    counts = ledger.counts(sync_context.database)
    for status in (PENDING, REJECTED):
        if counts.get(status):
            print(f"{status}: {count(counts[status], 'object')}; `hx sync status` says why")
    for line in behind.lines(context):
        print(f"behind: {line}")


def _pulled_lines(pulled: Pulled | None) -> list[str]:
    if pulled is None:
        return []
    if not pulled.objects:
        return ["pulled: nothing new"]
    line = f"pulled: {count(pulled.events, 'event')} in {count(pulled.objects, 'object')}"
    if pulled.forgotten:
        line += f"; forgot {count(pulled.forgotten, 'event')} that other devices have forgotten"
    return [line]


def _pushed_lines(pushed: Pushed | None, *, dry: bool) -> list[str]:
    if pushed is None:
        return []
    verb = "would push" if dry else "pushed"
    if not (pushed.objects or pushed.rewritten or pushed.removed):
        return [f"{verb}: nothing new"]
    if not pushed.objects and not pushed.rewritten:
        return [f"{verb}: no events, only what this device has read from the others"]
    line = f"{verb}: {count(pushed.events, 'event')} in {count(pushed.objects, 'object')}"
    line += f", {count(pushed.bytes, 'byte')}"
    if pushed.rewritten:
        line += f"; rewrote {count(pushed.rewritten, 'object')}"
    return [line]
