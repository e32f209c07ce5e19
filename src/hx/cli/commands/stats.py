"""`hx stats` counts what was run, how often it failed, and how long it took."""

from __future__ import annotations

import sys

from hx.cli.charts import Day, Group, Stats, print_stats
from hx.cli.context import open_context, tell_if_empty
from hx.cli.events_output import decoded, print_json
from hx.cli.options import FILTERS, OUTPUT, Option, split, to_query
from hx.cli.text import Paint
from hx.cli.times import rfc3339
from hx.core.errors import UsageError
from hx.database.queries import stats as tally

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.cli.context import Context
    from hx.cli.parsers import Parser
    from hx.config import Config
    from hx.core.query import Query
    from hx.database.queries.stats import GroupName, Tally, TimeSpan

_TOP, _TOP_OF_OVERVIEW = 20, 10
LATELY_DAYS = 14
NOTHING_FOUND = 1

_FILTERS = tuple(
    option
    for option in FILTERS
    if option.name
    in ("--here", "--cwd", "--repo", "--session", "--device", "--host", "--since", "--until")
)
_OWN = (
    Option("--by", "KIND", f"what to group by: {', '.join(tally.KINDS)}"),
    Option("--limit", "N", f"at most N groups; {_TOP} by default"),
)


def run(arguments: list[str], config: Config) -> int:
    line = split(arguments, _FILTERS + _OWN + OUTPUT, strict=True)
    if "--help" in line.options:
        parser("stats").print_help()
        return 0
    if line.words:
        raise UsageError(
            f"hx stats takes options only, not {line.words[0]!r}", "`hx stats --help` lists them"
        )
    by = line.options.get("--by")
    if by is not None and by not in tally.KINDS:
        raise UsageError(f"--by cannot be {by!r}", f"choose one of {', '.join(tally.KINDS)}")
    context = open_context(config)
    query = to_query(line, config, context.now_us)
    # the setting `limit` is about events, not about groups
    limit = query.limit if "--limit" in line.options else None
    stats = collect(context, query, by, limit)
    _print(context, stats, line.options)
    return 0 if stats.total.events else NOTHING_FOUND


def _print(context: Context, stats: Stats, options: dict[str, str]) -> None:
    if "--json" in options:
        print_json(_object(stats))
    elif not stats.total.events:
        print("hx: no event was found, so there is nothing to count", file=sys.stderr)
        tell_if_empty(context)
    else:
        print_stats(stats, Paint(options, context.config))


def collect(context: Context, query: Query, by: str | None, limit: int | None) -> Stats:
    """Count the events of a query in groups; `by` None gives the overview."""
    tallies = tally.tallies(context.database, query, by or tally.COMMAND, _hour)
    groups = [Group(name, counts) for name, counts in tallies.items()]
    groups.sort(key=_hour_order if by == tally.HOUR else _most_first)
    # the overview has three lists and has to fit on one screen
    top = limit or (_TOP if by else _TOP_OF_OVERVIEW)
    # a day has 24 hours: a shorter list would hide the evening
    shown = groups if by == tally.HOUR and limit is None else groups[:top]
    span = tally.span(context.database, query)
    return Stats(
        by,
        query,
        tally.total(tallies),
        span,
        shown,
        len(groups) - len(shown),
        [] if by else _days(context, query, span),
        [] if by else _failing(groups)[:top],
    )


def _most_first(group: Group) -> tuple[int, GroupName]:
    # of equal counts the name decides, so that each run prints the same order
    return -group.tally.events, group.name or b""


def _hour_order(group: Group) -> int:
    return group.name if isinstance(group.name, int) else 0


def _failing(groups: list[Group]) -> list[Group]:
    failed = [group for group in groups if group.tally.failures]
    return sorted(failed, key=lambda group: (-group.tally.failures, group.name or b""))


def _hour(at_us: int) -> int:
    from time import localtime

    return localtime(at_us // 1_000_000).tm_hour


def _days(context: Context, query: Query, span: TimeSpan) -> list[Day]:
    """Return the last local days up to the end of the query; none when nothing ran in them."""
    from time import localtime, mktime, strftime

    end_us = context.now_us if query.until_us is None else min(query.until_us, context.now_us)
    year, month, day, *_ = localtime(end_us // 1_000_000)
    starts = [  # noon is on the same day however daylight saving moves the clock
        int(mktime((year, month, day - back, 12, 0, 0, 0, 0, -1)))
        for back in range(LATELY_DAYS - 1, -1, -1)
    ]
    counted = {strftime("%Y-%m-%d", localtime(noon)): [0, 0] for noon in starts}
    # the first day began before noon; quarters outside the days are skipped below
    since_us = (starts[0] - 86_400) * 1_000_000
    if span.last_us is None or span.last_us < since_us:
        return []
    for at_us, events, failures in tally.quarters(context.database, query, since_us):
        of_day = counted.get(strftime("%Y-%m-%d", localtime(at_us // 1_000_000)))
        if of_day:
            of_day[0] += events
            of_day[1] += failures
    days = [Day(name, *counts) for name, counts in counted.items()]
    return days if any(day.events for day in days) else []


def _object(stats: Stats) -> dict[str, object]:
    query, span = stats.query, stats.span
    return {
        "by": stats.by,
        "since": _at(query.since_us),
        "until": _at(query.until_us),
        "total": _counts(stats.total)
        | {
            "first_started_at": _at(span.first_us),
            "last_started_at": _at(span.last_us),
            "unknown_time": span.unknown,
        },
        "groups": [_group_object(group) for group in stats.groups],
        "left_out": stats.left_out,
        "days": [day._asdict() for day in stats.days],
        "failing": [_group_object(group) for group in stats.failing],
    }


def _at(us: int | None) -> str | None:
    return None if us is None else rfc3339(us)


def _group_object(group: Group) -> dict[str, object]:
    name = group.name if isinstance(group.name, int) else decoded(group.name)
    return {"name": name} | _counts(group.tally)


def _counts(tally: Tally) -> dict[str, object]:
    return {
        "events": tally.events,
        "commands": tally.commands,
        "ended": tally.ended,
        "failures": tally.failures,
        "duration_us": tally.duration_us,
    }


def parser(name: str) -> Parser:
    from hx.cli.parsers import Parser, add_options

    made = Parser(name, _ABOUT)
    add_options(made, _FILTERS + _OWN)
    add_options(made, tuple(option for option in OUTPUT if option.name != "--help"))
    return made


_ABOUT = """\
Counts events, distinct commands, failures (among events whose exit status is
known) and the time that they took. Without --by it prints an overview: the last
14 days, the programs that ran most and those that failed most.

--by command counts by program: `sudo -u ann /usr/bin/git commit -m x` is
`git commit`. Assignments, sudo, env, time and the like, and the path are left
out; for git, docker, kubectl, cargo, npm, make and similar programs the
subcommand belongs to the name. In a pipeline the first program counts.
--by hour is the hour of the local day; events of unknown time are left out.
"""
