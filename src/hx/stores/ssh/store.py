"""The objects of a store on another machine, as files that its SFTP server keeps.

The files have the same names as in a folder store, so the same folder can be used there by its
path. Under the name of an object there is always a whole file: it is written under another name,
made durable and renamed, and a rename of SFTP replaces nothing.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from functools import partial

from hx.core.errors import StoreError
from hx.core.format.object_names import parsed
from hx.stores import (
    WEAK_DURABILITY,
    Denied,
    Exists,
    Missing,
    Store,
    StoredObject,
    Transient,
    noted,
    require_key,
    tree,
)
from hx.stores.ssh.packets import Malformed
from hx.stores.ssh.session import Session, is_folder, is_regular

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeVar

    from hx.stores.ssh.address import Address
    from hx.stores.ssh.packets import Attributes

    Result = TypeVar("Result")
    Entries = list[tuple[str, Attributes]]

_TRIES = 3  # another program may remove an empty folder before its first file is there


class SshStore(Store):
    """A store by SFTP. It connects with the first call, and again after a connection is lost.

    `file_mode`: of new files, of which the server takes what its umask says.
    """

    def __init__(self, address: Address, device_id: bytes, *, file_mode: int, asks: bool) -> None:
        self._address = address
        self._device_id = device_id
        self._file_mode = file_mode
        self._asks = asks
        self._session: Session | None = None
        self._conditions: set[str] = set()
        self._unopened: dict[str, str] = {}  # folder -> why it could not be opened
        self._begun = ""  # the temporary file of a put that has not ended

    @property
    def conditions(self) -> frozenset[str]:
        return noted(self._conditions, self._unopened)

    @property
    def unopened(self) -> frozenset[str]:
        return frozenset(self._unopened)

    def list(self, prefix: str) -> Iterator[StoredObject]:
        for key, attributes in self._walk(prefix):
            if parsed(key) is not None and is_regular(attributes):
                yield StoredObject(key, attributes.size or 0)

    def foreign_files(self, prefix: str = "") -> Iterator[str]:
        for key, attributes in self._walk(prefix):
            if parsed(key) is None or not is_regular(attributes):
                yield key

    def get(self, key: str, max_bytes: int) -> bytes:
        require_key(key)
        data = self._with(lambda session: session.read(key, max_bytes + 1))
        if data is None:
            raise Missing(f"{key} is not in the store {self._address.url}")
        return data

    def put(self, key: str, data: bytes) -> None:
        require_key(key)
        self._with(lambda session: self._put(session, key, data))

    def delete(self, key: str) -> None:
        require_key(key)
        self._with(lambda session: session.remove(key))

    def sweep(self) -> int:
        swept = 0
        for key in list(self.foreign_files()):
            if tree.is_temporary(key.rpartition("/")[2], self._device_id):
                with suppress(Denied):  # another user may have written it
                    self._with(partial(Session.remove, path=key))
                    swept += 1
        return swept

    def close(self) -> None:
        """End the connection; the next call opens another one."""
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def _with(self, call: Callable[[Session], Result]) -> Result:
        """Call with the session; once more on a new one if a connection that worked is lost."""
        if self._session is not None:
            try:
                with self._closing():
                    return call(self._session)
            except Transient:
                if self._session is not None:  # the server has answered
                    raise
        self._session = Session(self._address, asks=self._asks)
        if not self._session.can_flush:
            self._conditions.add(WEAK_DURABILITY)
        with self._closing():
            return call(self._session)

    @contextmanager
    def _closing(self) -> Iterator[None]:
        """Close the session if the block ends with an error of the connection."""
        session = self._session
        try:
            yield
        except Malformed as error:
            self.close()
            raise Transient(
                f"{self._address.host} has sent a damaged answer: {error}",
                "run `hx sync` again; if it fails again, check the SFTP server there",
            ) from None
        except BaseException as error:
            if session is not None and (not isinstance(error, StoreError) or session.is_lost):
                self.close()
            raise

    # ---- putting ----

    def _put(self, session: Session, key: str, data: bytes) -> None:
        folder, _, _ = key.rpartition("/")
        self._remove_begun(session)
        if self._holds(session, key, data):
            self._settle(session, folder)  # after a crash the name may not be durable yet
            return
        name = tree.temporary_name(self._device_id)
        self._begun = temporary = f"{folder}/{name}" if folder else name
        try:
            self._write(session, folder, temporary, data)
            self._give_name(session, temporary, key, data)
        except StoreError:
            with suppress(StoreError):
                self._remove_begun(session)
            raise
        self._settle(session, folder)

    def _give_name(self, session: Session, temporary: str, key: str, data: bytes) -> None:
        """Rename a temporary file, or remove it if the same bytes have the name already."""
        if session.rename_new(temporary, key):
            self._begun = ""
        elif self._holds(session, key, data):
            self._remove_begun(session)
        else:
            raise Transient(
                f"the store {self._address.url} did not take the name {key}",
                "if it fails again, check the disk there",
            )

    def _remove_begun(self, session: Session) -> None:
        """Remove the temporary file of a put that has not ended, as when a connection was lost."""
        if self._begun:
            session.remove(self._begun)
            self._begun = ""

    def _write(self, session: Session, folder: str, temporary: str, data: bytes) -> None:
        """Write a temporary file, in a folder that is made if need be."""
        for _ in range(_TRIES):
            if session.write_new(temporary, data, self._file_mode):
                return
            path = ""
            for part in folder.split("/"):
                outer, path = path, f"{path}/{part}" if path else part
                if session.attributes(path) is None:
                    session.make_folder(path, _folder_mode(self._file_mode))
                    self._settle(session, outer)
        raise Transient(
            f"another program removes files from {self._address.url} while hx writes them",
            "stop that program, then run `hx sync` again",
        )

    def _holds(self, session: Session, key: str, data: bytes) -> bool:
        """Return whether the object has these bytes already. Raises Exists when it has others."""
        attributes = session.attributes(key)
        if attributes is None:
            return False
        if not is_regular(attributes):
            raise Exists(
                f"{key} in the store {self._address.url} is a link or a folder, where hx needs a"
                " file",
                "nothing was replaced: put the file itself there, or delete the link; then run"
                " `hx sync` again",
            )
        if attributes.size in {None, len(data)} and session.read(key, len(data) + 1) == data:
            return True
        raise Exists(f"{key} is in the store {self._address.url}, with other bytes")

    def _settle(self, session: Session, folder: str) -> None:
        if not session.flush_folder(folder):
            self._conditions.add(WEAK_DURABILITY)

    # ---- listing ----

    def _walk(self, prefix: str) -> Iterator[tuple[str, Attributes]]:
        """Yield (key, attributes) of each file and foreign folder; folders of hx are entered."""
        folder, slash, start = prefix.rpartition("/")
        if not folder or tree.is_folder(folder):
            yield from self._entries(folder, folder + slash, start)

    def _entries(self, folder: str, base: str, start: str = "") -> Iterator[tuple[str, Attributes]]:
        for name, attributes in sorted(self._open(folder)):
            key = base + name
            if not name.startswith(start):
                continue
            if tree.is_folder(key) and is_folder(attributes):
                yield from self._entries(key, f"{key}/")
            else:
                yield key, attributes

    def _open(self, folder: str) -> Entries:
        """Return the entries of a folder; one of a device that may not be opened is noted."""
        try:
            return self._with(lambda session: session.entries(folder)) or []
        except Denied as error:
            if "/" not in folder:  # all manifests, or all objects of a kind
                raise
            self._unopened[folder] = error.message
            return []


def _folder_mode(file_mode: int) -> int:
    """Return the mode of a folder: who may read its files may look into it."""
    return file_mode | (file_mode & 0o444) >> 2
