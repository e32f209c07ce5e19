"""`hx sync move` lets this device sync through another place: the vault was moved, or is lost."""

from __future__ import annotations

import sys
from argparse import Namespace
from shlex import quote

from hx.cli.auto_sync import follow as follow_store
from hx.cli.commands.sync import behind
from hx.cli.commands.sync.newcomers import print_newcomers
from hx.cli.commands.sync.reasons import code_now
from hx.cli.commands.sync.taken_out import finish_removal, require_not_gone
from hx.cli.commands.sync.vault_access import (
    alone,
    is_sealed,
    label_of,
    outbox_of,
    remember,
    scrub,
    store_at,
    sync_context_of,
    vault_of,
)
from hx.cli.context import drained, now_us, open_context
from hx.cli.events_output import print_json
from hx.cli.prompts import Progress, confirm, confirm_after
from hx.cli.text import count
from hx.core.record import NamedTuple
from hx.database.counts import totals
from hx.stores import spelled_out
from hx.sync.device_state import place_here, require_place
from hx.sync.move import adopt_all_lost, carry_out, clear_old, planned
from hx.sync.pull import pull
from hx.sync.push import push

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.cli.context import Context
    from hx.config import Config
    from hx.core.errors import HasMoved
    from hx.sync.context import SyncContext
    from hx.sync.move import MoveDone, Plan
    from hx.sync.push import Pushed


def run(_: str, given: Namespace, config: Config) -> int:
    """Run `hx sync move`, print what was done, and return the exit code, that of `hx sync`."""
    context = drained(open_context(config))
    finish_removal(context)
    vault = vault_of(context)
    url = spelled_out(given.store).rstrip("/")
    with alone(context):
        target = store_at(context, url, private=not is_sealed(vault))
        old = sync_context_of(context)
        plan = planned(old, target, url, fill=given.fill)
        if not plan.is_here or given.fill:
            confirm_after(_before(context, vault.store, plan), "Sync there from now on?", given)
        with Progress("copying", quiet=given.json) as progress:
            old.report_progress = progress.told
            done = carry_out(old, target, plan)
        sync_context, pushed = _first_sync(context, given)
        remember(sync_context, None)
        if plan.is_with_another and done.note and not done.copied.left_out:
            clear_old(old, target, plan)
    scrub(context)
    follow_store(config, plan.url)
    print_newcomers(sync_context)
    _print(given, context, _Moved(vault.store, plan, done, sync_context.lost, pushed))
    return code_now(context.database)


def _first_sync(context: Context, given: Namespace) -> tuple[SyncContext, Pushed]:
    """Pull and push at the new place; --fill: publish what other devices have lost there, too."""
    # the clock is read again: the question or the copy may have taken minutes
    sync_context = sync_context_of(context._replace(now_us=now_us()))
    with Progress("syncing", quiet=given.json) as progress:
        sync_context.report_progress = progress.told
        pull(sync_context, admits=True)
        require_not_gone(context, sync_context)
        if given.fill:
            adopt_all_lost(sync_context)
        pushed = push(sync_context, outbox_of(context), label_of(context), listed=True)
    require_place(place_here(sync_context))
    return sync_context, pushed


def _before(context: Context, old: str, plan: Plan) -> Iterator[str]:
    """Yield what the command does, before the question."""
    if plan.is_here:
        yield f"this device syncs through {plan.url} already"
    elif plan.is_complete or (plan.is_vault and not plan.is_old_readable):
        yield f"the same vault lies in {plan.url}"
    elif plan.is_old_readable:
        size = sum(entry.size for entry in plan.objects)
        yield (
            f"{count(len(plan.objects), 'object')} of the vault, {count(size, 'byte')}, are copied"
            f" from {old} to {plan.url}"
        )
    if plan.objects and not plan.tells_others:
        yield f"this device is no admin, so nothing in {old} tells the others of it:"
        yield "  they go on there until the same command is run on each of them"
    if plan.is_with_another:
        yield f"another vault lies in {old}: the objects of this one are deleted there afterwards"
    if not plan.is_vault and not plan.is_old_readable:
        held = count(totals(context.database).get("event", 0), "event")
        yield f"{plan.url} holds nothing of the vault; this device publishes there what it holds:"
        yield f"  {held}, also those that other devices recorded"
        yield "  what another device holds and this one does not comes when that one moves too"
    if plan.is_elsewhere:
        yield f"the place lies on another file system than {old} did: {plan.file_systems[1]}"
        yield "  check that it is the right disk or share, and no empty folder in place of it"


class _Moved(NamedTuple):
    """What is printed about a move."""

    old: str  # URL
    plan: Plan
    done: MoveDone
    lost: int  # own objects that the new place lacked
    pushed: Pushed


def _print(given: Namespace, context: Context, moved: _Moved) -> None:
    if given.json:
        copied = moved.done.copied
        print_json(
            {
                "store": moved.plan.url,
                "copied": {"objects": copied.objects, "bytes": copied.bytes},
                "not_copied": list(copied.left_out),
                "note": moved.done.note,
                "lost": moved.lost,
                "pushed": moved.pushed._asdict(),
                "behind": behind.as_objects(context),
            }
        )
        return
    for line in _after(moved):
        print(line)
    for line in behind.lines(context):
        print(f"behind: {line}")
    _hint(moved)


def _after(moved: _Moved) -> Iterator[str]:
    old, plan, done = moved.old, moved.plan, moved.done
    if done.copied.objects:
        size = count(done.copied.bytes, "byte")
        yield f"copied: {count(done.copied.objects, 'object')}, {size}"
    for key in done.copied.left_out:
        yield f"not copied, because it is damaged or closed: {key}"
    if moved.lost:
        lost = count(moved.lost, "object")
        yield f"the place lacked {lost} of this device, whose content is published there now"
    if moved.pushed.objects:
        events = count(moved.pushed.events, "event")
        yield f"pushed: {events} in {count(moved.pushed.objects, 'object')}"
    yield f"this device syncs through {plan.url} from now on"
    if done.note and plan.is_with_another and not done.copied.left_out:
        yield f"the objects of this vault are deleted in {old}; the other vault stays there"
    elif done.note:  # else the new place may be the old one under another path
        # the new place, or files of the user, may lie there too
        yield f"the files of the vault stay in {old}: when all devices have moved, delete there"
        yield "  hx-vault*.hx and the folders b, j, k, m and o, and nothing else"


def _hint(moved: _Moved) -> None:
    """Say how the other devices come along."""
    if moved.done.note:
        line = (
            f"a note in {moved.old} tells the other devices, whose next `hx sync` names the command"
        )
    elif moved.plan.is_here:
        return
    else:
        which = "each device that does not reach the vault any more"
        if moved.done.copied.objects:
            which = f"each other device, which still syncs through {moved.old}"
        line = f"run this on {which}: `hx sync move --store {quote(moved.plan.url)}`"
    print(f"hx: {line}", file=sys.stderr)


def follow(note: HasMoved, config: Config) -> int:
    """Ask on the terminal whether to go on where a note says that the vault lies, and go there.

    Raises Refused.
    """
    print(f"hx: {note.message}", file=sys.stderr)
    confirm("Sync there from now on?")
    given = Namespace(store=note.store, fill=False, yes=True, json=False)
    return run("move", given, config)
