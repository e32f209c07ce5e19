"""The checks of `hx doctor` around the hook: shells, rc files and hook files."""

from __future__ import annotations

import os

from hx.cli import machine as setup_shells
from hx.cli.commands.init import executable, keys
from hx.cli.health import FAULT, OK, WARNING, Finding
from hx.config import login_shell, search_path
from hx.core.errors import HxError
from hx.core.shells import rc_file
from hx.files import reason
from hx.setup import plan, state, user_file
from hx.shells import BASH, SHELLS, least_versions
from hx.shells import hook as hook_file
from hx.shells.detect import InstalledShell, installed
from hx.shells.hook import HookPaths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.config import Config


def shells() -> Iterator[Finding]:
    """Check every shell on PATH, and the login shell."""
    findings = [checked(shell) for shell in installed(search_path(), login_shell())]
    yield from findings
    if not any(finding.level == OK for finding in findings):
        needed = f"install {least_versions()}, or a later one"
        yield Finding("shell", FAULT, "hx can record no shell on this machine", needed)


def checked(shell: InstalledShell) -> Finding:
    """Check whether the shell is recent enough to be recorded."""
    name, path, version, is_login = shell
    if version is None:
        return Finding("shell", WARNING, f"{path} does not print its version", f"{path} --version")
    said = f"{path} is {name} {version[0]}.{version[1]}"
    if shell.is_recent:
        return Finding("shell", OK, said)
    sentence = f"{said}; hx records {name} from {SHELLS[name].least_version} on"
    newer = f"install a newer {name}"
    if (name, version[0]) == (BASH, 3):
        newer = "macOS ships bash 3.2 only: `brew install bash`, or use zsh"
    return Finding("shell", FAULT if is_login else WARNING, sentence, newer)


# what the hook of bash writes into HX_UNRECORDED: why, and what to do
UNRECORDED = {
    "ble.sh": ("its ble.sh is too old to be asked for the lines", "install ble.sh 0.4 or later"),
    "readonly": ("PROMPT_COMMAND or PS0 is readonly", "load the hook before it is made so"),
    "restricted": ("a restricted shell can write no file", "use another shell"),
}


def hook(config: Config) -> Iterator[Finding]:
    """Check whether the shell that called hx is recorded."""
    from hx.capture import spool

    session = config.session
    if config.unrecorded in UNRECORDED:
        why, fix = UNRECORDED[config.unrecorded]
        yield Finding("hook", WARNING, f"this shell is not recorded: {why}", fix)
    elif not session:
        sentence = "this shell is not recorded: HX_SESSION is not set"
        fix = "load the hook: `hx setup`, or by hand (`hx init --help` shows the line)"
        yield Finding("hook", WARNING, sentence, fix)
    elif not any(file.session == session for file in spool.files(config.paths.spool)):
        sentence = f"the hook is loaded, but session {session} has written nothing"
        fix = "run a command; if that does not help, load the hook again: `hx setup`"
        yield Finding("hook", WARNING, sentence, fix)
    else:
        yield Finding("hook", OK, "this shell is recorded")


def hook_files(config: Config) -> Iterator[Finding]:
    """Check whether new shells load the hook, and whether the hook files are those of this hx."""
    failed = refresh(config)
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
        yield Finding(
            "hook file",
            WARNING,
            f"the hook file {place} is missing, so new shells are not recorded",
            "hx setup",
        )


def _currency(config: Config, shell: str) -> Iterator[Finding]:
    path = hook_file.path(config.paths.data, shell)
    if not os.path.exists(path):
        return
    ours = places(config)
    if hook_file.is_current(config.paths.data, shell, ours):
        yield Finding("hook file", OK, f"{path} is current")
        return
    other = state.read(config.paths.data).executable
    whose = (
        f"runs another hx, {other}"
        if other not in ("", ours.executable)
        else "was written by an older hx"
    )
    yield Finding("hook file", WARNING, f"{path} {whose}", "hx setup")


def places(config: Config) -> HookPaths:
    """Return the paths that hook files name.

    The name of hx in them stays when it is the other name of this program (`history-extended`).
    """
    known, ours = state.read(config.paths.data).executable, executable()
    is_same = os.path.dirname(known) == os.path.dirname(ours) and os.path.exists(known)
    program = known if is_same else ours
    return HookPaths(config.paths.spool, config.paths.pause, program, keys(config))


def refresh(config: Config) -> str | None:
    """Write the hook files of `hx setup` again after an upgrade; return why that failed."""
    try:
        plan.refresh(config.paths.data, places(config))
    except HxError as error:
        return f"the hook files are still those of an older hx: {error.message}"
    except OSError as error:
        return f"the hook files are still those of an older hx: {reason(error)}"
    return None
