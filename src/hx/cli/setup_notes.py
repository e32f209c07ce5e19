"""The notes of `hx setup`: what its user should know of the machine, after the changes."""

from __future__ import annotations

import os
import re

from hx.cli import health, hook_checks
from hx.cli.health import OK
from hx.cli.own_histories import unclear_hint
from hx.cli.setup_answers import CTRL_R
from hx.core.errors import InputError
from hx.core.shell_files import rc_file
from hx.files import on_network
from hx.setup import user_file
from hx.shells.detect import login_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hx.cli.setup_shells import Shells
    from hx.config import Config, Value
    from hx.setup.plan import SetupPlan
    from hx.shells.detect import InstalledShell

_STAMP = re.compile(rb"^#\d{9,}$", re.MULTILINE)
_LOOK_BYTES = 256 << 10


def notes(
    config: Config,
    machine: Shells,
    chosen: list[InstalledShell],
    plan: SetupPlan,
    values: Mapping[str, Value],
) -> Iterator[str]:
    """Yield the notes, one sentence each. `values` are the settings of the picker."""
    for shell in machine.shells:
        finding = hook_checks.checked(shell)
        if finding.level != OK:
            yield f"{finding.sentence}: {finding.fix}"
    for finding in health.names(config):
        if finding.level != OK:
            yield f"{finding.sentence}: {finding.fix}"
    # locks and the log of SQLite are not reliable there
    if on_network(config.paths.data):
        yield (
            f"{config.paths.data} is on a network file system: hx is slower there, and all hosts"
            " that use it are one device; set XDG_DATA_HOME to a local folder"
        )
    yield from _of_bash(machine, chosen)
    yield from _of_tools(tools(machine, chosen), values)
    if values[CTRL_R]:
        yield from _of_fish(machine, chosen)
    yield from _of_chezmoi(machine, plan)
    hint = unclear_hint()
    if hint:
        yield hint
    if config.session is not None:
        yield "this shell has loaded a hook already; new shells load the one in the hook file"


def _of_bash(machine: Shells, chosen: list[InstalledShell]) -> Iterator[str]:
    if not any(shell.name == "bash" for shell in chosen):
        return
    if login_file(machine.home) is None:
        yield (
            "a login bash (ssh, tmux, macOS) reads none of your files and is not recorded; to"
            " record it: echo '. ~/.bashrc' >> ~/.bash_profile"
        )
    if _lacks_times(os.path.join(machine.home, ".bash_history")):
        yield (
            "~/.bash_history holds no times, because HISTTIMEFORMAT was not set: hx finds its"
            " lines, but not by time; what hx records has times"
        )


def _lacks_times(path: str) -> bool:
    """Return whether a history of bash has lines and none of them has a time."""
    try:
        # the end of the file: it shows how bash writes the file now
        text = user_file.read(path).text[-_LOOK_BYTES:]
    except InputError:
        return False
    return bool(text.strip()) and _STAMP.search(text) is None


def tools(machine: Shells, chosen: list[InstalledShell]) -> dict[str, list[str]]:
    """Return the other history tools that the rc file of each shell names; the last has Ctrl-R."""
    return {shell.name: _tools(machine.rc_files[shell.name]) for shell in chosen}


def _tools(path: str) -> list[str]:
    try:
        return rc_file.rivals(user_file.read(path).text)
    except InputError:
        return []


def _of_tools(found: Mapping[str, list[str]], values: Mapping[str, Value]) -> Iterator[str]:
    names = [*dict.fromkeys(name for names in found.values() for name in names)]
    if not names:
        return
    who = f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} not changed"
    if values[CTRL_R]:
        yield f"{who}, but Ctrl-R opens the picker of hx now; `hx setup --no-ctrl-r` gives it back"
    else:
        yield f"{who}, and Ctrl-R stays as it is: hx records beside it"


def _of_fish(machine: Shells, chosen: list[InstalledShell]) -> Iterator[str]:
    """Name the function of fish that binds keys after the hook."""
    folder = os.path.dirname(machine.rc_files["fish"])
    path = os.path.join(folder, "functions", "fish_user_key_bindings.fish")
    if any(shell.name == "fish" for shell in chosen) and _tools(path):
        yield f"fish runs {path} after the hook: call __hx_bind_keys at its end, or Ctrl-R stays"


def _of_chezmoi(machine: Shells, plan: SetupPlan) -> Iterator[str]:
    """Name the rc files of which chezmoi has the source: its next apply would remove the line."""
    folder = os.path.join(machine.home, ".local/share/chezmoi")
    for edit in plan.edits:
        place = os.path.relpath(os.path.dirname(edit.file.path), machine.home)
        names = _names(os.path.join(folder, "" if place == "." else f"dot_{place.lstrip('.')}"))
        name = os.path.basename(edit.file.path)
        # chezmoi spells a dot at the beginning so, and may add attributes before it
        wanted = f"dot_{name[1:]}" if name.startswith(".") else name
        if any(each.removesuffix(".tmpl").endswith(wanted) for each in names):
            yield (
                f"chezmoi manages {edit.file.path}: add the line to its source too, or the next"
                " `chezmoi apply` removes it"
            )


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
