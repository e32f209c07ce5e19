"""`hx import` takes in the history of other tools, from the usual places or from one file."""

from __future__ import annotations

import os
import sys

from hx.cli import own_histories
from hx.cli.context import drained, open_context
from hx.cli.prompts import Progress, at_terminal, choice
from hx.cli.text import count, visible
from hx.config import require_home
from hx.core.errors import Busy, HxError, UsageError
from hx.core.record import NamedTuple
from hx.files import Lock
from hx.importers.run import Counts, Import, Job

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping

    from hx.cli.context import Context
    from hx.cli.parsers import Parser
    from hx.config import Config
    from hx.importers import Importer


NOTHING_FOUND, UNREADABLE = 1, 2
_NOTHING = """\
hx: no history of another tool was found
hx: hint: name the file: hx import "$HISTFILE" (hx sees it if exported or in an rc file)"""
_WORDS = {
    "known": "imported before",
    "duplicates": "recorded by hx or imported from another tool",
    "later": "later than hx's first record of that shell (--all takes them)",
    "forgotten": "forgotten",
    "ignored": "ignored by your rules",
}


class Imported(NamedTuple):
    """The result of the import of one history file."""

    path: str
    kind: str  # the KIND of its importer; empty when it is not recognised
    counts: Counts
    error: str = ""  # why it could not be read (to its end): one sentence
    number: int | None = None  # by which `hx import --undo` knows it; None: nothing was imported


def run(arguments: list[str], config: Config) -> int:
    given = parser("import").parse_args(arguments)
    _one_form(given)
    _require_name(given.file)
    if not given.list and given.undo is None:
        require_home(or_hx_home=given.file is not None)
    context = open_context(config)
    if given.list or given.undo is not None:
        from hx.cli.commands import import_runs

        return (import_runs.list_runs if given.list else import_runs.undo)(context, given)
    options = {"everything": given.all, "dry_run": given.dry_run}
    if given.file is None:
        done = import_found(context, kind=given.kind, **options)
    else:
        done = [import_file(context, given.file, kind=given.kind, **options)]
    if not given.dry_run and any(result.counts.expired for result in done):
        from hx.database.retention import retain

        retain(context.database, _border_us(context))
    if given.json:
        print_objects(done)
    else:
        print_imported(done, dry_run=given.dry_run)
        _print_way_back(done)
    if not done:
        print(_NOTHING, file=sys.stderr)
        return NOTHING_FOUND
    hint = own_histories.unclear_hint() if given.file is None else ""
    if hint:
        print(f"hx: hint: {hint}", file=sys.stderr)
    return UNREADABLE if any(result.error for result in done) else 0


def _one_form(given: Namespace) -> None:
    """Check that --list and --undo stand alone. Raises UsageError."""
    taken = [name for name in ("--list", "--undo") if getattr(given, name[2:]) not in (False, None)]
    reads = given.file is not None or given.kind is not None or given.all
    if len(taken) > 1 or (taken and reads) or (given.list and given.dry_run):
        raise UsageError(
            f"{taken[0]} imports nothing, so it takes no file and no option of an import",
            "`hx import --list` and `hx import --undo N` stand alone",
        )
    if given.yes and given.undo is None:
        raise UsageError("--yes belongs to --undo", "leave it out: `hx import` asks nothing")


def _require_name(path: str | None) -> None:
    """Check that a file can have this name. Raises UsageError."""
    if path == "":
        raise UsageError(
            "the name of the file is empty",
            'name a file; in `hx import "$HISTFILE"` the shell has no HISTFILE',
        )
    if path == "-":
        raise UsageError("hx import does not read stdin", "write it to a file, and name that file")


def import_found(
    context: Context,
    *,
    kind: str | None = None,
    everything: bool = False,
    dry_run: bool = False,
) -> list[Imported]:
    """Import every history in the usual places, and return a result for each, in order.

    A file that cannot be read has an `error` in its result; the others are imported. `kind` takes
    only the histories of one tool; `everything` takes also what ran after hx began to record that
    shell; `dry_run` counts and writes nothing. Progress goes to stderr when it is a terminal.
    Raises DatabaseError, Busy (another import runs) and KeyboardInterrupt, which leaves whole
    batches: the next import continues.
    """
    done = []
    for path, writer in found().items():
        # one unreadable history must not keep the others out
        result = _tried(context, path, writer, kind, everything=everything, dry_run=dry_run)
        if result is not None:
            done.append(result)
    return done


def found() -> dict[str, str | None]:
    """Return path -> shell whose rc file names it, or None, for the histories that are there.

    They are those in the usual places, and those that rc files name.
    """
    return _existing(own_histories.importable())


def _existing(writers: Mapping[str, str | None]) -> dict[str, str | None]:
    """Return the files that are not empty, each once, even when several paths lead to it."""
    by_target: dict[str, str] = {}
    for path in writers:
        if os.path.isfile(path) and os.path.getsize(path):
            # a link to a history would be imported as a second history
            by_target.setdefault(os.path.realpath(path), path)
    return {path: writers[path] for path in by_target.values()}


def _tried(  # noqa: PLR0913  (what says how to import one file)
    context: Context,
    path: str,
    writer: str | None,
    kind: str | None,
    *,
    everything: bool,
    dry_run: bool,
) -> Imported | None:
    """Import one file; return None when it is of another kind than was asked for."""
    from hx.core.errors import DatabaseError
    from hx.importers.registry import detected

    detected_kind = ""
    try:
        importer = detected(path, writer)
        detected_kind = importer.KIND.decode()
        if kind is not None and kind != detected_kind:
            return None
        return _import(context, path, importer, everything=everything, dry_run=dry_run)
    # the database cannot be used, so no other file can be imported either
    except DatabaseError:
        raise
    except HxError as error:
        return Imported(path, detected_kind, Counts(), error.message)


def import_file(
    context: Context,
    path: str,
    *,
    kind: str | None = None,
    everything: bool = False,
    dry_run: bool = False,
) -> Imported:
    """Import one file. Raises InputError when it cannot be read, and the errors of import_found.

    Of a file that only may be a history the user is asked on the terminal.
    """
    chosen = _chosen(path, kind)
    return _import(context, path, chosen, everything=everything, dry_run=dry_run)


def _chosen(path: str, kind: str | None) -> Importer:
    """Return the importer for a file that the user named. Raises InputError."""
    from hx.core.errors import UnmarkedError
    from hx.importers.registry import PLAIN, detected, importer, importer_for

    if kind is None:
        places = own_histories.importable().items()
        own = {os.path.realpath(place): writer for place, writer in places}
        if os.path.realpath(path) in own:
            return detected(path, own[os.path.realpath(path)])
    try:
        return importer_for(path, kind)
    except UnmarkedError as error:
        if not at_terminal():
            raise
        print(f"hx: {error.message}", file=sys.stderr)
        shell = choice("Which shell wrote it?", PLAIN)
        if shell is None:
            raise
        return importer(shell)


def _import(
    context: Context, path: str, importer: Importer, *, everything: bool, dry_run: bool
) -> Imported:
    kind = importer.KIND.decode()
    context = drained(context)  # so that its events are not taken for new ones
    with (
        Lock(os.path.join(context.config.paths.data, "import.lock")) as held,
        Progress(f"importing {os.path.basename(path)}") as progress,
    ):
        if not held:
            raise Busy("another `hx import` is running", "wait until it has ended, then try again")
        job = Job(
            context.who.device_id,
            context.config.host,
            context.config.rules,
            _border_us(context),
            everything,
            dry_run,
            context.now_us,
            progress.told,
            _existing(own_histories.of_shells()),
        )
        work = Import(context.database, path, importer, job)
        try:
            counts = work.run()
            return Imported(path, kind, counts, number=work.number)
        except KeyboardInterrupt:
            new = work.counts.new
            print(
                f"\nhx: {count(new, 'new event')} imported so far; import again to continue",
                file=sys.stderr,
            )
            raise


def _border_us(context: Context) -> int | None:
    from hx.database.retention import border_us

    days = int(context.config.values["retention_days"])
    return border_us(context.database, days, context.now_us)


def summary(result: Imported) -> str:
    """Return the line of a result: `/home/ann/.zsh_history: 41,247 new, 3 imported before`."""
    if result.error:
        return visible(result.error.encode(errors="surrogateescape"))
    path = visible(result.path.encode(errors="surrogateescape"))
    counts = result.counts
    parts = [f"{counts.new:,} new{_about_new(result)}"]
    parts += [
        f"{getattr(counts, name):,} {words}"
        for name, words in _WORDS.items()
        if getattr(counts, name)
    ]
    parts += [f"{number:,} unreadable ({why})" for why, number in sorted(counts.unreadable.items())]
    return f"{path}: {', '.join(parts)}"


def _about_new(result: Imported) -> str:
    counts = result.counts
    notes = [
        f"{number:,} {words}"
        for number, words in (
            (counts.untimed, "without a time"),
            (counts.redacted, "with a secret masked"),
            (counts.expired, "older than retention_days"),
        )
        if number
    ]
    return f" ({', '.join(notes)})" if notes else ""


def print_imported(done: list[Imported], *, dry_run: bool) -> None:
    for result in done:
        print(summary(result))
    if dry_run and done:
        print("nothing was written")


def _print_way_back(done: list[Imported]) -> None:
    """Print, on a terminal, how to take these imports back."""
    numbers = [str(result.number) for result in done if result.number is not None]
    if not (numbers and sys.stdout.isatty()):
        return
    if len(numbers) == 1:
        print(f"`hx import --undo {numbers[0]}` takes it back")
    else:
        print(f"`hx import --undo N` takes one of them back: N is {', '.join(numbers)}")


def print_objects(done: list[Imported]) -> None:
    from hx.cli.events_output import print_json

    print_json([_object(result) for result in done])


def _object(result: Imported) -> dict[str, object]:
    counts = result.counts._asdict()
    unreadable = counts.pop("unreadable")
    reasons = [{"reason": why, "count": number} for why, number in sorted(unreadable.items())]
    return {
        "path": result.path.encode(errors="surrogateescape").decode(errors="replace"),
        "kind": result.kind or None,
        **counts,
        "unreadable": reasons,
        "error": result.error or None,
        "number": result.number,
    }


def parser(name: str) -> Parser:
    from hx.cli.parsers import Parser
    from hx.importers.registry import importers

    kinds = [tool.KIND.decode() for tool in importers()]
    made = Parser(name, _ABOUT)
    made.add_argument(
        "file",
        nargs="?",
        metavar="FILE",
        help="a history file; without it, every history in the usual places",
    )
    made.add_argument(
        "--from",
        dest="kind",
        choices=kinds,
        metavar="|".join(kinds),
        help="which tool wrote the history; without it hx recognises it by its content or name, or"
        " asks",
    )
    made.add_argument(
        "--all",
        action="store_true",
        help="also what ran after hx began to record that shell",
    )
    made.add_argument("--dry-run", action="store_true", help="count the events, and write nothing")
    made.add_argument(
        "--list", action="store_true", help="show every import of this device that brought events"
    )
    made.add_argument(
        "--undo", metavar="N", help="forget what the import with this number brought; it asks first"
    )
    made.add_argument("--yes", action="store_true", help="with --undo: do not ask")
    made.add_json()
    return made


_ABOUT = """\
Imports the history of bash, zsh, fish, atuin, hishtory, mcfly or zsh-histdb.
Without FILE it looks in the usual places: HISTFILE (exported, or set in an rc
file), ~/.bash_history, ~/.zsh_history, and where fish and the other tools keep
theirs. Importing a history again, grown, trimmed or renamed, adds only what is
new.

What hx recorded itself is left out: a line with the text of an event of hx
within two seconds, and (unless --all) what a shell ran after hx began to
record it. Forgotten events are not imported again. Secrets are masked.

Each import that brings an event has a number. `--undo N` shows what import N
brought and is still there, asks, and forgets it as `hx forget` does, on the
other devices too. A later import of the file takes its lines in again; what
was forgotten by itself stays forgotten.
"""
