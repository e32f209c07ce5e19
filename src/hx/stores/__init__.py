"""Stores: places that keep sealed objects and are trusted with nothing else.

`Store` is all that the rest of hx knows of them, the errors below are all that comes out of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from hx.core.errors import StoreError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

WEAK_DURABILITY = "weak durability"  # a power cut may undo what was written last
_HINT = "use a folder: folder:/path/to/folder"


class Entry(NamedTuple):
    key: str
    size: int  # bytes


class Store(Protocol):
    """Objects under keys as hx.core.format.object_names spells them. Another key is a ValueError.

    Every call may be repeated, also after an error: an error says that the call was not seen to
    succeed, never that it did nothing. Errors are StoreError and its kinds, nothing else.
    """

    def list(self, prefix: str) -> Iterator[Entry]:
        """All objects whose keys begin so, in any order: complete, or an error at some step.

        What does not bear a name of ours is left out. An empty listing says that nothing is there.
        """

    def get(self, key: str, max_bytes: int) -> bytes:
        """The object, of a longer one the first max_bytes + 1 bytes: so its length tells.

        Raises Missing only when the store itself says that it is not there.
        """

    def put(self, key: str, data: bytes) -> None:
        """Make an object, whole or not at all; once this returns it is durable and listed.

        The same bytes again is success; where other bytes are, nothing changes: Exists.
        """

    def delete(self, key: str) -> None:
        """Take an object away; one that is not there is success."""


class Missing(StoreError):  # noqa: N818  (as the contract names them)
    """The store is there and says that it does not hold this object."""


class Exists(StoreError):  # noqa: N818
    """Another object has this name."""


class Transient(StoreError):  # noqa: N818
    """It failed now and may succeed later."""


class Placeholder(Transient):
    """The object's name is here, its bytes are elsewhere until something fetches them."""


class Denied(StoreError):  # noqa: N818
    """A person has to change a permission, or move something out of the way."""


class Full(StoreError):  # noqa: N818
    """No room, or the quota is used up."""


class ReadOnly(StoreError):  # noqa: N818
    """It can be read and not written."""


class NotMounted(StoreError):  # noqa: N818
    """The place itself is not there: nothing is known of any object in it."""


def open_store(url: str, device_id: bytes, *, umask: int | None = None) -> Store:
    """The store that a URL names; nothing is touched yet. Raises UsageError.

    `umask`: the user's own, which what hx puts into a folder follows, so that a shared folder
    stays shared; hx itself runs with one that keeps all others out. None: as hx runs, which is
    right for a vault that is not sealed.
    """
    scheme, colon, place = url.partition(":")
    if scheme == "folder" and colon:
        from hx.stores.folder import FolderStore

        return FolderStore(_absolute(url, place), device_id, umask=umask)
    if url == "memory:":
        from hx.stores.memory import MemoryStore

        return MemoryStore()
    if scheme == "s3" and colon:
        raise UsageError("this hx cannot sync through a bucket yet", _HINT)
    hint = f"did you mean folder:{url}?" if url.startswith("/") else _HINT
    raise UsageError(f"{url} is not the URL of a store", hint)


def _absolute(url: str, path: str) -> str:
    if not path.startswith("/") or "\0" in path:
        raise UsageError(f"{url} does not name a folder by an absolute path", _HINT)
    return "/" + path.strip("/")
