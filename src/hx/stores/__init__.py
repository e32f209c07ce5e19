"""Stores: places that keep sealed objects and are trusted with nothing else.

This is the contract. A store is a module of this package with a class that extends `Store` and a
function `open_url`; `_MODULES` below names each of them. CONTRIBUTING.md says how to add one. The
rest of hx uses nothing of a store but `Store`, and gets no other errors from it than those below.
"""

from __future__ import annotations

import os
from importlib import import_module

from hx.core.errors import StoreError, UsageError
from hx.core.format.object_names import parsed
from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Protocol

    Opener = Callable[["Opening"], "Store"]
else:  # importing typing takes as long as a pull with nothing new
    Protocol = object

WEAK_DURABILITY = "weak durability"  # a power cut may undo the last writes
# the beginning of a URL -> the module that opens it, which is imported only when it is needed
_MODULES = {
    "folder": "hx.stores.folder",
    "memory": "hx.stores.memory",
    "ssh": "hx.stores.ssh",
}
EXAMPLE = "folder:/path/to/folder"  # of a URL, for messages and help
HINT = f"name a folder by its whole path: {EXAMPLE}, or one on a host: ssh://host/path/to/folder"


class Opening(NamedTuple):
    """What a store is opened with."""

    url: str
    place: str  # what stands in the URL after the first colon
    device_id: bytes
    umask: int | None  # None: hx's, which keeps all other users out
    asks: bool  # whether a person is there who can answer a question of another program


class StoredObject(NamedTuple):
    """An object of a listing."""

    key: str
    size: int  # bytes


class Store(Protocol):
    """Objects under keys as hx.core.format.object_names spells them. Another key is a ValueError.

    Every call may be repeated, also after an error: an error says that the call was not seen to
    succeed, never that it did nothing. Errors are StoreError and its subclasses, nothing else.
    """

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Return all objects whose keys begin with the prefix, in any order.

        The listing is complete but for what is below `unopened`, or it ends with an error. Whatever
        is not the name of an object is left out. An empty listing says that there is no such
        object.
        """

    def get(self, key: str, max_bytes: int) -> bytes:
        """Return the bytes of the object, or the first max_bytes + 1 of them if there are more.

        A result that is longer than max_bytes tells the caller that the object is too large.

        Raises Missing only when the store itself says that there is no such object.
        """

    def put(self, key: str, data: bytes) -> None:
        """Create an object atomically; after the return it is durable and listed.

        Putting the same bytes again succeeds. If the object has other bytes, nothing changes and
        Exists is raised.
        """

    def delete(self, key: str) -> None:
        """Remove an object; if there is none, this succeeds."""

    @property
    def unopened(self) -> frozenset[str]:
        """Return the names in the store, such as k/ID, that no listing so far could look into."""
        return frozenset()

    @property
    def conditions(self) -> frozenset[str]:
        """Return what was noticed about the store so far, such as WEAK_DURABILITY."""
        return frozenset()

    @property
    def file_system(self) -> str:
        """Return what tells the disk or share of this store from others; empty: nothing does."""
        return ""

    @property
    def watched(self) -> str:
        """Return the local folder that changes when news arrive; empty: there is none."""
        return ""

    def nearby(self) -> tuple[str, ...]:
        """Return the URLs of the places right above and below this one that hold a vault file."""
        return ()

    def foreign_files(self, prefix: str = "") -> Iterator[str]:
        """Return the names that `list` leaves out: files in the store that are not objects of hx.

        A folder that is not one of hx is one name.
        """
        del prefix
        return iter(())

    def sweep(self) -> int:
        """Remove the files that interrupted writes of this device left; return how many.

        It must not run while this device writes.
        """
        return 0


class Missing(StoreError):  # noqa: N818  (the contract names them so)
    """The store is available and says that it does not have this object."""

    advice = "run `hx sync` again; if the object stays away, run `hx sync repair` on its device"


class Exists(StoreError):  # noqa: N818
    """There is an object with this name and other bytes."""

    advice = (
        "nothing was replaced: check that only hx writes to the store, then run `hx sync` again"
    )


class Transient(StoreError):  # noqa: N818
    """The call failed now and may succeed later."""


class Placeholder(Transient):
    """The store has the name of the object, but its bytes are in a cloud and not fetched yet."""


class Denied(StoreError):  # noqa: N818
    """A person must change a permission, or move a file out of the way."""


class Full(StoreError):  # noqa: N818
    """The disk is full, or the quota is used up."""


class ReadOnly(StoreError):  # noqa: N818
    """The store can be read but not written."""


class NotMounted(StoreError):  # noqa: N818
    """The place of the store is not there, so nothing is known about its objects."""

    other = ""  # the URL of a place with nearly the same name


def require_key(key: str) -> None:
    """Raise ValueError unless this is the name of an object: no other name may reach a disk."""
    if parsed(key) is None:
        raise ValueError(f"{key!r} is not the name of an object")


def noted(conditions: Iterable[str], unopened: Mapping[str, str]) -> frozenset[str]:
    """Return the conditions of a store with a sentence for each folder that was not opened.

    `unopened`: the key of a folder -> why it could not be opened.
    """
    closed = (f"{key} cannot be opened: {why}" for key, why in unopened.items())
    return frozenset((*conditions, *closed))


def spelled_out(url: str) -> str:
    """Return the URL that a person means: `~` is the home folder, and a plain path a folder."""
    scheme, colon, place = url.partition(":")
    is_folder = bool(colon) and scheme == "folder"
    path = place if is_folder else url
    if path.startswith("~"):
        path = os.path.expanduser(path)
    if (not is_folder and url.startswith(("./", "../"))) or url in (".", ".."):
        path = os.path.abspath(path)
    return f"folder:{path}" if is_folder or path.startswith("/") else url


def not_a_store(url: str) -> UsageError:
    hint = f"did you mean folder:{url}?" if url.startswith("/") else HINT
    return UsageError(f"{url} is not a store", hint)


def how_to_close(url: str) -> list[str]:
    """Return lines on how the owner of a store takes a device's access to it away."""
    first = f"at the store: take away the access of that device to {url}:"
    if url.startswith("ssh:"):
        return [
            first,
            "  remove its key from ~/.ssh/authorized_keys there, and end its sessions",
            "  look what else that user may read there: the key opened that too",
        ]
    return [
        first,
        "  network share or cloud folder: change its password, and end the sessions of that device",
        "  Syncthing: remove the device from the folder, on each machine that shares it",
        "  disk or stick: keep it away from that device",
    ]


def open_store(url: str, device_id: bytes, *, umask: int | None = None, asks: bool = True) -> Store:
    """Return the store that a URL names, without touching it yet. Raises UsageError.

    `umask` is the user's own, and what hx writes into a folder follows it, so that a shared folder
    stays shared. None: hx's umask, which keeps all other users out; this is right for a vault
    that is not sealed. `asks`: whether a person can answer a question, such as one of `ssh`.
    """
    scheme, colon, place = url.partition(":")
    if colon and scheme in _MODULES:
        opener: Opener = import_module(_MODULES[scheme]).open_url
        return opener(Opening(url, place, device_id, umask, asks))
    if scheme == "s3" and colon:
        raise UsageError("this hx cannot sync through a bucket yet", HINT)
    raise not_a_store(url)
