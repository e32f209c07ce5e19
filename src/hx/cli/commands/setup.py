"""`hx setup`: hook files, the line in the rc files, the old history; and all of it undone."""

from __future__ import annotations

import os
import sys
from shlex import quote

from hx.cli.commands import setup_notes
from hx.cli.diff import print_edits
from hx.cli.hook_files import places
from hx.cli.machine import chosen, look, wanted
from hx.cli.output import visible
from hx.cli.prompts_ask import confirm
from hx.core.errors import HxError, UsageError
from hx.setup import plan as install
from hx.shells import SHELLS, hook

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.cli.parsers import Parser
    from hx.config import Config
    from hx.setup.plan import SetupPlan


def run(arguments: list[str], config: Config) -> int:
    given = parser("setup").parse_args(arguments)
    if given.purge and not given.undo:
        raise UsageError("--purge belongs to --undo", "hx setup --undo --purge")
    machine = look()
    if given.undo:
        from hx.cli.commands import setup_undo

        return setup_undo.run(config, machine, purge=given.purge, yes=given.yes)
    shells = chosen(machine, given.shell or [])
    plan = install.planned(wanted(machine, shells), config.paths.data, places(config))
    _show(plan, config)
    if not plan.is_empty:
        if not given.yes:
            confirm("Make these changes?")
        install.prepare(plan, config.paths.spool)
    code = 0 if given.no_import else _import(config)  # before the first live event
    _edit(plan)
    setup_notes.tell(config, machine, shells)
    _tell_next(config, shells[0].name, plan)
    return code


def _show(plan: SetupPlan, config: Config) -> None:
    for one in plan.by_hand:
        print(f"{_shown(one.path)} loads the hook in line {one.number}: it stays as it is")
    if plan.is_empty:
        print("nothing to change: the hook is set up")
    for shell in plan.hooks:
        print(f"writes {_shown(hook.path(plan.data, shell))}")
    print_edits(plan.edits, config)


def _edit(plan: SetupPlan) -> None:
    for backup in install.edit(plan):
        print(f"backup {_shown(backup)}")


def _import(config: Config) -> int:
    """What other tools remember; a failure of it does not keep the shells from being recorded."""
    from hx.cli.commands.import_ import import_found
    from hx.cli.context import open_context
    from hx.cli.import_report import print_imported

    try:
        found = import_found(open_context(config))
    except HxError as error:
        print(f"hx: warning: the old history is not imported: {error.message}", file=sys.stderr)
        print("hx: hint: `hx import` does it later", file=sys.stderr)
        return error.exit_code
    print_imported(found, dry_run=False)
    new = sum(one.counts.new for one in found)
    print(f"imported: {new:,} event{'' if new == 1 else 's'} more can be found now")
    return 0


def _tell_next(config: Config, shell: str, plan: SetupPlan) -> None:
    file = hook.path(plan.data, shell)
    if config.session is None or not plan.is_empty:
        quoted = _shown(SHELLS[shell].quoted(file) if quote(file) != file else file)
        now = f", or load it here: {SHELLS[shell].load} {quoted}" if os.path.exists(file) else ""
        print(f"next: open a new shell{now}")
    print("then: `hx find TEXT` finds what was typed, `hx last` tells what failed")


def _shown(path: str) -> str:
    return visible(os.fsencode(path))


def parser(name: str) -> Parser:
    from hx.cli.parsers import Parser

    made = Parser(name, _ABOUT)
    made.add_argument(
        "--shell",
        action="append",
        choices=list(SHELLS),
        help="this shell (may be given again); else the login shell and those with an rc file",
    )
    made.add_argument("--no-import", action="store_true", help="leave the old history where it is")
    made.add_argument("--undo", action="store_true", help="take back what setup did; keep events")
    made.add_argument(
        "--purge", action="store_true", help="with --undo: remove everything of hx, events too"
    )
    made.add_argument("--yes", action="store_true", help="do not ask")
    return made


_ABOUT = """\
Sets hx up for the shells of this machine: writes a hook file, puts one line that
loads it at the end of the rc file (shows the change, asks, keeps a backup), and
imports the old history. Again, it changes nothing, or what an upgrade asks for.
"""
