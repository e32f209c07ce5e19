"""`hx import --list` shows the imports of this device, and `--undo` takes one of them back."""

from __future__ import annotations

import os
import sys

from hx.cli.commands.forget import PENDING, issuer, note_many, places
from hx.cli.context import drained
from hx.cli.forget_report import ForgetPreview, ForgetReport, preview, print_object, print_report
from hx.cli.prompts import confirm
from hx.cli.text import count, visible
from hx.cli.times import local, rfc3339
from hx.core.errors import Busy, UsageError
from hx.database.queries import forget_selection, imports
from hx.database.queries.forget_selection import Choice
from hx.files import Lock
from hx.forget import forget as forgetting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from hx.cli.context import Context
    from hx.database.queries.imports import ImportRun

NOTHING_FOUND = 1
_MOST_DIGITS = 9


def list_runs(context: Context, given: Namespace) -> int:
    """Print every import that brought something; return the exit code."""
    runs = imports.runs(context.database)
    if given.json:
        from hx.cli.events_output import print_json

        print_json([_object(run) for run in runs])
    else:
        for run in runs:
            print(_line(run))
    if not runs:
        print("hx: nothing was imported on this device", file=sys.stderr)
    return 0 if runs else NOTHING_FOUND


def _line(run: ImportRun) -> str:
    number, kind = f"{run.number:>4}", f"{run.kind:<6}"
    return f"{number}  {local(run.at_us)}  {kind} {_counts(run):<32}  {_path(run)}"


def _counts(run: ImportRun) -> str:
    notes = []
    if run.undone_at_us is not None:
        notes.append("undone")
    elif run.here != run.brought.new:
        notes.append(f"{run.here:,} left")
    if not run.complete:
        notes.append("interrupted")
    shown = f" ({', '.join(notes)})" if notes else ""
    return f"{run.brought.new:,} new{shown}"


def _path(run: ImportRun) -> str:
    return visible(run.path)


def _object(run: ImportRun) -> dict[str, object]:
    return {
        "number": run.number,
        "at": rfc3339(run.at_us),
        "path": run.path.decode(errors="replace"),
        "kind": run.kind,
        **run.brought._asdict(),
        "here": run.here,
        "complete": run.complete,
        "undone_at": None if run.undone_at_us is None else rfc3339(run.undone_at_us),
    }


# ---- undo ----


def undo(context: Context, given: Namespace) -> int:
    """Show what an import brought, ask, and forget it; return the exit code."""
    context = drained(context)
    with Lock(os.path.join(context.config.paths.data, "import.lock")) as held:
        if not held:
            raise Busy("`hx import` is running", "wait until it has ended, then try again")
        return _undo(context, _chosen(context, given.undo), given)


def _undo(context: Context, run: ImportRun, given: Namespace) -> int:
    selected = forget_selection.of_import(context.database, run.number)
    if not selected.events:
        print(f"hx: {_nothing_left(run)}, so nothing was forgotten", file=sys.stderr)
        return NOTHING_FOUND
    choice = Choice(import_number=run.number)
    stream = sys.stderr if given.json else sys.stdout
    if not given.yes or given.dry_run:
        print(_about(run, imports.span(context.database, run.number)), file=stream)
        artifacts = forgetting.artifacts(context.database, choice, (), context.now_us)
        preview(context, choice, ForgetPreview(selected, artifacts, 0), stream)
    if given.dry_run:
        print("nothing was written", file=stream)
        return 0
    if not given.yes:
        confirm("Forget this?")
    note_many(selected.events)
    outcome = forgetting.forget(context.database, choice, (), issuer(context), places(context))
    report = ForgetReport(outcome, selected.devices, None)
    if given.json:
        print_object(context, choice, report)
    else:
        print_report(context, choice, report)
        print(f"{_path(run)} itself stays as it is: importing it again takes its lines in again")
    return 0 if outcome.clean else PENDING


def _nothing_left(run: ImportRun) -> str:
    if run.undone_at_us is None:
        return f"nothing of import {run.number} is left"
    return f"import {run.number} was undone on {local(run.undone_at_us)}"


def _about(run: ImportRun, span: imports.Span) -> str:
    """Return the line that names an import and the time in which its events began."""
    times = f"{count(span.untimed, 'event')} without a time" if span.untimed else ""
    if span.first_us is not None and span.last_us is not None:
        began = f"began {local(span.first_us)} to {local(span.last_us)}"
        times = f"{began}, {times}" if times else began
    return f"import {run.number} of {local(run.at_us)}, {_path(run)}: {times}"


def _chosen(context: Context, text: str) -> ImportRun:
    """Return the import that the argument of --undo names. Raises UsageError."""
    if text.isdecimal() and text.isascii() and len(text) <= _MOST_DIGITS:
        run = imports.run_with(context.database, int(text))
        if run is not None:
            return run
    raise UsageError(f"there is no import {text!r}", _hint(context, text))


def _hint(context: Context, text: str) -> str:
    """Return which imports there are; for a path, those of this file."""
    runs = imports.runs(context.database)
    path = os.fsencode(os.path.abspath(text))
    of_path = [str(run.number) for run in runs if run.path == path and run.undone_at_us is None]
    if of_path:
        return f"did you mean `hx import --undo {of_path[-1]}`? `hx import --list` shows them"
    if not runs:
        return "nothing was imported on this device"
    if len(runs) == 1:
        return f"the only import has the number {runs[0].number}: `hx import --list` shows it"
    numbers = f"{runs[0].number} to {runs[-1].number}"
    return f"the imports have the numbers {numbers}: `hx import --list` shows them"
