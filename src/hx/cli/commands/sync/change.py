"""What the commands share that read the store first and then change the vault."""

from __future__ import annotations

from contextlib import contextmanager

from hx.cli.commands.sync.newcomers import print_newcomers
from hx.cli.commands.sync.taken_out import finish_removal, require_not_gone
from hx.cli.commands.sync.vault_access import alone, label_of, outbox_of, scrub, sync_context_of
from hx.cli.context import now_us
from hx.cli.prompts import Progress
from hx.core.errors import NotInVault
from hx.sync.device_state import MEMBER, WAITS, place_of, require_place
from hx.sync.pull import pull
from hx.sync.push import push

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.cli.context import Context
    from hx.sync.context import SyncContext


@contextmanager
def pulled_alone(
    context: Context, *, admits: bool = True, quiet: bool = False
) -> Iterator[SyncContext]:
    """Hold the lock of sync, pull, and check that this device is a member; then clean up.

    The caller changes the vault meanwhile and calls `publish` for what it has changed. `admits`:
    whether the pull admits devices that wait; `quiet`: show no progress.

    Raises NotInVault, KeyMissing, StoreError, Busy.
    """
    finish_removal(context)
    with alone(context):
        sync_context = pulled(context, admits=admits, quiet=quiet)
        require_member(sync_context)
        yield sync_context
    scrub(context)
    print_newcomers(sync_context)


def pulled(context: Context, *, admits: bool = True, quiet: bool = False) -> SyncContext:
    """Pull, and return the context of the sync. The caller holds `alone`.

    Raises NotInVault, after the removal of the vault from a device that is out of it for good.
    """
    # the clock is read again: a question may have waited for minutes
    sync_context = sync_context_of(context._replace(now_us=now_us()))
    with Progress("syncing", quiet=quiet) as progress:
        sync_context.report_progress = progress.told
        pull(sync_context, admits=admits)
    require_not_gone(context, sync_context)
    return sync_context


def require_member(sync_context: SyncContext) -> None:
    """Check that this device is an active member of the vault. Raises NotInVault."""
    place = place_of(sync_context.trust, sync_context.me)
    require_place(place)
    if place != MEMBER:
        raise NotInVault(*WAITS)


def publish(context: Context, sync_context: SyncContext, *, quiet: bool = False) -> None:
    """Publish what was changed since the pull. The caller holds `alone`."""
    with Progress("syncing", quiet=quiet) as progress:
        sync_context.report_progress = progress.told
        push(sync_context, outbox_of(context), label_of(context), listed=True)
