"""The custody note: which kind of custody keeps the keys of a device. It has no secret in it.

`custody.toml` is beside the database and is written when a device creates or joins a vault. It
names the kind of custody, so that no later run chooses another one by itself, and the id of the
device, which is needed when the database is lost.
"""

from __future__ import annotations

import os

from hx.core.errors import KeyMissing
from hx.core.record import NamedTuple
from hx.custody import files
from hx.files import reason, require_owner

KEYCHAIN, PASSPHRASE, FILE = KINDS = ("keychain", "passphrase", "file")
_MAX_BYTES = 4096
_ID_BYTES = 16


class CustodyPaths(NamedTuple):
    """The paths of the custody files of a device; on a network file system, of one host."""

    stem: str  # the path of these files without an extension
    device_id: bytes

    @property
    def note(self) -> str:
        return f"{self.stem}.toml"

    @property
    def sealed(self) -> str:
        return f"{self.stem}.sealed"

    @property
    def bare(self) -> str:
        return f"{self.stem}.key"


def successor_paths(place: CustodyPaths, device_id: bytes) -> CustodyPaths:
    """Return where the keys of the next device id wait until this device has that id."""
    return CustodyPaths(f"{place.stem}-next", device_id)


class CustodyNote(NamedTuple):
    """The content of `custody.toml`."""

    kind: str  # one of KINDS
    device_id: bytes
    ring: str = ""  # keychain: the class of keyring that reaches it


def stem(folder: str, host: str, *, shared: bool) -> str:
    return os.path.join(folder, f"custody-{host.replace('/', '_')}" if shared else "custody")


def write_note(path: str, note: CustodyNote) -> None:
    lines = [f'custody = "{note.kind}"', f'device = "{note.device_id.hex()}"']
    if note.ring:
        lines.append(f'ring = "{note.ring}"')
    files.write(path, ("\n".join(lines) + "\n").encode())


def read_note(path: str) -> CustodyNote | None:
    """Return the note; None: this device is in no vault. Raises KeyMissing for a damaged note."""
    import tomllib

    try:
        # another user could name a custody of their own here, and get the keys
        require_owner(path)
        with open(path, "rb") as file:
            values = tomllib.loads(file.read(_MAX_BYTES).decode())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise KeyMissing(f"cannot read {path}: {reason(error)}", "check who owns it") from None
    except (ValueError, RecursionError):
        raise _damaged(path) from None
    return _note(path, values)


def _note(path: str, values: dict[str, object]) -> CustodyNote:
    kind, device, ring = values.get("custody"), values.get("device"), values.get("ring", "")
    if kind not in KINDS or not isinstance(device, str) or not isinstance(ring, str):
        raise _damaged(path)
    try:
        device_id = bytes.fromhex(device)
    except ValueError:
        raise _damaged(path) from None
    if len(device_id) != _ID_BYTES:
        raise _damaged(path)
    return CustodyNote(str(kind), device_id, ring)


def _damaged(path: str) -> KeyMissing:
    return KeyMissing(
        f"{path} is damaged: it does not say where the keys of this device are kept",
        "restore it from a backup",
    )
