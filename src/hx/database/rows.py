"""Event <-> row: the dictionaries (command, directory, terminal, checkout, session) behind a row."""

from __future__ import annotations

from hx.core.ident import digest64, ident
from hx.core.model import Event, EventKey

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.database import Database

Sql = str | bytes | int | None

SELECT_EVENT = """
SELECT event.id, started_at_us, device_id, session_id, seq,
       coalesce(raw, text), path, exit_status, pipestatus, duration_us,
       repo, branch, host, user, shell, tty, flags, origin, revision, ident
FROM event
JOIN command ON command.id = event.command
JOIN directory ON directory.id = event.directory
JOIN terminal ON terminal.id = event.terminal
JOIN session ON session.id = event.session
JOIN device ON device.id = session.device
LEFT JOIN checkout ON checkout.id = event.checkout
"""


def to_sql(value: bytes | None) -> Sql:
    """TEXT where the bytes are UTF-8, else the BLOB itself: both compare exactly."""
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


def from_sql(value: Sql) -> bytes | None:
    return value.encode() if isinstance(value, str) else value  # type: ignore[return-value]


def to_event(row: tuple[Sql, ...]) -> Event:
    """A row of SELECT_EVENT -> Event."""
    (_, started, device, session, seq, command, cwd, status, pipestatus, duration, *rest) = row
    *texts, flags, origin, revision, _ident = rest
    return Event(
        EventKey(started, device, session, seq),  # type: ignore[arg-type]
        from_sql(command),  # type: ignore[arg-type]
        from_sql(cwd),  # type: ignore[arg-type]
        status,  # type: ignore[arg-type]
        None if pipestatus is None else tuple(int(n) for n in str(pipestatus).split()),
        duration,  # type: ignore[arg-type]
        *(from_sql(text) for text in texts),
        flags,  # type: ignore[arg-type]
        origin,  # type: ignore[arg-type]
        revision,  # type: ignore[arg-type]
    )


def select_events(
    database: Database, where: str, values: tuple[Sql, ...] = ()
) -> Iterator[tuple[int, Event]]:
    """(row id, event) of every event for which the SQL condition holds."""
    for row in database.execute(f"{SELECT_EVENT} WHERE {where}", values):  # noqa: S608  (ours)
        yield row[0], to_event(row)


class Dictionaries:
    """Ids of the texts that events share, made when missing, remembered for one transaction."""

    def __init__(self, database: Database) -> None:
        self._execute = database.execute
        self._known: dict[tuple[object, ...], int] = {}

    def session(self, device_id: bytes, session_id: bytes) -> int:
        device = self._id("device", ("device_id",), (device_id,))
        return self._id("session", ("session_id", "device"), (session_id, device))

    def directory(self, path: bytes) -> int:
        return self._id("directory", ("path",), (to_sql(path),))

    def terminal(self, event: Event) -> int:
        facts = (event.host, event.user, event.shell, event.tty)
        return self._id("terminal", ("host", "user", "shell", "tty"), tuple(map(to_sql, facts)))

    def checkout(self, event: Event) -> int | None:
        if event.repo is None and event.branch is None:
            return None
        return self._id("checkout", ("repo", "branch"), (to_sql(event.repo), to_sql(event.branch)))

    def command(self, text: bytes) -> int:
        known = self._known.get(("command", text))
        if known is None:
            known = self._known["command", text] = self._find_command(text)
        return known

    def _find_command(self, text: bytes) -> int:
        value, digest = to_sql(text), digest64(text)
        for row in self._execute("SELECT id, coalesce(raw, text) FROM command WHERE hash = ?", (digest,)):
            if row[1] == value:
                return int(row[0])
        raw = value if isinstance(value, bytes) else None
        shown = text.decode(errors="replace")
        found = self._execute(
            "INSERT INTO command (hash, last_us, text, raw) VALUES (?, ?, ?, ?) RETURNING id",
            (digest, -1, shown, raw),
        ).fetchone()
        self._execute("INSERT INTO command_text (rowid, text) VALUES (?, ?)", (found[0], shown))
        return int(found[0])

    def _id(self, table: str, columns: tuple[str, ...], values: tuple[Sql, ...]) -> int:
        known = self._known.get((table, *values))
        if known is None:
            known = self._known[table, *values] = self._look_up(table, columns, values)
        return known

    def _look_up(self, table: str, columns: tuple[str, ...], values: tuple[Sql, ...]) -> int:
        same = " AND ".join(f"{column} IS ?" for column in columns)
        row = self._execute(f"SELECT id FROM {table} WHERE {same}", values).fetchone()  # noqa: S608
        if row is None:
            names, marks = ", ".join(columns), ", ".join("?" * len(columns))
            sql = f"INSERT INTO {table} ({names}) VALUES ({marks}) RETURNING id"  # noqa: S608
            row = self._execute(sql, values).fetchone()
        return int(row[0])


def event_row(event: Event, ids: Dictionaries) -> tuple[Sql, ...]:
    """The columns of `event` after id, in the order of the table."""
    statuses = event.pipestatus
    return (
        event.key.started_at_us,
        ids.session(event.key.device_id, event.key.session_id),
        event.key.seq,
        ident(event.key),
        ids.command(event.command),
        ids.directory(event.cwd),
        ids.terminal(event),
        ids.checkout(event),
        event.exit_status,
        " ".join(map(str, statuses)) if statuses is not None else None,
        event.duration_us,
        event.flags,
        event.origin,
        event.revision,
    )
