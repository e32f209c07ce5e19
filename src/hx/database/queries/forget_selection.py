"""The events, artifacts and texts that the options of `hx forget` select."""

from __future__ import annotations

from collections import Counter

from hx.core.model import ArtifactKey, EventKey
from hx.core.record import NamedTuple
from hx.database.rows import among, from_sql, where

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hx.database.connection import Database, Sql
    from hx.database.rows import Condition

SHOWN = 5
_EVENTS = (
    " FROM event JOIN session ON session.id = event.session"
    " JOIN device ON device.id = session.device WHERE "
)


class Choice(NamedTuple):
    """What the options of `hx forget` select: conditions joined by AND. None sets no condition."""

    idents: tuple[int, ...] | None = None
    session_id: bytes | None = None
    since_us: int | None = None
    until_us: int | None = None
    text: bytes | None = None  # in the command, its directory, its repository or branch
    device_id: bytes | None = None
    artifacts: tuple[ArtifactKey, ...] | None = None  # these and nothing else
    commands: tuple[int, ...] | None = None  # row ids
    import_number: int | None = None  # what this import brought
    everywhere: bool = False  # other devices forget the same texts, by a text order


class Chosen(NamedTuple):
    """An event that a choice selects."""

    row: int
    key: EventKey


class Selected(NamedTuple):
    """The number of events that a choice selects, and the newest of them."""

    events: int
    devices: dict[bytes, int]  # device id -> events, the largest first
    newest: list[int]  # row ids, at most SHOWN


def in_short(events: list[Chosen]) -> Selected:
    """Return the numbers of a list of events, the newest first."""
    devices = Counter(event.key.device_id for event in events)
    newest = [event.row for event in events[:SHOWN]]
    return Selected(len(events), dict(devices.most_common()), newest)


def of_import(database: Database, number: int) -> Selected:
    """Return the events of an import in short, without reading them into memory."""
    sql = f"SELECT device_id, count(*){_EVENTS}import = ? GROUP BY device_id ORDER BY 2 DESC"
    devices = dict(database.execute(sql, (number,)))
    sql = "SELECT id FROM event WHERE import = ? ORDER BY started_at_us DESC, id DESC LIMIT ?"
    newest = [row for (row,) in database.execute(sql, (number, SHOWN))]
    return Selected(sum(devices.values()), devices, newest)


def events(database: Database, choice: Choice, *, duplicates: bool = False) -> list[Chosen]:
    """Return the events that a choice selects, newest first; with `duplicates`, these too."""
    condition, values = where(_conditions(database, choice))
    if not (duplicates or choice.idents is not None):
        condition = f"duplicate = 0 AND {condition}"
    sql = (
        f"SELECT event.id, started_at_us, device_id, session_id, seq{_EVENTS}{condition}"
        " ORDER BY started_at_us DESC, event.id DESC"
    )
    same: dict[bytes, bytes] = {}  # a million rows share few ids: each is kept once
    return [
        Chosen(row, EventKey(at_us, same.setdefault(d, d), same.setdefault(s, s), seq))
        for row, at_us, d, s, seq in database.execute(sql, values)
    ]


def same_commands(database: Database, commands: Iterable[tuple[int, str]]) -> list[int]:
    """Return the row ids of those (row id, text) that still belong together in the database.

    SQLite gives the row id of a removed command to a later one.
    """
    sql = "SELECT 1 FROM command WHERE id = ? AND text = ?"
    return [row for row, text in commands if database.value(sql, (row, text)) is not None]


def artifacts(database: Database, choice: Choice) -> list[ArtifactKey]:
    """Return the keys of the artifacts that a choice selects.

    They are named, or belong to the session or to an event of the import, or hold the text in their
    names or evidence.
    """
    if choice.import_number is not None:
        return _keys(database, _OF_IMPORT, (choice.import_number,))
    if choice.artifacts is not None:
        return [*choice.artifacts]
    if choice.text is None and choice.session_id is None:
        return []
    condition = (
        "(?1 IS NULL OR instr(fields, ?1)) AND (?2 IS NULL OR session_id = ?2)"
        " AND (?3 IS NULL OR device_id = ?3)"
    )
    return _keys(database, condition, (choice.text, choice.session_id, choice.device_id))


def named_artifacts(database: Database, prefix: str, at_most: int) -> list[ArtifactKey]:
    """Return the keys of the artifacts whose hexadecimal id has a prefix, at most `at_most`."""
    return _keys(database, "hex(artifact_id) LIKE ? LIMIT ?", (f"{prefix}%", at_most))


def _keys(database: Database, condition: str, values: tuple[Sql, ...]) -> list[ArtifactKey]:
    sql = (
        "SELECT created_at_us, device_id, session_id, artifact_id, event_started_at_us,"  # noqa: S608
        f" event_device_id, event_session_id, event_seq FROM artifact WHERE {condition}"
    )
    return [
        ArtifactKey(
            at_us, device, session, artifact, EventKey(*event) if event[3] is not None else None
        )
        for at_us, device, session, artifact, *event in database.execute(sql, values)
    ]


def commands(database: Database, choice: Choice) -> set[bytes]:
    """Return the distinct texts of the events that a choice selects."""
    condition, values = where(_conditions(database, choice))
    sql = (
        "SELECT coalesce(raw, text) FROM command WHERE id IN"  # noqa: S608
        f" (SELECT event.command{_EVENTS}{condition})"
    )
    return {from_sql(row[0]) or b"" for row in database.execute(sql, values)}


def texts(database: Database, part: bytes) -> set[bytes]:
    """Return the whole texts of events that hold a part: commands, directories and so on."""
    found = (from_sql(text) for sql in _TEXTS for (text,) in database.execute(sql, (part,)))
    return {text for text in found if text}


def _conditions(database: Database, choice: Choice) -> list[Condition]:
    conditions: list[Condition] = []
    if choice.artifacts is not None:
        conditions.append(("0", ()))
    if choice.idents is not None:
        conditions.append(among(list(choice.idents), "event.ident"))
    if choice.commands is not None:
        conditions.append(among(list(choice.commands), "event.command"))
    if choice.text is not None:
        conditions.append(_holds(database, choice.text))
    plain = (
        ("session_id = ?", choice.session_id),
        ("started_at_us >= ?", choice.since_us),
        ("started_at_us < ?", choice.until_us),
        ("device_id = ?", choice.device_id),
        ("import = ?", choice.import_number),
    )
    return conditions + [(sql, (value,)) for sql, value in plain if value is not None]


def _holds(database: Database, text: bytes) -> Condition:
    """Return the condition that the command, directory, repository or branch holds these bytes.

    All texts are read, because a damaged index would hide one of them. No index finds the events of
    a checkout, so that condition is left out where no checkout holds the text.
    """
    parts = [
        f"event.command IN (SELECT id FROM command WHERE {_COMMAND_HOLDS})",  # noqa: S608
        f"event.directory IN (SELECT id FROM directory WHERE {_DIRECTORY_HOLDS})",  # noqa: S608
    ]
    values: tuple[Sql, ...] = (text, text)
    checkouts = f"SELECT id FROM checkout WHERE {_CHECKOUT_HOLDS}"  # noqa: S608
    if database.value(checkouts, (text, text)) is not None:
        parts.append(f"event.checkout IN ({checkouts})")
        values += (text, text)
    return f"({' OR '.join(parts)})", values


_OF_IMPORT = (
    "EXISTS (SELECT 1 FROM event JOIN session ON session.id = event.session"
    " JOIN device ON device.id = session.device WHERE import = ?"
    " AND started_at_us = event_started_at_us AND device.device_id = event_device_id"
    " AND session.session_id = event_session_id AND seq = event_seq)"
)
_COMMAND_HOLDS = "instr(coalesce(raw, CAST(text AS BLOB)), ?)"
_DIRECTORY_HOLDS = "instr(CAST(path AS BLOB), ?)"
_CHECKOUT_HOLDS = "instr(CAST(repo AS BLOB), ?) OR instr(CAST(branch AS BLOB), ?)"
_TEXTS = (
    f"SELECT coalesce(raw, text) FROM command WHERE {_COMMAND_HOLDS}",  # noqa: S608
    f"SELECT path FROM directory WHERE {_DIRECTORY_HOLDS}",  # noqa: S608
    "SELECT repo FROM checkout WHERE instr(CAST(repo AS BLOB), ?)",
    "SELECT branch FROM checkout WHERE instr(CAST(branch AS BLOB), ?)",
)
