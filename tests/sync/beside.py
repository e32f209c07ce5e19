"""A second process of one device: another connection to its database, while the first works."""

from __future__ import annotations

from contextlib import contextmanager

from hx.database.connection import open_database


def shared(device):
    """Its database as processes share it: with a log, so that who reads holds up nobody."""
    device.database.execute("PRAGMA journal_mode = wal").fetchall()
    return device


@contextmanager
def beside(device):
    """What the device does in here is done by another process than the one that is at work."""
    first, device.database = device.database, open_database(device.path)
    device.database.execute("PRAGMA synchronous = off")
    try:
        yield device
    finally:
        device.database.close()
        device.database = first


def at_put(device, prefix, act, after=0):
    """Once, when the device is about to put an object whose key begins so, another process acts.

    `after`: how many such puts go by before.
    """
    waiting = [act] + [lambda: None] * after

    def choose(_number, operation, key):
        if waiting and operation == "put" and key.startswith(prefix):
            done = waiting.pop()
            with beside(device):
                done()
        return ""

    device.store.choose = choose
