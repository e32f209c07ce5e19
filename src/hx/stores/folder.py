"""The store in a folder: on a disk, a stick or a share, or one that another program synchronises.

Under the name of an object there is always a whole file (hx.stores.disk). Each call opens
the folders one by one and never follows a link, so no name can lead out of the store.
"""

from __future__ import annotations

import os
import stat as modes
from contextlib import contextmanager, suppress

from hx.core.errors import UsageError
from hx.core.format.object_names import VAULT_KEY, parsed
from hx.files import mounted_from, on_network, reason
from hx.stores import (
    HINT,
    Exists,
    Missing,
    NotMounted,
    Placeholder,
    Store,
    StoredObject,
    Transient,
    noted,
    require_key,
)
from hx.stores.disk import (
    FOLDER,
    NO_LINK,
    Publisher,
    explained,
    is_doubtful,
    not_mounted,
    read,
    translated,
)
from hx.stores.tree import is_folder, is_temporary

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hx.stores import Opening

_DATALESS = 0x40000000  # SF_DATALESS of macOS: the bytes are in the cloud
_TRIES = 3  # another program may remove an empty folder before its first file is there


def open_url(opening: Opening) -> FolderStore:
    """Return the store of `folder:/path`. Raises UsageError for a relative path."""
    url, place, device_id, umask, _ = opening
    if not place.startswith("/") or "\0" in place:
        raise UsageError(f"{url} does not name a folder by its whole path", HINT)
    return FolderStore("/" + place.strip("/"), device_id, umask=umask)


class FolderStore(Store):
    """The store in a folder that exists already; `stat` and `fsync` are arguments for the tests."""

    def __init__(
        self,
        path: str,
        device_id: bytes,
        *,
        umask: int | None = None,
        stat: Callable[..., os.stat_result] = os.stat,
        fsync: Callable[[int], None] = os.fsync,
    ) -> None:
        self.path = path
        self._conditions: set[str] = set()
        self._device_id = device_id
        self._stat = stat
        self._publisher = Publisher(device_id, umask, fsync, self._conditions)
        self._unopened: dict[str, str] = {}  # folder -> why it could not be opened
        # device and inode of the folder, when it was first opened
        self._identity: tuple[int, int] | None = None
        # whether to read back what was written; None: not known yet
        self._doubtful: bool | None = None

    @property
    def conditions(self) -> frozenset[str]:
        return noted(self._conditions, self._unopened)

    @property
    def unopened(self) -> frozenset[str]:
        return frozenset(self._unopened)

    @property
    def file_system(self) -> str:
        return mounted_from(self.path)

    @property
    def watched(self) -> str:
        # a network file system tells nobody what another machine has written
        return "" if on_network(self.path) else os.path.join(self.path, "m")

    def nearby(self) -> tuple[str, ...]:
        from hx.stores.nearly import with_file

        return tuple(f"folder:{path}" for path in with_file(self.path, VAULT_KEY))

    def list(self, prefix: str) -> Iterator[StoredObject]:
        with translated(self._place(prefix.rpartition("/")[0])):
            for key, entry in self._walk(prefix):
                if parsed(key) is not None and entry.is_file(follow_symlinks=False):
                    # it may be deleted during the listing, or its folder may be listed only
                    with self._noting(key.rpartition("/")[0]):
                        yield StoredObject(key, entry.stat(follow_symlinks=False).st_size)

    def foreign_files(self, prefix: str = "") -> Iterator[str]:
        with translated(self.path):
            for key, entry in self._walk(prefix):
                if parsed(key) is None or not entry.is_file(follow_symlinks=False):
                    yield key

    def get(self, key: str, max_bytes: int) -> bytes:
        require_key(key)
        folder, _, name = key.rpartition("/")
        with (
            translated(self._place(folder)),
            suppress(FileNotFoundError),
            self._folder(folder) as inside,
        ):
            if self._look(inside, name) is not None:
                return read(inside, name, max_bytes + 1)
        raise Missing(f"{key} is not in the store {self.path}")

    def put(self, key: str, data: bytes) -> None:
        require_key(key)
        folder, _, name = key.rpartition("/")
        with translated(self._place(folder)):
            for _ in range(_TRIES):
                with suppress(FileNotFoundError), self._folder(folder, make=True) as inside:
                    return self._put(inside, name, data)
        raise Transient(
            f"another program removes files from {self.path} while hx writes them",
            "stop that program, then run `hx sync` again",
        )

    def delete(self, key: str) -> None:
        require_key(key)
        folder, _, name = key.rpartition("/")
        with (
            translated(self._place(folder)),
            suppress(FileNotFoundError),
            self._folder(folder) as inside,
        ):
            for each in (name, _placeholder(name)):
                with suppress(FileNotFoundError):
                    if modes.S_ISREG(os.lstat(each, dir_fd=inside).st_mode):
                        os.unlink(each, dir_fd=inside)

    def sweep(self) -> int:
        swept = 0
        for key in self.foreign_files():
            folder, _, name = key.rpartition("/")
            if is_temporary(name, self._device_id):
                # a folder may have such a name, or another user may have written the file
                with translated(self.path), suppress(OSError), self._folder(folder) as inside:
                    os.unlink(name, dir_fd=inside)
                    swept += 1
        return swept

    def _place(self, folder: str) -> str:
        """Return the path of a folder of the store, for a message."""
        return os.path.join(self.path, folder) if folder else self.path

    def _put(self, inside: int, name: str, data: bytes) -> None:
        if self._holds(inside, name, data):
            # after a crash the name may not be durable yet
            return self._publisher.settle(inside)
        # under another name first: readers must never see half of an object
        temporary, made = self._publisher.write(inside, data)
        try:
            if self._holds(inside, name, data):
                os.unlink(temporary, dir_fd=inside)
            else:
                os.rename(temporary, name, src_dir_fd=inside, dst_dir_fd=inside)
                self._verify(inside, name, data, made)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary, dir_fd=inside)
            raise
        return self._publisher.settle(inside)

    def _holds(self, inside: int, name: str, data: bytes) -> bool:
        """Return whether the object has these bytes already. Raises Exists when it has others."""
        status = self._look(inside, name)
        if status is None and not _is_taken(inside, name):
            return False
        if status is None:
            raise Exists(
                f"{name} in the store {self.path} is a link or a folder, where hx needs a file",
                "nothing was replaced: put the file itself there, because hx follows no links in"
                " the store, or delete the link; then run `hx sync` again",
            )
        if status.st_size == len(data) and read(inside, name, len(data)) == data:
            return True
        raise Exists(f"{name} is in the store {self.path}, with other bytes")

    def _verify(self, inside: int, name: str, data: bytes, made: os.stat_result) -> None:
        """Check that the file of this name is the one that was written, with all its bytes."""
        status = self._look(inside, name)
        ours = status and (status.st_dev, status.st_ino) == (made.st_dev, made.st_ino)
        if status and ours and status.st_size == len(data) and not self._reads_back():
            return
        # another process may have put the same bytes at the same time
        if status and read(inside, name, len(data) + 1) == data:
            return
        if status and not ours:
            raise Exists(f"{name} was put into the store {self.path} by another program just now")
        os.unlink(name, dir_fd=inside)
        raise Transient(
            f"the store {self.path} did not keep what was written to it",
            "check the disk or the connection, then run `hx sync` again",
        )

    def _reads_back(self) -> bool:
        if self._doubtful is None:
            self._doubtful = is_doubtful(self.path)
        return self._doubtful

    def _look(self, inside: int, name: str) -> os.stat_result | None:
        """Return the status of a regular file, None when there is none. Raises Placeholder."""
        try:
            status = self._stat(name, dir_fd=inside, follow_symlinks=False)
        except FileNotFoundError:
            status = None
        if status is None and _is_taken(inside, _placeholder(name)):
            raise self._elsewhere(name)
        if status is None or not modes.S_ISREG(status.st_mode):
            return None
        if getattr(status, "st_flags", 0) & _DATALESS:
            raise self._elsewhere(name)
        return status

    def _elsewhere(self, name: str) -> Placeholder:
        return Placeholder(
            f"{name} in the store {self.path} is a placeholder: its bytes are in the cloud",
            "set the folder to be kept on this machine, then run `hx sync` again",
        )

    def _walk(self, prefix: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
        """Yield (key, entry) of each file and foreign folder; the folders of hx are entered."""
        folder, slash, start = prefix.rpartition("/")
        with suppress(FileNotFoundError), self._folder(folder) as inside:
            yield from self._entries(inside, folder + slash, start)

    def _entries(
        self, inside: int, base: str, start: str = ""
    ) -> Iterator[tuple[str, os.DirEntry[str]]]:
        with os.scandir(inside) as entries:
            for entry in entries:
                key = base + entry.name
                if not entry.name.startswith(start):
                    continue
                if not (is_folder(key) and entry.is_dir(follow_symlinks=False)):
                    yield key, entry
                    continue
                # another user of the share may keep hx out of a folder; the others are listed
                with self._noting(key), _opened(inside, entry.name) as inner:
                    yield from self._entries(inner, f"{key}/")

    @contextmanager
    def _noting(self, key: str) -> Iterator[None]:
        """Note a folder of one device that may not be opened, and go on."""
        try:
            yield
        except (FileNotFoundError, PermissionError) as error:
            is_denied = isinstance(error, PermissionError)
            if is_denied and "/" not in key:  # all manifests, or all objects of a kind
                raise explained(self._place(key), error) from None
            if is_denied:
                self._unopened[key] = reason(error)

    @contextmanager
    def _folder(self, path: str, *, make: bool = False) -> Iterator[int]:
        """Open a folder of the store. Raises NotMounted, and FileNotFoundError below the root."""
        if path and not is_folder(path):
            raise FileNotFoundError(path)
        descriptor = self._open_root()
        try:
            for part in filter(None, path.split("/")):
                if make and not _is_taken(descriptor, part):
                    self._publisher.make_folder(descriptor, part)
                outer, descriptor = descriptor, os.open(part, NO_LINK, dir_fd=descriptor)
                os.close(outer)
            yield descriptor
        finally:
            os.close(descriptor)

    def _open_root(self) -> int:
        try:
            descriptor = os.open(self.path, FOLDER)
        except FileNotFoundError:
            raise self._absent() from None
        except NotADirectoryError:
            raise not_mounted(self.path, "is not a folder") from None
        status = os.fstat(descriptor)
        if self._identity not in (None, (status.st_dev, status.st_ino)):
            os.close(descriptor)
            raise not_mounted(self.path, "was replaced by another folder a moment ago")
        self._identity = (status.st_dev, status.st_ino)
        return descriptor

    def _absent(self) -> NotMounted:
        from hx.stores.nearly import nearly_named

        other = nearly_named(self.path)
        if not other:
            return not_mounted(self.path, "is not there")
        error = NotMounted(
            f"the store {self.path} is not there, but {other} is: the names differ only in case, or"
            " in the bytes of the same letters",
            "if that is the folder, name it as it is called now",
        )
        error.other = f"folder:{other}"
        return error


@contextmanager
def _opened(inside: int, name: str) -> Iterator[int]:
    descriptor = os.open(name, NO_LINK, dir_fd=inside)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _is_taken(inside: int, name: str) -> bool:
    """Return whether anything has this name: a file, a link, a folder or a pipe."""
    try:
        os.lstat(name, dir_fd=inside)
    except FileNotFoundError:
        return False
    return True


def _placeholder(name: str) -> str:
    """Return the name that iCloud before macOS 14 gives to a file whose bytes it removed."""
    return f".{name}.icloud"
