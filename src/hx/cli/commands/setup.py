"""`hx setup` writes hook files and rc lines and imports the old history; `--undo` removes them."""

from __future__ import annotations

import difflib
import os
import re
import sys
from shlex import quote

from hx.cli import health, hook_checks
from hx.cli.health import OK
from hx.cli.hook_checks import places
from hx.cli.prompts import confirm
from hx.cli.setup_shells import chosen, every_path, look, wanted
from hx.cli.text import BOLD, GREEN, RED, Paint, count, visible
from hx.config import runtime_folder, user_folders
from hx.core.errors import HxError, InputError, UsageError
from hx.core.shell_files import rc_file
from hx.files import on_network
from hx.setup import plan as setup_plan
from hx.setup import undo, user_file
from hx.setup.undo import OwnPaths, belongings
from hx.shells import SHELLS, hook
from hx.shells.detect import login_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from hx.cli.parsers import Parser
    from hx.cli.setup_shells import Shells
    from hx.config import Config
    from hx.setup.plan import SetupPlan
    from hx.setup.user_file import Edit
    from hx.shells.detect import InstalledShell

_STYLES = {"+": GREEN, "-": RED}
_SHOWN = 20  # removed files that are named
_STAMP = re.compile(rb"^#\d{9,}$", re.MULTILINE)
_LOOK_BYTES = 256 << 10


def run(arguments: list[str], config: Config) -> int:
    given = parser("setup").parse_args(arguments)
    if given.purge and not given.undo:
        raise UsageError(
            "--purge works only with --undo", "to remove everything of hx: hx setup --undo --purge"
        )
    machine = look()
    if given.undo:
        return _undo(config, machine, purge=given.purge, yes=given.yes)
    shells = chosen(machine, given.shell or [])
    files, data = wanted(machine, shells), config.paths.data
    plan = setup_plan.planned(files, user_folders(), data, places(config))
    _show(plan, config)
    if not plan.is_empty:
        if not given.yes:
            confirm("Make these changes?")
        setup_plan.prepare(plan, config.paths.spool)
    code = 0 if given.no_import else _import(config)  # before the first live event
    _edit(plan)
    _print_notes(config, machine, shells)
    _tell_next(config, shells[0].name, plan)
    return code


def _show(plan: SetupPlan, config: Config) -> None:
    for loader in plan.by_hand:
        print(f"{_shown(loader.path)} loads the hook in line {loader.number} and is not changed")
    if plan.is_empty:
        print("nothing to change: the hook is set up already")
    for shell in plan.hooks:
        print(f"writes {_shown(hook.path(plan.data, shell))}")
    print_edits(plan.edits, config)


def _edit(plan: SetupPlan) -> None:
    for backup in setup_plan.edit(plan):
        print(f"backup {_shown(backup)}")


def _import(config: Config) -> int:
    """Import the history of other tools; return the exit code. A failure is only a warning."""
    from hx.cli.commands.import_ import import_found, print_imported
    from hx.cli.context import open_context

    try:
        results = import_found(open_context(config))
    except HxError as error:
        print(f"hx: warning: the old history is not imported: {error.message}", file=sys.stderr)
        print("hx: hint: run `hx import` later", file=sys.stderr)
        return error.exit_code
    print_imported(results, dry_run=False)
    new = sum(result.counts.new for result in results)
    print(f"imported: {count(new, 'event')}")
    return 0


def _tell_next(config: Config, shell: str, plan: SetupPlan) -> None:
    file = hook.path(plan.data, shell)
    if config.session is None or not plan.is_empty:
        quoted = _shown(SHELLS[shell].quoted(file) if quote(file) != file else file)
        now = f", or load it here: {SHELLS[shell].load} {quoted}" if os.path.exists(file) else ""
        print(f"next: open a new shell{now}")
    print("then: `hx find TEXT` finds commands that you typed, `hx last` shows what failed")


def _shown(path: str) -> str:
    return visible(os.fsencode(path))


def print_edits(edits: Iterable[Edit], config: Config) -> None:
    """Print edits of files as `git diff` shows them."""
    paint = Paint({}, config)
    for edit in edits:
        name = visible(os.fsencode(edit.file.path))
        print(paint(BOLD, f"--- {name if edit.file.exists else os.devnull}"))
        print(paint(BOLD, f"+++ {name}"))
        for line in changes(edit.file.text, edit.text):
            style = _STYLES.get(line[0])
            print(paint(style, line) if style else line)


def changes(before: bytes, after: bytes) -> Iterator[str]:
    """Yield the lines of a unified diff, safe to print."""
    lines = difflib.unified_diff(_lines(before), _lines(after), lineterm="")
    for line in list(lines)[2:]:
        yield line.replace("\n", "\n\\ ")


def _lines(text: bytes) -> list[str]:
    """Return the lines; a last line without a newline gets a note, so that the diff shows it."""
    whole = text.split(b"\n")
    shown = [visible(line) for line in whole]
    last = shown.pop()
    return [*shown, f"{last}\nNo newline at end of file"] if last else shown


def _undo(config: Config, machine: Shells, *, purge: bool, yes: bool) -> int:
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
    _print_remaining_lines(config, machine)
    return 0


def _print_remaining_lines(config: Config, machine: Shells) -> None:
    """Name lines that load the hook and that setup did not write, and so does not remove."""
    for shell, path in machine.rc_files.items():
        hook_file = os.fsencode(hook.path(config.paths.data, shell))
        loader = rc_file.loader(undo.text_of(path), shell, hook_file)
        if loader is not None:
            print(
                f"note: {_shown(path)} still loads the hook in line {loader.number}:"
                " remove that line"
            )


def _purge(config: Config, *, yes: bool) -> None:
    paths = config.paths
    everything = OwnPaths(paths.data, paths.spool, paths.config, paths.pause, runtime_folder())
    files = belongings(everything)
    _print_removed(files)
    if not yes:
        confirm("Remove everything of hx, also all recorded history? This cannot be undone.")
    # imported here: custody and its libraries are needed only for a purge
    from hx.cli import keys

    for fault in keys.forget(config):
        print(f"note: the keys of this device could not be removed: {_shown(fault)}")
    for folder in undo.purge(everything):
        print(f"{_shown(folder)} is not removed: it holds files that do not belong to hx")
    print("removed everything of hx except the program itself")


def _print_removed(paths: Sequence[str]) -> None:
    for path in paths[:_SHOWN]:
        print(f"removes {_shown(path)}")
    if len(paths) > _SHOWN:
        print(f"removes {len(paths) - _SHOWN:,} more")


def _print_notes(config: Config, machine: Shells, chosen: list[InstalledShell]) -> None:
    # after the changes: these are not errors, and the last lines are read
    for note in _notes(config, machine, chosen):
        print(f"note: {_shown(note)}")


def _notes(config: Config, machine: Shells, chosen: list[InstalledShell]) -> Iterator[str]:
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
            f"{config.paths.data} is on a network file system: hx is slower there, and each host is"
            " a device of its own; set XDG_DATA_HOME to a local folder"
        )
    yield from _of_bash(machine, chosen)
    for name in _rivals(machine, chosen):
        yield f"{name} is not changed: hx records beside it and binds no key"
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


def _rivals(machine: Shells, chosen: list[InstalledShell]) -> Iterable[str]:
    """Return the names of other history tools that the rc files load."""
    names: dict[str, None] = {}
    for shell in chosen:
        text = user_file.read(machine.rc_files[shell.name]).text
        names |= dict.fromkeys(rc_file.rivals(text))
    return names


def parser(name: str) -> Parser:
    from hx.cli.parsers import Parser

    made = Parser(name, _ABOUT)
    made.add_argument(
        "--shell",
        action="append",
        choices=list(SHELLS),
        help="this shell (may be given again); else the login shell and those with an rc file",
    )
    made.add_argument("--no-import", action="store_true", help="do not import the old history")
    made.add_argument(
        "--undo", action="store_true", help="take back what setup did; keep the recorded events"
    )
    made.add_argument(
        "--purge",
        action="store_true",
        help="with --undo: remove everything of hx, recorded events too",
    )
    made.add_argument("--yes", action="store_true", help="do not ask")
    return made


_ABOUT = """\
Sets hx up for the shells of this machine: writes a hook file, puts one line that
loads it at the end of the rc file (shows the change, asks, keeps a backup), and
imports the old history. Run again, it changes nothing, or what an upgrade needs.
"""
