"""`hx status` shows what is recorded and what went wrong, as far as anything can be read."""

from __future__ import annotations

import os
import sys

import apsw

from hx.capture import spool
from hx.capture.policy import IGNORED
from hx.cli import health, hook_checks, this_shell
from hx.cli.commands.sync.short_status import (
    auto_lines,
    forgotten_lines,
    sync_lines,
    sync_object,
    sync_summary,
)
from hx.cli.context import now_us, open_context
from hx.cli.events_output import decoded, print_json
from hx.cli.health import CLOCK_FIX, OK
from hx.cli.text import count, visible
from hx.cli.times import age, local, rfc3339, rfc3339_or_none
from hx.core.errors import DatabaseError, HxError
from hx.core.record import NamedTuple
from hx.database.connection import explained
from hx.database.queries import status as figures

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.cli.commands.sync.short_status import SyncState
    from hx.cli.context import Context
    from hx.cli.health import Finding
    from hx.cli.parsers import Parser
    from hx.config import Config
    from hx.database.queries.status import Figures, SpoolFault

_LABEL = 10


class SpoolContent(NamedTuple):
    """What is in the spool."""

    files: int
    pending_bytes: int


class Retention(NamedTuple):
    """What retention has left here."""

    due: int = 0  # events that it has not removed yet
    unsynced: int = 0  # old events that stay until the vault has them
    counted_from_us: int | None = None  # None: the age of events is counted from now


class DatabaseFacts(NamedTuple):
    """What was read from the database."""

    figures: Figures
    faults: list[SpoolFault]
    shells: list[tuple[bytes | None, int]]
    ingested: int  # events that this command has read from the spool
    retention: Retention
    sync: SyncState
    taken: list[
        str
    ]  # a sentence for each key of the picker that another tool has bound in this shell


class Status(NamedTuple):
    """Everything that `hx status` prints."""

    now_us: int
    paused: str | None  # why recording is paused
    prevented: str | None  # why shells cannot record
    hook: list[Finding]  # of this shell
    waiting: SpoolContent | None  # None: the spool cannot be read
    known: DatabaseFacts | None  # None: the database cannot be read
    trouble: HxError | None

    @property
    def why_unrecorded(self) -> str | None:
        """Return why this shell is not recorded; None when it is recorded."""
        is_proved = any(finding.level == OK for finding in self.hook)
        unproved = None if is_proved or not self.hook else self.hook[0].sentence
        return self.prevented or self.paused or unproved


def run(arguments: list[str], config: Config) -> int:
    given = parser("status").parse_args(arguments)
    status = look(config)
    (_print_json if given.json else _print)(config, status)
    if status.trouble is not None:
        print(f"hx: error: {status.trouble.message}", file=sys.stderr)
        print(f"hx: hint: {status.trouble.hint}", file=sys.stderr)
        return status.trouble.exit_code
    # a pause is wanted; a spool that no shell can write to is a fault
    return DatabaseError.exit_code if status.prevented else 0


def look(config: Config) -> Status:
    """Drain the spool and collect what `hx status` prints."""
    # the times in the output are ages at the start: draining may take seconds
    started_at_us = now_us()
    stale = hook_checks.refresh(config)
    if stale is not None:
        print(f"hx: warning: {stale}\nhx: hint: run `hx setup`", file=sys.stderr)
    known: DatabaseFacts | None = None
    trouble: HxError | None = None
    database = None
    try:
        context = open_context(config, tidy=True)
        trouble, database = context.trouble, context.database
        known = _known(context)
    except HxError as error:
        trouble = error
    except apsw.Error as error:
        trouble = explained(error, config.paths.database)
    paused, prevented = health.paused(config.paths, started_at_us), health.prevented(config.paths)
    hook = list(this_shell.findings(config, database, b"status", started_at_us))
    return Status(
        started_at_us,
        paused,
        prevented,
        hook,
        _waiting(config.paths.spool),
        known,
        trouble,
    )


def _known(context: Context) -> DatabaseFacts:
    database = context.database
    return DatabaseFacts(
        figures.figures(database),
        figures.faults(database),
        figures.newest_by_shell(database, context.who.device_id),
        context.report.events,
        _looked_at(context),
        sync_summary(context),
        [
            finding.sentence
            for finding in hook_checks.keys_of_picker(context)
            # a key that opens the picker is no news
            if finding.level == health.WARNING
        ],
    )


def _looked_at(context: Context) -> Retention:
    from hx.database.retention import border_us, counted_from_us, due, unsynced

    days = int(context.config.values["retention_days"])
    if not days:
        return Retention()
    database, now = context.database, context.now_us
    border, from_us = border_us(database, days, now), counted_from_us(database, now)
    return Retention(
        due(database, border), unsynced(database, border), None if from_us == now else from_us
    )


def _waiting(folder: str) -> SpoolContent | None:
    try:
        return SpoolContent(len(spool.files(folder)), spool.waiting_bytes(folder))
    except OSError:
        return None


def _print(config: Config, status: Status) -> None:
    known = status.known
    for label, text in _capture(status):
        _line(label, text)
    if known is not None:
        _line("seen", _seen(known, status))
        for sentence in known.taken:
            _line("picker", f"{sentence} (`hx doctor`)")
    _line("spool", f"{config.paths.spool}: {_spool(status.waiting)}")
    _line("database", f"{config.paths.database}: {_database(config, status)}")
    if known is not None:
        _line("read", _read(known))
        _print_losses(known)
    for number, text in enumerate(_retention(config, status)):
        _line("" if number else "retention", text)
    if config.warnings:
        _line("settings", f"{count(len(config.warnings), 'warning')}, printed above")
    # always two lines, of which the first has the label
    sync = known.sync if known is not None else None
    lines = sync_lines(sync, status.now_us)
    for label, text in zip(("sync", ""), lines, strict=True):
        _line(label, text)
    for text in auto_lines(sync, status.now_us):
        _line("sync auto", text)
    for text in forgotten_lines(sync, status.now_us):
        _line("forgotten", text)


def _print_losses(known: DatabaseFacts) -> None:
    for fault in known.faults:
        label = "ignored" if fault.reason == IGNORED else "lost"
        _line(label, f"{fault.times:,} x {fault.reason}, last {local(fault.last_at_us)}")
    if known.figures.unclean:
        sentence = "the files of the database may still hold its text, because they are in use"
        _line("forgotten", sentence)


def _line(label: str, text: str) -> None:
    print(f"{label:<{_LABEL}}{text}")


def _capture(status: Status) -> Iterator[tuple[str, str]]:
    """Yield the lines on recording: label and text."""
    why_unrecorded = status.why_unrecorded
    yield "capture", f"off: {why_unrecorded}" if why_unrecorded else "on"
    for finding in status.hook:
        if finding.level != OK:
            # the line above says it already
            if finding.sentence != why_unrecorded:
                yield "hook", finding.sentence
            yield "", f"fix: {finding.fix}"


def _seen(known: DatabaseFacts, status: Status) -> str:
    """Return when each shell recorded last; the advice is for a shell that is not recorded."""
    ages = [(visible(shell or b"?"), age(at_us, status.now_us)) for shell, at_us in known.shells]
    if ages:
        return ", ".join(f"{shell} {ago} ago" for shell, ago in ages)
    return (
        f"no shell has recorded anything yet{': run `hx setup`' if status.why_unrecorded else ''}"
    )


def _spool(waiting: SpoolContent | None) -> str:
    if waiting is None:
        return "cannot be read"
    return f"{count(waiting.files, 'file')}, {_size(waiting.pending_bytes)} pending"


def _database(config: Config, status: Status) -> str:
    if status.known is None:
        return "cannot be read" if os.path.exists(config.paths.database) else "does not exist"
    known = status.known.figures
    counts = ", ".join(count(getattr(known, name), name[:-1]) for name in _COUNTS)
    return f"{_size(_stored_bytes(config))}, {counts}"


def _stored_bytes(config: Config) -> int:
    # the newest events may be in the log only
    paths = [config.paths.database, f"{config.paths.database}-wal"]
    return sum(os.path.getsize(path) for path in paths if os.path.exists(path))


def _size(size: int) -> str:
    """Return a number of bytes as `512 bytes`, `1.5 KiB` or `12.0 MiB`."""
    if size < 1 << 10:
        return count(size, "byte")
    unit = 1 if size < 1 << 20 else 2
    tenths = size * 10 >> 10 * unit
    return f"{tenths // 10}.{tenths % 10} {('KiB', 'MiB')[unit - 1]}"


def _read(known: DatabaseFacts) -> str:
    last = known.figures.last_ingest_us
    if last is None:
        return "nothing from the spool yet"
    return f"{count(known.ingested, 'event')} from the spool by this command, last {local(last)}"


def _retention(config: Config, status: Status) -> Iterator[str]:
    """Yield the line on retention, and a second one when it does not count from the clock."""
    days = int(config.values["retention_days"])
    if not days:
        yield "everything is kept for ever"
        return
    left = Retention() if status.known is None else status.known.retention
    parts = [f"keeps {count(days, 'day')} and pinned sessions"]
    if left.due:
        parts.append(f"{count(left.due, 'event')} to be removed")
    if left.unsynced:
        parts.append(f"{count(left.unsynced, 'older event')} until `hx sync` has published them")
    if left.counted_from_us is not None:
        parts.append(
            f"counted from {local(left.counted_from_us)}: no event vouches for the clock since then"
        )
    yield "; ".join(parts)
    if left.counted_from_us is not None:
        yield f"fix: {CLOCK_FIX}"


def _print_json(config: Config, status: Status) -> None:
    known, paths, trouble = status.known, config.paths, status.trouble
    print_json(
        {
            "recording": status.why_unrecorded is None,
            "reason": status.why_unrecorded,
            "shells": None if known is None else _shell_objects(known),
            "picker": None if known is None else known.taken,
            "spool": {
                "path": paths.spool,
                "files": None if status.waiting is None else status.waiting.files,
                "pending_bytes": None if status.waiting is None else status.waiting.pending_bytes,
            },
            "database": {"path": paths.database, **_database_object(config, known)},
            "last_ingest_at": None
            if known is None
            else rfc3339_or_none(known.figures.last_ingest_us),
            "lost": None if known is None else _fault_objects(known),
            "ignored": None if known is None else _ignored(known),
            "retention": {
                "days": config.values["retention_days"],
                "due": None if known is None else known.retention.due,
                "unsynced": None if known is None else known.retention.unsynced,
                "counted_from": None
                if known is None
                else rfc3339_or_none(known.retention.counted_from_us),
            },
            "warnings": list(config.warnings),
            "trouble": None
            if trouble is None
            else {"error": trouble.message, "hint": trouble.hint},
            "sync": sync_object(known.sync if known is not None else None, status.now_us),
        }
    )


def _shell_objects(known: DatabaseFacts) -> list[dict[str, str | None]]:
    return [
        {"shell": decoded(shell), "last_started_at": rfc3339(at_us)}
        for shell, at_us in known.shells
    ]


def _fault_objects(known: DatabaseFacts) -> list[dict[str, object]]:
    return [
        {"reason": fault.reason, "count": fault.times, "last_at": rfc3339(fault.last_at_us)}
        for fault in known.faults
        if fault.reason != IGNORED
    ]


def _ignored(known: DatabaseFacts) -> int:
    return sum(fault.times for fault in known.faults if fault.reason == IGNORED)


def _database_object(config: Config, known: DatabaseFacts | None) -> dict[str, object]:
    if known is None:
        return dict.fromkeys((*_COUNTS, "size_bytes", "journal_mode", "unclean"))
    read = known.figures
    counts = {name: getattr(read, name) for name in _COUNTS}
    facts = {"journal_mode": read.journal_mode, "unclean": read.unclean}
    return counts | {"size_bytes": _stored_bytes(config)} | facts


_COUNTS = ("events", "commands", "sessions", "devices")


def parser(name: str) -> Parser:
    from hx.cli.parsers import Parser

    made = Parser(name, _ABOUT)
    made.add_json()
    return made


_ABOUT = """\
Drains the spool and shows whether this shell is recorded (and why not), which
shells were seen, what is stored, and what could not be read. When the database
is locked or damaged it shows the rest and ends with exit code 8.
"""
