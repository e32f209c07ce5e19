"""Events as rows, and the texts that rows share: command, directory, terminal, checkout."""

from __future__ import annotations

from hx.core.event_name import digest64, ident
from hx.core.model import Event, EventKey

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    from hx.database.connection import Database, Sql
    from hx.database.counts import Use

    Condition = tuple[str, tuple[Sql, ...]]  # SQL and the values of its parameters

_CHUNK = 500
CALLED = (
    "coalesce(name, substr(lower(hex(device_id)), 1, 8))"  # the name of a device, as people see it
)

SELECT_EVENT = """
SELECT event.id, started_at_us, device_id, session_id, seq, tombstones,
       coalesce(raw, text), path, exit_status, pipestatus, duration_us,
       repo, branch, host, user, shell, tty, flags, origin, revision, ident
FROM event
JOIN command ON command.id = event.command
JOIN directory ON directory.id = event.directory
JOIN terminal ON terminal.id = event.terminal
JOIN session ON session.id = event.session
JOIN device ON device.id = session.device
LEFT JOIN checkout ON checkout.id = event.checkout
LEFT JOIN spared_set ON spared_set.id = event.spared
"""
_ID_BYTES = 16


def to_sql(value: bytes | None) -> Sql:
    """Return str (TEXT) where the bytes are UTF-8, else the bytes (BLOB); both compare exactly."""
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


def from_sql(value: Sql) -> bytes | None:
    """Return the bytes of a TEXT or BLOB."""
    return value.encode() if isinstance(value, str) else value  # type: ignore[return-value]


def to_spared(tombstones: bytes | None) -> tuple[bytes, ...]:
    """Return the ids in a row of `spared_set`; none for NULL."""
    if tombstones is None:
        return ()
    starts = range(0, len(tombstones), _ID_BYTES)
    return tuple(tombstones[start : start + _ID_BYTES] for start in starts)


def to_event(row: tuple[Any, ...]) -> Event:
    """Return the event of a row of SELECT_EVENT."""
    (_, started, device, session, seq, tombstones, command, cwd, *rest) = row
    status, pipestatus, duration, *texts, flags, origin, revision, _ident = rest
    repo, branch, host, user, shell, tty = map(from_sql, texts)
    return Event(
        EventKey(started, device, session, seq, to_spared(tombstones)),
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


def device_name(database: Database, device_id: bytes) -> str | None:
    """Return the name of a device; None: it has none, or no such device is known."""
    name = database.value("SELECT name FROM device WHERE device_id = ?", (device_id,))
    return None if name is None else str(name)


def select_events(
    database: Database, where: str, values: tuple[Sql, ...] = ()
) -> Iterator[tuple[int, Event]]:
    """Yield (row id, event) of every event for which an SQL condition holds."""
    for row in database.execute(f"{SELECT_EVENT} WHERE {where}", values):
        yield row[0], to_event(row)


def among(rows: list[int], column: str = "event.command") -> Condition:
    """Return the condition that a column is one of these row ids."""
    return f"{column} IN ({','.join(map(str, rows))})", ()


def where(conditions: list[Condition]) -> Condition:
    """Return the conditions joined by AND; without any, one that always holds."""
    values = tuple(value for _, given in conditions for value in given)
    return " AND ".join(sql for sql, _ in conditions) or "1", values


class Dictionaries:
    """The row ids of the texts that events share. They are kept for one transaction.

    A missing row is inserted. The attributes are maps of what is known: a caller with a million
    events reads them itself and calls a method only for a text that is missing.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._execute = database.execute
        self.sessions: dict[tuple[bytes, bytes], int] = {}  # by device and session
        self.directories: dict[bytes, int] = {}
        self.terminals: dict[tuple[bytes | None, ...], int] = {}
        self.checkouts: dict[tuple[bytes | None, ...], int | None] = {(None, None): None}
        self.commands: dict[bytes, int] = {}
        self.spared: dict[tuple[bytes, ...], int | None] = {(): None}
        self._digests: dict[bytes, int] = {}  # of those that were looked up
        self._new_commands: list[tuple[int, int, str, bytes | None]] = []
        self._next_command: int  # known as soon as commands were looked up

    def session(self, owner: tuple[bytes, bytes]) -> int:
        device = self._row("device", ("device_id",), owner[:1])
        row = self._row("session", ("session_id", "device"), (owner[1], device))
        self.sessions[owner] = row
        return row

    def directory(self, path: bytes) -> int:
        row = self.directories[path] = self._row("directory", ("path",), (to_sql(path),))
        return row

    def terminal(self, facts: tuple[bytes | None, ...]) -> int:
        names = ("host", "user", "shell", "tty")
        row = self.terminals[facts] = self._row("terminal", names, tuple(map(to_sql, facts)))
        return row

    def checkout(self, facts: tuple[bytes | None, ...]) -> int:
        row = self._row("checkout", ("repo", "branch"), tuple(map(to_sql, facts)))
        self.checkouts[facts] = row
        return row

    def spared_row(self, ids: tuple[bytes, ...]) -> int | None:
        if ids not in self.spared:
            self.spared[ids] = self._row("spared_set", ("tombstones",), (b"".join(ids),))
        return self.spared[ids]

    def look_up_commands(self, texts: set[bytes]) -> None:
        """Read the ids of all these commands at once; a query for each would take longer."""
        self._digests = {text: digest64(text) for text in texts}
        wanted = list(map(str, sorted(self._digests.values())))  # in the order of the index
        for start in range(0, len(wanted), _CHUNK):
            among = ",".join(wanted[start : start + _CHUNK])
            sql = f"SELECT id, coalesce(raw, text) FROM command WHERE hash IN ({among})"  # noqa: S608
            self.commands.update((from_sql(text) or b"", row) for row, text in self._execute(sql))
        last = self._database.value("SELECT coalesce(max(id), 0) FROM command")
        self._next_command = int(last) + 1

    def command(self, text: bytes) -> int:
        """Return the new id of a command that was looked up and not found."""
        row = self.commands[text] = self._next_command
        self._next_command += 1
        try:
            shown, raw = text.decode(), None
        except UnicodeDecodeError:
            shown, raw = text.decode(errors="replace"), text
        self._new_commands.append((row, self._digests[text], shown, raw))
        return row

    def write_commands(self, uses: dict[int, Use]) -> None:
        """Insert the new commands, before their events, and remove their entries from `uses`."""
        # a search reads rows and writes none: it does not need that module
        from hx.database.counts import add_to_total

        many = self._database.connection.executemany
        made = [(row, digest, *uses.pop(row), *text) for row, digest, *text in self._new_commands]
        many("INSERT INTO command VALUES (?, ?, ?, ?, ?, ?, ?)", made)
        add_to_total(self._database, "command", len(made))
        many(
            "INSERT INTO command_text (rowid, text) VALUES (?, ?)",
            [(row, text) for row, _, text, _ in self._new_commands],
        )
        self._new_commands.clear()

    def _row(self, table: str, columns: tuple[str, ...], values: tuple[Sql, ...]) -> int:
        same = " AND ".join(f"{column} IS ?" for column in columns)
        row = self._database.value(f"SELECT id FROM {table} WHERE {same}", values)  # noqa: S608
        if row is None:
            names, marks = ", ".join(columns), ", ".join("?" * len(columns))
            sql = f"INSERT INTO {table} ({names}) VALUES ({marks}) RETURNING id"  # noqa: S608
            row = self._database.value(sql, values)
        return int(row)


def event_rows(
    events: Iterable[Event], ids: Dictionaries, held: Callable[[bytes], int | None]
) -> list[tuple[Sql, ...]]:
    """Return the columns of events after id, in the order of the table.

    The commands were looked up. `held`: device id -> location of its new records. It is one long
    loop, because a call for each of a million events would add a fifth of the time.
    """
    made: list[tuple[Sql, ...]] = []
    sessions, directories, terminals = ids.sessions, ids.directories, ids.terminals
    checkouts, commands, append = ids.checkouts, ids.commands, made.append
    sets = ids.spared
    before: object = None
    for event in events:
        key, command, cwd, status, statuses, took_us, *texts, flags, origin, revision = event
        at_us, device_id, session_id, seq, spared = key
        shared = device_id, session_id, cwd, texts
        if shared != before:  # most events share these with the one before
            before = shared
            owner, place, facts = shared[:2], (texts[0], texts[1]), tuple(texts[2:])
            session = sessions.get(owner) or ids.session(owner)
            directory = directories.get(cwd) or ids.directory(cwd)
            terminal = terminals.get(facts) or ids.terminal(facts)
            checkout = checkouts[place] if place in checkouts else ids.checkout(place)
            location = held(device_id)
        append(
            (
                at_us,
                session,
                seq,
                ident(key),
                commands.get(command) or ids.command(command),
                directory,
                terminal,
                checkout,
                status,
                None if statuses is None else " ".join(map(str, statuses)),
                took_us,
                flags,
                origin,
                revision,
                location,
                sets[spared] if spared in sets else ids.spared_row(spared),
            )
        )
    return made
