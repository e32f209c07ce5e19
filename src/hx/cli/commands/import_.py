"""`hx import`: what other tools remember, found by itself or named."""

from __future__ import annotations

import os
import sys

from hx.cli.context import drained, open_context
from hx.cli.import_report import summary
from hx.cli.progress import Progress
from hx.core.errors import Busy, HxError
from hx.core.record import NamedTuple
from hx.files import Lock
from hx.importers.run import Counts, Import, Job

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.cli.context import Context
    from hx.cli.parsers import Parser
    from hx.config import Config
    from hx.importers import Importer

__all__ = ["Imported", "import_file", "import_found", "run", "summary"]

NOTHING_FOUND, UNREADABLE = 1, 2


class Imported(NamedTuple):
    """One history, and what became of it."""

    path: str
    kind: str  # bash, zsh, fish or atuin; empty when it could not be told
    counts: Counts
    error: str = ""  # why it could not be read (to its end): one sentence


def run(arguments: list[str], config: Config) -> int:
    from hx.cli.import_report import print_imported, print_objects

    given = parser("import").parse_args(arguments)
    context = open_context(config)
    options = {"everything": given.all, "dry_run": given.dry_run}
    if given.file is None:
        done = import_found(context, kind=given.kind, **options)
    else:
        done = [import_file(context, given.file, kind=given.kind, **options)]
    if given.json:
        print_objects(done)
    else:
        print_imported(done, dry_run=given.dry_run)
    if not done:
        print("hx: no history of another tool was found", file=sys.stderr)
        return NOTHING_FOUND
    return UNREADABLE if any(one.error for one in done) else 0


def import_found(
    context: Context,
    *,
    kind: str | None = None,
    everything: bool = False,
    dry_run: bool = False,
) -> list[Imported]:
    """Import every history in the usual places; what each of them gave, none when nothing is there.

    A file that cannot be read becomes an `error` and stops no other. `kind` takes only those of
    one tool; `everything` takes also what ran after hx began to record that shell; `dry_run`
    counts and writes nothing. Progress goes to stderr when it is a terminal. Raises
    DatabaseError, Busy (another import runs) and KeyboardInterrupt, which leaves whole batches:
    running it again goes on.
    """
    from hx.config import import_paths

    done = []
    for path in _existing(import_paths()):
        one = _tried(context, path, kind, everything=everything, dry_run=dry_run)
        if one is not None:
            done.append(one)
    return done


def _existing(paths: list[str]) -> list[str]:
    """Files that hold something, each once, whatever it is called."""
    found: dict[str, str] = {}
    for path in paths:
        if os.path.isfile(path) and os.path.getsize(path):
            found.setdefault(os.path.realpath(path), path)
    return list(found.values())


def _tried(
    context: Context, path: str, kind: str | None, *, everything: bool, dry_run: bool
) -> Imported | None:
    """None: it is of another kind than was asked for."""
    from hx.core.errors import DatabaseError
    from hx.importers.registry import detected

    found = ""
    try:
        importer = detected(path)
        found = importer.KIND.decode()
        if kind is not None and kind != found:
            return None
        return _import(context, path, importer, everything=everything, dry_run=dry_run)
    except DatabaseError:
        raise
    except HxError as error:
        return Imported(path, found, Counts(), error.message)


def import_file(
    context: Context,
    path: str,
    *,
    kind: str | None = None,
    everything: bool = False,
    dry_run: bool = False,
) -> Imported:
    """Import one file. Raises InputError when it cannot be read, and what import_found raises."""
    from hx.importers.registry import detected, importer

    found = detected(path) if kind is None else importer(kind)
    return _import(context, path, found, everything=everything, dry_run=dry_run)


def _import(
    context: Context, path: str, importer: Importer, *, everything: bool, dry_run: bool
) -> Imported:
    kind = importer.KIND.decode()
    context = drained(context)  # what was typed a moment ago is no news
    with (
        Lock(os.path.join(context.config.paths.data, "import.lock")) as held,
        Progress(f"importing {os.path.basename(path)}") as progress,
    ):
        if not held:
            raise Busy("another import is at work", "wait until it has ended")
        job = Job(
            context.who.device_id,
            context.config.host,
            context.config.rules,
            _border_us(context),
            everything,
            dry_run,
            progress.told,
        )
        work = Import(context.database, path, importer, job)
        try:
            return Imported(path, kind, work.run())
        except KeyboardInterrupt:
            new = work.counts.new
            print(f"\nhx: {new:,} new events are in; import again to go on", file=sys.stderr)
            raise


def _border_us(context: Context) -> int | None:
    from hx.database.retention import border_us

    return border_us(int(context.config.values["retention_days"]), context.now_us)


def parser(name: str) -> Parser:
    from hx.cli.parsers import Parser
    from hx.importers.registry import importers

    kinds = [tool.KIND.decode() for tool in importers()]
    made = Parser(name, _ABOUT)
    made.add_argument("file", nargs="?", metavar="FILE", help="a history; none: all that are found")
    made.add_argument(
        "--from",
        dest="kind",
        choices=kinds,
        metavar="|".join(kinds),
        help="whose history it is; without it the content tells",
    )
    made.add_argument(
        "--all",
        action="store_true",
        help="also what ran after hx began to record that shell",
    )
    made.add_argument("--dry-run", action="store_true", help="count, and write nothing")
    made.add_json()
    return made


_ABOUT = """\
Imports the history of bash, zsh, fish or atuin. Without FILE it looks in the
usual places: HISTFILE, ~/.bash_history, ~/.zsh_history, fish's and atuin's.
The same history again, grown, trimmed or renamed, brings only what is new.

What hx recorded itself is left out: a line with the text of an event of hx
within two seconds, and (unless --all) what a shell ran after hx began to
record it. What was forgotten stays away. Secrets are masked as everywhere.
"""
