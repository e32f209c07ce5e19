"""Another id for this device: new keys beside the old ones, then the database, then custody.

Cut short before the database has changed it is the old device still, after it the new one: the
next run takes the keys that belong to it.
"""

from __future__ import annotations

from hx import device
from hx.cli import keys as custody

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from hx.cli.context import Context
    from hx.core.format.keys import DeviceKeys


def renewed(
    context: Context, name: str, prepare: Callable[[DeviceKeys], Callable[[], None]] | None = None
) -> Context:
    """As the new device. What `prepare` gives is done in the transaction that makes it one.

    Raises KeyMissing, DatabaseError.
    """
    keys = custody.heir(context)
    also = prepare(keys) if prepare else lambda: None
    who, host, database = context.who, context.config.host, context.database
    with database.transaction():
        also()
        who = device.become(database, host, keys.device_id, name, shared=who.shared)
    reborn = context._replace(who=who)
    custody.opened(reborn)
    return reborn
