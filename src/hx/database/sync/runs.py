"""The last runs of `hx sync`, by hand and in the background, for `hx sync log` and `hx status`."""

from __future__ import annotations

from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.database.connection import Database

HAND, TIMER, WATCH, SHELL = TRIGGERS = ("hand", "timer", "watch", "shell")
_KEPT = 50


class Run(NamedTuple):
    """One run of sync, or several in a row that have exchanged nothing with the same outcome."""

    trigger: str  # one of TRIGGERS
    began_us: int  # of the first run
    ended_us: int  # of the last run
    ms: int  # what the last run took
    error: str | None = None  # message; None: it has succeeded
    events_in: int = 0
    events_out: int = 0
    times: int = 1

    @property
    def last_began_us(self) -> int:
        """Return when the last run began."""
        return self.ended_us - self.ms * 1000

    @property
    def is_quiet(self) -> bool:
        return not (self.events_in or self.events_out)


_COLUMNS = ", ".join(Run._fields)


def add(database: Database, run: Run) -> None:
    """Add a run; the caller holds the transaction.

    A run that exchanges nothing is counted into the row before it, if that is of the same kind:
    else the runs of one quiet night would push out everything else.
    """
    last = database.execute(
        f"SELECT id, {_COLUMNS} FROM sync_run ORDER BY id DESC LIMIT 1"  # noqa: S608
    ).fetchone()
    if last is not None and _continues(Run(*last[1:]), run):
        database.execute(
            "UPDATE sync_run SET ended_us = ?, ms = ?, times = times + ? WHERE id = ?",
            (run.ended_us, run.ms, run.times, last[0]),
        )
        return
    marks = ", ".join("?" * len(Run._fields))
    database.execute(f"INSERT INTO sync_run ({_COLUMNS}) VALUES ({marks})", tuple(run))  # noqa: S608
    database.execute(
        "DELETE FROM sync_run WHERE id <= (SELECT max(id) FROM sync_run) - ?", (_KEPT,)
    )


def _continues(last: Run, run: Run) -> bool:
    same = (last.trigger, last.error) == (run.trigger, run.error)
    # no row ends before it begins, where the clock was set back
    same = same and last.ended_us <= run.ended_us
    return same and last.is_quiet and run.is_quiet


def read(database: Database) -> list[Run]:
    """Return the runs, the newest first."""
    rows = database.execute(f"SELECT {_COLUMNS} FROM sync_run ORDER BY id DESC")  # noqa: S608
    return [Run(*row) for row in rows]


def newest(database: Database) -> Run | None:
    """Return the newest run; None: this device has never synced with this vault."""
    row = database.execute(
        f"SELECT {_COLUMNS} FROM sync_run ORDER BY id DESC LIMIT 1"  # noqa: S608
    ).fetchone()
    return None if row is None else Run(*row)


def failing_since_us(database: Database) -> int | None:
    """Return when the first of the runs began that have failed until now; None: none has."""
    value = database.value(
        "SELECT min(began_us) FROM sync_run WHERE error IS NOT NULL AND id >"
        " (SELECT coalesce(max(id), 0) FROM sync_run WHERE error IS NULL)"
    )
    return None if value is None else int(value)
