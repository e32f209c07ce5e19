"""`hx last` shows what failed in the last session, and what fixed it."""

from __future__ import annotations

import sys

from hx.cli.context import open_context, tell_if_empty
from hx.cli.options import session_id
from hx.core.failures import failures, is_failure
from hx.core.record import NamedTuple
from hx.database import event_detail
from hx.database.find import load
from hx.database.queries import sessions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.cli.context import Context
    from hx.cli.parsers import Parser
    from hx.cli.text import Paint
    from hx.config import Config
    from hx.core.failures import Failure
    from hx.database.event_detail import Fix
    from hx.database.find import Found
    from hx.database.queries.sessions import Session

NOTHING_FOUND = 1
_READ = 5_000  # commands of a session, the newest: an imported one may hold millions
_SHOWN = 20  # failures, the newest
_AROUND = 1
_BETWEEN = 5
_MARGIN = " " * 7


class FailureContext(NamedTuple):
    """A failure: its last run, what ran before the first and after the last run, and the fix."""

    found: Found
    times: int
    before: list[Found]
    after: list[Found]
    fix: Fix | None


class Summary(NamedTuple):
    """All that `hx last` prints about a session."""

    session: Session
    newest: Found  # its last event
    pinned: bool
    failed: int  # failed events, among those that were read
    failures: int  # distinct failures, among those too
    shown: list[FailureContext]  # the newest _SHOWN failures, in the order in which they ran


def run(arguments: list[str], config: Config) -> int:
    given = parser("last").parse_args(arguments)
    context = open_context(config)
    chosen = _chosen(context, given.session)
    session = sessions.session(context.database, chosen, _READ) if chosen else None
    summary = _summary(context, session) if session else None
    if summary is None:
        named = f"session {chosen.hex()}" if chosen else "session yet"
        print(f"hx: there is no {named}", file=sys.stderr)
        if given.json:
            print("null")
        elif chosen is None:
            tell_if_empty(context)
        return NOTHING_FOUND
    if given.json:
        _print_object(context, summary)
    else:
        print("\n".join(_lines(context, summary)))
    return 0


def _chosen(context: Context, named: str | None) -> bytes | None:
    """Return the id of the session to show: by default the last one in which a command ended."""
    config = context.config
    if named is not None:
        return session_id(named, config)
    current = session_id("", config) if config.session else None
    return sessions.last_of_work(context.database, current, context.who.device_id)


def _summary(context: Context, session: Session) -> Summary | None:
    """Return the summary; None when the session was forgotten meanwhile."""
    steps = session.steps
    newest = list(load(context.database, [step.event for step in steps[-1:]]))
    if not newest:
        return None
    distinct = failures(steps)
    shown = [_with_context(context, failure) for failure in distinct[-_SHOWN:]]
    return Summary(
        session,
        newest[0],
        event_detail.is_pinned(context.database, session.session_id),
        sum(is_failure(step.exit_status) for step in steps),
        len(distinct),
        [failure for failure in shown if failure is not None],
    )


def _with_context(context: Context, failure: Failure) -> FailureContext | None:
    """Return a failure with what surrounds it; None when it was forgotten meanwhile."""
    database = context.database
    first, last = (list(load(database, [row])) for row in (failure.first, failure.last))
    begin = event_detail.row_ids_of(database, first[0]) if first else None
    end = event_detail.row_ids_of(database, last[0]) if last else None
    if begin is None or end is None:
        return None
    before, _ = event_detail.around(database, begin, _AROUND)
    _, after = event_detail.around(database, end, _AROUND)
    return FailureContext(last[0], failure.times, before, after, event_detail.fix_of(database, end))


def _lines(context: Context, summary: Summary) -> list[str]:
    from hx.cli.text import Paint, columns, count, fitted

    paint, width = Paint({}, context.config), columns()
    lines = [fitted(line, width) for line in _head(context, summary)]
    for failure in summary.shown:
        lines += ["", _failure_line(context, failure, paint, width)]
        lines += [fitted(_MARGIN + line, width) for line in _rest(failure)]
    # the newest failures are shown, so those that are left out are earlier ones
    left_out = summary.failures - len(summary.shown)
    if left_out:
        every = f"hx find --failed --all --session {summary.session.session_id.hex()}"
        lines += ["", f"and {count(left_out, 'earlier failure')}:", f"  {every}"]
    return lines


def _head(context: Context, summary: Summary) -> list[str]:
    from hx.cli.events_output import device_names
    from hx.cli.text import count, visible
    from hx.cli.times import duration, local

    session, event = summary.session, summary.newest.event
    pinned = ", pinned" if summary.pinned else ""
    shell = visible(event.shell or b"a shell")
    device = visible(device_names(context)[session.device_id].encode())
    took = duration(session.ended_at_us - session.started_at_us)
    # only the newest commands of a long session are read, so the number of failures is theirs
    read = len(session.steps)
    among = f" of the newest {read:,}" if read < session.events else ""
    return [
        f"session {session.session_id.hex()}{pinned}",
        f"{shell} on {device}, {local(session.started_at_us)}, {took}, {visible(event.cwd)}",
        f"{count(session.events, 'command')}, {summary.failed or 'nothing'}{among} failed",
    ]


def _failure_line(context: Context, failure: FailureContext, paint: Paint, width: int) -> str:
    from hx.cli.events_output import mark, short_name
    from hx.cli.text import DIM, RED, fitted, padded, visible
    from hx.cli.times import age

    event = failure.found.event
    times = f" (x{failure.times})" if failure.times > 1 else ""
    name = short_name(context, failure.found.ident)
    side = f" {name} {age(event.key.started_at_us, context.now_us):>3} ago"
    ending = f"{mark(event):<6} "
    # only the command is cut: how it ended, its name and its age are always shown
    command = fitted(visible(event.command), width - len(ending) - len(side) - len(times)) + times
    return paint(RED, ending) + padded(command, width - len(ending) - len(side)) + paint(DIM, side)


def _rest(failure: FailureContext) -> list[str]:
    from hx.cli.text import visible
    from hx.cli.times import duration

    lines = [f"before  {visible(event.event.command)}" for event in failure.before]
    if failure.fix is None:
        lines += [f"then    {visible(event.event.command)}" for event in failure.after]
        return [*lines, "not fixed"]
    later = failure.fix.event.event.key.started_at_us - failure.found.event.key.started_at_us
    # the last commands before the success are the likely fix
    between = failure.fix.between[-_BETWEEN:]
    left_out = failure.fix.between_count - len(between)
    lines.append(f"fixed   {duration(later)} later{', after' if between else ''}")
    more = (
        f"{left_out} and more"
        if failure.fix.between_count == event_detail.COUNTED
        else f"{left_out} more"
    )
    lines += [f"        … {more}"] if left_out else []
    return lines + [f"        {visible(event.event.command)}" for event in between]


def _print_object(context: Context, summary: Summary) -> None:
    from hx.cli.events_output import decoded, device_names, event_object, fix_object, print_json
    from hx.cli.times import rfc3339

    devices, session = device_names(context), summary.session
    about = {
        "session_id": session.session_id.hex(),
        "device_id": session.device_id.hex(),
        "device": devices[session.device_id],
        "host": decoded(summary.newest.event.host),
        "shell": decoded(summary.newest.event.shell),
        "started_at": rfc3339(session.started_at_us),
        "ended_at": rfc3339(session.ended_at_us),
        "events": session.events,
        "read": len(session.steps),
        "failed": summary.failed,
        "pinned": summary.pinned,
    }
    failures = [
        {
            "event": event_object(failure.found, devices),
            "times": failure.times,
            "before": [event_object(event, devices) for event in failure.before],
            "after": [event_object(event, devices) for event in failure.after],
        }
        | fix_object(failure.fix, devices)
        for failure in summary.shown
    ]
    print_json({"session": about, "failures": failures, "failures_count": summary.failures})


def parser(name: str) -> Parser:
    from hx.cli.parsers import Parser

    made = Parser(name, _ABOUT)
    made.add_argument(
        "--session", metavar="ID", nargs="?", const="", help="this session, or the one with this ID"
    )
    made.add_json()
    return made


_ABOUT = """\
Shows what failed in the last session, with the commands around it, and what
fixed it: the next success of the same command in that session or directory,
and what ran between. The last session is the one of this shell if a command has
ended in it, else the newest other one. A command that was interrupted or stopped
from the keyboard has not failed. Of a long session it reads the newest 5,000
commands.

--json prints an object: session {session_id, device_id, device, host, shell,
started_at, ended_at, events, read, failed, pinned}, failures [{event, times,
before, after, fixed_by, between, between_count}] and failures_count. Of the
session's events, the newest `read` were read; failed and failures_count count
among these. event is the last of `times` equal failures; before, after and
between hold events as `hx find` prints them; fixed_by is an event or null.
between_count counts up to 1,000. The newest 20 failures are printed.
"""
