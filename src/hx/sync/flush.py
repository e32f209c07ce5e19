"""When a sync in the background pushes: by number, by age, and at once where something must go.

A sync by hand pushes all that is due. In the background each push costs the other devices a request
more, so events are gathered first; and what was typed a moment ago can still be forgotten here
before any other device has it.
"""

from __future__ import annotations

from hx.core.record import NamedTuple
from hx.database.sync import own_ledger, unpublished
from hx.sync.heads import is_head_current, roster_is_new
from hx.sync.push import Pushed, push
from hx.sync.revoked_duty import is_due as is_duty_due

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.sync.context import SyncContext
    from hx.sync.outbox import Outbox

_MINUTE_US = 60_000_000
YOUNG_US = 2 * _MINUTE_US  # events that began later stay here in the background


class Limits(NamedTuple):
    """What is gathered before a push in the background."""

    events: int
    minutes: int


def flush(context: SyncContext, outbox: Outbox, label: str, limits: Limits) -> Pushed:
    """Push if that is due in the background, all but the youngest events; return what was done.

    The context has just pulled. Raises what `push` raises.
    """
    context.young_us = YOUNG_US
    if not is_flush_due(context, outbox, label, limits):
        return Pushed()
    return push(context, outbox, label, listed=True)


def is_flush_due(context: SyncContext, outbox: Outbox, label: str, limits: Limits) -> bool:
    """Return whether a push is due in the background. The context has just pulled.

    A push that was interrupted is completed at once.
    """
    if outbox.read() is not None:
        return True
    waiting = unpublished.waiting(context.database, context.now_us, context.young_us)
    border_us = context.now_us - limits.minutes * _MINUTE_US
    if waiting.events >= limits.events:
        return True
    if waiting.oldest_us is not None and waiting.oldest_us <= border_us:
        return True
    return is_urgent(context) or (_has_more(context, label) and _is_quiet(context, border_us))


def is_urgent(context: SyncContext) -> bool:
    """Return whether something must go at once: a tombstone, a rewriting, a change of the roster.

    What a push has to restore or to delete in the store belongs to it.
    """
    database, me = context.database, context.me
    return (
        unpublished.must_rewrite(database, me)
        or roster_is_new(context)
        or bool(own_ledger.superseded(database, me))
        or own_ledger.lists_superseded(database, me)
        or context.shows_older_state
        or bool(context.adopted)
        or is_duty_due(context)
    )


def _has_more(context: SyncContext, label: str) -> bool:
    """Return whether a push has work besides events: pins, artifacts, a name, a decision."""
    anything = unpublished.anything_but_new_events(context.database, context.me, frozenset())
    return anything or not is_head_current(context, label)


def _is_quiet(context: SyncContext, border_us: int) -> bool:
    """Return whether the last push of this device is older than a time."""
    pushed_us = context.vault.pushed_at_us
    return pushed_us is None or not border_us < pushed_us <= context.now_us
