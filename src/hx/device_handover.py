"""The keys of a device move from the file of its first run into the custody of a vault."""

from __future__ import annotations

from hx.core.errors import DatabaseError
from hx.custody.files import is_blank, remove
from hx.device import read_keys
from hx.files import reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.custody import Custody
    from hx.custody.key_set import Secrets


def hand_over(custody: Custody, secrets: Secrets, key_path: str) -> None:
    """Store, read back, and only then let the bare file go. Raises KeyMissing, DatabaseError."""
    custody.store(secrets)
    retire(key_path, secrets)


def retire(key_path: str, secrets: Secrets) -> None:
    """Overwrite and delete the bare file if custody holds its keys; also after a crash between."""
    try:
        if not is_blank(key_path) and read_keys(key_path) != secrets.device:
            raise DatabaseError(
                f"{key_path} holds other keys than the custody of this device",
                "move it away: it belongs to another device",
            )
        remove(key_path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise DatabaseError(
            f"cannot delete {key_path}: {reason(error)}", "make the folder writable"
        ) from None
