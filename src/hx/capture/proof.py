"""Evidence that a shell is recorded: the record of the line that runs now, and who runs it.

A shell whose hook works has written the start of a line before the line runs. An id of a session
in the environment proves nothing: every child inherits it.
"""

from __future__ import annotations

import os

from hx.capture import spool
from hx.capture.policy import is_open
from hx.core.record import NamedTuple
from hx.core.spool_records import assemble, parse
from hx.files import beginning

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.capture.spool import SessionHeader, SpoolFile
    from hx.core.spool_records import SpoolRecord
    from hx.database.connection import Database

_JUST_NOW_US = 1_000_000  # Python starts in a tenth of it
_MAX_BYTES = 1 << 20  # of the environment of a process


class Process(NamedTuple):
    """What the system says about a process."""

    parent: int
    group: int  # of processes: a job of an interactive shell is a group of its own


def newest(folder: str, session: str) -> SpoolFile | None:
    """Return the file to which the shell of a session writes; None: it has written nothing."""
    files = [file for file in spool.files(folder) if file.session == session]
    return files[-1] if files else None


class RunningLine(NamedTuple):
    """The line of a command that runs."""

    text: bytes
    started_at_us: int


def is_recorded(
    file: SpoolFile, head: SessionHeader, database: Database | None, word: bytes, now_us: int
) -> bool:
    """Return whether the line that runs this process was recorded at its start.

    The line is known by `word`, a word of it, or by its time: an alias has another text. What is
    not in the spool any more is in the database, or runs and is not kept.
    """
    records = parse(spool.read(file.path, head.size).lstrip(b"\0")).records
    if not records and database is not None:
        if is_open(database, head.facts.session_id):
            return True
        line = _in_database(database, head.facts.session_id)
    else:
        line = _in_spool(records, head)
    return line is not None and (word in line.text or now_us - line.started_at_us < _JUST_NOW_US)


def _in_spool(records: list[SpoolRecord], head: SessionHeader) -> RunningLine | None:
    events = assemble(records, head.facts, {}).events
    last = max(events, key=lambda event: event.key.seq, default=None)
    return (
        None if last is None or last.finished else RunningLine(last.command, last.key.started_at_us)
    )


def _in_database(database: Database, session_id: bytes) -> RunningLine | None:
    from hx.database.queries.sessions import running

    found = running(database, session_id)
    return None if found is None else RunningLine(*found)


def runs_us(shell: int, session: str) -> bool:
    """Return whether the shell with this process id runs this process, itself or in a job.

    It is not the shell of this session when it was started by it: in its place (`exec`), or as
    its child. Where the system has no /proc, only its own children are told.
    """
    if f"HX_SESSION={session}".encode() in _first_environment(shell):
        return False
    pid, group = os.getppid(), os.getpgrp()
    while pid > 1 and pid != shell:
        process = _process(pid)
        if process is None or process.group != group:
            return False
        pid = process.parent
    return pid == shell


def words_of(pid: int) -> list[bytes]:
    """Return the words with which a process was started; none where the system does not tell."""
    return beginning(f"/proc/{pid}/cmdline", _MAX_BYTES).split(b"\0")[:-1]


def _first_environment(pid: int) -> list[bytes]:
    """Return the environment with which a process began, as `NAME=value`."""
    return beginning(f"/proc/{pid}/environ", _MAX_BYTES).split(b"\0")


def _process(pid: int) -> Process | None:
    _, bracket, facts = beginning(f"/proc/{pid}/stat", _MAX_BYTES).rpartition(b")")
    fields = facts.split()
    return Process(int(fields[1]), int(fields[2])) if bracket else None
