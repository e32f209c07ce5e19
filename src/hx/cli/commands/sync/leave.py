"""`hx sync leave` takes this device out of its vault. Its history stays on all devices."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager

from hx.cli import lost_database, next_id
from hx.cli.auto_sync import turn_off
from hx.cli.commands.sync.taken_out import drop_keys, new_name
from hx.cli.commands.sync.vault_access import (
    alone,
    label_of,
    outbox_of,
    scrub,
    sync_context_of,
    vault_of,
)
from hx.cli.context import drained, now_us, open_context
from hx.cli.events_output import print_json
from hx.cli.prompts import Progress, confirm_after
from hx.cli.text import count, visible
from hx.core.errors import HxError, KeyMissing, UsageError
from hx.database.sync import vault as rows
from hx.sync.device_state import WAITING
from hx.sync.leave import (
    farewell,
    outlook,
    publish_all,
    publish_farewell,
    remove_rows,
    remove_vault,
)
from hx.sync.pull import pull

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from hx.cli.context import Context
    from hx.config import Config
    from hx.database.sync.vault import Vault
    from hx.sync.context import SyncContext
    from hx.sync.leave import Outlook


def run(_: str, given: Namespace, config: Config) -> int:
    context = drained(open_context(config))
    with alone(context):
        # an earlier `hx sync leave` was interrupted after the vault and before its keys
        if rows.read(context.database) is None and drop_keys(context):
            turn_off(config)
            print("removed the keys with which this device was in the vault that it has left")
            return 0
        if given.offline and lost_database.has_keys_of_a_vault(context):
            return _give_up(given, context)
        vault = vault_of(context)
        seen = outlook(sync_context_of(context))
        if not given.anyway:
            _require_another_admin(seen)
        sentences = [*_sentences(vault, seen, offline=given.offline), *_of_hosts(context)]
        confirm_after(sentences, "Leave the vault?", given)
        sync_context = sync_context_of(context._replace(now_us=now_us()))
        published = _publishes(sync_context, context, given)
        left = 0 if published else outlook(sync_context).unpublished
        _leave(sync_context, context, published=published)
    scrub(context)
    turn_off(config)
    _print(given, context, vault, published=published, left=left)
    return 0


def _give_up(given: Namespace, context: Context) -> int:
    """Remove the keys of a vault that the database does not know, and take a new device id.

    Raises Refused, KeyMissing.
    """
    confirm_after(
        (
            lost_database.IS_NEW,
            "- they are removed: only another device or the recovery words open that vault then",
            "- `hx sync recover` goes on with these keys instead",
        ),
        "Give these keys up?",
        given,
    )
    former = context.who.device_id
    database = context.database
    next_id.renewed(
        context,
        new_name(context),
        lambda _: lambda: rows.note_left_unknown(database, former),
        leaving=True,
    )
    turn_off(context.config)
    if given.json:
        unknown = dict.fromkeys(("vault_id", "vault_name", "unpublished"))
        print_json({**unknown, "device_id": former.hex(), "published": False})
    else:
        print("removed the keys with which this device was in a vault")
    return 0


def _require_another_admin(seen: Outlook) -> None:
    if seen.publishes and seen.others and seen.is_last_admin:
        raise UsageError(
            "this device is the only admin of the vault, and other devices stay in it",
            "make one of them an admin first, with the recovery words: `hx sync admin DEVICE`; or"
            " leave with --anyway",
        )


def _sentences(vault: Vault, seen: Outlook, *, offline: bool) -> Iterator[str]:
    """Yield what leaving means, before the question."""
    yield f"this device leaves the vault {visible(vault.name.encode())} ({vault.store})"
    yield "- the whole history stays on this device, and the other devices keep what they have"
    events = count(seen.unpublished, "event")
    if not seen.publishes:
        yield "- this device is not in the vault any more: nothing is published"
    elif offline:
        yield f"- the store is not used: {events} stay out of it, and no other device is told"
    elif seen.place == WAITING:
        yield "- this device was not admitted yet: nothing that it has published is read"
    else:
        yield f"- what is not in the store yet is published first: {events} now"
        if seen.others:
            yield "- the other devices change to a new key, which this device does not get"
    if seen.publishes and not seen.others:
        yield "- no other device is in the vault: afterwards only its recovery words can open it"
    elif seen.publishes and seen.is_last_admin:
        yield "- no admin is left: letting devices in or taking them out needs the recovery words"


def _of_hosts(context: Context) -> Iterator[str]:
    """Yield that other hosts leave too, where several may use the database."""
    if context.who.shared:
        folder = visible(os.fsencode(context.config.paths.data))
        yield f"- every host that uses {folder} is this device: all of them leave the vault"


def _publishes(sync_context: SyncContext, context: Context, given: Namespace) -> bool:
    """Sync for the last time, unless this device may not publish; return whether it was done.

    Raises UsageError, StoreError, NotAVault, KeyMissing, Busy.
    """
    if given.offline or not outlook(sync_context).publishes:
        return False
    with Progress("syncing", quiet=given.json) as progress:
        sync_context.report_progress = progress.told
        with _or_offline(sync_context):
            pull(sync_context, admits=True)
        # the pull may have brought a revocation: then nothing of this device is read any more
        seen = outlook(sync_context)
        if not seen.publishes:
            return False
        # or it has brought the farewell of the other admin
        if not given.anyway:
            _require_another_admin(seen)
        with _or_offline(sync_context):
            publish_all(sync_context, outbox_of(context), label_of(context))
    return True


def _leave(sync_context: SyncContext, context: Context, *, published: bool) -> None:
    """Remove the vault and the keys, and take a new device id.

    Raises StoreError, KeyMissing, Busy.
    """
    outbox, label = outbox_of(context), label_of(context)
    name = new_name(context)

    def leave() -> None:
        if published:
            publish_farewell(sync_context, label)
        else:
            remove_rows(sync_context, farewell(sync_context))

    try:
        next_id.renewed(context, name, lambda _: leave, leaving=True)
    except KeyMissing as error:
        if rows.read(context.database) is None:
            raise KeyMissing(
                f"this device has left, and its old keys are still there: {error.message}",
                f"{error.hint}; then run `hx sync leave` again, which removes them",
            ) from None
        if published:
            raise
        remove_vault(sync_context, outbox)
        print(
            f"hx: warning: the keys of this device are still there: {error.message}\nhx: hint:"
            " run `hx sync leave` again when they can be read: it removes them",
            file=sys.stderr,
        )
    outbox.clear()


@contextmanager
def _or_offline(sync_context: SyncContext) -> Iterator[None]:
    """Add to the hint of an error what leaving without the store would leave behind."""
    try:
        yield
    except HxError as error:
        left = outlook(sync_context).unpublished
        error.hint = (
            f"nothing was changed: {error.hint}; or run `hx sync leave --offline`, which leaves"
            f" {count(left, 'event')} of this device out of the vault"
        )
        raise


def _print(given: Namespace, context: Context, vault: Vault, *, published: bool, left: int) -> None:
    if given.json:
        print_json(
            {
                "vault_id": vault.vault_id.hex(),
                "vault_name": vault.name,
                "device_id": context.who.device_id.hex(),
                "published": published,
                "unpublished": left,
            }
        )
        return
    print(f"this device has left the vault {visible(vault.name.encode())}")
    if left:
        print(f"only this device has {count(left, 'event')} that it had not published")
