"""keyring's backend for the Secret Service, with an order of requests that gnome-keyring survives.

gnome-keyring ends itself now and then when the first request of a connection reads a property: it
may answer before it has noted the client (gnome-keyring issue 195; seen in version 42). Then all
programs of the user are without keys. keyring opens a connection for each entry and reads a
property first. Here the first request is ReadAlias, which needs no note of the client.
"""

from __future__ import annotations

from keyring.backends.SecretService import Keyring as SecretService
from keyring.errors import InitError, KeyringLocked
from secretstorage import (
    Collection,
    ItemNotFoundException,
    SecretStorageException,
    dbus_init,
    get_collection_by_alias,
    get_default_collection,
)


class Keyring(SecretService):
    """Differs from keyring's own backend only in the first request of each connection."""

    def get_preferred_collection(self) -> Collection:
        try:
            collection = self._collection()
        except SecretStorageException as error:
            raise InitError("the collection cannot be opened") from error
        if collection.is_locked():
            collection.unlock()
            if collection.is_locked():  # nobody has answered the prompt
                raise KeyringLocked("the collection is locked")
        return collection

    def _collection(self) -> Collection:
        bus = dbus_init()
        try:
            collection = get_collection_by_alias(bus, "default")
        except ItemNotFoundException:
            collection = None
        # keyring takes this name from its settings
        chosen = getattr(self, "preferred_collection", None)
        if chosen is not None:
            return Collection(bus, chosen)
        return collection or get_default_collection(bus)  # creates it
