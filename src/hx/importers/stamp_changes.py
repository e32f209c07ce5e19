"""Deciding what happens to the lines of a text file when their time stamps do not suffice."""

from __future__ import annotations

from itertools import islice

from hx.core.event_name import digest64
from hx.core.import_matching import stamps
from hx.core.import_matching.ends import ended
from hx.core.import_matching.stamps import (
    BY_TIME,
    DUPLICATE,
    NEW,
    KnownHistory,
    Lines,
    LineStatuses,
)
from hx.database.queries import import_state
from hx.importers import Reading
from hx.importers.history_file import changed
from hx.importers.masking import judged

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeGuard

    from hx.core.redaction.rules import Rules
    from hx.database.connection import Database
    from hx.database.queries.import_duplicates import OwnEvents
    from hx.database.queries.import_state import Origin
    from hx.importers import ImportedEntry, Importer
    from hx.importers.history_file import Version

FIRST_PLACE = 500_000_000  # the first line without a time; older lines may come before it


class TextHistory:
    """A text file that can be read several times, without the entries that the rules exclude."""

    def __init__(self, path: str, known: Version, importer: Importer, rules: Rules) -> None:
        self.path, self._known, self._importer, self._rules = path, known, importer, rules
        self.kind = importer.KIND

    def is_restamped(self) -> bool:
        """Return whether the first lines share one stamp.

        Then a shell has written the time at which it read the file as the time of each line.
        """
        if not self._importer.RESTAMPS:
            return False
        head = list(islice(self.entries(), stamps.RUN))
        times = {entry.at_us if _is_bare(entry) else None for entry, _ in head}
        return len(head) == stamps.RUN and len(times) == 1 and None not in times

    def lines(self) -> Lines:
        """Return the hashes and the times of all lines."""
        lines = Lines()
        for entry, command in self.entries():
            bare = self._importer.RESTAMPS and _is_bare(entry)
            lines.add(digest64(command), entry.at_us, bare=bare)
        return lines

    def entries(self) -> Iterator[tuple[ImportedEntry, bytes]]:
        """Return the entries with their masked commands."""
        for entry, command in judged(
            self._importer, Reading(self.path, known=self._known), self._rules
        ):
            if command is not None:
                yield entry, command


def _is_bare(entry: ImportedEntry) -> bool:
    return entry.duration_us is None


class Placer:
    """Tells the status of each line of a file, and the place of a new line without a time."""

    def __init__(
        self,
        database: Database,
        source: TextHistory,
        origin: Origin,
        beside: Callable[[], OwnEvents],
    ) -> None:
        self._database, self._source, self._origin, self._beside = database, source, origin, beside
        self._untimed = import_state.untimed(database, origin)
        taken = import_state.places(database, origin)
        self._first, self._last = taken or (FIRST_PLACE, 0)
        self._last = max(self._last, FIRST_PLACE - 1)
        self._statuses: LineStatuses | None = None
        self._is_asked = bool(self._untimed) or source.is_restamped()
        self._number = -1
        ends = beside().ends()
        self._ended = ended(source.lines(), ends) if ends else b""

    def passes(self, times: list[int | None]) -> TypeGuard[list[int]]:
        """Pass the next lines if the own time of each decides; else return False, and pass none."""
        if self._is_asked or self._statuses is not None or self._ended or None in times:
            return False
        self._number += len(times)
        return True

    def status(self, entry: ImportedEntry) -> int:
        """Return KNOWN, FORGOTTEN, DUPLICATE, NEW (it has no time) or BY_TIME (its own decides)."""
        self._number += 1
        if self._statuses is None and (self._is_asked or entry.at_us is None):
            self._statuses = self._judged(self._source.kind)
            new = islice(self._statuses.statuses, self._number, self._statuses.older)
            self._older = self._first - sum(status == NEW for status in new)
        status = BY_TIME
        if self._statuses is not None:
            if self._number >= len(self._statuses.statuses):
                raise changed(self._source.path)
            status = self._statuses.statuses[self._number]
        return DUPLICATE if status == BY_TIME and self._has_end() else status

    def _has_end(self) -> bool:
        """Return whether there is an event of this line that is dated at its end."""
        if not self._ended:
            return False
        if self._number >= len(self._ended):
            raise changed(self._source.path)
        return self._ended[self._number] == 1

    def _judged(self, shell: bytes) -> LineStatuses:
        beside = self._beside()
        known = KnownHistory(
            [hash_ for _, hash_ in self._untimed],
            import_state.timed(self._database, self._origin),
            beside.texts_of(shell),
            beside.around(shell),
            import_state.forgotten_us(self._database, self._origin),
            import_state.undone_blocks(self._database, self._origin),
        )
        return stamps.judge(known, self._source.lines())

    def place(self) -> int:
        """Return the place of the line whose status was told last."""
        if self._statuses is not None and self._number < self._statuses.older:
            self._older += 1
            return self._older - 1
        self._last += 1
        return self._last
