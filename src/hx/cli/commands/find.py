"""`hx find [TEXT…]` lists every event whose command contains the text."""

from __future__ import annotations

from hx.cli.context import open_context
from hx.cli.events_output import answer
from hx.cli.options import FILTERS, OUTPUT, split, to_query

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.cli.parsers import Parser
    from hx.config import Config


def run(arguments: list[str], config: Config) -> int:
    line = split(arguments, FILTERS + OUTPUT)
    if "--help" in line.options:
        parser("find").print_help()
        return 0
    # the spool is drained first, so that what was typed a second ago is found
    context = open_context(config)
    from hx.database.find import find

    query = to_query(line, config, context.now_us)
    events = find(context.database, query, context.now_us)
    return answer(context, events, line.options)


def parser(name: str) -> Parser:
    from hx.cli.parsers import filters_parser

    return filters_parser(name, "TEXT", _ABOUT)


_ABOUT = """\
Lists the events whose command contains TEXT, newest first. The words of TEXT are
joined by one blank. A capital letter makes the search exact in case. Punctuation
is text, and so are unknown words that begin with a dash; `--` ends the options.
Without TEXT it lists every event. Imported events without a time come last, and
all of one command are one row: `45x`. After them come events that are dated more
than a day ahead: a clock or an imported file was wrong.
"""
