"""What `hx setup` notices on a machine: one line each, with what to do."""

from __future__ import annotations

import os
import re

from hx.cli import health, hook_checks
from hx.cli.health_part import OK
from hx.core.errors import InputError
from hx.core.shells import rc_file
from hx.files import on_network
from hx.setup import user_file
from hx.shells import BASH
from hx.shells.detect import login_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hx.cli.machine import Shells
    from hx.config import Config
    from hx.shells.detect import InstalledShell

_STAMP = re.compile(rb"^#\d{9,}$", re.MULTILINE)
_LOOK_BYTES = 256 << 10


def tell(config: Config, machine: Shells, chosen: list[InstalledShell]) -> None:
    from hx.cli.output import visible

    for note in _notes(config, machine, chosen):
        print(f"note: {visible(os.fsencode(note))}")


def _notes(config: Config, machine: Shells, chosen: list[InstalledShell]) -> Iterator[str]:
    for shell in machine.found:
        old = hook_checks.told(shell)
        if old.level != OK:
            yield f"{old.sentence}: {old.fix}"
    for finding in health.names(config):
        if finding.level != OK:
            yield f"{finding.sentence}: {finding.fix}"
    if on_network(config.paths.data):
        yield (
            f"{config.paths.data} is on a network file system: slower, and each host is a device of"
            " its own; XDG_DATA_HOME may name a local folder"
        )
    yield from _of_bash(machine, chosen)
    for name in _rivals(machine, chosen):
        yield f"{name} stays as it is: hx records beside it and binds no key"
    if config.session is not None:
        yield "this shell has a hook loaded already; new shells load the one of the hook file"


def _of_bash(machine: Shells, chosen: list[InstalledShell]) -> Iterator[str]:
    if not any(shell.name == BASH for shell in chosen):
        return
    if login_file(machine.home) is None:
        yield (
            "a login bash (ssh, tmux, macOS) reads no file of yours and is not recorded:"
            " echo '. ~/.bashrc' >> ~/.bash_profile"
        )
    if _lacks_times(os.path.join(machine.home, ".bash_history")):
        yield (
            "~/.bash_history holds no times (HISTTIMEFORMAT was not set): its lines are found, but"
            " not by time; what hx records has times"
        )


def _lacks_times(path: str) -> bool:
    """Whether a history of bash has lines and none of them is stamped."""
    try:
        text = user_file.read(path).text[-_LOOK_BYTES:]
    except InputError:
        return False
    return bool(text.strip()) and _STAMP.search(text) is None


def _rivals(machine: Shells, chosen: list[InstalledShell]) -> Iterable[str]:
    names: dict[str, None] = {}
    for shell in chosen:
        text = user_file.read(machine.rc_files[shell.name]).text
        names |= dict.fromkeys(rc_file.rivals(text))
    return names
