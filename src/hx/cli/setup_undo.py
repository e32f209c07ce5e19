"""`hx setup --undo`, and `--purge`: what they show, ask and say."""

from __future__ import annotations

import os
import sys

from hx.cli.auto_sync import started_by, turn_off
from hx.cli.prompts import confirm, drop_typed
from hx.cli.setup_screen import print_edits, tell_left
from hx.cli.setup_shells import every_path
from hx.cli.text import visible
from hx.config import runtime_folder, user_folders
from hx.files import require_place
from hx.setup import loading, undo
from hx.setup.undo import OwnPaths, belongings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from hx.cli.setup_shells import Shells
    from hx.config import Config

_SHOWN = 20  # removed files that are named


def take_back(
    config: Config, machine: Shells, *, purge: bool, yes: bool, anyway: bool = False
) -> int:
    """Show what setup left, ask, and take it back; with `purge` remove every file of hx too."""
    if purge:
        from hx.cli.purge_of_member import warn_of_vault

        warn_of_vault(config, refuses=yes and not anyway)
    paths = config.paths
    removal = undo.planned(every_path(machine), paths.data, paths.config)
    starts = started_by(config)
    if os.path.isdir(paths.data) and (purge or not removal.is_empty):
        require_place(paths.data)
    if removal.is_empty and starts is None:
        undo.undo(removal)  # an interrupted setup leaves folders that are empty
        if not removal.unchanged:
            print("nothing to undo: no rc file has a line of hx, and there is no hook file")
    else:
        print_edits(removal.edits, config)
        _print_removed(removal.files)
        if starts is not None:
            print(f"removes what starts the sync of this machine: {_shown(starts)}")
        if not yes:
            drop_typed()
            confirm("Take these changes back?")
        # first: its note must not keep a folder that was made by setup
        turn_off(config)
        undo.undo(removal)
        print(
            "undone: shells that start from now on are not recorded;"
            " those that are open keep the hook and its keys until they end"
        )
    if purge:  # config.toml is deleted, so no line in it can stay
        lines = tuple(each for each in removal.unchanged if each.path != paths.config)
        removal = removal._replace(unchanged=lines)
        _purge(config, removal.needed_later, yes=yes)
    elif not removal.is_empty or starts is not None:
        _print_kept(config)
    _print_remaining_lines(config, machine)
    return tell_left(removal.unchanged)


def _print_kept(config: Config) -> None:
    if os.path.exists(config.paths.database):
        print(
            "the history is kept, with what was imported: `hx import --list` shows each import and"
            " `hx import --undo N` takes one back; `hx setup --undo --purge` removes it too"
        )
    print(f"the program is kept: `{_uninstall(sys.prefix)}` removes it")


def _uninstall(prefix: str) -> str:
    """Return the command that removes the package from its environment."""
    if f"{os.sep}pipx{os.sep}venvs{os.sep}" in prefix:
        return "pipx uninstall history-extended"
    if f"{os.sep}uv{os.sep}tools{os.sep}" in prefix:
        return "uv tool uninstall history-extended"
    return f"{sys.executable} -m pip uninstall history-extended"


def _print_remaining_lines(config: Config, machine: Shells) -> None:
    """Name lines that load the hook and that setup did not write, and so does not remove."""
    folders = user_folders()
    for shell, path in machine.rc_files.items():
        found = loading.found(path, undo.text_of(path), shell, config.paths.data, folders)
        if found is not None:
            print(
                f"note: {_shown(found.path)} still loads the hook in line {found.number}:"
                " remove that line"
            )


def _purge(config: Config, needed: tuple[str, ...], *, yes: bool) -> None:
    """Ask, and delete the files of hx but those that are needed later."""
    paths = config.paths
    everything = OwnPaths(paths.data, paths.spool, paths.config, paths.pause, runtime_folder())
    _print_removed(belongings(everything, needed))
    if not yes:
        what = "these files" if needed else "everything"
        confirm(f"Remove {what} of hx, also all recorded history? This cannot be undone.")
    turn_off(config)  # also where its note is lost
    # imported here: custody and its libraries are needed only for a purge
    from hx.cli import keys

    for fault in keys.forget(config):
        print(f"note: the keys of this device could not be removed: {_shown(fault)}")
    for folder in undo.purge(everything, needed):
        print(f"{_shown(folder)} is not removed: it holds files that do not belong to hx")
    if needed:
        kept = [_shown(path) for path in needed if os.path.exists(path)]
        print(f"kept, because a line of hx stays: {' and '.join(kept)}")
        print(f"the program is kept: `{_uninstall(sys.prefix)}` removes it")
    else:
        print(f"removed everything of hx except the program: `{_uninstall(sys.prefix)}` removes it")


def _print_removed(paths: Sequence[str]) -> None:
    for path in paths[:_SHOWN]:
        print(f"removes {_shown(path)}")
    if len(paths) > _SHOWN:
        print(f"removes {len(paths) - _SHOWN:,} more")


def _shown(path: str) -> str:
    return visible(os.fsencode(path))
