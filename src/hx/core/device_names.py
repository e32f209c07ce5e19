"""Names of devices: the label that people see, and the name of the host that a device runs on.

A label is text of at most 64 bytes as UTF-8. The host name of one machine varies by network: `box`,
`BOX.local` and `box.example.com` may all be the same machine.
"""

from __future__ import annotations

MAX_LABEL_BYTES = 64


def cut_label(name: bytes) -> str:
    """Return the label for a name of any bytes.

    Bytes that are not UTF-8 are replaced, and what exceeds MAX_LABEL_BYTES is cut off.
    """
    text = name.decode(errors="replace").encode()
    return text[:MAX_LABEL_BYTES].decode(errors="ignore")


def may_be_same_host(name: str, other: str) -> bool:
    """Return whether two host names may belong to one machine.

    Names are compared by their first label, without case. An address belongs to the same machine
    only if both texts are equal.
    """
    if name.casefold() == other.casefold():
        return True
    if _is_address(name) or _is_address(other):
        return False
    return _first_label(name) == _first_label(other) != ""


def _first_label(name: str) -> str:
    return name.partition(".")[0].casefold()


def _is_address(name: str) -> bool:
    return ":" in name or name.replace(".", "").isdigit()
