"""Which keys a store takes, and which folders of it can hold objects."""

from __future__ import annotations

from hx.core.format.object_names import parsed

_TOP = frozenset("mobkj")
_HEX = frozenset("0123456789abcdef")
_ID = 32  # digits of an id


def require_key(key: str) -> None:
    """Raises ValueError for what is not the name of an object: no such thing reaches a disk."""
    if parsed(key) is None:
        raise ValueError(f"{key!r} is not the name of an object")


def is_folder(path: str) -> bool:
    """Whether objects of some device can lie in it; nothing else is entered."""
    top, *inner = path.split("/")
    lengths = {"o": (_ID,), "k": (_ID,), "b": (_ID, 2)}.get(top, ())
    return (
        top in _TOP
        and len(inner) <= len(lengths)
        and all(
            len(part) == length and _HEX.issuperset(part)
            for part, length in zip(inner, lengths, strict=False)
        )
    )
