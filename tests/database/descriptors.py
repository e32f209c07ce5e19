"""Which files are open: a file that was left open takes the next descriptor."""

from __future__ import annotations

import os


def next_descriptor():
    """Return the number that the next file to be opened gets; it is the least that is free."""
    descriptor = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    os.close(descriptor)
    return descriptor
