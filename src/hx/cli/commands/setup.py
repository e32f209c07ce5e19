"""`hx setup` writes hook files and rc lines and imports the old history; `--undo` removes them."""

from __future__ import annotations

import os
import sys
from shlex import quote

from hx.cli import health, setup_answers, setup_notes, setup_screen
from hx.cli.hook_paths import of_hook_files, picker_keys
from hx.cli.prompts import at_terminal, chosen, drop_typed
from hx.cli.setup_answers import spelled
from hx.cli.setup_screen import Screen
from hx.cli.setup_shells import chosen as chosen_shells
from hx.cli.setup_shells import look, wanted
from hx.cli.setup_undo import take_back
from hx.cli.text import count, visible
from hx.config import require_home, user_folders
from hx.core.errors import HxError, Refused, UsageError
from hx.core.record import NamedTuple
from hx.files import require_place
from hx.setup import manuals, state
from hx.setup import plan as setup_plan
from hx.shells import SHELLS, hook

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from hx.cli.parsers import Parser
    from hx.cli.setup_answers import Proposal
    from hx.cli.setup_shells import Shells
    from hx.config import Config, Value
    from hx.setup.plan import SetupPlan
    from hx.shells.detect import InstalledShell


class Task(NamedTuple):
    """What setup works on."""

    config: Config
    machine: Shells
    shells: list[InstalledShell]  # those that are set up
    imports: bool  # whether the old history is imported


def run(arguments: list[str], config: Config) -> int:
    given = parser("setup").parse_args(arguments)
    _one_form(given)
    require_home()
    machine = look()
    if given.undo:
        return take_back(config, machine, purge=given.purge, yes=given.yes, anyway=given.anyway)
    shells = chosen_shells(machine, given.shell or [])
    task = Task(config, machine, shells, not given.no_import)
    proposal = _proposal(task, given)
    plan = _plan(task, proposal)
    if task.imports or not plan.is_empty:  # before a question that could only end in an error
        require_place(config.paths.data)
        require_place(config.paths.spool)
    _show(task, plan, proposal)
    if not (plan.is_empty or given.yes):
        proposal = _asked(proposal)
        # the answers decide which lines of config.toml and which keys the plan has
        plan = _plan(task, proposal)
    return _carry_out(task, plan, proposal)


def _one_form(given: Namespace) -> None:
    """Check that no option of a setup stands with --undo, and --purge not without. UsageError."""
    if given.purge and not given.undo:
        raise UsageError(
            "--purge works only with --undo", "to remove everything of hx: hx setup --undo --purge"
        )
    if given.anyway and not given.purge:
        raise UsageError("--anyway works only with --purge", "leave it out")
    options = {
        "--shell": given.shell is not None,
        "--no-import": given.no_import,
        "--ctrl-r": given.ctrl_r is True,
        "--no-ctrl-r": given.ctrl_r is False,
        "--up-arrow": given.up_arrow is True,
        "--no-up-arrow": given.up_arrow is False,
        "--enter": given.enter is not None,
    }
    taken = next((name for name, is_given in options.items() if is_given), None)
    if given.undo and taken is not None:
        raise UsageError(
            f"--undo takes back what setup did for every shell, so it does not take {taken}",
            "leave it out, or remove the line of hx from the rc file of one shell yourself",
        )


def _proposal(task: Task, given: Namespace) -> Proposal:
    options: dict[str, Value] = {
        setup_answers.CTRL_R: given.ctrl_r,
        setup_answers.UP: given.up_arrow,
        setup_answers.ENTER: given.enter,
    }
    named = {name: value for name, value in options.items() if value is not None}
    tools = setup_notes.tools(task.machine, task.shells).get(task.shells[0].name) or [""]
    # the first setup notes the program that the hook files name
    is_first = not state.read(task.config.paths.data).executable
    return setup_answers.proposed(task.config, named, tools[-1], is_first=is_first)


def _plan(task: Task, proposal: Proposal) -> SetupPlan:
    folders, paths = user_folders(), task.config.paths
    hook_paths = of_hook_files(task.config)._replace(keys=picker_keys(proposal.values))
    links = manuals.planned(sys.prefix, folders.data, state.read(paths.data).links)
    files = wanted(task.machine, task.shells)
    plan = setup_plan.planned(files, folders, paths.data, hook_paths, links)
    if not proposal.changes:
        return plan
    return setup_plan.with_settings(plan, paths.config, proposal.changes)


def _show(task: Task, plan: SetupPlan, proposal: Proposal) -> None:
    if plan.is_empty:
        for loading in plan.by_hand:
            where = f"{_shown(loading.path)} loads the hook in line {loading.number}"
            print(f"{where} and is not changed")
        if not plan.unchanged:
            print("nothing to change: the hook is set up already")
        return
    histories = None
    if task.imports:
        from hx.cli.commands.import_ import found
        from hx.importers.estimate import estimates

        histories = estimates(found())
    tools = setup_notes.tools(task.machine, task.shells)
    setup_screen.show(plan, Screen(task.machine.home, proposal, tools, histories), task.config)


def _asked(proposal: Proposal) -> Proposal:
    if not at_terminal():
        raise Refused("this needs a yes, and there is no terminal to ask on", "use --yes")
    drop_typed()
    answered = setup_answers.asked(proposal)
    if chosen("Make these changes?", ("yes", "no"), "yes") == "no":
        raise Refused(
            "nothing was changed: the answer was not yes",
            "run the command again and answer y, or use --yes",
        )
    return answered


def _carry_out(task: Task, plan: SetupPlan, proposal: Proposal) -> int:
    config = task.config
    if not plan.is_empty:
        setup_plan.prepare(plan, config.paths.spool)
    code = _import(config) if task.imports else 0  # before the first live event
    for backup in setup_plan.edit(plan):
        print(f"backup {_shown(backup)}")
    for name, value in proposal.changes.items():
        print(f"wrote {name} = {spelled(value)} to {_shown(config.paths.config)}")
    # after the changes: these are not errors, and the last lines are read
    for note in setup_notes.notes(config, task.machine, task.shells, plan, proposal.values):
        print(f"note: {_shown(note)}")
    _tell_of_schedule(config)
    _tell_next(config, task.shells[0].name, plan)
    return code or setup_screen.tell_left(plan.unchanged)


def _tell_of_schedule(config: Config) -> None:
    """After an upgrade to another place, let the scheduler start this hx."""
    from hx.cli.auto_sync import refresh

    renamed = refresh(config)
    if renamed is not None:
        print(f"note: {_shown(renamed)}")


def _import(config: Config) -> int:
    """Import the history of other tools; return the exit code. A failure is only a warning."""
    from hx.cli.commands.import_ import import_found, print_imported
    from hx.cli.context import open_context

    try:
        results = import_found(open_context(config))
    except HxError as error:
        sys.stdout.flush()
        print(f"hx: warning: the old history is not imported: {error.message}", file=sys.stderr)
        print("hx: hint: run `hx import` later", file=sys.stderr)
        # setup goes on: the history can be imported at any later time
        return error.exit_code
    except KeyboardInterrupt:
        print(
            "hx: the rc files are not changed yet: `hx setup` continues, `hx setup --undo` takes"
            " back what it has done",
            file=sys.stderr,
        )
        raise
    print_imported(results, dry_run=False)
    new = sum(result.counts.new for result in results)
    print(f"imported: {count(new, 'event')}")
    return 0


def _tell_next(config: Config, shell: str, plan: SetupPlan) -> None:
    file = hook.path(plan.data, shell)
    # a recorded shell of a finished setup needs no new one
    if plan.unchanged or config.session is None or not plan.is_empty:
        quoted = _shown(SHELLS[shell].quoted(file) if quote(file) != file else file)
        now = f", or load it here: {SHELLS[shell].load} {quoted}" if os.path.exists(file) else ""
        add = "add the line below, then " if plan.unchanged else ""
        print(f"next: {add}open a new shell{now}")
    is_first = all(finding.level == health.OK for finding in health.names(config))
    name = "hx" if is_first else "history-extended"  # `hx` alone would start Helix
    print(
        f"then: `{name} find TEXT` finds commands that you typed, `{name} last` shows what failed"
    )


def _shown(path: str) -> str:
    return visible(os.fsencode(path))


def parser(name: str) -> Parser:
    from argparse import BooleanOptionalAction

    from hx.cli.parsers import Parser

    made = Parser(name, _ABOUT)
    made.add_argument(
        "--shell",
        action="append",
        choices=list(SHELLS),
        help="this shell (may be given again); else the login shell and those with an rc file",
    )
    made.add_argument(
        "--ctrl-r",
        action=BooleanOptionalAction,
        default=None,
        help="Ctrl-R opens the picker, or stays as it is",
    )
    made.add_argument(
        "--up-arrow",
        action=BooleanOptionalAction,
        default=None,
        help="the up arrow opens the picker, or stays as it is",
    )
    made.add_argument(
        "--enter",
        choices=["run", "edit"],
        help="what Enter in the picker does with a command",
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
    made.add_argument(
        "--anyway",
        action="store_true",
        help="with --purge and --yes: also on a device that is in a vault",
    )
    made.add_yes()
    return made


_ABOUT = """\
Sets hx up for the shells of this machine: writes a hook file, puts one line that
loads it at the end of the rc file, and imports the old history. It shows all
that first, and asks what Ctrl-R, the up arrow and Enter in the picker shall do;
--yes takes the answers that it proposes. Run again, it changes nothing, or what
an upgrade or an option needs. `--undo` takes back what setup did; the history
stays.
"""
