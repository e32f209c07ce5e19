"""From the records of a spool file to the events that are kept: judged before a row exists.

Where a shell writes start and end apart, the end of a command that is not kept comes later,
perhaps to another process: its seq waits in the database, so that the end is not taken for a
stray one.
"""

from __future__ import annotations

from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.core.model import Event
    from hx.core.redaction.rules import Rules
    from hx.core.spool_records import Facts, SpoolRecord
    from hx.database.connection import Database

IGNORED = "command that the rules in the settings keep out"  # meant so: not among what was lost
_MANY = 100  # commands for which it pays to look first which literals any of them holds
_OPEN = "ignored."  # meta: and the session id; the seq of an ignored command that still runs


class Screened(NamedTuple):
    events: list[Event]
    faults: dict[str, int]  # reason -> how often
    open_end: tuple[str, int | None] | None = None  # to remember in the same transaction


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
    known = {event.key for event in started.values()}
    if len(assembled.events) >= _MANY:
        rules = rules.for_these(event.command for event in assembled.events)
    events = []
    for event in assembled.events:
        if event.key in known:  # judged when it began
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
    """Without the end of an ignored command; and its seq, when the end is yet to come."""
    seq = b"%d" % running
    left = [one for one in records if one.kind != "E" or one.fields.get("n") != seq]
    return left, running if len(left) == len(records) else None


def _started(database: Database, facts: Facts, seqs: list[int]) -> dict[int, Event]:
    """Events of this session that began in bytes drained earlier.

    Perhaps under the id that this device had then.
    """
    from hx.database.event_rows import events_of_session

    found = (
        (event.key.seq, event)
        for event in events_of_session(database, facts.session_id, seqs)
        if not event.finished
    )
    return dict(sorted(found, key=lambda one: one[1].key.device_id == facts.device_id))


def remember(database: Database, screened: Screened) -> None:
    """Within the transaction of the events."""
    if screened.open_end is None:
        return
    key, seq = screened.open_end
    if seq is None:
        database.delete_meta(key)
    else:
        database.set_meta(key, seq)


def stale(database: Database, living: set[str]) -> list[str]:
    """Keys of what waits for the end of shells that are gone."""
    return [key for key in database.meta_keys(_OPEN) if key.removeprefix(_OPEN) not in living]
