"""The checks of `hx doctor` around the hook: shells, rc files, hook files."""

from __future__ import annotations

import os

from hx.cli import hook_files as hooks
from hx.cli import machine as setup_shells
from hx.cli.health_part import FAULT, OK, WARNING, Finding
from hx.config import login_shell, search_path
from hx.core.errors import HxError
from hx.core.shells import rc_file
from hx.setup import state, user_file
from hx.shells import BASH, SHELLS, least_versions
from hx.shells import hook as hook_file
from hx.shells.detect import InstalledShell, installed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.config import Config


def shells() -> Iterator[Finding]:
    """Those on PATH, and the login shell where it is another one."""
    found = [told(shell) for shell in installed(search_path(), login_shell())]
    yield from found
    if not any(finding.level == OK for finding in found):
        fix = f"install {least_versions()}, or a later one"
        yield Finding("shell", FAULT, "no shell here can be recorded", fix)


def told(shell: InstalledShell) -> Finding:
    """Whether it is recent enough."""
    name, path, version, is_login = shell
    if version is None:
        return Finding("shell", WARNING, f"{path} does not tell its version", f"{path} --version")
    said = f"{path} is {name} {version[0]}.{version[1]}"
    if shell.is_recent:
        return Finding("shell", OK, said)
    sentence = f"{said}; hx records {name} from {SHELLS[name].least_version} on"
    newer = "install a newer one"
    if (name, version[0]) == (BASH, 3):
        newer = "macOS stays at bash 3.2: `brew install bash`, or use zsh"
    return Finding("shell", FAULT if is_login else WARNING, sentence, newer)


def hook(config: Config) -> Iterator[Finding]:
    """Whether the shell that we were called from is recorded."""
    from hx.capture import spool

    session = config.session
    if not session:
        sentence = "this shell is not recorded: HX_SESSION is not set"
        fix = "load the hook: `hx setup`, or by hand (`hx init --help` shows the line)"
        yield Finding("hook", WARNING, sentence, fix)
    elif not any(file.session == session for file in spool.files(config.paths.spool)):
        sentence = f"the hook is loaded, but session {session} has written nothing"
        fix = "run a command; if that does not help, load the hook anew: `hx setup`"
        yield Finding("hook", WARNING, sentence, fix)
    else:
        yield Finding("hook", OK, "this shell is recorded")


def hook_files(config: Config) -> Iterator[Finding]:
    """Whether new shells load the hook, and the one of this hx."""
    failed = hooks.refresh(config)
    if failed is not None:
        yield Finding("hook file", WARNING, failed, "hx setup")
    try:
        machine = setup_shells.look()
        for shell in machine.used:
            yield from _loading(config, shell.name, machine.rc_files[shell.name])
    except HxError as error:
        yield Finding("rc file", WARNING, error.message, error.hint)
    for shell_name in SHELLS:
        yield from _currency(config, shell_name)


def _loading(config: Config, shell: str, path: str) -> Iterator[Finding]:
    text = user_file.read(path).text
    place = hook_file.path(config.paths.data, shell)
    loader = rc_file.loader(text, shell, os.fsencode(place))
    is_ours = rc_file.has_line(text)
    if not is_ours and loader is None:
        yield Finding("rc file", WARNING, f"{path} does not load the hook", "hx setup")
        return
    yield Finding("rc file", OK, f"{path} loads the hook")
    from_file = is_ours or (loader is not None and loader.from_file)
    if from_file and not os.path.exists(place):
        yield Finding("hook file", WARNING, f"{place} is not there: nothing is loaded", "hx setup")


def _currency(config: Config, shell: str) -> Iterator[Finding]:
    path = hook_file.path(config.paths.data, shell)
    if not os.path.exists(path):
        return
    places = hooks.places(config)
    if hook_file.is_current(config.paths.data, shell, places):
        yield Finding("hook file", OK, f"{path} is current")
        return
    other = state.read(config.paths.data).executable
    whose = f"names another hx, {other}" if other not in ("", places.executable) else "is old"
    yield Finding("hook file", WARNING, f"{path} {whose}", "hx setup")
