"""keyring's backend for the Secret Service, with an order of requests that gnome-keyring survives.

gnome-keyring ends itself now and then when the first request of a connection reads a property: it
may answer before it has noted the client (gnome-keyring issue 195; seen in version 42). Then all
programs of the user are without keys. keyring opens a connection for each entry and reads a
property first. Here the first request is ReadAlias, which needs no note of the client.

keyring asks for each entry that it be unlocked, and waits for ever for the answer. Here only what
is locked is unlocked, by a connection that is limited in time.
"""

from __future__ import annotations

from contextlib import closing

from keyring.backends.SecretService import Keyring as SecretService
from keyring.errors import InitError, KeyringLocked
from secretstorage import (
    Collection,
    ItemNotFoundException,
    SecretStorageException,
    get_collection_by_alias,
    get_default_collection,
)
from secretstorage.util import BUS_NAME, add_match_rules

from hx.custody.bus import PatientConnection, can_reach

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretstorage import Item

    from hx.custody.patience import Patience


class NoCollection(Exception):  # noqa: N818
    """The service names no collection as the one where secrets go."""


class Keyring(SecretService):
    """Differs from keyring's own backend in the first request of a connection, and in waiting.

    `title` names it in what `patience` tells. Making one raises an error where no Secret Service
    runs or can be started.
    """

    priority = 5  # that of keyring, which would open a connection of its own to find it out

    def __init__(self, patience: Patience, title: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._patience = patience
        self._title = title
        with closing(self._connection()) as bus:
            if not can_reach(bus, BUS_NAME):
                raise InitError("no Secret Service")

    def get_preferred_collection(self) -> Collection:
        bus = self._connection()
        try:
            collection = self._collection(bus)
            self.unlock(collection)
        except SecretStorageException as error:
            bus.close()
            raise InitError("the collection cannot be opened") from error
        except BaseException:
            bus.close()
            raise
        return collection

    def unlock(self, item: Item | Collection) -> None:
        """Unlock an entry or a collection if it is locked. Raises KeyringLocked."""
        if not item.is_locked():
            return
        if self._patience.has_person:
            item.unlock()
        if item.is_locked():  # also after a dialog that the person has dismissed
            raise KeyringLocked("it was not unlocked")

    def create_collection(self) -> None:
        """Create the collection in which this keyring keeps secrets, if it is not there.

        A dialog asks for its password. Raises KeyringLocked, and what a connection raises.
        """
        with closing(self._connection()) as bus:
            try:
                self._collection(bus)
            except NoCollection:
                get_default_collection(bus)

    def look(self, query: dict[str, str]) -> None:
        """Unlock the collection and the entries with these attributes.

        Raises KeyringLocked, and what a connection raises.
        """
        with closing(self.get_preferred_collection().connection) as bus:
            for item in self._collection(bus).search_items(query):
                self.unlock(item)

    def _connection(self) -> PatientConnection:
        try:
            bus = PatientConnection(self._patience, BUS_NAME, self._title)
        except (OSError, KeyError, ValueError) as error:
            raise InitError("no bus") from error
        # a service may not name the client to which the answer to a dialog goes
        add_match_rules(bus)
        return bus

    def _collection(self, bus: PatientConnection) -> Collection:
        try:
            collection = get_collection_by_alias(bus, "default")
        except ItemNotFoundException:
            collection = None
        # keyring takes this name from its settings
        chosen = getattr(self, "preferred_collection", None)
        if chosen is not None:
            return Collection(bus, chosen)
        if collection is None:
            raise NoCollection
        return collection
