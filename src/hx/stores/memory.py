"""A store in the memory of this process: the simplest one that keeps the contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hx.stores import Exists, Missing, Store, StoredObject, not_a_store, require_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.stores import Opening


def open_url(opening: Opening) -> MemoryStore:
    """Return an empty store. Raises UsageError for anything behind `memory:`."""
    if opening.place:
        raise not_a_store(opening.url)
    return MemoryStore()


class MemoryStore(Store):
    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def list(self, prefix: str) -> Iterator[StoredObject]:
        objects = [*self.objects.items()]  # a copy: the caller may put and delete meanwhile
        return (StoredObject(key, len(data)) for key, data in objects if key.startswith(prefix))

    def get(self, key: str, max_bytes: int) -> bytes:
        require_key(key)
        if key not in self.objects:
            raise Missing(f"{key} is not in the store")
        return self.objects[key][: max_bytes + 1]

    def put(self, key: str, data: bytes) -> None:
        require_key(key)
        if self.objects.setdefault(key, bytes(data)) != data:
            raise Exists(f"{key} is in the store, with other bytes")

    def delete(self, key: str) -> None:
        require_key(key)
        self.objects.pop(key, None)
