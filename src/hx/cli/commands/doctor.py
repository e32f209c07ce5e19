"""`hx doctor` checks everything and names the fix for each fault."""

from __future__ import annotations

import os

import apsw

from hx.cli import health, hook_checks, schedule_check, this_shell
from hx.cli.context import now_us, open_context
from hx.cli.health import FAULT, OK, WARNING, Finding
from hx.cli.text import count, visible
from hx.cli.times import local
from hx.core.errors import DatabaseError, HxError
from hx.database.connection import explained
from hx.database.queries import status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.cli.context import Context
    from hx.cli.parsers import Parser
    from hx.config import Config

_MINUTE_US = 60_000_000
_SMALL_BYTES = 8 << 20  # about 40,000 events; such a database is read in a tenth of a second


def run(arguments: list[str], config: Config) -> int:
    given = parser("doctor").parse_args(arguments)
    findings = []
    for finding in _findings(config, full=given.full):
        findings.append(finding)
        if not given.json:
            _print(finding)
    if given.json:
        from hx.cli.events_output import print_json

        print_json([finding._asdict() for finding in findings])
    # warnings do not change the exit code: a script asks whether hx works
    return DatabaseError.exit_code if any(finding.level == FAULT for finding in findings) else 0


def _findings(config: Config, *, full: bool) -> Iterator[Finding]:
    # what needs no database is shown too when the database is damaged
    opened = _opened(config)
    context = None if isinstance(opened, Finding) else opened
    yield from hook_checks.shells()
    database = None if context is None else context.database
    yield from this_shell.findings(config, database, b"doctor", now_us())
    yield from hook_checks.hook_files(config)
    yield from health.capture(config, now_us())
    yield from health.permissions(config)
    yield from health.disk(config)
    yield from health.names(config)
    yield from [opened] if isinstance(opened, Finding) else _inside(opened, full=full)


def _inside(context: Context, *, full: bool) -> Iterator[Finding]:
    try:
        yield from hook_checks.keys_of_picker(context)
        yield from _database(context, full=full)
        yield from _sync(context)
        yield from health.keys(context)
        yield from schedule_check.schedule(context)
        yield from _clock(context)
    except HxError as error:
        yield Finding("database", FAULT, error.message, error.hint)
    # a damaged page is noticed only by the query that reads it
    except apsw.Error as error:
        yield _of_sqlite(error, context.config)


def _opened(config: Config) -> Context | Finding:
    """Open the database and drain the spool, or return the finding that says why not."""
    try:
        return open_context(config, tidy=True)
    except HxError as error:
        return Finding("database", FAULT, error.message, error.hint)
    except apsw.Error as error:
        return _of_sqlite(error, config)


def _of_sqlite(error: apsw.Error, config: Config) -> Finding:
    made = explained(error, config.paths.database)
    return Finding("database", FAULT, made.message, made.hint)


def _database(context: Context, *, full: bool) -> Iterator[Finding]:
    if context.trouble is not None:
        trouble = context.trouble
        yield Finding(
            "spool", FAULT, f"the spool cannot be drained: {trouble.message}", trouble.hint
        )
    path = context.database.path
    whole = full or os.path.getsize(path) <= _SMALL_BYTES
    errors = list((status.wrongs if whole else status.wrong_schema)(context.database))
    for error in errors:
        yield Finding("database", FAULT, error, "move the database away and restore a backup of it")
    if not errors:
        rest = "" if whole else "; `hx doctor --full` reads all of it"
        yield Finding("database", OK, f"{path} {'has no errors' if whole else 'opens'}{rest}")
    if status.figures(context.database).unclean:
        sentence = (
            "the files may still hold text of forgotten events, because another process uses them"
        )
        yield Finding(
            "database", WARNING, sentence, "end other programs that use them, then run `hx status`"
        )


def _sync(context: Context) -> Iterator[Finding]:
    """Check whether syncs have failed for a day."""
    from hx.cli import auto_state
    from hx.database.sync import vault

    if vault.read(context.database) is None:
        return
    state, now = auto_state.look(context.database), context.now_us
    fix = ""
    if auto_state.is_failing_for_a_day(state, now):
        fix = "`hx sync` says what to do; `hx sync log` shows the last runs"
    yield Finding("sync", WARNING if fix else OK, f"by itself {auto_state.line(state, now)}", fix)


def _clock(context: Context) -> Iterator[Finding]:
    newest_us = status.newest_us(context.database, context.who.device_id)
    ahead_us = (newest_us or 0) - context.now_us
    # less may be the time that the command and this check take
    if ahead_us > _MINUTE_US:
        sentence = (
            f"the newest event is {count(ahead_us // _MINUTE_US, 'minute')} ahead of the clock"
        )
        yield Finding(
            "clock", WARNING, sentence, "set the clock; `hx find` lists such events first"
        )
        return
    counted_from_us = _counted_from_us(context)
    if counted_from_us < context.now_us:
        sentence = (
            f"the clock says {local(context.now_us)} and the last event before is of"
            f" {local(counted_from_us)}, from which retention counts the age of events"
        )
        yield Finding("clock", WARNING, sentence, health.CLOCK_FIX)
    else:
        yield Finding("clock", OK, "no event is ahead of the clock")


def _counted_from_us(context: Context) -> int:
    """Return the time from which retention counts; now where it removes nothing."""
    from hx.database.retention import counted_from_us

    if not context.config.values["retention_days"]:
        return context.now_us
    return counted_from_us(context.database, context.now_us)


def _print(finding: Finding) -> None:
    lines = [f"{finding.level:<8} {finding.check:<9} {visible(os.fsencode(finding.sentence))}"]
    if finding.fix:
        lines.append(f"{'':<18} fix: {visible(os.fsencode(finding.fix))}")
    # at once: the next check may wait for a keychain
    print("\n".join(lines), flush=True)


def parser(name: str) -> Parser:
    from hx.cli.parsers import Parser

    made = Parser(name, _ABOUT)
    made.add_argument(
        "--full", action="store_true", help="read the whole database, however large it is"
    )
    made.add_json()
    return made


_ABOUT = """\
Checks shells, hook, permissions, disk, database, keys and clock, and names the
fix for each fault. The exit code is 8 when there is a fault; warnings do not
change it. A database of more than 8 MiB is read as a whole only with --full.
"""
