"""The store on another machine that the user's own `ssh` reaches: ssh://[user@]host[:port]/path."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.stores import Opening
    from hx.stores.ssh.store import SshStore


def open_url(opening: Opening) -> SshStore:
    """Return the store of a URL, without connecting yet. Raises UsageError."""
    from hx.stores.ssh.address import parse
    from hx.stores.ssh.store import SshStore

    mode = 0o600 if opening.umask is None else 0o666
    return SshStore(parse(opening.url), opening.device_id, file_mode=mode, asks=opening.asks)
