"""Whether the keys of this device are lost, so that only a new id brings it into a vault again."""

from __future__ import annotations

from hx.cli import keys
from hx.core.errors import KeyMissing, KeysLost, UsageError
from hx.custody.files import PASSPHRASE, read_note

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.cli.context import Context

OPTION = "--keys-lost"


def why(context: Context, *, in_vault: bool, declared: bool) -> str | None:
    """Return why nobody can read the keys of this device again; None: they are there.

    `declared`: the owner says that a passphrase, or a keychain, is lost. No passphrase is asked
    for. Raises KeyMissing for a keychain that may be unlocked later, UsageError.
    """
    try:
        if not in_vault and read_note(keys.place(context).note) is None:
            keys.device_keys(context)
            return None
        kept = keys.opened(context)
        kept.check()
    except KeysLost as error:
        return error.message
    except KeyMissing as error:
        if declared:
            return error.message
        raise KeyMissing(
            error.message, f"{error.hint}; if that is impossible for good, add {OPTION}"
        ) from None
    if declared and kept.name != PASSPHRASE:
        raise UsageError(
            f"the keys of this device are not lost: they are in {kept.describe()}",
            f"leave {OPTION} out",
        )
    return "nobody knows the passphrase of its keys" if declared else None


def by_passphrase(context: Context) -> bool:
    """Return whether the keys of this device are sealed under a passphrase."""
    note = read_note(keys.place(context).note)
    if note is None:
        return False
    return note.kind == PASSPHRASE
