"""Where the bus of the user's session is when no variable says so: under cron, ssh, in a unit."""

from __future__ import annotations

import os
import stat
import string

NAME = "DBUS_SESSION_BUS_ADDRESS"
# by the D-Bus specification; other bytes are written as % and two digits
_PLAIN = (string.ascii_letters + string.digits + "-_/\\*.").encode()


def variables(address: str, folders: list[str]) -> dict[str, str]:
    """Return the variable that leads to the first socket `bus` in these folders, if there is one.

    `address`: the value that the variable has; with one there is nothing to add. A socket of
    another user does not count: whoever answers there would be given the keys.
    """
    paths = [os.path.join(folder, "bus") for folder in folders]
    found = [path for path in paths if os.path.isabs(path) and _is_own_socket(path)]
    if address or not found:
        return {}
    escaped = [chr(b) if b in _PLAIN else f"%{b:02x}" for b in os.fsencode(found[0])]
    return {NAME: f"unix:path={''.join(escaped)}"}


def _is_own_socket(path: str) -> bool:
    try:
        status = os.stat(path)
    except OSError:
        return False
    return stat.S_ISSOCK(status.st_mode) and status.st_uid == os.geteuid()
