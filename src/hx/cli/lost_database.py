"""A device whose database was lost: its keys are in custody, and the database knows no vault."""

from __future__ import annotations

import os

from hx.core.errors import KeyMissing, NotInVault, UsageError
from hx.database.sync import vault as rows
from hx.stores import EXAMPLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.cli.context import Context

IS_NEW = "this device has keys of a vault, but its database knows none: it is new"
NOTE = "custody.toml"


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
        IS_NEW,
        f"`hx sync recover --store {EXAMPLE}`, with the folder of that vault, goes on with these"
        " keys",
    )


def require_none(context: Context) -> None:
    """Check that a new vault would replace no keys of another one. Raises UsageError."""
    if has_keys_of_a_vault(context):
        raise UsageError(
            f"{IS_NEW}; a new vault would replace these keys: nothing was changed",
            f"`hx sync recover --store {EXAMPLE}`, with the folder of that vault, goes on with"
            " them; `hx sync leave --offline` gives them up",
        )
    path = _keys_without_note(context)
    if path is not None:
        raise UsageError(
            f"{path} holds keys of a vault, but the note beside it and the database know none; a"
            " new vault would replace these keys: nothing was changed",
            f"restore {NOTE} in this folder from a backup; if you do not need that vault any more,"
            " move the file of keys away",
        )


def _keys_without_note(context: Context) -> str | None:
    """Return the path of keys whose note was lost together with the database; None: none are."""
    if rows.knows_of_a_vault(context.database):
        return None
    from hx.cli import keys
    from hx.custody.files import read_note

    place = keys.place(context)
    if read_note(place.note) is not None:
        return None
    return next(filter(os.path.lexists, (place.bare, place.sealed)), None)
