"""Who this device is: keys made at the first run, and the id that follows from them.

The file holds both seeds, 0600. Until the device joins a vault they guard nothing but its name;
then they move into the custody that its owner chooses (hx.device_handover), and the database and
the note of that custody know the id. Source: sync contract v1, section 4.
"""

from __future__ import annotations

import os

from hx.core.errors import DatabaseError
from hx.core.record import NamedTuple
from hx.files import reason, replace_file, require_owner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.core.format.keys import DeviceKeys
    from hx.database.connection import Database

_MAGIC = "hx-device-1"


class Identity(NamedTuple):
    device_id: bytes
    shared: bool  # the data folder is on a network file system: one identity a host


def identity(database: Database, host: str) -> Identity:
    """Who we are; at the first run makes the keys and says so to the database."""
    shared = bool(database.meta("network"))
    known = database.meta(_meta_key(host, shared=shared))
    if isinstance(known, bytes):
        return Identity(known, shared)
    return _first_run(database, host)


def _first_run(database: Database, host: str) -> Identity:
    from hx.database.event_detail import rename_device
    from hx.files import on_network

    folder = os.path.dirname(database.path)
    shared = on_network(folder)
    with database.transaction():  # two first runs at once: the second reads the keys of the first
        device_id = _in_custody(folder, host, shared=shared) or load_or_make(
            key_path(folder, host, shared=shared)
        )
        database.set_meta("network", int(shared))
        database.set_meta(_meta_key(host, shared=shared), device_id)
        rename_device(database, device_id, host)
    return Identity(device_id, shared)


def become(database: Database, host: str, device_id: bytes, name: str, *, shared: bool) -> Identity:
    """The database is that device's from now on; the caller holds the transaction."""
    from hx.database.event_detail import rename_device

    database.set_meta(_meta_key(host, shared=shared), device_id)
    rename_device(database, device_id, name)
    return Identity(device_id, shared)


def _in_custody(folder: str, host: str, *, shared: bool) -> bytes | None:
    """The id of a device in a vault: where its database was lost, and is made anew."""
    from hx.custody.place import read_note, stem

    note = read_note(f"{stem(folder, host, shared=shared)}.toml")
    return None if note is None else note.device_id


def _meta_key(host: str, *, shared: bool) -> str:
    return f"device_id@{host}" if shared else "device_id"


def key_path(folder: str, host: str, *, shared: bool) -> str:
    name = f"device-{host.replace('/', '_')}.key" if shared else "device.key"
    return os.path.join(folder, name)


def load_or_make(path: str) -> bytes:
    """The device id of a key file; a missing file is made, a damaged one never replaced."""
    try:
        return verified(path)
    except FileNotFoundError:
        return _make(path)


def verified(path: str) -> bytes:
    """The device id that the keys in a file give. Raises DatabaseError, FileNotFoundError."""
    return read_keys(path).device_id


def read_keys(path: str) -> DeviceKeys:
    """The keys in a file. Raises DatabaseError, FileNotFoundError."""
    from hx.core.format.keys import DeviceKeys

    device_id, sign, box = _read(path)
    keys = DeviceKeys(sign, box)
    if keys.device_id != device_id:
        raise _damaged(path)
    return keys


def _read(path: str) -> tuple[bytes, bytes, bytes]:
    """(device id, signing seed, box seed)."""
    try:
        require_owner(path)
        with open(path, encoding="ascii", errors="replace") as file:
            words = file.read(1024).split()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise DatabaseError(f"cannot read {path}: {reason(error)}", "check who owns it") from None
    try:
        found = tuple(map(bytes.fromhex, words[1::2]))
    except ValueError:
        found = ()
    if words[::2] != [_MAGIC, "sign", "box"] or [*map(len, found)] != [16, 32, 32]:
        raise _damaged(path)
    return found[0], found[1], found[2]


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
