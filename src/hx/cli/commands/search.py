"""`hx search [QUERY…]`: distinct commands, the likeliest first."""

from __future__ import annotations

import os
import sys
from itertools import islice

from hx.cli.commands.pick import INTERACTIVE
from hx.cli.commands.pick import OPTIONS as PICKER
from hx.cli.context import open_context
from hx.cli.options import FILTERS, OUTPUT, Option, split, to_query
from hx.core.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.cli.context import Context
    from hx.cli.parsers import Parser
    from hx.config import Config
    from hx.core.query import Query
    from hx.core.rank import Here
    from hx.database.find import Found

FORMAT = Option("--format", "null", "commands only, a NUL behind each: for `fzf --read0`")
OPTIONS = (*FILTERS, *OUTPUT, FORMAT, *PICKER)


def run(arguments: list[str], config: Config) -> int:
    line = split(_spelled_out(arguments), OPTIONS, strict=True)
    if "--help" in line.options:
        parser("search").print_help()
        return 0
    if INTERACTIVE.name in line.options:
        from hx.cli.commands.pick import run as pick

        return pick(line, config)
    _need_interactive(line.options)
    if line.options.get("--format", "null") != "null":
        raise UsageError(f"there is no format {line.options['--format']!r}", "there is one: null")
    context = open_context(config)
    query = to_query(line, config, context.now_us)
    commands = list(islice(_ranked(context, query), query.limit))
    if query.reverse:
        commands.reverse()
    if "--format" in line.options:
        return _write_null(context, commands)
    from hx.cli.output import answer

    return answer(context, _found(context, query, commands), line.options)


def _spelled_out(arguments: list[str]) -> list[str]:
    end = arguments.index("--") if "--" in arguments else len(arguments)
    options = [INTERACTIVE.name if word == "-i" else word for word in arguments[:end]]
    return options + arguments[end:]


def _need_interactive(given: dict[str, str]) -> None:
    for option in PICKER:
        if option.name in given:
            raise UsageError(f"{option.name} goes with -i", "`hx search -i` is the picker")


def _ranked(context: Context, query: Query) -> Iterator[int]:
    from hx.core.terms import parse
    from hx.database.search import search

    case = {"smart": None, "exact": True, "ignore": False}[str(context.config.values["case"])]
    terms = parse(query.text, exact_case=case)
    return search(context.database, query, terms, here(context), context.now_us)


def here(context: Context) -> Here:
    from hx.capture.git import look_up
    from hx.config import working_directory
    from hx.core.rank import Here

    directory = os.fsencode(working_directory())
    repo, _ = look_up(directory)
    return Here(directory, repo, _current_session(context.config), context.who.device_id)


def _current_session(config: Config) -> bytes | None:
    from hx.cli.options import session_id

    try:
        return session_id("", config)
    except UsageError:
        return None


def _found(context: Context, query: Query, commands: list[int]) -> Iterator[Found]:
    """Their newest runs that the filters let through."""
    from hx.database.find import count_runs, load_counted, newest_runs
    from hx.database.find_conditions import filters_in
    from hx.database.rows import among

    database = context.database
    if query.filtered:
        counted = count_runs(database, [among(commands), *filters_in(database, query)])
    else:
        counted = newest_runs(database, commands)
    of = {one.command: one for one in counted}
    return load_counted(database, [of[one] for one in commands if one in of])


def _write_null(context: Context, commands: list[int]) -> int:
    from hx.database.search import exact_texts

    sys.stdout.flush()
    for text in exact_texts(context.database, commands):
        sys.stdout.buffer.write(text + b"\0")
    return 0 if commands else 1


def parser(name: str) -> Parser:
    from hx.cli.parsers import add_options, filters_parser

    made = filters_parser(name, "QUERY", _ABOUT)
    add_options(made, (FORMAT,))
    made.add_argument("-i", INTERACTIVE.name, action="store_true", help=INTERACTIVE.help)
    add_options(made, PICKER[1:])
    return made


_ABOUT = """\
Lists distinct commands, the likeliest first: by how well they match, how often
and how lately they ran, and whether they ran here; the picker orders them by the
same rule. Without QUERY the last used is first. All words of QUERY must match:

  word       contained; where that finds too little, its letters in their order
  'word      contained exactly so
  ^word      the command begins so
  word$      the command ends so
  !word      not contained

A capital letter makes its word exact in case, a backslash keeps a blank inside
a word, `--` goes before words that begin with a dash.

  hx search --all --format null | fzf --read0
"""
