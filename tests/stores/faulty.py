"""A store that injects faults, each at a call that the test chooses.

Several devices share one inner store, each through its own FaultyStore. Objects that are late or
come back are visible to the other devices after `deliver`.
"""

from __future__ import annotations

import random
from contextlib import suppress
from typing import TYPE_CHECKING

from hx.stores import (
    Denied,
    Exists,
    Full,
    Missing,
    NotMounted,
    ReadOnly,
    Store,
    StoredObject,
    Transient,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Choose = Callable[[int, str, str], str]  # (number of the call from 1, operation, key) -> fault

NONE = ""
# any call: an error before or after its work is done
BEFORE, AFTER = "before", "after"
DENIED, FULL, READ_ONLY, NOT_MOUNTED = "denied", "full", "read-only", "not mounted"
# put: the disk is full half-way; only this device sees it until `deliver`; done twice
SHORT, LATE, DOUBLED = "short", "late", "doubled"
# put, never chosen at random: reported as done, and not done
DROPPED = "dropped"
# delete: the object comes back with `deliver`
RESURRECTED = "resurrected"
# list: the result of this device's former listing; an error half-way
STALE, BROKEN = "stale", "broken"
# get: only half is there; more than was put; a flipped bit; reported as absent
GROWING, TRAILING, FLIPPED, ABSENT = "growing", "trailing", "flipped", "absent"

ERRORS = {
    BEFORE: Transient,
    DENIED: Denied,
    FULL: Full,
    READ_ONLY: ReadOnly,
    NOT_MOUNTED: NotMounted,
}
FAULTS = {
    "list": (BEFORE, STALE, BROKEN, NOT_MOUNTED),
    "get": (BEFORE, GROWING, TRAILING, FLIPPED, ABSENT),
    "put": (BEFORE, AFTER, SHORT, LATE, DOUBLED, READ_ONLY),
    "delete": (BEFORE, AFTER, RESURRECTED, DENIED),
}


def never(_number: int, _operation: str, _key: str) -> str:
    return NONE


def at(call: int, fault: str) -> Choose:
    """Choose this fault at the call of this number, whatever its operation."""
    return lambda number, _operation, _key: fault if number == call else NONE


def of(operation: str, fault: str, key: str = "") -> Choose:
    """Choose this fault at every call of this operation whose key or prefix begins with `key`."""
    return lambda _number, called, name: (
        fault if called == operation and name.startswith(key) else NONE
    )


def seeded(seed: int, percent: int = 20) -> Choose:
    """Choose a random fault that the operation can have, at `percent` of the calls."""
    generator = random.Random(seed)

    def choose(_number: int, operation: str, _key: str) -> str:
        return generator.choice(FAULTS[operation]) if generator.randrange(100) < percent else NONE

    return choose


class FaultyStore(Store):
    """A store with injected faults; `calls` has every call so far as (operation, key or prefix)."""

    def __init__(self, inner: Store, choose: Choose = never) -> None:
        self.inner = inner
        self.choose = choose
        self.calls: list[tuple[str, str]] = []
        self.dropped = False  # whether any put was dropped
        self.late: dict[str, bytes] = {}  # put here, not yet visible to others
        self._resurrected: dict[str, bytes] = {}  # deleted; they come back with `deliver`
        self._listings: dict[str, list[StoredObject]] = {}  # the last listing of each prefix

    def deliver(self) -> None:
        """Put the late objects and the deleted ones that come back into the inner store."""
        for key, data in [*self.late.items(), *self._resurrected.items()]:
            with suppress(Exists):  # a slot that another copy of the device has put meanwhile stays
                self.inner.put(key, data)
        self.late.clear()
        self._resurrected.clear()

    def list(self, prefix: str) -> Iterator[StoredObject]:
        fault = self._called("list", prefix)
        stale = self._listings.get(prefix, [])
        entries = self._entries(prefix)
        self._listings[prefix] = entries
        if fault == STALE:
            return iter(stale)
        return _broken(entries) if fault == BROKEN else iter(entries)

    def _entries(self, prefix: str) -> list[StoredObject]:  # type: ignore[valid-type]
        late = {key: len(data) for key, data in self.late.items() if key.startswith(prefix)}
        visible = {entry.key: entry.size for entry in self.inner.list(prefix)}
        return [StoredObject(key, size) for key, size in (visible | late).items()]

    def get(self, key: str, max_bytes: int) -> bytes:
        fault = self._called("get", key)
        if fault == ABSENT:
            raise Missing(f"{key} is not in the store")
        if key in self.late:
            data = self.late[key][: max_bytes + 1]
        else:
            data = self.inner.get(key, max_bytes)
        return _damaged(data, fault)[: max_bytes + 1]

    def put(self, key: str, data: bytes) -> None:
        fault = self._called("put", key)
        if fault == SHORT:
            raise Full("the store is full")
        if fault == DROPPED:
            self.dropped = True
            return
        if fault == LATE and not _holds(self.inner, key):
            self.late[key] = data
            return
        self._resurrected.pop(key, None)
        for _ in range(2 if fault == DOUBLED else 1):
            self.inner.put(key, data)
        _fail_after(fault)

    def delete(self, key: str) -> None:
        fault = self._called("delete", key)
        if fault == RESURRECTED and _holds(self.inner, key):
            self._resurrected[key] = self.inner.get(key, 1 << 24)
        self.late.pop(key, None)
        self.inner.delete(key)
        _fail_after(fault)

    def _called(self, operation: str, key: str) -> str:
        """Record a call; raise the error of a fault before the work, else return the fault."""
        self.calls.append((operation, key))
        fault = self.choose(len(self.calls), operation, key)
        if fault in ERRORS:
            raise ERRORS[fault](f"{operation} failed, as the test asked for")
        return fault


def _fail_after(fault: str) -> None:
    if fault == AFTER:
        raise Transient("it was done, and the reply was lost")


def _holds(store: Store, key: str) -> bool:
    return any(entry.key == key for entry in store.list(key))


def _damaged(data: bytes, fault: str) -> bytes:
    if fault == GROWING:
        return data[: len(data) // 2]
    if fault == TRAILING:
        return data + b"\0"
    if fault == FLIPPED and data:
        middle = len(data) // 2
        return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
    return data


def _broken(entries: list[StoredObject]) -> Iterator[StoredObject]:
    yield from entries[: len(entries) // 2]
    raise Transient("the listing broke off")
