"""`hx sync`, `hx sync push`, `hx sync pull`."""

from __future__ import annotations

import sys
from collections import Counter

from hx.cli.commands.sync.notices import on_its_way, tell_copies, tell_place
from hx.cli.commands.sync.reasons import code_now
from hx.cli.commands.sync.vault import alone, label_of, outbox_of, sync_context_of, vault_of
from hx.cli.context import open_context
from hx.cli.output import visible
from hx.cli.progress import Progress
from hx.core.errors import HxError
from hx.core.format.verdict import PENDING, REJECTED
from hx.database.sync import ledger
from hx.database.sync import vault as rows
from hx.sync.pull import pull, require_vault, with_counts
from hx.sync.push import Pushed, push

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from hx.cli.context import Context
    from hx.config import Config
    from hx.sync.context import ObjectNote, Pulled, SyncContext


def run(name: str, given: Namespace, config: Config) -> int:
    """Exit code 3 when something is pending, 7 when by an upgrade, 4 when it was rejected."""
    context = open_context(config)
    vault_of(context)
    with alone(context):
        sync_context = sync_context_of(context)
        own = on_its_way(context)
        if given.verbose:
            sync_context.on_note = _say
        try:
            with Progress("syncing") as progress:
                sync_context.tell = progress.told
                pulled, pushed = _carry_out(name, given, context, sync_context)
            if not given.dry_run:
                tell_place(sync_context)
            if pulled is not None:  # a push may have changed what is waited for
                pulled = with_counts(sync_context.database, pulled)
        except HxError as error:
            _remember(given, sync_context, error.message, own)
            raise
        _remember(given, sync_context, None, own)
    scrub(context)
    tell_newcomers(sync_context)
    _print(given, sync_context, pulled, pushed)
    return _exit_code(sync_context)


def tell_newcomers(sync_context: SyncContext) -> None:
    """Loudly: somebody else may have got hold of a code."""
    for one in sync_context.newcomers:
        print(f"hx: a new device is in the vault: {visible(one.label.encode())}", file=sys.stderr)
    refused = _not_admitted(sync_context)
    if refused:
        names = ", ".join(visible(label.encode()) for label in refused)
        print(
            "hx: warning: several devices have joined by one invitation, or one after it was"
            f" closed; not admitted: {names}"
            "\nhx: hint: `hx sync devices` names all; if one is not yours, somebody has seen the"
            " code: make a new invitation for your own",
            file=sys.stderr,
        )


def _not_admitted(sync_context: SyncContext) -> list[str]:
    """Of the newcomers those that one invitation let in together, before and after it is closed."""
    if not sync_context.newcomers:
        return []
    trust = sync_context.trust
    joined = Counter(trust.waiting_invites.values())
    crowd = {at for at, invite_id in trust.waiting_invites.items() if joined[invite_id] > 1}
    crowd |= trust.inactive - trust.revoked
    return (
        [trust.enrolled[at].label for at in sorted(crowd)] if _any_new(sync_context, crowd) else []
    )


def _any_new(sync_context: SyncContext, crowd: set[bytes]) -> bool:
    return any(one.device_id in crowd for one in sync_context.newcomers)


def scrub(context: Context) -> None:
    """What another device has forgotten leaves the files of the database, not just its rows."""
    from hx.database.connection import UNCLEAN
    from hx.forget.forget import clean

    if context.database.meta(UNCLEAN) is not None and not clean(context.database):
        print(
            "hx: warning: text of forgotten events may still stand in the files of the database:"
            " another process uses them\nhx: hint: `hx status` cleans them",
            file=sys.stderr,
        )


def _carry_out(
    name: str, given: Namespace, context: Context, sync_context: SyncContext
) -> tuple[Pulled | None, Pushed | None]:
    if given.dry_run:
        return None, _would_push(context, sync_context)
    pulled = pull(sync_context) if name in ("sync", "pull") else None
    if name == "pull":
        return pulled, None
    outbox = outbox_of(context)
    pushed = push(sync_context, outbox, label_of(context), listed=pulled is not None)
    return pulled, pushed


def _would_push(context: Context, sync_context: SyncContext) -> Pushed:
    """Nothing is written, here or there."""
    from hx.sync.publish import planned

    sync_context.list_manifests()
    require_vault(sync_context)
    plan = planned(sync_context, label_of(context))
    if plan is None:
        return Pushed()
    size = sum(len(part.data) for part in plan.parts)
    events = sum(len(part.history.events) for part in plan.parts)
    return Pushed(events, len(plan.parts), size, len(plan.replaced))


def _remember(
    given: Namespace, sync_context: SyncContext, outcome: str | None, own: tuple[str, ...]
) -> None:
    """For `hx sync status`, which asks nobody."""
    if given.dry_run:
        return
    tell_copies(sync_context, own)
    conditions = "\n".join(sorted(getattr(sync_context.store, "conditions", ())))
    with sync_context.database.transaction():
        rows.update(sync_context.database, outcome=outcome, conditions=conditions)


def _say(note: ObjectNote) -> None:
    detail = f": {note.detail}" if note.detail else ""
    print(f"{note.verdict:<12} {note.key}{detail}", file=sys.stderr)


def _exit_code(sync_context: SyncContext) -> int:
    if ledger.waits_for_upgrade(sync_context.database):
        print(
            "hx: warning: a newer hx wrote some of what is pending\nhx: hint: upgrade hx here",
            file=sys.stderr,
        )
    return code_now(sync_context.database)


def _print(
    given: Namespace, sync_context: SyncContext, pulled: Pulled | None, pushed: Pushed | None
) -> None:
    if given.json:
        from hx.cli.json_output import print_json

        print_json(
            {
                "pulled": None if pulled is None else pulled._asdict(),
                "pushed": None if pushed is None else pushed._asdict(),
                "dry_run": bool(given.dry_run),
            }
        )
        return
    for line in [*_pulled_lines(pulled), *_pushed_lines(pushed, dry=given.dry_run)]:
        print(line)
    counts = ledger.counts(sync_context.database)
    for status in (PENDING, REJECTED):
        if counts.get(status):
            print(f"{status}: {counts[status]} objects; `hx sync status` says why")


def _pulled_lines(pulled: Pulled | None) -> list[str]:
    if pulled is None:
        return []
    if not pulled.objects:
        return ["pulled: nothing new"]
    line = f"pulled: {_events(pulled.events)} in {_counted(pulled.objects, 'object')}"
    if pulled.forgotten:
        line += f", {pulled.forgotten:,} forgotten here too"
    return [line]


def _pushed_lines(pushed: Pushed | None, *, dry: bool) -> list[str]:
    if pushed is None:
        return []
    verb = "would push" if dry else "pushed"
    if not (pushed.objects or pushed.rewritten or pushed.removed):
        return [f"{verb}: nothing new"]
    if not pushed.objects and not pushed.rewritten:
        return [f"{verb}: no events, only what this device knows of the others"]
    line = f"{verb}: {_events(pushed.events)} in {_counted(pushed.objects, 'object')}"
    line += f", {pushed.bytes:,} bytes"
    if pushed.rewritten:
        line += f"; {pushed.rewritten:,} written anew"
    return [line]


def _events(count: int) -> str:
    return _counted(count, "event")


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
