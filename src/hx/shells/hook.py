"""The hook of a shell: its text with the paths of this machine in it, and the hook file."""

from __future__ import annotations

import os

from hx.core.record import NamedTuple
from hx.files import replace_file
from hx.shells import SHELLS, completions_folder

SYNC = "shell-sync"  # in the data folder
_MAX_BYTES = 1 << 20


class HookPaths(NamedTuple):
    """The paths that are written into a hook; the environment cannot change them later."""

    spool: str
    pause: str
    sync: str  # file of `hx sync auto on --by shell`, which is mostly not there
    executable: str  # absolute: another `hx` on PATH (the Helix editor has one) is not ours
    keys: tuple[str, ...] = ("ctrl-r",)  # the keys that open the picker; "up" is possible too


def text(shell: str, paths: HookPaths) -> str:
    """Return the hook of a shell, as `hx init` prints it."""
    hook = _template(shell, picker=bool(paths.keys)).replace("@KEYS@", " ".join(paths.keys))
    values = {
        "@SPOOL@": paths.spool,
        "@PAUSE@": paths.pause,
        "@SYNC@": paths.sync,
        "@HX@": paths.executable,
        "@VERSION@": version(shell),
        "@COMPLETIONS@": completions_folder(),
        "@START@": start_of_sync(),
    }
    for marker, value in values.items():
        hook = hook.replace(marker, SHELLS[shell].quoted(value))
    return hook


def start_of_sync() -> str:
    """Return the lines of sh that start a sync in the background, unless another shell has.

    Their arguments are the file of `hx sync auto on --by shell` and the time in seconds.
    """
    lines = _part("hx-sync.sh").splitlines(keepends=True)
    return "".join(line for line in lines if not line.lstrip().startswith("#"))


def removal(shell: str) -> str:
    """Return the commands that remove a hook of any version from the shell that runs them."""
    return _part(f"hx-off.{shell}")


def version(shell: str) -> str:
    """Return 8 characters that stand for the hook of a shell, without its paths and keys.

    The hook writes them into its spool files, and so they say which hook a shell has loaded.
    """
    from zlib import crc32

    text = _template(shell, picker=True) + start_of_sync()
    return f"{crc32(text.encode()):08x}"


def _template(shell: str, *, picker: bool) -> str:
    hook = _part(f"hx.{shell}")
    for marker, part in SHELLS[shell].hook_parts:
        hook = hook.replace(marker, _part(part))
    if "@PICKER@\n" in hook:
        hook = hook.replace("@PICKER@\n", _part(f"hx-keys.{shell}") if picker else "")
    return hook


def _part(name: str) -> str:
    with open(os.path.join(os.path.dirname(__file__), "hooks", name), encoding="utf-8") as file:
        return file.read()


def path(folder: str, shell: str) -> str:
    """Return the path of the hook file in the data folder."""
    return os.path.join(folder, f"hook.{shell}")


def sync_path(folder: str) -> str:
    """Return the path, in the data folder, of the file that lets the hooks start a sync."""
    return os.path.join(folder, SYNC)


def is_current(folder: str, shell: str, paths: HookPaths) -> bool:
    """Return whether the hook file is the one that this hx would write."""
    try:
        with open(path(folder, shell), "rb") as file:
            return file.read(_MAX_BYTES) == os.fsencode(text(shell, paths))
    except OSError:
        return False


def write(folder: str, shell: str, paths: HookPaths) -> None:
    """Write the hook file atomically: a shell may read it at this moment."""
    replace_file(path(folder, shell), os.fsencode(text(shell, paths)))


def refresh(folder: str, paths: HookPaths) -> list[str]:
    """Write each existing hook file that is out of date anew; return the names of its shells."""
    stale = [
        shell
        for shell in SHELLS
        if os.path.exists(path(folder, shell)) and not is_current(folder, shell, paths)
    ]
    for shell in stale:
        write(folder, shell, paths)
    return stale
