"""What a host of the simulated week has besides hx: its keys, and a disk that may be full."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol

from cli.mounts import fill, small_disk
from custody.secret_service import open_keyring, session_bus

if TYPE_CHECKING:
    from pathlib import Path

DISK = "64m"


class Keys(Protocol):
    """Where the keys of a host are: `variables` of the environment lead there."""

    variables: dict[str, str]

    def lock(self, *, is_locked: bool) -> None:
        """Lock them, or unlock them, unless they are so already."""


class Passphrase:
    """A file with a passphrase, which may be away."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._path = folder / "passphrase"
        self._path.write_text("a passphrase of the week\n")
        self.variables = {"HX_PASSPHRASE_COMMAND": f"cat {self._path}"}

    def lock(self, *, is_locked: bool) -> None:
        hidden = self._path.with_suffix(".hidden")
        if is_locked and self._path.exists():
            self._path.rename(hidden)
        elif not is_locked and hidden.exists():
            hidden.rename(self._path)


class Keychain:
    """A Secret Service, whose keyring is locked when the service starts without its password."""

    def __init__(self, environment: dict[str, str], closing: ExitStack) -> None:
        self.variables = {
            "DBUS_SESSION_BUS_ADDRESS": environment["DBUS_SESSION_BUS_ADDRESS"],
        }
        self._environment = environment
        self._running = ExitStack()
        closing.callback(self._running.close)
        self._is_locked: bool | None = None
        self.lock(is_locked=False)

    def lock(self, *, is_locked: bool) -> None:
        if is_locked != self._is_locked:
            self._running.close()
            self._running.enter_context(open_keyring(self._environment, is_locked=is_locked))
            self._is_locked = is_locked


class Disk:
    """A small disk on a folder; it is filled to its end and emptied again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler: Path | None = None

    def fill(self, *, is_full: bool) -> None:
        if is_full:
            self._filler = fill(self.folder)
        elif self._filler is not None:
            self._filler.unlink(missing_ok=True)


def keychain(folder: Path, closing: ExitStack) -> Keychain:
    return Keychain(closing.enter_context(session_bus(folder)), closing)


def disk(folder: Path, closing: ExitStack) -> Disk:
    closing.enter_context(small_disk(folder, DISK))
    return Disk(folder)
