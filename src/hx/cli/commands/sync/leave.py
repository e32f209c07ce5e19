"""`hx sync leave`: this device goes out of its vault; its history stays, here and there."""

from __future__ import annotations

from hx.cli import keys
from hx.cli.commands.sync.run import scrub
from hx.cli.commands.sync.vault import alone, label_of, outbox_of, sync_context_of, vault_of
from hx.cli.context import drained, now_us, open_context
from hx.cli.output import visible
from hx.cli.progress import Progress
from hx.cli.prompts_ask import confirm
from hx.core.errors import Busy, HxError, KeyMissing
from hx.custody.place import read_note
from hx.database.sync import vault as rows
from hx.sync.device_state import WAITING
from hx.sync.leave import outlook, publish_and_leave, remove_vault
from hx.sync.pull import pull

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from hx.cli.context import Context
    from hx.config import Config
    from hx.database.sync.vault import Vault
    from hx.sync.leave import Outlook


def run(_: str, given: Namespace, config: Config) -> int:
    context = drained(open_context(config))
    with alone(context):
        if rows.read(context.database) is None and _drop_keys(context):
            print("the keys of the vault that this device has left are out of their custody")
            return 0
        found = vault_of(context)
        seen = outlook(sync_context_of(context))
        if not given.yes:
            print("\n".join(_sentences(found, seen, offline=given.offline)))
            confirm("leave the vault?")
        published = _last_sync(context, seen) if not given.offline else False
        left = 0 if published else outlook(sync_context_of(context)).unpublished
        if not published:
            remove_vault(sync_context_of(context), outbox_of(context))
        _drop_keys(context)
    scrub(context)
    _tell(given, context, found, published=published, left=left)
    return 0


def _sentences(found: Vault, seen: Outlook, *, offline: bool) -> Iterator[str]:
    """What it means, before it is asked."""
    yield f"this device leaves the vault {visible(found.name.encode())} ({found.store})"
    yield "- its whole history stays on this device; what the others have stays with them"
    events = f"{seen.unpublished:,} event{'' if seen.unpublished == 1 else 's'}"
    if not seen.publishes:
        yield "- it is not in the vault any more: nothing is published"
    elif offline:
        yield f"- the store is not asked: {events} recorded here are not in it, and nobody is told"
    else:
        yield f"- what is not in the store yet is published first ({events} now)"
        if seen.place != WAITING:
            yield "- the others turn to a new key, which this device does not get"
    if seen.publishes and not seen.others:
        yield "- no other device is in the vault: after this, only its recovery words open it"
    elif seen.publishes and seen.made_it:
        yield "- it is the device that may take others out: after this, the recovery words can"


def _last_sync(context: Context, seen: Outlook) -> bool:
    """Sync and leave, unless this device has nothing to publish; whether it was done.

    Raises StoreError, NotAVault, KeyMissing, Busy.
    """
    if not seen.publishes:
        return False
    sync_context = sync_context_of(context._replace(now_us=now_us()))
    outbox, label = outbox_of(context), label_of(context)
    try:
        with Progress("syncing") as progress:
            sync_context.tell = progress.told
            pull(sync_context)
            if not outlook(sync_context).publishes:
                return remove_vault(sync_context, outbox)
            is_gone = publish_and_leave(sync_context, outbox, label)
    except HxError as error:
        left = outlook(sync_context).unpublished
        raise type(error)(
            error.message,
            f"nothing was changed: {error.hint}; or `hx sync leave --offline`, and {left:,}"
            " events recorded here stay out of the vault",
        ) from None
    if not is_gone:
        raise Busy(
            "the others are told that this device leaves, but other commands of hx go on writing",
            "wait until they have ended, then `hx sync leave` again",
        )
    return True


def _drop_keys(context: Context) -> bool:
    """The vault's keys leave custody, those of the device stay; whether there were any."""
    if read_note(keys.place(context).note) is None:
        return False
    try:
        kept, secrets = keys.loaded(context)
    except KeyMissing:
        return False
    if secrets.vmks:
        kept.store(secrets._replace(vmks={}))
    return bool(secrets.vmks)


def _tell(given: Namespace, context: Context, found: Vault, *, published: bool, left: int) -> None:
    if given.json:
        from hx.cli.json_output import print_json

        print_json(
            {
                "vault_id": found.vault_id.hex(),
                "vault_name": found.name,
                "device_id": context.who.device_id.hex(),
                "published": published,
                "unpublished": left,
            }
        )
        return
    print(f"this device is in no vault any more; {visible(found.name.encode())} goes on without it")
