"""The folders in which a store keeps its objects, and the names of files that are being written."""

from __future__ import annotations

import os

_TOP = frozenset("mobkj")
_HEX = frozenset("0123456789abcdef")
_ID = 32  # digits of an id
_INNER = {"o": (_ID,), "k": (_ID,), "b": (_ID, 2)}  # digits of the folders inside


def is_folder(path: str) -> bool:
    """Return whether hx keeps objects in a folder of this name. No other folder is entered."""
    top, *inner = path.split("/")
    lengths = _INNER.get(top, ())
    return (
        top in _TOP
        and len(inner) <= len(lengths)
        and all(
            len(part) == length and _HEX.issuperset(part)
            for part, length in zip(inner, lengths, strict=False)
        )
    )


def temporary_name(device_id: bytes) -> str:
    """Return a new name for a file that a device is writing."""
    return f"{_prefix(device_id)}{os.urandom(8).hex()}.tmp"


def is_temporary(name: str, device_id: bytes) -> bool:
    """Return whether a write of this device created a file of this name."""
    return name.startswith(_prefix(device_id)) and name.endswith(".tmp")


def _prefix(device_id: bytes) -> str:
    return f"~hx-{device_id.hex()}-"
