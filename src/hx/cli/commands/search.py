"""`hx search [QUERY…]` lists distinct commands, the best match first."""

from __future__ import annotations

import sys
from itertools import islice

from hx.cli.commands.pick import INTERACTIVE
from hx.cli.commands.pick import OPTIONS as PICKER
from hx.cli.context import here, open_context
from hx.cli.options import FILTERS, OUTPUT, Option, split, to_query
from hx.core.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.cli.context import Context
    from hx.cli.parsers import Parser
    from hx.config import Config
    from hx.core.query import Query
    from hx.database.find import Found

FORMAT = Option(
    "--format", "null", "only the commands, each ended by a NUL byte: for `fzf --read0`"
)
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
        raise UsageError(f"--format cannot be {line.options['--format']!r}", "say --format null")
    context = open_context(config)
    query = to_query(line, config, context.now_us)
    commands = list(islice(_ranked(context, query), query.limit))
    if query.reverse:
        commands.reverse()
    if "--format" in line.options:
        return _write_null(context, commands)
    from hx.cli.events_output import answer

    return answer(context, _found(context, query, commands), line.options)


def _spelled_out(arguments: list[str]) -> list[str]:
    # `-i` behind `--` is text
    end = arguments.index("--") if "--" in arguments else len(arguments)
    options = [INTERACTIVE.name if word == "-i" else word for word in arguments[:end]]
    return options + arguments[end:]


def _need_interactive(given: dict[str, str]) -> None:
    for option in PICKER:
        if option.name in given:
            raise UsageError(f"{option.name} works only with -i", "`hx search -i` opens the picker")


def _ranked(context: Context, query: Query) -> Iterator[int]:
    # imported here: Ctrl-R starts in this module too, and its first frame must not wait
    from hx.core.terms import parse
    from hx.database.search import search

    case = {"smart": None, "exact": True, "ignore": False}[str(context.config.values["case"])]
    terms = parse(query.text, exact_case=case)
    return search(context.database, query, terms, here(context), context.now_us)


def _found(context: Context, query: Query, commands: list[int]) -> Iterator[Found]:
    """Return the newest run of each command that passes the filters, in the same order."""
    from hx.database.find import count_runs, load_counted, newest_runs
    from hx.database.find_conditions import filters_in
    from hx.database.rows import among

    database = context.database
    # the newest run of all may be outside the filters: then another run is shown
    if query.filtered:
        counted = count_runs(database, [among(commands), *filters_in(database, query)])
    else:
        counted = newest_runs(database, commands)
    runs = {run.command: run for run in counted}
    return load_counted(database, [runs[command] for command in commands if command in runs])


def _write_null(context: Context, commands: list[int]) -> int:
    from hx.database.search import exact_texts

    # the bytes go past the text buffer: what is in it has to come first
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
Lists distinct commands, the best match first: by how well they match, how often
and how recently they ran, and whether they ran here; the picker uses the same
order. Without QUERY the last used command is first. All words of QUERY must match:

  word       the command contains it; if few do, its letters in this order
  'word      the command contains exactly this
  ^word      the command begins with it
  word$      the command ends with it
  !word      the command does not contain it

A capital letter makes its word exact in case, a backslash keeps a blank inside
a word, `--` goes before words that begin with a dash.

  hx search --all --format null | fzf --read0
"""
