"""The output of `hx stats` for people: aligned numbers, and bars on a terminal."""

from __future__ import annotations

import sys

from hx.cli.text import BOLD, DIM, GREEN, RED, columns, count, fitted, visible
from hx.cli.times import local, short_duration
from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.cli.text import Paint
    from hx.core.query import Query
    from hx.database.queries.stats import GroupName, Tally, TimeSpan

_DAY_US, _HOUR_US = 86_400_000_000, 3_600_000_000
_EIGHTHS = " ▏▎▍▌▋▊▉█"  # the last cell of a bar is filled in eighths
_LEAST_BAR, _MOST_BAR = 8, 32
_NUMBERS = 9 + 1 + 9 + 1 + 9 + 1 + 6 + 1 + 8 + 2  # columns, with the blanks after each
_FEW_NUMBERS = 9 + 1 + 6 + 2  # on a narrow terminal
_NAME, _LEAST_NAME = 16, 8
_UNNAMED = {"dir": "(unknown directory)", "repo": "(no repository)", "command": "(nothing)"}


class Group(NamedTuple):
    """One line of a chart: a program, a directory, an hour or another group."""

    name: GroupName
    tally: Tally


class Day(NamedTuple):
    """One day of the overview."""

    day: str  # 2026-11-24, local
    events: int
    failures: int


class Stats(NamedTuple):
    """Everything that `hx stats` prints."""

    by: str | None  # None: the overview
    query: Query
    total: Tally
    span: TimeSpan
    groups: list[Group]  # of the overview: by program
    left_out: int  # groups beyond the limit
    days: list[Day]  # of the overview: the last ones
    failing: list[Group]  # of the overview: what failed most often


class Look(NamedTuple):
    """How the output looks: its colours and its widths."""

    paint: Paint
    columns: int | None  # None: no terminal, so no bars, and nothing is cut
    blocks: bool  # the terminal can show them

    @property
    def bar(self) -> int:
        """Return the columns of a bar; 0 where none is drawn."""
        room = (self.columns or 0) - _NUMBERS - 2 - _NAME
        return min(room, _MOST_BAR) if room >= _LEAST_BAR else 0

    @property
    def narrow(self) -> bool:
        return self.columns is not None and self.columns < _NUMBERS + _NAME


def look(paint: Paint) -> Look:
    """Return the look for stdout."""
    # other encodings lack the block characters
    blocks = sys.stdout.encoding.lower() in ("utf-8", "utf8")
    return Look(paint, columns() if sys.stdout.isatty() else None, blocks)


def print_stats(stats: Stats, paint: Paint) -> None:
    shape = look(paint)
    for line in _summary(stats):
        print(line)
    if stats.days:
        _chapter(shape, f"last {len(stats.days)} days", day_lines(shape, stats.days))
        busiest = max(stats.days, key=lambda day: day.events)
        print(f"busiest: {busiest.day} with {count(busiest.events, 'event')}")
    title = f"by {stats.by}" if stats.by else "most run"
    _chapter(shape, title, group_lines(shape, stats.groups, stats.by or "command"))
    if stats.left_out:
        print(f"and {stats.left_out:,} more: --limit N shows them")
    if stats.failing:
        lines = group_lines(shape, stats.failing, "command", by_failures=True)
        _chapter(shape, "failed most", lines)


def _chapter(shape: Look, title: str, lines: list[str]) -> None:
    print("\n" + shape.paint(BOLD, title))
    for line in lines:
        print(line)


def _summary(stats: Stats) -> list[str]:
    total, span = stats.total, stats.span
    lines = [f"{count(total.events, 'event')}, {count(total.commands, 'distinct command')}"]
    if span.first_us is not None and span.last_us is not None:
        lines[0] += f", {local(span.first_us)[:10]} to {local(span.last_us)[:10]}"
    if total.ended:
        lines.append(f"{rate(total)} of {total.ended:,} failed, {spent(total.duration_us)} spent")
    if span.unknown:
        left = ", left out here" if stats.by == "hour" else ""
        lines.append(f"{count(span.unknown, 'event')} of unknown time{left}")
    return lines


def group_lines(
    shape: Look, groups: list[Group], by: str, *, by_failures: bool = False
) -> list[str]:
    """Return a heading, then a line for each group: numbers, bar, name."""
    most = max((_size(group.tally, by_failures=by_failures) for group in groups), default=0)
    heading = f"{'runs':>9} {'failed':>6}"
    if not shape.narrow:
        heading = f"{'runs':>9} {'distinct':>9} {'failed':>9} {'':>6} {'time':>8}"
    lines = [shape.paint(DIM, heading)]
    for group in groups:
        drawn = bar(shape, _size(group.tally, by_failures=by_failures), most)
        drawn = shape.paint(RED if by_failures else GREEN, drawn)
        lines.append(_numbers(shape, group.tally) + drawn + _fitting(shape, _named(group.name, by)))
    return lines


def _numbers(shape: Look, counts: Tally) -> str:
    style = RED if counts.failures else ""
    if shape.narrow:
        return f"{counts.events:>9,} {_painted(shape, style, f'{rate(counts):>6}')}  "
    failed = _painted(shape, style, f"{counts.failures:>9,} {rate(counts):>6}")
    return f"{counts.events:>9,} {counts.commands:>9,} {failed} {spent(counts.duration_us):>8}  "


def _painted(shape: Look, style: str, text: str) -> str:
    return shape.paint(style, text) if style else text


def _size(counts: Tally, *, by_failures: bool) -> int:
    return counts.failures if by_failures else counts.events


def _named(name: GroupName, by: str) -> str:
    if isinstance(name, int):
        return f"{name:02d}:00"
    return visible(name) if name else _UNNAMED.get(by, "(unknown)")


def _fitting(shape: Look, name: str) -> str:
    if shape.columns is None:
        return name
    numbers = _FEW_NUMBERS if shape.narrow else _NUMBERS
    return fitted(name, max(_LEAST_NAME, shape.columns - numbers - (shape.bar and shape.bar + 2)))


def day_lines(shape: Look, days: list[Day]) -> list[str]:
    most = max((day.events for day in days), default=0)
    # a chart without bars must not end in blanks
    return [
        f"{day.day} {day.events:>9,} {day.failures:>9,} failed  "
        f"{shape.paint(GREEN, bar(shape, day.events, most))}".rstrip()
        for day in days
    ]


def bar(shape: Look, size: int, most: int) -> str:
    """Return a bar filled to its columns, then two blanks; empty where no bar is drawn."""
    if not shape.bar:
        return ""
    eighths = size * shape.bar * 8 // most if most else 0
    # a group with events has a bar, however small its share is
    if size and not eighths:
        eighths = 1
    full, rest = divmod(eighths, 8)
    if not shape.blocks:
        drawn = "#" * (full + bool(rest))
    else:
        drawn = _EIGHTHS[8] * full + (_EIGHTHS[rest] if rest else "")
    return f"{drawn:<{shape.bar}}  "


def rate(counts: Tally) -> str:
    """Return the share of failures, rounded: `5.1%`; `-` where no exit status is known."""
    if not counts.ended:
        return "-"
    # integers only, so that half a tenth is rounded up on every machine
    tenths = (counts.failures * 2_000 + counts.ended) // (2 * counts.ended)
    return f"{tenths // 10}.{tenths % 10}%"


def spent(us: int) -> str:
    """Return a time as `12d 4h`, or below a day as short_duration does."""
    if us >= _DAY_US:
        return f"{us // _DAY_US:,}d {us % _DAY_US // _HOUR_US}h"
    return short_duration(us) or f"{us // 1_000}ms"
