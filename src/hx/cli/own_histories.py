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
from hx.shells import BASH, ZSH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.cli.setup_shells import Shells


class Named(NamedTuple):
    """What rc files say of HISTFILE."""

    writers: dict[str, str | None]  # path -> shell of the rc file; None: two shells name the path
    unclear: list[str]  # rc files that set it to a path that only the shell knows


def named() -> Named:
    """Return what the rc files say that setup looks at; nothing where they cannot be looked for."""
    from hx.cli.setup_shells import every_path, look

    try:
        machine = look()
    except HxError:
        return Named({}, [])
    by_shell = {path: shell for shell, path in machine.rc_files.items()}
    rc_files = {path: by_shell.get(path, BASH) for path in every_path(machine)}
    return _of_files(rc_files, _variables(machine))


def _variables(machine: Shells) -> dict[bytes, bytes]:
    folder = os.path.dirname(machine.rc_files[ZSH])
    return variables(user_folders()._replace(zsh=folder))


def _of_files(rc_files: dict[str, str], known: dict[bytes, bytes]) -> Named:
    writers: dict[str, str | None] = {}
    unclear = []
    for rc_file, shell in rc_files.items():
        found = [*rc_paths.of_history(text_of(rc_file), known)]
        for path in (os.fsdecode(each) for each in found if each is not None):
            writers[path] = shell if writers.get(path, shell) == shell else None
        unclear += [rc_file] if None in found else []
    return Named(writers, unclear)


def importable() -> dict[str, str | None]:
    """Return the paths at which histories may be that hx can import, as `of_shells` does."""
    return _with_named(import_paths())


def of_shells() -> dict[str, str | None]:
    """Return path -> shell, for each place at which a shell may keep a history of its own.

    The shell is None where no rc file names the path: then the content and the name of the file
    tell which one it is.
    """
    return _with_named(shell_histories())


def _with_named(paths: list[str]) -> dict[str, str | None]:
    """Return path -> shell, for these paths and then those that rc files name."""
    writers = named().writers
    by_target = {os.path.realpath(path): shell for path, shell in writers.items()}
    return {path: by_target.get(os.path.realpath(path)) for path in [*paths, *writers]}


def unclear_hint() -> str:
    """Return how to name the history that an rc file keeps at a path that only the shell knows.

    Empty where there is none, or where the shell exports HISTFILE.
    """
    unclear = [] if os.environ.get("HISTFILE") else named().unclear
    if not unclear:
        return ""
    return f'{unclear[0]} sets HISTFILE to a path that hx cannot tell: hx import "$HISTFILE"'
