"""Names of hosts: one machine goes by several."""

from __future__ import annotations


def may_be_one(name: str, other: str) -> bool:
    """Whether both may be of one machine: `box`, `BOX.local` and `box.example.com` may.

    An address is another machine than any that is not wholly equal.
    """
    if name.casefold() == other.casefold():
        return True
    return not (_is_address(name) or _is_address(other)) and _label(name) == _label(other) != ""


def _label(name: str) -> str:
    return name.partition(".")[0].casefold()


def _is_address(name: str) -> bool:
    return ":" in name or name.replace(".", "").isdigit()
