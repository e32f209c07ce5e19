"""A device whose database was lost: its keys are in custody, and the database knows no vault."""

from __future__ import annotations

from hx.core.errors import KeyMissing, NotInVault, UsageError
from hx.database.sync import vault as rows
from hx.stores import EXAMPLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.cli.context import Context


def has_keys_of_a_vault(context: Context) -> bool:
    """Return whether this device has keys of a vault of which its database knows nothing.

    The database was lost, or the command that entered the vault was cut short.
    """
    if rows.knows_of_a_vault(context.database):
        return False
    from hx.custody.files import read_note, stem

    try:
        return read_note(f"{stem(context.config.paths.data)}.toml") is not None
    except KeyMissing:  # the note is damaged: its keys cannot be found
        return False


def not_in_vault() -> NotInVault:
    """Return the error of a command that needs the vault."""
    return NotInVault(
        "this device has keys of a vault, but its database knows none: it is new",
        f"`hx sync recover --store {EXAMPLE}`, with the folder of that vault, goes on with these"
        " keys",
    )


def not_replaced() -> UsageError:
    """Return the error of `hx sync init`."""
    return UsageError(
        "this device has keys of a vault, but its database knows none: it is new; a new vault would"
        " replace these keys: nothing was changed",
        f"`hx sync recover --store {EXAMPLE}`, with the folder of that vault, goes on with them;"
        " `hx sync leave --offline` gives them up",
    )
