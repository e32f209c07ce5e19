"""`hx setup --undo`: what setup did is taken back; with `--purge` hx leaves no trace."""

from __future__ import annotations

import os

from hx.cli import keys
from hx.cli.diff import print_edits
from hx.cli.machine import every_path
from hx.cli.output import visible
from hx.cli.prompts_ask import confirm
from hx.config import runtime_folder
from hx.core.shells import rc_file
from hx.setup import undo
from hx.setup.undo import OwnPaths, belongings
from hx.shells import hook

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from hx.cli.machine import Shells
    from hx.config import Config

_SHOWN = 20


def run(config: Config, machine: Shells, *, purge: bool, yes: bool) -> int:
    removal = undo.planned(every_path(machine), config.paths.data)
    if removal.is_empty:
        print("nothing to undo: no rc file has a line of hx, and there is no hook file")
    else:
        print_edits(removal.edits, config)
        _print_removed(removal.files)
        if not yes:
            confirm("Take these changes back?")
        undo.undo(removal)
        print("undone: shells that start from now on are not recorded")
    if purge:
        _purge(config, yes=yes)
    elif not removal.is_empty:
        print("the history is kept: `hx setup --undo --purge` removes it too")
    _tell_by_hand(config, machine)
    return 0


def _tell_by_hand(config: Config, machine: Shells) -> None:
    """Lines that setup did not write are not its to remove."""
    for shell, path in machine.rc_files.items():
        place = os.fsencode(hook.path(config.paths.data, shell))
        loader = rc_file.loader(undo.text_of(path), shell, place)
        if loader is not None:
            shown = visible(os.fsencode(path))
            print(f"note: {shown} still loads the hook, in line {loader.number}: remove that line")


def _purge(config: Config, *, yes: bool) -> None:
    paths = config.paths
    everything = OwnPaths(paths.data, paths.spool, paths.config, paths.pause, runtime_folder())
    files = belongings(everything)
    _print_removed(files)
    if not yes:
        confirm("Remove everything of hx, all that it recorded too? There is no way back.")
    for fault in keys.forget(config):
        print(f"note: the keys of this device stay where they are: {visible(os.fsencode(fault))}")
    for folder in undo.purge(everything):
        print(f"{visible(os.fsencode(folder))} stays: it holds files that are not of hx")
    print("removed: nothing of hx is left but the program itself")


def _print_removed(paths: Sequence[str]) -> None:
    for path in paths[:_SHOWN]:
        print(f"removes {visible(os.fsencode(path))}")
    if len(paths) > _SHOWN:
        print(f"removes {len(paths) - _SHOWN:,} more")
