"""Notice that somebody else has the keys of this device, by the number of a manifest.

A seq that is far beyond the own ones would use up all numbers. The other devices have taken that
manifest, and read nothing with a smaller seq any more, so this device cannot go on under its id.
"""

from __future__ import annotations

from hx.core.errors import KeysElsewhere
from hx.database.sync import vault
from hx.sync.heads import SEEN_STEP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.core.format.manifest import Manifest
    from hx.database.connection import Database
    from hx.sync.context import SyncContext

_SEQ = "keys_elsewhere_seq"  # meta: the seq of that manifest


def is_beyond_own(context: SyncContext, manifest: Manifest) -> bool:
    """Return whether a manifest that is signed as an own one has a seq far beyond the own ones."""
    own_seq = vault.own_seq(context.database)
    return manifest.device_id == context.me and manifest.seq > own_seq + SEEN_STEP


def note_keys_elsewhere(context: SyncContext, seq: int) -> None:
    """Note the seq of such a manifest until this device has another id."""
    context.database.set_meta(_SEQ, seq)


def elsewhere_seq(database: Database) -> int | None:
    """Return the seq of such a manifest; None: there was none."""
    seq = database.meta(_SEQ)
    return seq if isinstance(seq, int) else None


def require_own_keys(database: Database) -> None:
    """Check that nobody else is known to have the keys of this device. Raises KeysElsewhere."""
    seq = elsewhere_seq(database)
    if seq is not None:
        raise KeysElsewhere(
            "the keys of this device are used elsewhere: somebody has signed the manifest number"
            f" {seq:,} with them, so the others read nothing more of this device",
            "run `hx sync join --new-id` here, then `hx sync revoke` the old id",
        )
