"""The identity of this device: its keys, created at the first run, and the id derived from them.

The key file has both seeds and mode 0600. Until the device joins a vault the keys protect nothing
but its id. When it joins one, `hand_over` moves them into the custody that the user chose; the id
is then in the database and in the custody note. Source: docs/format.md.
"""

from __future__ import annotations

import os

from hx.core.errors import DatabaseError
from hx.core.record import NamedTuple
from hx.files import reason, replace_file, require_owner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.core.format.keys import DeviceKeys
    from hx.custody import Custody
    from hx.custody.key_set import Secrets
    from hx.database.connection import Database

_MAGIC = "hx-device-1"
_DEVICE_ID = "device_id"  # meta


class Identity(NamedTuple):
    """The id of this device."""

    device_id: bytes
    shared: bool  # the data folder is on a network file system: several hosts may be this device


def identity(database: Database, host: str) -> Identity:
    """Return the identity; the first run creates the keys and writes the id into the database.

    `host` is the name that the device gets. All hosts that use one database are one device, under
    whatever names: there is one vault, one ledger and one set of keys for all records in it.
    """
    shared = bool(database.meta("network"))
    stored = database.meta(_DEVICE_ID)
    if isinstance(stored, bytes):
        return Identity(stored, shared)
    return _first_run(database, host)


def _first_run(database: Database, host: str) -> Identity:
    from hx.database.event_detail import rename_device
    from hx.files import on_network

    folder = os.path.dirname(database.path)
    shared = on_network(folder)
    # of two first runs at once, the second reads the keys of the first
    with database.transaction():
        device_id = _in_custody(folder) or load_or_make(key_path(folder))
        database.set_meta("network", int(shared))
        database.set_meta(_DEVICE_ID, device_id)
        rename_device(database, device_id, host)
    return Identity(device_id, shared)


def become(database: Database, device_id: bytes, name: str) -> None:
    """Make the database that of another device id; the caller holds the transaction."""
    from hx.database.event_detail import rename_device

    database.set_meta(_DEVICE_ID, device_id)
    rename_device(database, device_id, name)


def _in_custody(folder: str) -> bytes | None:
    """Return the id in the custody note, for a device in a vault whose database was lost."""
    from hx.custody.files import read_note, stem

    note = read_note(f"{stem(folder)}.toml")
    return None if note is None else note.device_id


def key_path(folder: str) -> str:
    """Return the path of the key file in a data folder."""
    return os.path.join(folder, "device.key")


def load_or_make(path: str) -> bytes:
    """Return the device id of a key file; create a missing file, never replace a damaged one."""
    try:
        return verified(path)
    except FileNotFoundError:
        return _make(path)


def verified(path: str) -> bytes:
    """Return the id derived from the keys in a file. Raises DatabaseError, FileNotFoundError."""
    return read_keys(path).device_id


def read_keys(path: str) -> DeviceKeys:
    """Return the keys in a file. Raises DatabaseError, FileNotFoundError."""
    from hx.core.format.keys import DeviceKeys

    device_id, sign, box = _read(path)
    keys = DeviceKeys(sign, box)
    if keys.device_id != device_id:
        raise _damaged(path)
    return keys


def _read(path: str) -> tuple[bytes, bytes, bytes]:
    """Return (device id, signing seed, box seed)."""
    try:
        require_owner(path)
        with open(path, encoding="ascii", errors="replace") as file:
            words = file.read(1024).split()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise DatabaseError(f"cannot read {path}: {reason(error)}", "check who owns it") from None
    try:
        values = tuple(map(bytes.fromhex, words[1::2]))
    except ValueError:
        values = ()
    if words[::2] != [_MAGIC, "sign", "box"] or [*map(len, values)] != [16, 32, 32]:
        raise _damaged(path)
    return values[0], values[1], values[2]


def _damaged(path: str) -> DatabaseError:
    return DatabaseError(
        f"{path} is damaged", "restore it from a backup, or move it away to become a new device"
    )


def _make(path: str) -> bytes:
    from hx.core.format.keys import generate

    keys = generate()
    device_id = keys.device_id
    sign, box = keys.sign_seed.hex(), keys.box_seed.hex()
    replace_file(path, f"{_MAGIC} {device_id.hex()}\nsign {sign}\nbox {box}\n".encode())
    return device_id


def hand_over(custody: Custody, secrets: Secrets, path: str) -> None:
    """Move the keys from the key file into custody; the file is deleted last.

    Raises KeyMissing, DatabaseError.
    """
    custody.store(secrets)
    retire(path, secrets)


def retire(path: str, secrets: Secrets) -> None:
    """Overwrite and delete the key file if custody has its keys; repeat it after a crash."""
    from hx.custody.files import is_blank, remove

    try:
        if not is_blank(path) and read_keys(path) != secrets.device:
            raise DatabaseError(
                f"{path} has other keys than the custody of this device",
                "move it away: it belongs to another device",
            )
        remove(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise DatabaseError(
            f"cannot delete {path}: {reason(error)}",
            "make its folder writable, then run the command again",
        ) from None
