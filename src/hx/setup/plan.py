"""`hx setup`: hook files, and the line in each rc file that loads one; first planned as a value."""

from __future__ import annotations

import os

from hx.core.errors import HxError, InputError
from hx.core.record import NamedTuple
from hx.core.shell_files import rc_file
from hx.files import private_folder, require_owner, require_unshared
from hx.setup import manuals, settings_lines, state, user_file
from hx.setup.loading import found
from hx.setup.user_file import Edit
from hx.shells import SHELLS, hook

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hx.setup.loading import Loading
    from hx.setup.manuals import Link
    from hx.setup.state import Footprint
    from hx.shells import Shell, UserFolders
    from hx.shells.hook import HookPaths


class RcFile(NamedTuple):
    """A file that must have the line."""

    shell: str
    path: str


class LineToAdd(NamedTuple):
    """The line for an rc file that cannot be edited, such as one that Nix has made."""

    path: str
    why: str  # a sentence
    line: bytes  # what its owner may add


class SetupPlan(NamedTuple):
    """What setup will change."""

    data: str  # folder
    places: HookPaths
    hooks: tuple[str, ...]  # shells whose hook file will be written
    edits: tuple[Edit, ...]
    by_hand: tuple[Loading, ...]  # lines that load the hook without ours
    unchanged: tuple[LineToAdd, ...]  # files that their owner has to edit
    rc_files: tuple[str, ...]  # all files that will have the line
    links: tuple[Link, ...]  # man pages
    settings: Edit | None = None  # of config.toml

    @property
    def is_empty(self) -> bool:
        return not (self.hooks or self.edits or self.links or self.settings)

    @property
    def changed(self) -> list[user_file.Dotfile]:
        """Return all files of the user that will be changed or created."""
        edits = (*self.edits, self.settings) if self.settings else self.edits
        return [edit.file for edit in edits]


def planned(
    wanted: Iterable[RcFile],
    folders: UserFolders,
    data: str,
    places: HookPaths,
    links: tuple[Link, ...] = (),
) -> SetupPlan:
    """Return the plan for these files. Raises InputError when the line would not fit on one."""
    edits: dict[str, Edit] = {}
    by_hand: dict[str, Loading] = {}
    unchanged: list[LineToAdd] = []
    shells: dict[str, None] = {}
    paths: list[str] = []
    for target in wanted:
        added = line(data, target, folders)
        try:
            file = user_file.read(target.path)
            loading = found(target.path, file.text, target.shell, data, folders)
            if loading is not None:
                by_hand.setdefault(target.shell, loading)
                shells |= {target.shell: None} if loading.from_file else {}
            if target.shell in by_hand:
                continue
            shells[target.shell] = None
            # of two names of one file, undo looks for the first: the backup has that name too
            first = edits.get(file.target, Edit(file, file.text))
            text = rc_file.with_line(first.text, added)
            if text != first.text:
                user_file.require_writable(file)
                edits[file.target] = Edit(first.file, text)
            paths.append(target.path)
        except InputError as error:
            shells[target.shell] = None
            unchanged.append(_line_to_add(data, target, folders, error.message))
    hooks = tuple(shell for shell in SHELLS if _is_due(data, shell, places, shell in shells))
    return SetupPlan(
        data,
        places,
        hooks,
        (*edits.values(),),
        (*by_hand.values(),),
        (*unchanged,),
        (*paths,),
        links,
    )


def _line_to_add(data: str, target: RcFile, folders: UserFolders, why: str) -> LineToAdd:
    shell = SHELLS[target.shell]
    folder = os.fsencode(_portable(data, shell, folders))
    short = rc_file.line_by_hand(folder, shell.name, shell.variable, posix=shell.posix)
    return LineToAdd(target.path, why, short)


def _is_due(data: str, shell: str, places: HookPaths, is_needed: bool) -> bool:
    """Return whether to write a hook file: it is needed or exists, and is out of date."""
    is_needed = is_needed or os.path.exists(hook.path(data, shell))
    return is_needed and not hook.is_current(data, shell, places)


def _hook(data: str, target: RcFile) -> str:
    path = hook.path(data, target.shell)
    if "\n" in path:
        raise InputError(f"{path!r} does not fit on one line", "set HX_HOME to another folder")
    return path


def line(data: str, target: RcFile, folders: UserFolders) -> bytes:
    """Return the line for an rc file.

    It names the data folder so that the file holds on another machine too, with another home.
    """
    _hook(data, target)
    shell = SHELLS[target.shell]
    folder = os.fsencode(_portable(data, shell, folders))
    return rc_file.line(folder, shell.name, shell.variable, posix=shell.posix)


def _portable(data: str, shell: Shell, folders: UserFolders) -> str:
    """Return the data folder as an expression of a shell, by its variables where it can be."""
    if data == os.path.join(folders.data, "hx"):
        return _XDG if shell.posix else _XDG_OF_FISH
    home, slash, rest = data.partition(folders.home + "/")
    if slash and not home:
        return '"$HOME"' + shell.quoted(f"/{rest}")
    return shell.quoted(data)


_XDG = '"${XDG_DATA_HOME:-$HOME/.local/share}/hx"'
_XDG_OF_FISH = (
    '(test -n "$XDG_DATA_HOME"; and echo "$XDG_DATA_HOME"; or echo "$HOME/.local/share")/hx'
)


def prepare(plan: SetupPlan, spool: str) -> None:
    """Create the folders, note what will be changed, then write the hook files."""
    changed = [*(file.target for file in plan.changed), *(link.path for link in plan.links)]
    folders = [plan.data, spool, *map(os.path.dirname, changed)]
    footprint = _footprint(plan, state.missing_folders(folders))
    try:
        for folder in (plan.data, spool):
            private_folder(folder)
            require_unshared(folder)
        state.write(plan.data, state.read(plan.data).joined(footprint))
    except (OSError, HxError):  # a full disk: nothing says what to undo
        state.remove_empty(footprint.folders)
        raise
    for shell in plan.hooks:
        hook.write(plan.data, shell, plan.places)
    _forget_that_one_was_missing(plan.data)
    manuals.make(plan.links)


def _forget_that_one_was_missing(data: str) -> None:
    path = os.path.join(data, rc_file.MISSING)
    if os.path.exists(path):
        os.unlink(path)


def _footprint(plan: SetupPlan, folders: tuple[str, ...]) -> Footprint:
    rc_files = [edit.file for edit in plan.edits]
    return state.Footprint(
        plan.places.executable,
        plan.rc_files,
        tuple(file.path for file in plan.changed if not file.exists),
        tuple(user_file.backup_path(file) for file in rc_files if _is_kept(file)),
        folders,
        tuple(link.path for link in plan.links),
    )


def _is_kept(file: user_file.Dotfile) -> bool:
    """Return whether to make a backup: the file exists, and no backup has the same bytes."""
    return file.exists and not os.path.lexists(user_file.backup_path(file))


def edit(plan: SetupPlan) -> list[str]:
    """Edit the settings and the rc files; return the paths of the backups of the rc files."""
    if plan.settings is not None:
        user_file.replace(plan.settings.file, plan.settings.text)
    backups = []
    for change in plan.edits:
        if change.file.exists:
            backups.append(user_file.backup_path(change.file))
            user_file.back_up(change.file, backups[-1])
        user_file.replace(change.file, change.text)
    return backups


def with_settings(plan: SetupPlan, path: str, values: Mapping[str, bool | str]) -> SetupPlan:
    """Return the plan with these settings in config.toml. Raises InputError."""
    file = user_file.read(path)
    text = settings_lines.with_values(file.text, values)
    return plan if text == file.text else plan._replace(settings=Edit(file, text))


def refresh(data: str, places: HookPaths) -> list[str]:
    """Update the hook files after an upgrade of the hx that they name; return their shells."""
    if state.read(data).executable != places.executable:
        return []
    require_owner(data)
    return hook.refresh(data, places)
