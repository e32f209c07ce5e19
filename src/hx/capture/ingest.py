"""Draining the spool into the database, exactly once, without leaving text in the spool.

Events and the offsets from which they were read are committed in one transaction; only then are
the drained bytes overwritten. After a crash before the commit the work is repeated, after a later
crash the overwriting. A file that cannot be read or overwritten does not stop the other ones; its
OSError is raised at the end.
"""

from __future__ import annotations

import os

import apsw

from hx.capture import spool
from hx.core.record import NamedTuple
from hx.database import spool_state
from hx.database.connection import BUSY_TIMEOUT_MS
from hx.database.spool_state import Mark
from hx.files import Lock, require_unshared

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hx.capture.policy import Screened
    from hx.capture.spool import SessionHeader, SpoolFile
    from hx.core.model import Event
    from hx.core.redaction.rules import Rules
    from hx.core.spool_records import SpoolRecord
    from hx.database.connection import Database

# a reason besides those of spool_records
FORGOTTEN = "command that was forgotten before it arrived"
_BATCH_EVENTS = 65_536
_TIDY_EVERY_S = 600
_PATIENCE_MS = 250  # how long to wait for another writer: a search must not wait longer
_DAY_US = 86_400_000_000


class SpoolSource(NamedTuple):
    """The spool to drain, and this device."""

    spool: str  # folder
    lock: str  # file: one drain at a time
    device_id: bytes
    host: str
    shared: bool  # on a network file system: no file is drained to which another host writes
    rules: Callable[[], Rules]  # called only when there is something to drain
    lookups: bool = False  # whether lines that only look into the history are recorded


class Report(NamedTuple):
    """What a drain did."""

    events: int = 0  # added or completed
    dropped: int = 0  # forgotten before they arrived
    busy: bool = False  # another hx drains, or writes to the database for too long


class Draft(NamedTuple):
    """What the next transaction takes from one spool file."""

    file: SpoolFile
    mark: Mark  # the mark after the commit; [wiped, drained) is overwritten then
    screened: Screened
    keys: str | None = None  # what the keys of the picker call there, if the shell has looked


def pending(database: Database, folder: str) -> list[SpoolFile]:
    """Return the files with bytes that are not drained, or not yet overwritten after a crash."""
    marks = spool_state.marks(database)
    return [file for file in spool.files(folder) if _has_news(file, marks.get(file.name))]


def _has_news(file: SpoolFile, mark: Mark | None) -> bool:
    if mark is None or file.size != mark.drained:
        return True
    return _is_unwiped(file, mark)


def _is_unwiped(file: SpoolFile, mark: Mark) -> bool:
    if mark.wiped >= mark.drained:
        return False
    try:
        return spool.read(file.path, mark.wiped, 1) not in (b"\0", b"")
    except PermissionError:
        return True  # the drain reports the error


def ingest(database: Database, source: SpoolSource, now_us: int, *, tidy: bool = False) -> Report:
    """Drain what is pending; `tidy` looks for files of ended shells now, not only every 10 min."""
    if os.path.isdir(source.spool):
        # under `sudo` the commands of one user must not go to another
        require_unshared(source.spool)
    database.connection.set_busy_timeout(_PATIENCE_MS)
    try:
        tidy = tidy or _tidy_is_due(source.lock, now_us)
        if not tidy and not pending(database, source.spool):
            return Report()
        with Lock(source.lock) as held:
            return _ingest(database, source, now_us, tidy=tidy) if held else Report(busy=True)
    except apsw.BusyError:
        return Report(busy=True)
    finally:
        database.connection.set_busy_timeout(BUSY_TIMEOUT_MS)


def _ingest(database: Database, source: SpoolSource, now_us: int, *, tidy: bool) -> Report:
    troubles: list[OSError] = []
    report = _drain(database, source, now_us, troubles)
    if tidy:
        _tidy(database, source, now_us, troubles)
        os.utime(source.lock, ns=(now_us * 1000, now_us * 1000))
    if troubles:
        raise troubles[0]
    return report


def _tidy_is_due(lock: str, now_us: int) -> bool:
    try:
        return now_us / 1e6 - os.stat(lock).st_mtime > _TIDY_EVERY_S
    except OSError:
        return True


def _drain(database: Database, source: SpoolSource, now_us: int, troubles: list[OSError]) -> Report:
    total = Report()
    batch: list[Draft] = []
    marks = spool_state.marks(database)
    files = pending(database, source.spool)
    if source.shared:
        files = [file for file in files if _is_alone(file, source, now_us)]
    if not files:
        return total
    rules = source.rules()
    for file in files:
        if any(draft.file.session == file.session for draft in batch):
            # an end in this file must find its start in the database
            total = _commit(database, batch, now_us, total, troubles)
        try:
            mark = marks.get(file.name, Mark(0, 0))
            batch.extend(_drafts(database, source, file, mark, rules))
        except OSError as error:
            troubles.append(error)
        if sum(len(draft.screened.events) for draft in batch) >= _BATCH_EVENTS:
            total = _commit(database, batch, now_us, total, troubles)
    return _commit(database, batch, now_us, total, troubles)


def _drafts(
    database: Database, source: SpoolSource, file: SpoolFile, mark: Mark, rules: Rules
) -> Iterator[Draft]:
    from hx.capture.policy import screened
    from hx.core.spool_records import parse

    known = mark
    if file.size < mark.drained:
        mark = Mark(0, 0)  # another file with the same name
    if _is_unwiped(file, mark):
        spool.wipe(file.path, mark.wiped, mark.drained)  # a crash came between commit and wiping
    data = spool.read(file.path, mark.drained)
    # read after the data: a shell may have written it just now
    head = spool.header(file, source.device_id)
    start = max(mark.drained, head.size)
    data = data[start - mark.drained :]
    parsed = parse(data)
    kept = screened(database, parsed.records, head.facts, rules, lookups=source.lookups)
    for reason, count in parsed.faults.items():
        kept.faults[reason] = kept.faults.get(reason, 0) + count
    drained = start + parsed.size
    if drained > mark.drained or mark != known:
        text = len(data[: parsed.size].lstrip(b"\0"))
        yield Draft(file, Mark(drained, drained - text), kept, _keys(parsed.records))


def _keys(records: list[SpoolRecord]) -> str | None:
    """Return what the last record K says; most drains have none, and import nothing for it."""
    if not any(record.kind == "K" for record in records):
        return None
    from hx.capture.bound_keys import noted

    return noted(records)


def _recorded(database: Database, batch: list[Draft]) -> list[Event]:
    """Return the events of a batch; the new ones are spared of the tombstones that are known.

    What a text order takes is left out.
    """
    from hx.database.tombstones import are_known, has_text_orders

    kept = [draft.screened for draft in batch]
    if not are_known(database):
        return [event for each in kept for event in each.events]
    from hx.capture.clock import moment
    from hx.database.sparing import spared_events

    new = [e for each in kept for e in each.events if e.key not in each.began_earlier]
    old = (e for each in kept for e in each.events if e.key in each.began_earlier)
    now = moment()
    events = [*old, *spared_events(database, new, now)]
    if not has_text_orders(database):
        return events
    from hx.database.text_orders import left

    return left(database, events, now.at_us)


def _commit(
    database: Database,
    batch: list[Draft],
    now_us: int,
    total: Report,
    troubles: list[OSError],
) -> Report:
    """Commit a batch in one transaction, then overwrite what was drained; empty the batch."""
    from hx.capture.policy import remember
    from hx.core.merge import History
    from hx.database.join import join

    if not batch:
        return total
    with database.transaction():
        events = _recorded(database, batch)
        changes = join(database, History(frozenset(events)))
        dropped = changes.dropped + sum(len(each.screened.events) for each in batch) - len(events)
        if dropped:
            spool_state.add_faults(database, {FORGOTTEN: dropped}, now_us)
        for draft in batch:
            spool_state.write_mark(database, draft.file.name, draft.mark)
            spool_state.add_faults(database, draft.screened.faults, now_us)
            remember(database, draft.screened)
            if draft.keys is not None:
                from hx.capture import bound_keys

                bound_keys.write(database, draft.file.session, draft.keys)
        if events:
            database.set_meta("last_ingest_us", now_us)
    for draft in batch:
        try:
            spool.wipe(draft.file.path, draft.mark.wiped, draft.mark.drained)
        except OSError as error:
            troubles.append(error)
    batch.clear()
    added = total.events + changes.added + changes.replaced
    return Report(added, total.dropped + dropped)


def _tidy(database: Database, source: SpoolSource, now_us: int, troubles: list[OSError]) -> None:
    """Delete the drained files whose shell can no longer write to them."""
    files = spool.files(source.spool)
    newest = {file.session: file.generation for file in files}
    marks = spool_state.marks(database)
    boot = spool.boot_id()
    for file in files:
        try:
            if _is_closed(file, newest, source, boot, now_us):
                _delete(database, file, marks.get(file.name, Mark(0, 0)), now_us, troubles)
        except OSError as error:
            troubles.append(error)
    _tidy_leftovers(database, source)


def _delete(
    database: Database, file: SpoolFile, mark: Mark, now_us: int, troubles: list[OSError]
) -> None:
    """Count and overwrite the bytes behind the drained ones, then delete the file.

    Its mark is deleted first, so that a later file of the same name is read from its beginning.
    The header stays until the end, because it names the process.
    """
    from hx.capture.policy import Screened
    from hx.core.spool_records import parse

    tail = spool.read(file.path, mark.drained)
    if file.size < mark.drained or parse(tail).size:
        return  # the file changed after the drain
    if tail:
        end = mark.drained + len(tail)
        left = Mark(end, end - len(tail.lstrip(b"\0")))
        faults = parse(tail, closed=True).faults
        _commit(database, [Draft(file, left, Screened([], faults))], now_us, Report(), troubles)
    with database.transaction():
        spool_state.remove_marks(database, [file.name])
    spool.remove(file.path)


def _tidy_leftovers(database: Database, source: SpoolSource) -> None:
    from hx.capture.policy import stale

    left = spool.files(source.spool)
    living = {file.session for file in left}
    gone = set(spool_state.marks(database)) - {file.name for file in left}
    old = stale(database, living)
    if gone or old:
        with database.transaction():
            spool_state.remove_marks(database, gone)
            database.delete_meta(*old)
    for path in spool.leftovers(source.spool, living):
        spool.remove(path)


def _is_closed(
    file: SpoolFile, newest: dict[str, int], source: SpoolSource, boot: str, now_us: int
) -> bool:
    if file.generation < newest[file.session]:
        return True
    if now_us - file.modified_at_us > spool.IDLE_DAYS * _DAY_US:
        return True
    head = spool.header(file, source.device_id)
    return _is_of_host(head, source) and spool.writer_is_gone(head, boot)


def _is_alone(file: SpoolFile, source: SpoolSource, now_us: int) -> bool:
    """Return whether no other host writes to a file on a network file system.

    A host that was renamed is known by the id of its run, as long as that lasts. So what nobody has
    written to for a day is drained by any host.
    """
    if now_us - file.modified_at_us > _DAY_US:
        return True
    head = spool.header(file, source.device_id)
    return _is_of_host(head, source) or (bool(head.boot_id) and head.boot_id == spool.boot_id())


def _is_of_host(head: SessionHeader, source: SpoolSource) -> bool:
    """Return whether this host wrote a spool file; without a host in its header, it did."""
    host = head.facts.host
    return host is None or host.decode(errors="replace") == source.host
