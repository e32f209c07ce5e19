"""A label: what people see a device called. It is text, of at most 64 bytes as UTF-8."""

from __future__ import annotations

MAX_LABEL_BYTES = 64


def cut_label(name: bytes) -> str:
    """The label that a name of any bytes gives: what is not UTF-8 is replaced, the rest cut off."""
    shown = name.decode(errors="replace").encode()
    return shown[:MAX_LABEL_BYTES].decode(errors="ignore")
