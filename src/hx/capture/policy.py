"""Which events are kept, and what is masked in them: look-ups, and the rules of the settings.

A line that is nothing but one look-up of hx is not kept, unless a setting says so: else each
search would find itself. All is applied before a row is written. Some shells write the start and
the end of a command as two records. The end of a command that is not kept may come later, and
another process may read it. So the seq of that command is kept in the database, and its end is
not counted as a fault.
"""

from __future__ import annotations

from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.core.model import Event, EventKey
    from hx.core.redaction.rules import Rules
    from hx.core.spool_records import Facts, SpoolRecord
    from hx.database.connection import Database

IGNORED = "command that the rules in the settings exclude"  # intended: not counted as lost
_MANY = 100  # for so many commands it is faster to select the rules that can match first
# key in meta, before a session id: the seq of a command that runs and is not kept
_OPEN = "ignored."
_PROGRAMS = (b"hx", b"history-extended")
_LOOKUPS = (b"find", b"search", b"show", b"last", b"why", b"stats", b"status")
_MAX_LOOKUP = 10_000  # bytes; a longer line is not parsed
_OPERATORS = b";|&<>()`\n"
_RUNS = (b"$(", b"`", b"${ ", b"${\t", b"${\n", b"${|")  # within double quotes these run a command


class Screened(NamedTuple):
    """The events of a spool file that are kept."""

    events: list[Event]
    faults: dict[str, int]  # reason -> count
    began_earlier: frozenset[EventKey] = frozenset()  # of events whose start was stored before
    open_end: tuple[str, int | None] | None = None  # key and seq to write in the same transaction


def is_lookup(line: bytes) -> bool:
    """Return whether a line is nothing but one look-up of hx, so that it is not recorded.

    It is a simple command: assignments, the program by its name or a path, and the name of a
    look-up. A line with an operator, a substitution that runs a command, or a comment is none.
    """
    if not any(name in line for name in _PROGRAMS) or len(line) > _MAX_LOOKUP:
        return False
    words = _words(line.strip())
    while words and _is_assignment(words[0]):
        del words[0]
    return len(words) > 1 and words[0].rpartition(b"/")[2] in _PROGRAMS and words[1] in _LOOKUPS


def _is_assignment(word: bytes) -> bool:
    name, equals, _ = word.partition(b"=")
    return bool(equals) and name.decode("latin-1").isidentifier()


def _words(line: bytes) -> list[bytes]:
    """Return the words of a simple command without their quotes; none for any other line.

    What the shells read differently (a quote behind a backslash, `$'`) is taken for another line.
    """
    words: list[bytes] = []
    word: bytes | None = None
    at = 0
    while at < len(line):
        if line[at] in b" \t":
            words += [] if word is None else [word]
            word, at = None, at + 1
            continue
        piece = _piece(line, at, opens=word is None)
        if piece is None:
            return []
        word = (word or b"") + piece[0]
        at = piece[1]
    return words if word is None else [*words, word]


def _piece(line: bytes, at: int, *, opens: bool) -> tuple[bytes, int] | None:
    """Return the next character or quoted text of a word and the offset behind it; None: no word.

    `opens`: it is the first one of the word.
    """
    char, following = line[at : at + 1], line[at + 1 : at + 2]
    if char == b"'":
        return _single(line, at)
    if char == b'"':
        return _double(line, at)
    if char == b"\\":
        return (following, at + 2) if following.strip(b"\n") else None
    if char in _OPERATORS or (char == b"$" and following == b"'") or (opens and char == b"#"):
        return None
    return char, at + 1


def _single(line: bytes, at: int) -> tuple[bytes, int] | None:
    end = line.find(b"'", at + 1)
    if end < 0 or line[end - 1 : end] == b"\\":  # fish takes that quote for a character
        return None
    return line[at + 1 : end], end + 1


def _double(line: bytes, at: int) -> tuple[bytes, int] | None:
    end = at + 1
    while line[end : end + 1] != b'"':
        if end >= len(line):
            return None
        end += 2 if line[end : end + 1] == b"\\" else 1
    text = line[at + 1 : end]
    return None if any(mark in text for mark in _RUNS) else (text, end + 1)


def screened(
    database: Database,
    records: list[SpoolRecord],
    facts: Facts,
    rules: Rules,
    *,
    lookups: bool = False,
) -> Screened:
    """Return what is kept of these records; with `lookups`, look-ups are kept too."""
    from hx.capture import git
    from hx.core.spool_records import assemble, ends_without_start

    key = _OPEN + facts.session_id.hex()
    waiting = database.meta(key)
    running = waiting if isinstance(waiting, int) else None
    if running is not None:
        records, running = _without_end(records, running)
    started = _started(database, facts, ends_without_start(records))
    assembled = assemble(records, facts, started)
    started_keys = frozenset(event.key for event in started.values())
    if len(assembled.events) >= _MANY:
        rules = rules.for_these(event.command for event in assembled.events)
    events = []
    for event in assembled.events:
        if event.key in started_keys:  # the rules were applied at its start
            events.append(event)
            continue
        is_kept = lookups or not is_lookup(event.command)
        judged = rules.judged(event) if is_kept else None
        running = event.key.seq if judged is None and not event.finished else None
        if not is_kept:
            continue
        if judged is None:
            assembled.faults[IGNORED] = assembled.faults.get(IGNORED, 0) + 1
        else:
            events.append(git.placed(judged))
    changed = running != waiting
    open_end = (key, running) if changed else None
    return Screened(events, assembled.faults, started_keys, open_end)


def _without_end(records: list[SpoolRecord], running: int) -> tuple[list[SpoolRecord], int | None]:
    """Remove the end of a command that is not kept; return its seq while the end is missing."""
    from hx.core.spool_records import ENDS

    seq = b"%d" % running
    rest = [
        record for record in records if record.kind not in ENDS or record.fields.get("n") != seq
    ]
    return rest, running if len(rest) == len(records) else None


def _started(database: Database, facts: Facts, seqs: list[int]) -> dict[int, Event]:
    """Return seq -> unfinished event, for these seqs of this session.

    An event may have the device id that this device had earlier. Of two events with one seq, the
    one with the current id is returned.
    """
    from hx.database.event_rows import events_of_session

    unfinished = (
        (event.key.seq, event)
        for event in events_of_session(database, facts.session_id, seqs)
        if not event.finished
    )
    return dict(sorted(unfinished, key=lambda pair: pair[1].key.device_id == facts.device_id))


def remember(database: Database, screened: Screened) -> None:
    """Write which command still runs and is not kept.

    The caller holds the transaction of the events.
    """
    if screened.open_end is None:
        return
    key, seq = screened.open_end
    if seq is None:
        database.delete_meta(key)
    else:
        database.set_meta(key, seq)


def is_open(database: Database, session_id: bytes) -> bool:
    """Return whether a command that is not kept runs in this session."""
    return database.meta(_OPEN + session_id.hex()) is not None


def stale(database: Database, living: set[str]) -> list[str]:
    """Return the keys in meta that belong to sessions without a spool file."""
    from hx.capture.bound_keys import IN_META

    return [
        key
        for prefix in (_OPEN, IN_META)
        for key in database.meta_keys(prefix)
        if key.removeprefix(prefix) not in living
    ]
