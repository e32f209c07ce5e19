"""Applying the rules of the settings: which events are kept, and what is masked in them.

They are applied before a row is written. Some shells write the start and the end of a command as
two records. The end of a command that is not kept may come later, and another process may read
it. So the seq of that command is kept in the database, and its end is not counted as a fault.
"""

from __future__ import annotations

from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.core.model import Event
    from hx.core.redaction.rules import Rules
    from hx.core.spool_records import Facts, SpoolRecord
    from hx.database.connection import Database

IGNORED = "command that the rules in the settings exclude"  # intended: not counted as lost
_MANY = 100  # for so many commands it is faster to select the rules that can match first
_OPEN = "ignored."  # key in meta, before a session id: the seq of an ignored command that runs


class Screened(NamedTuple):
    """The events of a spool file that are kept."""

    events: list[Event]
    faults: dict[str, int]  # reason -> count
    open_end: tuple[str, int | None] | None = None  # key and seq to write in the same transaction


def screened(
    database: Database, records: list[SpoolRecord], facts: Facts, rules: Rules
) -> Screened:
    from hx.capture import git
    from hx.core.spool_records import assemble, ends_without_start

    key = _OPEN + facts.session_id.hex()
    waiting = database.meta(key)
    running = waiting if isinstance(waiting, int) else None
    if running is not None:
        records, running = _without_end(records, running)
    started = _started(database, facts, ends_without_start(records))
    assembled = assemble(records, facts, started)
    started_keys = {event.key for event in started.values()}
    if len(assembled.events) >= _MANY:
        rules = rules.for_these(event.command for event in assembled.events)
    events = []
    for event in assembled.events:
        if event.key in started_keys:  # the rules were applied at its start
            events.append(event)
            continue
        judged = rules.judged(event)
        running = event.key.seq if judged is None and not event.finished else None
        if judged is None:
            assembled.faults[IGNORED] = assembled.faults.get(IGNORED, 0) + 1
        else:
            events.append(git.placed(judged))
    changed = running != waiting
    return Screened(events, assembled.faults, (key, running) if changed else None)


def _without_end(records: list[SpoolRecord], running: int) -> tuple[list[SpoolRecord], int | None]:
    """Remove the end of an ignored command; return the seq too while its end is not there."""
    from hx.core.spool_records import ENDS

    seq = b"%d" % running
    rest = [
        record for record in records if record.kind not in ENDS or record.fields.get("n") != seq
    ]
    return rest, running if len(rest) == len(records) else None


def _started(database: Database, facts: Facts, seqs: list[int]) -> dict[int, Event]:
    """Return the unfinished events of this session by seq.

    An event may have the device id that this device had earlier; the current id wins.
    """
    from hx.database.event_rows import events_of_session

    unfinished = (
        (event.key.seq, event)
        for event in events_of_session(database, facts.session_id, seqs)
        if not event.finished
    )
    return dict(sorted(unfinished, key=lambda pair: pair[1].key.device_id == facts.device_id))


def remember(database: Database, screened: Screened) -> None:
    """Write which ignored command still runs; the caller holds the transaction of the events."""
    if screened.open_end is None:
        return
    key, seq = screened.open_end
    if seq is None:
        database.delete_meta(key)
    else:
        database.set_meta(key, seq)


def stale(database: Database, living: set[str]) -> list[str]:
    """Return the keys in meta that belong to sessions without a spool file."""
    from hx.capture.keys import KEYS

    return [
        key
        for prefix in (_OPEN, KEYS)
        for key in database.meta_keys(prefix)
        if key.removeprefix(prefix) not in living
    ]
