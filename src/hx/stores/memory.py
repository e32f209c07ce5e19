"""A store in the memory of this process: what every other store has to be like."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hx.stores import Entry, Exists, Missing
from hx.stores.keys import require_key

if TYPE_CHECKING:
    from collections.abc import Iterator


class MemoryStore:
    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def list(self, prefix: str) -> Iterator[Entry]:
        held = list(self.objects.items())  # as it is now, whatever the caller does meanwhile
        return (Entry(key, len(data)) for key, data in held if key.startswith(prefix))

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
