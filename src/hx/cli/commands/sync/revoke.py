"""`hx sync revoke` takes another device out of the vault, such as a laptop that was stolen."""

from __future__ import annotations

from hx.cli.commands.sync.change import publish, pulled_alone
from hx.cli.commands.sync.decide import LATER, answer_of_revoked, decide
from hx.cli.commands.sync.operands import device_named, recovery_seed
from hx.cli.commands.sync.revoke_text import outlook_lines, outlook_of, print_done, print_outlook
from hx.cli.commands.sync.sync import warn_of_staying
from hx.cli.context import drained, open_context
from hx.cli.prompts import confirm_after
from hx.cli.text import count
from hx.core.errors import InputError, UsageError
from hx.database.sync import sync_status
from hx.sync.holding import look
from hx.sync.revoke import pending_of, revoke, revoked_by_admins

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Collection

    from hx.config import Config
    from hx.core.format.roster import Trust
    from hx.database.sync.sync_status import DeviceSeen
    from hx.sync.context import SyncContext

_NEEDED = (
    "this device is no admin, so it needs the recovery words to take another device out",
    "use --words-file FILE, or run the command on an admin; `hx sync devices` shows which",
)


def run(_: str, given: Namespace, config: Config) -> int:
    context = drained(open_context(config))
    # the pull admits nobody: the device may be one that waits
    with pulled_alone(context, admits=False, quiet=given.json) as sync_context:
        seen = sync_status.devices(context.database, sync_context.trust, sync_context.me)
        again = set() if given.words_file is None else revoked_by_admins(sync_context)
        target = named(given.device, seen, sync_context.trust, again)
        _require_read(sync_context, target, anyway=given.anyway)
        seed = None if given.dry_run else _seed(sync_context, given)
        others = [each for each in seen if each.active and not each.here and each != target]
        look(sync_context)
        outlook = outlook_of(context, sync_context, target, others)
        by_words = seed is not None or given.words_file is not None
        outlook = outlook._replace(needs_words=outlook.needs_words and not by_words)
        if given.dry_run:
            print_outlook(outlook, as_json=given.json)
            return 0
        confirm_after(outlook_lines(outlook), "Take it out of the vault?", given)
        answer = LATER if given.yes else answer_of_revoked(outlook.held)
        revoke(sync_context, target.device_id, seed=seed)
        decided = None if answer == LATER else decide(answer, sync_context, outlook.held)
        publish(context, sync_context, quiet=given.json)
        admins = len(sync_context.trust.admins & sync_context.trust.active.keys())
    warn_of_staying(sync_context)
    print_done(outlook, admins, answer, decided, as_json=given.json)
    return 0


def named(
    name: str, seen: list[DeviceSeen], trust: Trust, also: Collection[bytes] = ()
) -> DeviceSeen:
    """Return the device that a name, or the beginning of an id, means. Raises UsageError.

    It is one that is in the vault or waits to be admitted, or one of `also`.
    """
    inside = {*trust.active, *trust.waiting, *also}
    device = device_named(name, seen, inside)
    if device.here:
        raise UsageError("this is the device itself", "a device leaves with `hx sync leave`")
    return device


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
    return recovery_seed(sync_context, given.words_file, _NEEDED)
