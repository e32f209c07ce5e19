"""The histories that the rc files of this user name by a line such as `HISTFILE=~/.my_history`.

hx sees HISTFILE itself only if the shell exports it.
"""

from __future__ import annotations

import os

from hx.config import import_paths, shell_histories, user_folders
from hx.core.errors import HxError
from hx.core.record import NamedTuple
from hx.core.shell_files import rc_paths
from hx.setup.loading import variables
from hx.setup.undo import text_of
from hx.shells import ZSH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.cli.setup_shells import Shells


class Named(NamedTuple):
    """What rc files say of HISTFILE."""

    paths: list[str]  # to which they set it
    unclear: list[str]  # rc files that set it to a path that only the shell knows


def named() -> Named:
    """Return what the rc files say that setup looks at; nothing where they cannot be looked for."""
    from hx.cli.setup_shells import every_path, look

    try:
        machine = look()
    except HxError:
        return Named([], [])
    return _of_files(every_path(machine), _variables(machine))


def _variables(machine: Shells) -> dict[bytes, bytes]:
    folder = os.path.dirname(machine.rc_files[ZSH])
    return variables(user_folders()._replace(zsh=folder))


def _of_files(rc_files: list[str], known: dict[bytes, bytes]) -> Named:
    paths: dict[str, None] = {}
    unclear = []
    for rc_file in rc_files:
        found = [*rc_paths.of_history(text_of(rc_file), known)]
        paths |= {os.fsdecode(path): None for path in found if path is not None}
        unclear += [rc_file] if None in found else []
    return Named([*paths], unclear)


def importable() -> list[str]:
    """Return the paths at which histories may be that hx can import."""
    return [*dict.fromkeys(import_paths() + named().paths)]


def of_shells() -> list[str]:
    """Return the paths at which shells may keep histories of their own."""
    return [*dict.fromkeys(shell_histories() + named().paths)]


def unclear_hint() -> str:
    """Return how to name the history that an rc file keeps at a path that only the shell knows.

    Empty where there is none, or where the shell exports HISTFILE.
    """
    unclear = [] if os.environ.get("HISTFILE") else named().unclear
    if not unclear:
        return ""
    return f'{unclear[0]} sets HISTFILE to a path that hx cannot tell: hx import "$HISTFILE"'
