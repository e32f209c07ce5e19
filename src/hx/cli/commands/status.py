"""`hx status`: what is recorded, and what went wrong. It prints what it can, whatever is broken."""

from __future__ import annotations

import os
import sys

import apsw

from hx.capture import spool
from hx.capture.policy import IGNORED
from hx.cli import hook_files, recording
from hx.cli.commands.sync.short_status import forgotten_lines, in_short, sync_lines, sync_object
from hx.cli.context import now_us, open_context
from hx.cli.times import age, local, rfc3339
from hx.core.errors import DatabaseError, HxError
from hx.core.record import NamedTuple
from hx.database.connection import explained
from hx.database.queries import status as figures

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.cli.commands.sync.short_status import InShort
    from hx.cli.context import Context
    from hx.cli.parsers import Parser
    from hx.config import Config
    from hx.database.queries.status import Figures, SpoolFault

_LABEL = 10


class Waiting(NamedTuple):
    """What lies in the spool."""

    files: int
    pending_bytes: int


class Known(NamedTuple):
    """What the database could tell."""

    figures: Figures
    faults: list[SpoolFault]
    shells: list[tuple[bytes | None, int]]
    ingested: int  # events, by this command
    due: int  # events that retention is still to remove
    sync: InShort | None


class Status(NamedTuple):
    now_us: int
    paused: str | None
    prevented: str | None
    waiting: Waiting | None  # None: the spool cannot be read
    known: Known | None
    trouble: HxError | None


def run(arguments: list[str], config: Config) -> int:
    given = parser("status").parse_args(arguments)
    status = look(config)
    (_print_json if given.json else _print)(config, status)
    if status.trouble is not None:
        print(f"hx: error: {status.trouble.message}", file=sys.stderr)
        print(f"hx: hint: {status.trouble.hint}", file=sys.stderr)
        return status.trouble.exit_code
    return DatabaseError.exit_code if status.prevented else 0


def look(config: Config) -> Status:
    at = now_us()
    stale = hook_files.refresh(config)
    if stale is not None:
        print(f"hx: warning: {stale}", file=sys.stderr)
    known: Known | None = None
    trouble: HxError | None = None
    try:
        context = open_context(config, tidy=True)
        trouble = context.trouble
        known = _known(context)
    except HxError as error:
        trouble = error
    except apsw.Error as error:
        trouble = explained(error, config.paths.database)
    paused, prevented = recording.paused(config.paths, at), recording.prevented(config.paths)
    return Status(at, paused, prevented, _waiting(config.paths.spool), known, trouble)


def _known(context: Context) -> Known:
    database = context.database
    return Known(
        figures.figures(database),
        figures.faults(database),
        figures.newest_by_shell(database, context.who.device_id),
        context.report.events,
        _due(context),
        in_short(context),
    )


def _due(context: Context) -> int:
    from hx.database.retention import border_us, due

    days = int(context.config.values["retention_days"])
    return due(context.database, border_us(days, context.now_us))


def _waiting(folder: str) -> Waiting | None:
    try:
        return Waiting(len(spool.files(folder)), spool.waiting_bytes(folder))
    except OSError:
        return None


def _print(config: Config, status: Status) -> None:
    known = status.known
    _line("capture", _capture(status))
    if known is not None:
        _line("seen", _seen(known, status.now_us))
    _line("spool", f"{config.paths.spool}: {_spool(status.waiting)}")
    _line("database", f"{config.paths.database}: {_database(config, status)}")
    if known is not None:
        _line("ingest", _ingest(known))
        for fault in known.faults:
            label = "left out" if fault.reason == IGNORED else "lost"
            _line(label, f"{fault.times} x {fault.reason}, last {local(fault.last_at_us)}")
        if known.figures.unclean:
            _line("forgotten", "its text may still stand in the files of the database: in use")
    _line("retention", _retention(config, known))
    if config.warnings:
        _line("settings", f"{len(config.warnings)} not in force: see the warnings")
    told = sync_lines(known.sync if known is not None else None, status.now_us)
    for label, text in zip(("sync", ""), told, strict=True):
        _line(label, text)
    for text in forgotten_lines(known.sync if known is not None else None, status.now_us):
        _line("forgotten", text)


def _line(label: str, text: str) -> None:
    print(f"{label:<{_LABEL}}{text}")


def _capture(status: Status) -> str:
    off = status.prevented or status.paused
    return f"off: {off}" if off else "on"


def _seen(known: Known, now_us: int) -> str:
    from hx.cli.output import visible

    each = (f"{visible(shell or b'?')} {age(at, now_us)} ago" for shell, at in known.shells)
    return ", ".join(each) or "no shell has recorded yet: `hx setup` sets them up"


def _spool(waiting: Waiting | None) -> str:
    if waiting is None:
        return "cannot be read"
    return f"{_counted(waiting.files, 'file')}, {_size(waiting.pending_bytes)} pending"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _database(config: Config, status: Status) -> str:
    if status.known is None:
        return "cannot be read" if os.path.exists(config.paths.database) else "is not there"
    made = status.known.figures
    counts = ", ".join(_counted(getattr(made, name), name[:-1]) for name in _COUNTS)
    return f"{_size(_stored_bytes(config))}, {counts}; journal {made.journal_mode}"


def _stored_bytes(config: Config) -> int:
    paths = [config.paths.database, f"{config.paths.database}-wal"]
    return sum(os.path.getsize(path) for path in paths if os.path.exists(path))


def _size(count: int) -> str:
    """`512 bytes`, `1.5 KiB`, `12.0 MiB`."""
    if count < 1 << 10:
        return f"{count} bytes"
    unit = 1 if count < 1 << 20 else 2
    tenths = count * 10 >> 10 * unit
    return f"{tenths // 10}.{tenths % 10} {('KiB', 'MiB')[unit - 1]}"


def _ingest(known: Known) -> str:
    last = known.figures.last_ingest_us
    return (
        "nothing yet"
        if last is None
        else f"last {local(last)}; {_counted(known.ingested, 'event')} now"
    )


def _retention(config: Config, known: Known | None) -> str:
    days = int(config.values["retention_days"])
    if not days:
        return "for ever"
    waiting = f"; {_counted(known.due, 'event')} due to be removed" if known and known.due else ""
    return f"{_counted(days, 'day')} and what is pinned{waiting}"


def _print_json(config: Config, status: Status) -> None:
    from hx.cli.json_output import print_json

    known, paths, trouble = status.known, config.paths, status.trouble
    print_json(
        {
            "recording": not (status.prevented or status.paused),
            "reason": status.prevented or status.paused,
            "shells": None if known is None else _shell_objects(known),
            "spool": {
                "path": paths.spool,
                "files": None if status.waiting is None else status.waiting.files,
                "pending_bytes": None if status.waiting is None else status.waiting.pending_bytes,
            },
            "database": {"path": paths.database, **_database_object(config, known)},
            "last_ingest_at": None if known is None else _at(known.figures.last_ingest_us),
            "lost": None if known is None else _fault_objects(known),
            "ignored": None if known is None else _ignored(known),
            "retention": {
                "days": config.values["retention_days"],
                "due": None if known is None else known.due,
            },
            "warnings": list(config.warnings),
            "trouble": None
            if trouble is None
            else {"error": trouble.message, "hint": trouble.hint},
            "sync": sync_object(known.sync if known is not None else None),
        }
    )


def _at(us: int | None) -> str | None:
    return None if us is None else rfc3339(us)


def _shell_objects(known: Known) -> list[dict[str, str | None]]:
    from hx.cli.json_output import text

    return [{"shell": text(shell), "last_started_at": rfc3339(at)} for shell, at in known.shells]


def _fault_objects(known: Known) -> list[dict[str, object]]:
    return [
        {"reason": fault.reason, "count": fault.times, "last_at": rfc3339(fault.last_at_us)}
        for fault in known.faults
        if fault.reason != IGNORED
    ]


def _ignored(known: Known) -> int:
    return sum(fault.times for fault in known.faults if fault.reason == IGNORED)


def _database_object(config: Config, known: Known | None) -> dict[str, object]:
    if known is None:
        return dict.fromkeys((*_COUNTS, "size_bytes", "journal_mode", "unclean"))
    made = known.figures
    counts = {name: getattr(made, name) for name in _COUNTS}
    facts = {"journal_mode": made.journal_mode, "unclean": made.unclean}
    return counts | {"size_bytes": _stored_bytes(config)} | facts


_COUNTS = ("events", "commands", "sessions", "devices")


def parser(name: str) -> Parser:
    from hx.cli.parsers import Parser

    made = Parser(name, _ABOUT)
    made.add_json()
    return made


_ABOUT = """\
Drains the spool and tells whether shells are recorded (and why not), which
were seen, what is stored, and what could not be read. It prints what it can
when the database is locked or damaged, and then ends with exit code 8.
"""
