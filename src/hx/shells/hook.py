"""The hook of a shell: its text with the places of this machine in it, and the file for it."""

from __future__ import annotations

import os

from hx.core.record import NamedTuple
from hx.files import replace_file

SHELLS = ("bash", "zsh", "fish")
_MAX_BYTES = 1 << 20


class Places(NamedTuple):
    """What is written into a hook; the environment cannot change it later."""

    spool: str
    pause: str
    executable: str  # absolute: another `hx` on PATH (the Helix editor has one) is not ours
    keys: tuple[str, ...] = ("ctrl-r",)  # that open the picker; there is "up" too


def text(shell: str, places: Places) -> str:
    whole = _part(f"hx.{shell}")
    if shell == "bash":
        whole = whole.replace("@LINES@\n", _part("hx-lines.bash"))
    picker = _part(f"hx-keys.{shell}") if places.keys else ""
    whole = whole.replace("@PICKER@\n", picker.replace("@KEYS@", " ".join(places.keys)))
    named = {"@SPOOL@": places.spool, "@PAUSE@": places.pause, "@HX@": places.executable}
    for name, place in named.items():
        whole = whole.replace(name, quoted(place, shell))
    return whole


def _part(name: str) -> str:
    with open(os.path.join(os.path.dirname(__file__), "hooks", name), encoding="utf-8") as file:
        return file.read()


def quoted(path: str, shell: str) -> str:
    if shell == "fish":
        return "'" + path.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return "'" + path.replace("'", "'\\''") + "'"


def path(folder: str, shell: str) -> str:
    return os.path.join(folder, f"hook.{shell}")


def is_current(folder: str, shell: str, places: Places) -> bool:
    """Whether the file holds what this hx would write."""
    try:
        with open(path(folder, shell), "rb") as file:
            return file.read(_MAX_BYTES) == os.fsencode(text(shell, places))
    except OSError:
        return False


def write(folder: str, shell: str, places: Places) -> None:
    """The file, whole or not at all: a shell may start at this moment."""
    replace_file(path(folder, shell), os.fsencode(text(shell, places)))


def refresh(folder: str, places: Places) -> list[str]:
    """Write the files anew that are there and out of date; gives their shells."""
    stale = [
        shell
        for shell in SHELLS
        if os.path.exists(path(folder, shell)) and not is_current(folder, shell, places)
    ]
    for shell in stale:
        write(folder, shell, places)
    return stale
