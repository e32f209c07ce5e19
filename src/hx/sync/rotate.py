"""Rotate the key of the vault: what is recorded from now on is sealed under a new one.

What is in the store already stays sealed as it is. Source: docs/design/sync.md.
"""

from __future__ import annotations

from hx.sync.membership import new_epoch, update_membership

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.sync.context import SyncContext


def rotate(context: SyncContext) -> None:
    """Make a new epoch with a slot for each active device; the caller has to push next.

    This device is active, and the vault is sealed. Waiting joiners are admitted before, so that
    they get the key. Raises KeyMissing, StoreError.
    """
    before = context.trust.writing
    update_membership(context)
    if context.trust.writing == before:  # else a new epoch was due and was made just now
        new_epoch(context)
