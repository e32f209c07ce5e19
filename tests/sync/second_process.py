"""A second process of a device: another connection to its database while the first one works."""

from __future__ import annotations

from contextlib import contextmanager

from hx.database.connection import open_database


def use_wal(device):
    """Switch the database to a write-ahead log, so that readers block nobody; return the device."""
    device.database.execute("PRAGMA journal_mode = wal").fetchall()
    return device


@contextmanager
def in_second_process(device):
    """Within this context the device acts as a second process, by another connection."""
    first_connection, device.database = device.database, open_database(device.path)
    device.database.execute("PRAGMA synchronous = off")
    try:
        yield device
    finally:
        device.database.close()
        device.database = first_connection


def act_at_put(device, prefix, act, after=0):
    """Call `act` in a second process when the device is about to put an object, once.

    The key of that object begins with `prefix`; `after` such puts are let pass before.
    """
    pending = [act] + [lambda: None] * after

    def choose(_number, operation, key):
        if pending and operation == "put" and key.startswith(prefix):
            call = pending.pop()
            with in_second_process(device):
                call()
        return ""

    device.store.choose = choose
