"""`hx doctor`: checks everything, and names the fix for each fault."""

from __future__ import annotations

import os

import apsw

from hx.cli import health, hook_checks, keys
from hx.cli.context import now_us, open_context
from hx.cli.health_part import FAULT, OK, WARNING, Finding
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


def run(arguments: list[str], config: Config) -> int:
    given = parser("doctor").parse_args(arguments)
    found = list(_findings(config))
    if given.json:
        from hx.cli.json_output import print_json

        print_json([finding._asdict() for finding in found])
    else:
        _print(found)
    return DatabaseError.exit_code if any(one.level == FAULT for one in found) else 0


def _findings(config: Config) -> Iterator[Finding]:
    yield from hook_checks.shells()
    yield from hook_checks.hook(config)
    yield from hook_checks.hook_files(config)
    yield from health.capture(config, now_us())
    yield from health.permissions(config)
    yield from health.disk(config)
    yield from health.names(config)
    try:
        context = open_context(config, tidy=True)
        yield from _database(context)
        yield from keys.findings(context)
        yield from _clock(context)
    except HxError as error:
        yield Finding("database", FAULT, error.message, error.hint)
    except apsw.Error as error:
        made = explained(error, config.paths.database)
        yield Finding("database", FAULT, made.message, made.hint)


def _database(context: Context) -> Iterator[Finding]:
    if context.trouble is not None:
        trouble = context.trouble
        yield Finding("spool", FAULT, f"it cannot be drained: {trouble.message}", trouble.hint)
    wrongs = list(status.wrongs(context.database))
    for wrong in wrongs:
        yield Finding("database", FAULT, wrong, "move the database away and restore a backup of it")
    if not wrongs:
        yield Finding("database", OK, f"{context.database.path} is sound")
    if status.figures(context.database).unclean:
        sentence = "text of forgotten events may still stand in its files, another process uses it"
        yield Finding("database", WARNING, sentence, "end other programs that read it; hx status")


def _clock(context: Context) -> Iterator[Finding]:
    newest_us = status.newest_us(context.database, context.who.device_id)
    ahead_us = (newest_us or 0) - context.now_us
    if ahead_us > _MINUTE_US:
        sentence = f"the newest event is {ahead_us // _MINUTE_US} minutes ahead of the clock"
        yield Finding(
            "clock", WARNING, sentence, "set the clock; `hx find` lists such events first"
        )
    else:
        yield Finding("clock", OK, "no event is ahead of the clock")


def _print(found: list[Finding]) -> None:
    from hx.cli.output import visible

    for one in found:
        print(f"{one.level:<8} {one.check:<9} {visible(os.fsencode(one.sentence))}")
        if one.fix:
            print(f"{'':<18} fix: {visible(os.fsencode(one.fix))}")


def parser(name: str) -> Parser:
    from hx.cli.parsers import Parser

    made = Parser(name, _ABOUT)
    made.add_json()
    return made


_ABOUT = """\
Checks shells, hook, permissions, disk, database, keys and clock, and names the
fix for each fault. Exit code 8 when there is a fault; warnings are none.
"""
