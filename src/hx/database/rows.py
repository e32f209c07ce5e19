"""Event <-> row, and the dictionaries behind a row: command, directory, terminal, checkout."""

from __future__ import annotations

from hx.core.ident import digest64, ident
from hx.core.model import Event, EventKey

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

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


def to_event(row: tuple[Any, ...]) -> Event:
    """A row of SELECT_EVENT -> Event."""
    (_, started, device, session, seq, command, cwd, status, pipestatus, duration, *rest) = row
    *texts, flags, origin, revision, _ident = rest
    repo, branch, host, user, shell, tty = map(from_sql, texts)
    return Event(
        EventKey(started, device, session, seq),
        from_sql(command) or b"",
        from_sql(cwd) or b"",
        status,
        None if pipestatus is None else tuple(int(n) for n in pipestatus.split()),
        duration,
        repo,
        branch,
        host,
        user,
        shell,
        tty,
        flags,
        origin,
        revision,
    )


def select_events(
    database: Database, where: str, values: tuple[Sql, ...] = ()
) -> Iterator[tuple[int, Event]]:
    """(row id, event) of every event for which the SQL condition holds."""
    for row in database.execute(f"{SELECT_EVENT} WHERE {where}", values):
        yield row[0], to_event(row)


class Dictionaries:
    """Ids of the texts that events share, made when missing, remembered for one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._execute = database.execute
        self._known: dict[str, dict[object, int]] = {}
        self._new_commands: list[tuple[int, int, str, bytes | None]] = []
        self._next_command = 0

    def session(self, device_id: bytes, session_id: bytes) -> int:
        known = self._known.setdefault("session", {})
        row = known.get((device_id, session_id))
        if row is None:
            device = self._row("device", ("device_id",), (device_id,))
            row = self._row("session", ("session_id", "device"), (session_id, device))
            known[device_id, session_id] = row
        return row

    def directory(self, path: bytes) -> int:
        return self._id("directory", ("path",), (path,))

    def terminal(self, event: Event) -> int:
        columns = ("host", "user", "shell", "tty")
        return self._id("terminal", columns, (event.host, event.user, event.shell, event.tty))

    def checkout(self, event: Event) -> int | None:
        if event.repo is None and event.branch is None:
            return None
        return self._id("checkout", ("repo", "branch"), (event.repo, event.branch))

    def command(self, text: bytes) -> int:
        known = self._known.setdefault("command", {})
        row = known.get(text)
        if row is None:
            row = known[text] = self._command_row(text)
        return row

    def _command_row(self, text: bytes) -> int:
        value, digest = to_sql(text), digest64(text)
        same_hash = "SELECT id, coalesce(raw, text) FROM command WHERE hash = ?"
        for row in self._execute(same_hash, (digest,)):
            if row[1] == value:
                return int(row[0])
        if not self._next_command:
            last = self._database.value("SELECT coalesce(max(id), 0) FROM command")
            self._next_command = int(last) + 1
        row_id, self._next_command = self._next_command, self._next_command + 1
        raw = value if isinstance(value, bytes) else None
        self._new_commands.append((row_id, digest, text.decode(errors="replace"), raw))
        return row_id

    def write_commands(self, last_us: dict[int, int]) -> None:
        """Insert the commands that were new, before their events; takes their last uses away."""
        many = self._database.connection.executemany
        made = [(row, digest, last_us.pop(row), *text) for row, digest, *text in self._new_commands]
        many("INSERT INTO command VALUES (?, ?, ?, ?, ?)", made)
        many(
            "INSERT INTO command_text (rowid, text) VALUES (?, ?)",
            [(row, text) for row, _, text, _ in self._new_commands],
        )
        self._new_commands.clear()

    def _id(self, table: str, columns: tuple[str, ...], values: tuple[bytes | None, ...]) -> int:
        known = self._known.setdefault(table, {})
        row = known.get(values)
        if row is None:
            row = known[values] = self._row(table, columns, tuple(map(to_sql, values)))
        return row

    def _row(self, table: str, columns: tuple[str, ...], values: tuple[Sql, ...]) -> int:
        same = " AND ".join(f"{column} IS ?" for column in columns)
        row = self._database.value(f"SELECT id FROM {table} WHERE {same}", values)  # noqa: S608
        if row is None:
            names, marks = ", ".join(columns), ", ".join("?" * len(columns))
            sql = f"INSERT INTO {table} ({names}) VALUES ({marks}) RETURNING id"  # noqa: S608
            row = self._database.value(sql, values)
        return int(row)


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
