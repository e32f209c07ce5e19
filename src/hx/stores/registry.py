"""The registry of stores: the beginning of a URL -> the module that opens it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hx.core.errors import UsageError
from hx.stores import HINT, not_a_store

if TYPE_CHECKING:
    from collections.abc import Callable

    from hx.stores import Store

    Opener = Callable[[str, str, bytes, int | None], Store]


def _opener(scheme: str) -> Opener | None:
    """Return what opens the stores whose URLs begin so; a module is imported only when needed."""
    if scheme == "folder":
        from hx.stores import folder

        return folder.open_url
    if scheme == "memory":
        from hx.stores import memory

        return memory.open_url
    return None


def open_store(url: str, device_id: bytes, *, umask: int | None = None) -> Store:
    """Return the store that a URL names, without touching it yet. Raises UsageError.

    `umask` is the user's own, and what hx writes into a folder follows it, so that a shared folder
    stays shared. None: hx's umask, which keeps all other users out; this is right for a vault
    that is not sealed.
    """
    scheme, colon, place = url.partition(":")
    opener = _opener(scheme) if colon else None
    if opener is not None:
        return opener(url, place, device_id, umask)
    if scheme == "s3" and colon:
        raise UsageError("this hx cannot sync through a bucket yet", HINT)
    raise not_a_store(url)
