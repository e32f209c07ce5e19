"""What `hx sync` prints about the vault file in the store, and about another vault beside this."""

from __future__ import annotations

import sys

from hx.database.sync import vault as rows
from hx.sync.vault_file import ABSENT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.database.connection import Database
    from hx.sync.context import SyncContext


def warn(sync_context: SyncContext) -> None:
    """Say that the vault file was put back, and that another vault lies there."""
    if sync_context.vault_file_restored:
        how = "missing" if sync_context.vault_file == ABSENT else "damaged"
        _say(
            f"the vault file in {sync_context.vault.store} was {how}; it is put back now",
            "if it happens again, check what else writes to the store",
        )
    warn_of_two(sync_context.database)


def warn_of_two(database: Database) -> None:
    """Say that another vault lies in the store of this one, and how each gets its own place."""
    vault = rows.read(database)
    if vault is not None and rows.lies_with_another(database):
        _say(
            f"two vaults lie in {vault.store}: {vault.name!r}, which this device is in, and another"
            " one; their devices share nothing",
            "`hx sync move --store folder:/path/to/an/empty/folder` takes this vault out of there;"
            " run it on an admin device of one of the two. To make one vault of them, then run"
            " `hx sync leave` and `hx sync join` on the devices of that one",
        )


def _say(message: str, hint: str) -> None:
    print(f"hx: warning: {message}\nhx: hint: {hint}", file=sys.stderr)
