"""What a purge says on a device that is in a vault: there it would be listed for ever."""

from __future__ import annotations

import os
import sys
import time
from contextlib import closing

from hx.cli.text import count
from hx.core.errors import HxError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.config import Config

_LEAVE = "leave first: hx sync leave"


def warn_of_vault(config: Config, *, refuses: bool) -> None:
    """Say that this device is in a vault and what only it has. Raises UsageError if `refuses`."""
    said = _sentence(config)
    if said is None:
        return
    if refuses:
        raise UsageError(said, f"{_LEAVE}; or add --anyway")
    print(f"hx: warning: {said}\nhx: hint: {_LEAVE}", file=sys.stderr)


def _sentence(config: Config) -> str | None:
    """Return what the purge would leave behind; None: this device is in no vault."""
    # imported here: a setup without a purge opens no database
    from hx.cli.context import open_context
    from hx.database.sync import unpublished
    from hx.database.sync import vault as rows

    if not os.path.exists(config.paths.database):
        return None
    try:
        with closing(open_context(config).database) as database:
            vault = rows.read(database)
            if vault is None:
                return None
            events = unpublished.count(database, time.time_ns() // 1000)
    except HxError:  # a database that cannot be used is no reason to keep it
        return None
    return (
        f"this device is in the vault {vault.name!r} ({vault.store}): {count(events, 'event')} that"
        " only it has would be lost, and it would stay in the list of the others, which wait for it"
        " after each `hx forget`"
    )
