"""Importing another tool's history, in whole batches, and never the same event twice."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from operator import itemgetter
from types import MappingProxyType

from hx.core.event_name import digest64
from hx.core.import_matching.keys import (
    Placing,
    first_seqs,
    may_be_same_host,
    origin_device_id,
    origin_session_id,
)
from hx.core.import_matching.stamps import BY_TIME, DUPLICATE, FORGOTTEN, KNOWN, NEW
from hx.core.merge import Cover, History, InOrder
from hx.core.model import (
    FINISHED,
    IMPORTED,
    KNOWN_SINCE_US,
    REDACTED,
    STATUS_UNKNOWN,
    Event,
    EventKey,
    cut_label,
)
from hx.core.record import NamedTuple
from hx.database.event_detail import name_unnamed
from hx.database.join import join
from hx.database.queries import import_state, imports
from hx.database.queries.import_duplicates import OwnEvents
from hx.database.rows import device_name
from hx.database.tombstones import has_text_orders, relevant
from hx.importers import Reading
from hx.importers.copies import Copies, ShellHistories
from hx.importers.history_file import version
from hx.importers.masking import batches, judged
from hx.importers.reader_process import LEAST_BYTES, batches_apart
from hx.importers.stamp_changes import FIRST_PLACE, Placer, TextHistory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from hx.core.import_matching.keys import Spot, Texts
    from hx.core.redaction.rules import Rules
    from hx.database.connection import Database
    from hx.importers import ImportedEntry, Importer
    from hx.importers.masking import Judged

    Kept = tuple[ImportedEntry, bytes]  # an entry that the rules keep, and its masked command

_BATCH_EVENTS = 50_000
_WORDS = {KNOWN: "known", FORGOTTEN: "forgotten", DUPLICATE: "duplicates"}


class Counts(NamedTuple):
    """How many entries of a history had which result."""

    new: int = 0
    known: int = 0  # imported before
    duplicates: int = 0  # recorded by hx, or imported from another tool
    later: int = 0  # ran after hx began to record that shell
    forgotten: int = 0  # forgotten before: they are not imported again
    ignored: int = 0  # excluded by the user's rules
    redacted: int = 0  # new events in which a secret was masked
    expired: int = 0  # new events that are older than retention keeps, once they are published
    untimed: int = 0  # new events without a time
    unreadable: Mapping[str, int] = MappingProxyType({})  # reason -> count


class Job(NamedTuple):
    """The options of an import."""

    device_id: bytes
    host: str
    rules: Rules
    border_us: int | None = None  # retention removes what started before
    everything: bool = False  # import also what ran after hx began to record the shell
    dry_run: bool = False
    now_us: int = 0  # the time at which it runs
    tell: Callable[[int, int], object] = lambda _done, _size: None
    # path -> shell whose rc file names it, or None: the histories on this host that a tool may copy
    shell_histories: Mapping[str, str | None] = MappingProxyType({})


class Import:
    """The import of one history. `counts` has what is committed, also after an interruption.

    `number` is None until a batch with a new event is committed.
    """

    def __init__(self, database: Database, path: str, importer: Importer, job: Job) -> None:
        self._database, self._path, self._importer, self._job = database, path, importer, job
        self.number: int | None = None
        self._host = job.host.encode()
        self._known = version(path)
        self._reading = Reading(path, known=self._known)
        self._own: dict[bytes, OwnEvents] = {}  # by origin
        self._placing = Placing(self._masked)
        self._origins: dict[tuple[bytes, bytes], tuple[bytes, bytes]] = {}
        self._existed: dict[bytes, bool] = {}  # origin -> whether it existed before this run
        self._placer: Placer | None = None  # only for a text file
        self._copies: Copies | None = None  # only for a database
        self._batch: list[Event] = []
        self._untimed: list[Event] = []  # of the current batch
        self._hosts: dict[bytes, str] = {}
        self._committed: Counter[str] = Counter()
        self._tally: Counter[str] = Counter()  # of the current batch

    @property
    def counts(self) -> Counts:
        return Counts(**self._committed, unreadable=dict(self._reading.faults))

    def run(self) -> Counts:
        """Import everything. Raises InputError; batches that were committed before stay."""
        with self._database.in_bulk(), closing(self._read()) as read:
            for judged_entries in read:
                self._take(judged_entries)
            self._commit()
        if self.number is not None:
            imports.note_complete(self._database, self.number)
        return self.counts

    def _read(self) -> Generator[list[Judged]]:
        large = self._known.size >= LEAST_BYTES
        return (batches_apart if large else batches)(self._importer, self._reading, self._job.rules)

    def _take(self, judged_entries: list[Judged]) -> None:
        """Take entries, and write the batch whenever it is full."""
        taken = 0
        while taken < len(judged_entries):
            end = taken + _BATCH_EVENTS - len(self._batch) - len(self._untimed)
            kept = [(entry, kept) for entry, kept in judged_entries[taken:end] if kept is not None]
            self._tally["ignored"] += len(judged_entries[taken:end]) - len(kept)
            self._take_kept(kept)
            taken = end
            if len(self._batch) + len(self._untimed) >= _BATCH_EVENTS:
                self._commit()

    def _take_kept(self, kept: list[Kept]) -> None:
        if not self._importer.IS_TEXT:
            for entry, command in kept:
                self._take_row(entry, command)
        elif kept:
            self._take_lines(kept)

    def _take_row(self, entry: ImportedEntry, command: bytes) -> None:
        """Take an entry of the database of a tool."""
        if entry.place:
            self._take_copy(entry, command)
        elif entry.at_us is not None:
            event = self._event(entry, command, entry.at_us, entry.seq)
            if self._may_be_here(entry.host):
                self._take_own(
                    event, may_be_later=entry.host in (None, self._host), is_end=entry.is_end
                )
            else:
                self._batch.append(event)

    def _take_copy(self, entry: ImportedEntry, command: bytes) -> None:
        """Take a command that the tool copied from the history of a shell."""
        if self._copies is None:
            self._commit()  # what the tool recorded may be in a copy that it made later
            job = self._job
            self._copies = Copies(self._database, job.device_id, job.host)
            again = judged(self._importer, Reading(self._path, only_copies=True), job.rules)
            self._copies.read(again, self._origin, ShellHistories(job.shell_histories, job.rules))
        status = self._copies.status(entry)
        if status == NEW:
            place = FIRST_PLACE + entry.place
            self._batch.append(self._event(entry, command, place, entry.seq))
        else:
            self._tally[_WORDS[status]] += 1

    def _may_be_here(self, host: bytes | None) -> bool:
        return host is None or may_be_same_host(host.decode(errors="replace"), self._job.host)

    def _take_lines(self, kept: list[Kept]) -> None:
        """Take lines of a text file, which names neither a device nor a session."""
        if self._placer is None:
            self._placer = self._placer_of(kept[0][0])
        times = [entry.at_us for entry, _ in kept]
        if not self._placer.passes(times):
            for entry, command in kept:
                self._take_line(self._placer, entry, command)
            return
        commands = [command for _, command in kept]
        events = list(map(self._event, *zip(*kept, strict=True), times, first_seqs(commands)))
        if self._own_beside(events[0].key.device_id).is_nothing:
            self._batch += events
        else:
            for event in events:
                self._take_own(event, may_be_later=True)

    def _take_line(self, placer: Placer, entry: ImportedEntry, command: bytes) -> None:
        status = placer.status(entry)
        if status == BY_TIME and entry.at_us is not None:
            event = self._event(entry, command, entry.at_us, *first_seqs([command]))
            self._take_own(event, may_be_later=True)
        elif status == NEW:
            place = placer.place()
            self._untimed.append(self._event(entry, command, place, place))
        else:
            self._tally[_WORDS[status]] += 1

    def _placer_of(self, first: ImportedEntry) -> Placer:
        device_id, session_id = self._origin(first)
        source = TextHistory(self._path, self._known, self._importer, self._job.rules)
        origin_ = import_state.Origin(device_id, session_id)
        return Placer(self._database, source, origin_, lambda: self._own_beside(device_id))

    def _take_own(self, event: Event, *, may_be_later: bool, is_end: bool = False) -> None:
        """Take an event unless hx recorded it, another import has it, or it was forgotten.

        `is_end` says that its time is that of its end.
        """
        at_us = event.key.started_at_us
        own = self._own_beside(event.key.device_id)
        if own.is_nothing:
            self._batch.append(event)
            return
        first_us = own.first_us.get(event.shell, at_us) if may_be_later else at_us
        if own.was_forgotten(at_us):
            self._tally["forgotten"] += 1
        elif own.has_duplicate(at_us, event.command, self._job.rules.masked) or (
            is_end and own.has_run_until(at_us, event.command)
        ):
            self._tally["duplicates"] += 1
        elif not self._job.everything and at_us > first_us:
            self._tally["later"] += 1
        else:
            self._batch.append(event)

    def _own_beside(self, origin_id: bytes) -> OwnEvents:
        own = self._own.get(origin_id)
        if own is None:
            job = self._job
            own = OwnEvents(self._database, job.device_id, job.host, origin_id)
            self._own[origin_id] = own
        return own

    def _event(self, entry: ImportedEntry, command: bytes, at_us: int, seq: int) -> Event:
        text, _, duration_us, status, finished, cwd, host, user, shell = entry[:9]
        owner = self._origins.get(entry[9:11]) or self._origin(entry)
        flags = FINISHED if finished else 0
        if finished and status is None:
            flags |= STATUS_UNKNOWN
        if command != text:
            flags |= REDACTED
        new = tuple.__new__  # half the time of a call of a class
        key = new(EventKey, (at_us, *owner, seq, ()))
        facts = command, cwd, status, None, duration_us, None, None, host, user, shell, None
        return new(Event, (key, *facts, flags, IMPORTED, 0))

    def _origin(self, entry: ImportedEntry) -> tuple[bytes, bytes]:
        known = self._origins.get((entry.device, entry.session))
        if known is None:
            kind, own = self._importer.KIND, self._job.device_id
            is_text = self._importer.IS_TEXT
            device_id = origin_device_id(kind, entry.device or own, is_text=is_text)
            session = entry.session or own
            known = device_id, origin_session_id(kind, session, is_text=is_text)
            self._origins[entry.device, entry.session] = known
            host = cut_label(entry.host) if entry.host else self._job.host
            self._hosts.setdefault(device_id, host)
            if device_id not in self._existed:
                self._existed[device_id] = import_state.has_origin(self._database, device_id)
        return known

    def _masked(self, spot: Spot) -> Texts:
        texts: Texts = {}
        for command, state in import_state.texts(self._database, spot):
            digest = digest64(self._job.rules.masked(command))
            texts.setdefault(digest, []).append(state)
        return texts

    def _commit(self) -> None:
        """Write the batch in one transaction."""
        timed, untimed = self._batch, self._untimed
        if self._job.dry_run:
            fresh = self._place(timed, untimed)
            cover = Cover(relevant(self._database, History(frozenset(fresh))))
            covered = sum(cover.event(event.key) for event in fresh)
            self._tally["new"] -= covered
            self._tally["forgotten"] += covered
        else:
            with self._database.transaction():
                fresh = self._place(timed, untimed)
                number = self._numbered() if self._tally["new"] else None
                changes = join(self._database, History(InOrder(fresh)), brought_by=number)
                self._tally["new"] -= changes.dropped
                self._tally["forgotten"] += changes.dropped
                self._name_devices()
                self._note(number)
            if self._tally["new"]:
                self.number = number
        self._batch.clear()
        self._untimed.clear()
        self._committed += self._tally
        self._tally.clear()
        self._job.tell(self._reading.done, self._reading.size)

    def _numbered(self) -> int:
        """Return the number of this import; the caller holds the transaction."""
        if self.number is not None:
            return self.number
        kind = self._importer.KIND.decode()
        return imports.begin(self._database, self._path, kind, self._job.now_us)

    def _note(self, number: int | None) -> None:
        """Add the counts of the batch to the row of this import."""
        if number is not None:
            tally = self._tally
            brought = imports.Brought(tally["new"], tally["untimed"], tally["redacted"])
            imports.add(self._database, number, brought)

    def _place(self, timed: list[Event], untimed: list[Event]) -> list[Event]:
        """Return the events of the batch that must be written."""
        again = self._placing.greatest_us
        times = {
            at_us
            for at_us, device_id, *_ in map(itemgetter(0), timed)
            if at_us <= again or self._existed[device_id]
        }
        groups = import_state.groups(self._database, times) if times else {}
        placed = self._placing.place(timed, groups)
        fresh = self._left(placed.fresh + untimed)
        border_us = self._job.border_us or 0
        self._tally["new"] += len(fresh)
        self._tally["known"] += placed.known
        self._tally["forgotten"] += placed.forgotten
        self._tally["untimed"] += sum(event[0][0] < KNOWN_SINCE_US for event in fresh)
        self._tally["redacted"] += sum(1 for event in fresh if event.flags & REDACTED)
        if border_us:
            timed = [event for event in placed.fresh if not _is_untimed(event)]
            self._tally["expired"] += sum(event.key.started_at_us < border_us for event in timed)
        return fresh + placed.ended

    def _left(self, events: list[Event]) -> list[Event]:
        """Return the events that no text order takes, and count the other ones as forgotten."""
        if not has_text_orders(self._database):
            return events
        from hx.database.text_orders import left

        kept = left(self._database, events, self._job.now_us)
        self._tally["forgotten"] += len(events) - len(kept)
        return kept

    def _name_devices(self) -> None:
        """Name each origin after its host; an origin of this host gets the name of this device."""
        own = device_name(self._database, self._job.device_id) or self._job.host
        for origin_id, host in self._hosts.items():
            name_unnamed(self._database, origin_id, own if host == self._job.host else host)


def _is_untimed(event: Event) -> bool:
    return event.key.started_at_us < KNOWN_SINCE_US
