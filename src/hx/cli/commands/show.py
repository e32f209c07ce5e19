"""`hx show EVENT` shows everything that is known about one event."""

from __future__ import annotations

import sys

from hx.cli.context import open_context
from hx.cli.events_output import named_event
from hx.core.failures import is_failure
from hx.core.record import NamedTuple
from hx.database import event_detail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.cli.context import Context
    from hx.cli.parsers import Parser
    from hx.config import Config
    from hx.core.model import Event
    from hx.database.event_detail import Fix
    from hx.database.find import Found

NOTHING_FOUND = 1
_AROUND = 2
# a shell gives 128 and the number of the signal; SIGTSTP has two numbers
_OUTCOMES = {
    126: "failed: it may not be executed",
    127: "failed: command not found",
    130: "interrupted",
    137: "killed",
    143: "terminated",
    146: "stopped",
    148: "stopped",
}


class Story(NamedTuple):
    """An event with everything that `hx show` prints about it."""

    found: Found
    runs: int  # of the same command
    failures: int
    pinned: bool
    before: list[Found]
    after: list[Found]
    fix: Fix | None  # only of a failure


def run(arguments: list[str], config: Config) -> int:
    given = parser("show").parse_args(arguments)
    context = open_context(config)
    found = named_event(context, given.event)
    story = _story(context, found) if found else None
    if story is None:
        print(f"hx: no event is called {given.event!r}", file=sys.stderr)
        if given.json:
            print("null")
        return NOTHING_FOUND
    if given.raw:
        sys.stdout.flush()
        # the bytes as they were recorded: for a pipe, not for a terminal
        sys.stdout.buffer.write(story.found.event.command)
    elif given.json:
        _print_object(context, story)
    else:
        print("\n".join(_lines(context, story)))
    return 0


def _story(context: Context, found: Found) -> Story | None:
    database = context.database
    place = event_detail.row_ids_of(database, found)
    # another process has forgotten it since it was looked up
    if place is None:
        return None
    runs, failures = event_detail.runs_of(database, place)
    before, after = event_detail.around(database, place, _AROUND)
    # looked for only after a failure: it reads later events of the session
    fix = event_detail.fix_of(database, place) if is_failure(found.event.exit_status) else None
    pinned = event_detail.is_pinned(database, found.event.key.session_id)
    return Story(found, runs, failures, pinned, before, after, fix)


def outcome(event: Event) -> str:
    """Return in words how an event ended."""
    status = event.exit_status
    if not event.finished:
        return "still running, or its end was not seen"
    if status is None:
        return "ended; its exit status is not known"
    if status == 0:
        return "succeeded"
    return f"{_OUTCOMES.get(status, 'failed')} (exit status {status})"


def _lines(context: Context, story: Story) -> list[str]:
    from hx.cli.text import visible

    lines = [visible(story.found.event.command, one_line=False), ""]
    lines += [f"{name:<12}{text}" for name, text in _facts(context, story) if text]
    for title, around in (("before", story.before), ("after", story.after)):
        lines += _listed(context, f"{title}, in this session", around)
    return lines + _fix_lines(context, story)


def _facts(context: Context, story: Story) -> list[tuple[str, str]]:
    from hx.cli.events_output import device_names, short_name
    from hx.cli.text import visible
    from hx.cli.times import duration

    event, key = story.found.event, story.found.event.key

    def text(value: bytes | None) -> str:
        # a directory or a branch may hold bytes that move the cursor
        return "" if value is None else visible(value)

    device = device_names(context)[key.device_id]
    statuses = " ".join(map(str, event.pipestatus or ()))
    failed = f", {story.failures} failed" if story.failures else ""
    return [
        ("event", short_name(context, story.found.ident)),
        ("outcome", outcome(event)),
        ("pipeline", statuses),
        ("started", _started(key.started_at_us, context.now_us)),
        ("took", "" if event.duration_us is None else duration(event.duration_us)),
        ("directory", text(event.cwd)),
        ("repository", text(event.repo)),
        ("branch", text(event.branch)),
        ("session", key.session_id.hex() + (", pinned" if story.pinned else "")),
        ("device", visible(device.encode()) + _this(key.device_id == context.who.device_id)),
        ("host", text(event.host)),
        ("user", text(event.user)),
        ("shell", text(event.shell)),
        ("terminal", text(event.tty)),
        ("origin", origin(event)),
        ("runs", f"{story.runs}{failed}"),
    ]


def _started(at_us: int, now_us: int) -> str:
    from hx.cli.times import age, is_known, local

    return f"{local(at_us)}, {age(at_us, now_us)} ago" if is_known(at_us) else "time unknown"


def _this(is_this: bool) -> str:
    return " (this device)" if is_this else ""


def origin(event: Event) -> str:
    """Return in words how hx got the event: recorded, or imported."""
    from hx.core.model import IMPORTED, REDACTED

    where = "imported" if event.origin == IMPORTED else "recorded live"
    return where + (", a secret in it was masked" if event.flags & REDACTED else "")


def _listed(context: Context, title: str, events: list[Found]) -> list[str]:
    from hx.cli.events_output import event_line, short_name
    from hx.cli.text import Paint

    if not events:
        return []
    paint = Paint({}, context.config)
    return [
        "",
        f"{title}:",
        *(
            "  " + event_line(event, short_name(context, event.ident), context.now_us, paint)
            for event in events
        ),
    ]


def _fix_lines(context: Context, story: Story) -> list[str]:
    from hx.cli.times import duration

    fix = story.fix
    if not is_failure(story.found.event.exit_status):
        return []
    if fix is None:
        return [
            "",
            "not fixed: the same command has not succeeded later in this session or directory",
        ]
    later = duration(fix.event.event.key.started_at_us - story.found.event.key.started_at_us)
    shown = len(fix.between)
    of = f"{fix.between_count:,}{' and more' if fix.between_count == event_detail.COUNTED else ''}"
    part = f", the last {shown} of {of}" if fix.between_count > shown else ""
    lines = _listed(context, f"it succeeded {later} later", [fix.event])
    return lines + _listed(context, f"what ran between{part}", fix.between)


def _print_object(context: Context, story: Story) -> None:
    from hx.cli.events_output import decoded, device_names, event_object, fix_object, print_json

    devices = device_names(context)
    event = story.found.event
    print_json(
        event_object(story.found, devices)
        | {
            "finished": event.finished,
            "tty": decoded(event.tty),
            "pinned": story.pinned,
            "runs": story.runs,
            "failures": story.failures,
            "before": [event_object(other, devices) for other in story.before],
            "after": [event_object(other, devices) for other in story.after],
        }
        | fix_object(story.fix, devices)
    )


def parser(name: str) -> Parser:
    from hx.cli.parsers import Parser

    made = Parser(name, _ABOUT)
    made.add_argument(
        "event", metavar="EVENT", help="its name, or the first 4 or more characters of it"
    )
    form = made.add_mutually_exclusive_group()
    form.add_argument("--raw", action="store_true", help="print only the bytes of the command")
    form.add_argument("--json", action="store_true", help="print JSON")
    return made


_ABOUT = """\
Shows everything about one event: the command, how it ended, when and where it
ran, what ran before and after, and for a failure what fixed it: the next
success of the same command in that session or directory.

--json prints an event as `hx find` does, with finished, tty, pinned, runs and
failures (of the same command), before and after (events), fixed_by (an event
or null), between (the last events before it) and between_count (how many there
are, counted up to 1,000).
"""
