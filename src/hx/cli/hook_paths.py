"""What the text of a hook has in it: paths of this machine, this program and the picker's keys."""

from __future__ import annotations

import os
import sys

from hx.shells import hook
from hx.shells.hook import HookPaths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from hx.config import Config, Value

_SETTINGS = {"ctrl-r": "picker_ctrl_r", "up": "picker_up_arrow"}  # key -> its setting


def of_hook(config: Config) -> HookPaths:
    """Return what the hook of this program has in it, as the settings say."""
    paths = config.paths
    sync = hook.sync_path(paths.data)
    return HookPaths(paths.spool, paths.pause, sync, executable(), picker_keys(config.values))


def of_hook_files(config: Config) -> HookPaths:
    """Return what hook files have in them.

    If an earlier setup called this program by its other name (`history-extended`), they keep it.
    """
    from hx.setup import state

    paths = of_hook(config)
    known, ours = state.read(config.paths.data).executable, paths.executable
    is_same = os.path.dirname(known) == os.path.dirname(ours) and os.path.exists(known)
    return paths._replace(executable=known) if is_same else paths


def picker_keys(values: Mapping[str, Value]) -> tuple[str, ...]:
    """Return the keys that open the picker, as hooks name them. `values` are those of settings."""
    return tuple(key for key, setting in _SETTINGS.items() if values[setting])


def executable() -> str:
    """Return the absolute path of this program: `hx` on PATH may be another one, as Helix is."""
    path = sys.argv[0]
    # a shell found it on PATH and passed only its name
    if os.sep not in path:
        from shutil import which

        path = which(path) or path
    return os.path.abspath(path)
