"""Import: another tool's history into this one, in whole batches, never the same event twice."""

from __future__ import annotations

import os
from array import array
from collections import Counter
from contextlib import closing
from types import MappingProxyType

from hx.core import origin
from hx.core.align import FORGOTTEN, KNOWN, NEW, align
from hx.core.history import History
from hx.core.ident import digest64
from hx.core.label import cut_label
from hx.core.model import (
    FINISHED,
    IMPORTED,
    REDACTED,
    STATUS_UNKNOWN,
    Event,
    EventKey,
)
from hx.core.placing import Placing
from hx.core.record import NamedTuple
from hx.database import imported
from hx.importers import Reading
from hx.importers.apart import LEAST_BYTES, judged_apart
from hx.importers.judged import judged

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping

    from hx.core.placing import Spot, Texts
    from hx.core.redact import Rules
    from hx.database import Database
    from hx.importers import Entry, Importer
    from hx.importers.judged import Judged

_BATCH_EVENTS = 50_000
TWIN = 3  # beside NEW, KNOWN, FORGOTTEN: what becomes of a line without a time


class Counts(NamedTuple):
    """What became of the entries of one history."""

    new: int = 0
    known: int = 0  # imported before
    twins: int = 0  # there from elsewhere: recorded by hx, or imported from another tool
    later: int = 0  # they ran after hx began to record that shell
    forgotten: int = 0  # they stay away
    ignored: int = 0  # by the user's rules
    redacted: int = 0  # of the new ones: a secret was masked
    expired: int = 0  # of the new ones: older than retention keeps
    untimed: int = 0  # of the new ones: the file does not say when
    unreadable: Mapping[str, int] = MappingProxyType({})  # reason -> how many


class Job(NamedTuple):
    """How to import, and for whom."""

    device_id: bytes
    host: str
    rules: Rules
    border_us: int | None = None  # what began before it goes at once, by retention
    everything: bool = False  # what ran after hx began to record its shell, too
    dry_run: bool = False
    tell: Callable[[int, int], object] = lambda _done, _size: None


class Import:
    """One history on its way; `counts` tells what is committed, also after an interruption."""

    def __init__(self, database: Database, path: str, importer: Importer, job: Job) -> None:
        self._database, self._path, self._importer, self._job = database, path, importer, job
        self._host = job.host.encode()
        self._reading = Reading(path)
        self._own: dict[bytes, imported.Own] = {}  # by the origin that is imported
        self._placing = Placing(self._masked)
        self._origins: dict[tuple[bytes, bytes], tuple[bytes, bytes]] = {}
        self._stood: dict[bytes, bool] = {}  # origin -> whether it was there before this run
        self._fates: Iterator[int] | None = None  # of the lines without a time
        self._ordinal = 0
        self._batch: list[Event] = []
        self._untimed: list[Event] = []  # of this batch
        self._hosts: dict[bytes, str] = {}
        self._committed: Counter[str] = Counter()
        self._tally: Counter[str] = Counter()  # of this batch

    @property
    def counts(self) -> Counts:
        return Counts(**self._committed, unreadable=dict(self._reading.faults))

    def run(self) -> Counts:
        """Raises InputError; what was committed before stays, and comes no second time."""
        with self._database.in_bulk(), closing(self._judged_entries()) as entries:
            for entry, command in entries:
                if command is None:
                    self._tally["ignored"] += 1
                else:
                    self._take_any(entry, command)
                if len(self._batch) + len(self._untimed) >= _BATCH_EVENTS:
                    self._commit()
            self._commit()
        return self.counts

    def _judged_entries(self) -> Generator[Judged]:
        large = os.path.getsize(self._path) >= LEAST_BYTES
        return (judged_apart if large else judged)(self._importer, self._reading, self._job.rules)

    def _take_any(self, entry: Entry, command: bytes) -> None:
        if entry.at_us is None:
            self._take_untimed(entry, command)
        elif not entry.device or entry.host == self._host:
            self._take_own(entry, command, entry.at_us)
        else:
            self._batch.append(self._event(entry, command, entry.at_us, entry.seq))

    def _take_own(self, entry: Entry, command: bytes, at_us: int) -> None:
        """What may be there from elsewhere as well."""
        event = self._event(entry, command, at_us, entry.seq)
        own = self._own_beside(event.key.device_id)
        if own.is_nothing:
            self._batch.append(event)
        elif own.was_forgotten(at_us):
            self._tally["forgotten"] += 1
        elif own.has_twin(at_us, event.command, self._job.rules.masked):
            self._tally["twins"] += 1
        elif not self._job.everything and at_us > own.first_us.get(entry.shell, at_us):
            self._tally["later"] += 1
        else:
            self._batch.append(event)

    def _own_beside(self, origin_id: bytes) -> imported.Own:
        own = self._own.get(origin_id)
        if own is None:
            job = self._job
            own = imported.Own(self._database, job.device_id, job.host, origin_id)
            self._own[origin_id] = own
        return own

    def _take_untimed(self, entry: Entry, command: bytes) -> None:
        if self._fates is None:
            self._fates = self._prepare_untimed(entry)
        event = self._event(entry, command, 0, 0)
        fate = next(self._fates, NEW)
        if fate != NEW:
            self._tally[{KNOWN: "known", FORGOTTEN: "forgotten", TWIN: "twins"}[fate]] += 1
            return
        self._ordinal += 1
        key = event.key._replace(started_at_us=self._ordinal, seq=self._ordinal)
        self._untimed.append(event._replace(key=key))

    def _event(self, entry: Entry, command: bytes, at_us: int, seq: int) -> Event:
        device_id, session_id = self._origin(entry)
        status = entry.exit_status
        flags = FINISHED if entry.finished else 0
        if entry.finished and status is None:
            flags |= STATUS_UNKNOWN
        if command != entry.command:
            flags |= REDACTED
        return Event(
            EventKey(at_us, device_id, session_id, seq),
            command,
            entry.cwd,
            status,
            None,
            entry.duration_us,
            None,
            None,
            entry.host,
            entry.user,
            entry.shell,
            None,
            flags,
            IMPORTED,
        )

    def _origin(self, entry: Entry) -> tuple[bytes, bytes]:
        known = self._origins.get((entry.device, entry.session))
        if known is None:
            kind, own = self._importer.KIND, self._job.device_id
            device_id = origin.device_id(kind, entry.device or own)
            known = device_id, origin.session_id(kind, entry.session or own)
            self._origins[entry.device, entry.session] = known
            host = cut_label(entry.host) if entry.host else self._job.host
            self._hosts.setdefault(device_id, host)
            if device_id not in self._stood:
                self._stood[device_id] = imported.has_origin(self._database, device_id)
        return known

    def _prepare_untimed(self, first: Entry) -> Iterator[int]:
        """What becomes of each line without a time; empty when all are new."""
        device_id, session_id = self._origin(first)
        there: list[int | None] = []
        if self._stood[device_id]:
            there = imported.untimed(self._database, device_id, session_id)
            self._ordinal = imported.last_ordinal(self._database, device_id, session_id)
        live = self._own_beside(device_id).texts_of(self._importer.KIND)
        if not there and not live:
            return iter(())
        lines = array("q", self._untimed_hashes())
        fates = align(there, lines) if there else bytearray(len(lines))
        for at in range(len(lines) - 1, -1, -1):  # live ones are the newest of their text
            if fates[at] == NEW and live.get(lines[at], 0) > 0:
                live[lines[at]] -= 1
                fates[at] = TWIN
        return iter(fates)

    def _untimed_hashes(self) -> Iterator[int]:
        """The file is read once more: the last line has a say in what the first one is."""
        for entry, command in judged(self._importer, Reading(self._path), self._job.rules):
            if entry.at_us is None and command is not None:
                yield digest64(command)

    def _masked(self, spot: Spot) -> Texts:
        texts: Texts = {}
        for command, standing in imported.texts(self._database, spot):
            digest = digest64(self._job.rules.masked(command))
            texts.setdefault(digest, []).append(standing)
        return texts

    def _commit(self) -> None:
        """One transaction for a batch."""
        timed, untimed = self._batch, self._untimed
        if self._job.dry_run:
            self._place(timed, untimed)
        else:
            with self._database.transaction():
                fresh = self._place(timed, untimed)
                changes = self._database.join(History(frozenset(fresh)))
                self._tally["new"] -= changes.dropped
                self._tally["forgotten"] += changes.dropped
                self._name_devices()
        self._batch.clear()
        self._untimed.clear()
        self._committed += self._tally
        self._tally.clear()
        self._job.tell(self._reading.done, self._reading.size)

    def _place(self, timed: list[Event], untimed: list[Event]) -> list[Event]:
        """The events of a batch that go into the database."""
        again = self._placing.greatest_us
        times = {
            event.key.started_at_us
            for event in timed
            if event.key.started_at_us <= again or self._stood[event.key.device_id]
        }
        groups = imported.groups(self._database, times) if times else {}
        placed = self._placing.place(timed, groups)
        fresh = placed.fresh + untimed
        border_us = self._job.border_us or 0
        self._tally["new"] += len(fresh)
        self._tally["known"] += placed.known
        self._tally["forgotten"] += placed.forgotten
        self._tally["untimed"] += len(untimed)
        self._tally["redacted"] += sum(1 for event in fresh if event.flags & REDACTED)
        if border_us:
            old = (event for event in placed.fresh if event.key.started_at_us < border_us)
            self._tally["expired"] += sum(1 for _ in old)
        return fresh + placed.ended

    def _name_devices(self) -> None:
        """An origin is called as the host that it is of, one of this host as this device."""
        sql = "SELECT name FROM device WHERE device_id = ?"
        own = self._database.value(sql, (self._job.device_id,)) or self._job.host
        self._database.connection.executemany(
            "UPDATE device SET name = ?2 WHERE device_id = ?1 AND name IS NULL",
            [(at, own if host == self._job.host else host) for at, host in self._hosts.items()],
        )
