"""`hx find [TEXT…]`: every event whose command contains the text."""

from __future__ import annotations

from hx.cli.context import open_context
from hx.cli.options import FILTERS, OUTPUT, split, to_query
from hx.cli.output import answer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.cli.parsers import Parser
    from hx.config import Config


def run(arguments: list[str], config: Config) -> int:
    line = split(arguments, FILTERS + OUTPUT)
    if "--help" in line.options:
        parser("find").print_help()
        return 0
    context = open_context(config)
    from hx.database.find import find

    found = find(context.database, to_query(line, config, context.now_us))
    return answer(context, found, line.options)


def parser(name: str) -> Parser:
    from hx.cli.parsers import filters_parser

    return filters_parser(name, "TEXT", _ABOUT)


_ABOUT = """\
Lists the events whose command contains TEXT, newest first: the words joined by
one blank, as they stand. A capital letter makes the search exact. Any
punctuation is text, unknown words that begin with a dash too; `--` ends the
options. Without TEXT: every event.
"""
