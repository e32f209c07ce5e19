"""The checks of `hx doctor` for the hook: shells, rc files and hook files."""

from __future__ import annotations

import os

from hx.cli import setup_shells
from hx.cli.health import FAULT, OK, WARNING, Finding
from hx.cli.hook_paths import of_hook_files
from hx.config import login_shell, search_path, user_folders
from hx.core.errors import HxError
from hx.core.shell_files import rc_file
from hx.files import reason
from hx.setup import loading, plan, state, user_file
from hx.shells import BASH, SHELLS, least_versions
from hx.shells import hook as hook_file
from hx.shells.detect import InstalledShell, installed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.cli.context import Context
    from hx.config import Config


def shells() -> Iterator[Finding]:
    """Check every shell on PATH, and the login shell."""
    findings = [checked(shell) for shell in installed(search_path(), login_shell())]
    yield from findings
    # one recent shell suffices, also beside old ones
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
    # this is the bash of macOS: "install a newer bash" would not help there
    if (name, version[0]) == (BASH, 3):
        newer = "macOS ships bash 3.2 only: `brew install bash`, or use zsh"
    return Finding("shell", FAULT if is_login else WARNING, sentence, newer)


def keys_of_picker(context: Context) -> Iterator[Finding]:
    """Yield what the keys of the picker call in this shell, if its hook has looked at them."""
    from hx.capture.bound_keys import PICKER, read

    for bound in read(context.database, context.config.session or ""):
        if bound.holder == PICKER:
            yield Finding("picker", OK, f"{bound.key} opens the picker")
            continue
        what = f"calls {bound.holder}" if bound.holder else "calls nothing"
        sentence = (
            f"{bound.key} {what}, not the picker: {bound.tool or 'something'} bound it after hx"
        )
        fix = f'load hx after {bound.tool or "it"} (docs/picker.md, "Beside other tools")'
        setting = "picker_ctrl_r" if bound.key == "Ctrl-R" else "picker_up_arrow"
        yield Finding("picker", WARNING, sentence, f"{fix}, or set {setting} = false")


def hook_files(config: Config) -> Iterator[Finding]:
    """Check whether new shells load the hook, and whether the hook files are those of this hx."""
    # first, so that an upgrade by itself is no finding
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
    found = loading.found(path, text, shell, config.paths.data, user_folders())
    is_ours = rc_file.has_line(text, shell)
    if not is_ours and found is None:
        yield Finding("rc file", WARNING, f"{path} does not load the hook", "hx setup")
        return
    loads = path if is_ours or found is None else found.path
    yield Finding("rc file", OK, f"{loads} loads the hook")
    from_file = is_ours or (found is not None and found.from_file)
    # a line that runs `hx init` needs no file
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
    ours = of_hook_files(config)
    if hook_file.is_current(config.paths.data, shell, ours):
        yield Finding("hook file", OK, f"{path} is current")
        return
    # the file names its program: after another installation it is not an older one
    other = state.read(config.paths.data).executable
    whose = (
        f"runs another hx, {other}"
        if other not in ("", ours.executable)
        else "was written by an older hx"
    )
    yield Finding("hook file", WARNING, f"{path} {whose}", "hx setup")


def refresh(config: Config) -> str | None:
    """Write the hook files of `hx setup` again after an upgrade; return why that failed."""
    try:
        plan.refresh(config.paths.data, of_hook_files(config))
    except HxError as error:
        return f"the hook files are still those of an older hx: {error.message}"
    except OSError as error:
        return f"the hook files are still those of an older hx: {reason(error)}"
    return None
