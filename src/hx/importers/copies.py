"""Deciding what happens to commands that a tool copied from the history of a shell.

The tool knows no times for them, and the shell's own history may say when they ran. A copied
command is left out for each event, or line of the shell's own history, that has the same text and
was there before the copy was made.
"""

from __future__ import annotations

from array import array
from collections import Counter
from contextlib import suppress
from itertools import compress

from hx.core.errors import InputError
from hx.core.event_name import digest64
from hx.core.import_matching import stamps
from hx.core.import_matching.keys import may_be_same_host
from hx.core.import_matching.stamps import NEW, KnownHistory, Lines
from hx.database.queries import import_state
from hx.database.queries.import_copies import Copying, HostEvents
from hx.importers.history_file import version
from hx.importers.registry import detected
from hx.importers.stamp_changes import TextHistory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from hx.core.redaction.rules import Rules
    from hx.database.connection import Database
    from hx.database.queries.import_state import Origin
    from hx.importers import ImportedEntry
    from hx.importers.masking import Judged

    Source = tuple[bytes, bytes]  # the tool's names of a device and of a session


class ShellHistories:
    """The history files of the shells of this host, whether they are imported or not.

    They are read when they are first asked for, and kept in 16 bytes for each line.
    """

    def __init__(self, writers: Mapping[str, str | None], rules: Rules) -> None:
        """`writers`: path -> the shell whose rc file names it, or None."""
        self._writers, self._rules = writers, rules
        self._hashes = array("q")
        self._times = array("q")  # 0: before any copy, as far as is known
        self._is_read = False

    def texts(self, until_us: int) -> Counter[int]:
        """Return hash of a command -> how often it is in these files, up to a time.

        The lines of a command count too: the tool may have copied them as commands.
        """
        if not self._is_read:
            self._read()
        return Counter(compress(self._hashes, (at_us <= until_us for at_us in self._times)))

    def _read(self) -> None:
        self._is_read = True
        for path, writer in self._writers.items():
            with suppress(InputError):  # its own import tells why it cannot be read
                importer = detected(path, writer)
                if importer.IS_TEXT:
                    self._add(TextHistory(path, version(path), importer, self._rules))

    def _add(self, history: TextHistory) -> None:
        is_restamped = history.is_restamped()
        for entry, command in history.entries():
            lines = [command, *command.split(b"\n")] if b"\n" in command else [command]
            self._hashes.extend(map(digest64, lines))
            at_us = 0 if is_restamped or entry.at_us is None else entry.at_us
            self._times.extend([at_us] * len(lines))


class _Copy:
    """The lines of one copy."""

    def __init__(self, host: bytes | None, origin: Origin) -> None:
        self.host, self.origin = host, origin
        self.lines = Lines()
        self.until_us = 0


class Copies:
    """The copies in the history of one tool. Each line is asked for once, in order."""

    def __init__(self, database: Database, device_id: bytes, host: str) -> None:
        self._database, self._device_id, self._host = database, device_id, host
        self._statuses: dict[Source, Iterator[int]] = {}
        self._new: dict[bytes | None, Counter[int]] = {}  # host -> commands of earlier copies

    def read(
        self,
        entries: Iterable[Judged],
        origin: Callable[[ImportedEntry], tuple[bytes, bytes]],
        histories: ShellHistories,
    ) -> None:
        """Read all copies, and decide about their lines. `origin` gives the ids of an entry."""
        copies: dict[Source, _Copy] = {}
        for entry, command in entries:
            if entry.place and command is not None and entry.at_us is not None:
                copy = copies.get(_source(entry))
                if copy is None:
                    copy = _Copy(entry.host, import_state.Origin(*origin(entry)))
                    copies[_source(entry)] = copy
                copy.lines.add(digest64(command), None, bare=True)
                copy.until_us = max(copy.until_us, entry.at_us)
        for source, copy in sorted(copies.items(), key=lambda item: item[1].until_us):
            statuses = self._judged(copy, histories)
            self._statuses[source] = iter(statuses)
            # a later copy has these commands too
            new = compress(copy.lines.hashes, (status == NEW for status in statuses))
            self._new.setdefault(copy.host, Counter()).update(new)

    def status(self, entry: ImportedEntry) -> int:
        """Return KNOWN, FORGOTTEN, DUPLICATE or NEW for the next line of its copy."""
        return next(self._statuses[_source(entry)])

    def _judged(self, copy: _Copy, histories: ShellHistories) -> bytearray:
        host = self._host if copy.host is None else copy.host.decode(errors="replace")
        is_here = may_be_same_host(host, self._host)
        own = self._device_id if is_here else b""
        events = HostEvents(
            self._database, own, Copying(host, copy.origin.session_id, copy.until_us)
        )
        texts = events.texts()
        if is_here:  # the lines of a file may be imported already, so they are not added
            texts |= histories.texts(copy.until_us)
        known = KnownHistory(
            [hash_ for _, hash_ in import_state.untimed(self._database, copy.origin)],
            [],
            texts + self._new.get(copy.host, Counter()),
            events.around(),
            import_state.forgotten_us(self._database, copy.origin),
        )
        return stamps.judge(known, copy.lines).statuses


def _source(entry: ImportedEntry) -> Source:
    return entry.device, entry.session
