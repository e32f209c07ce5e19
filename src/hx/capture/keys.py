"""What the keys of the picker are bound to in each open shell, as the hooks noted it.

Another tool may bind a key after hx. The hook looks once, at the second prompt, and writes a record
K; it is kept in the database as long as the session has a spool file.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.core.shell_files.bound_keys import BoundKey
    from hx.core.spool_records import SpoolRecord
    from hx.database.connection import Database

KEYS = "keys."  # key in meta, before a session id


def noted(records: list[SpoolRecord]) -> str:
    """Return the keys of the last record K, as one text. There is such a record."""
    from hx.core.shell_files.bound_keys import bound_keys, packed

    return packed(bound_keys([record.fields for record in records if record.kind == "K"][-1]))


def write(database: Database, session: str, text: str) -> None:
    """Write the keys of a session; the caller holds the transaction."""
    database.set_meta(KEYS + session, text)


def read(database: Database, session: str) -> list[BoundKey]:
    """Return the keys of a session; none when its shell has not looked at them."""
    from hx.core.shell_files.bound_keys import unpacked

    text = database.meta(KEYS + session)
    return unpacked(text) if isinstance(text, str) else []
