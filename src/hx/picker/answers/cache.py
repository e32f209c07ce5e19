"""The cache of the picker: all commands and the newest runs of each scope, in memory.

It is loaded after the first frame, in slices of a few milliseconds, so that the picker can react
to keys between two slices. Events that are recorded later are not in it. Events that are forgotten
later are left out when their rows are read for the screen.
"""

from __future__ import annotations

from array import array
from itertools import islice

from hx.core.query import ALL, DEVICE, DIRECTORY, REPOSITORY, SESSION
from hx.core.rank import LOOKED_AT, place_points
from hx.database.find_conditions import NOTHING
from hx.database.queries.picker import (
    all_commands,
    failed_last,
    greatest_command,
    runs_by_slices,
    runs_by_time,
)
from hx.database.scopes import INDEXED, condition, places
from hx.picker.answers.matcher import matcher

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from typing import Any

    from hx.core.rank import Here
    from hx.database.connection import Database, Sql
    from hx.picker.model import PickerQuery

    Values = tuple[Sql, ...]

BLOCK = 8_192  # commands that are matched at once
_COMMANDS = 1_024  # commands that one slice loads
_EVENTS = 1_024  # events that one slice loads
_WALKED = 16_384  # events that one slice reads where few of them belong to the scope
_FAILED = "failed"
_CACHE_KIB = 8_192  # pages of SQLite; each is read once, so a larger cache would gain nothing


class Runs:
    """The newest run of each command in a scope; arrays are indexed by the command's row id."""

    def __init__(self, size: int) -> None:
        self.order = array("q")  # commands; after `sort` the latest used is first
        self.event = array("q", bytes(8 * size))  # row id of the newest run; 0: it never ran
        self.at_us = array("q", bytes(8 * size))  # start of the newest run
        self.member = bytearray(size)  # 1: the command ran in this scope
        self.unfailed = bytearray(size)  # 1: it ran, and its newest run did not fail

    def take(self, rows: Iterable[tuple[int, int, int, int | None]]) -> None:
        """Add runs, (command, event, started_at_us, exit_status), in any order."""
        event, at_us, member, unfailed = self.event, self.at_us, self.member, self.unfailed
        size = len(member)
        for command, row, started_at_us, exit_status in rows:
            if command >= size:  # recorded after the list of commands was read
                continue
            if not member[command]:
                self.order.append(command)
            if not member[command] or started_at_us > at_us[command]:
                event[command] = row
                at_us[command] = started_at_us
                member[command] = 1
                unfailed[command] = not exit_status

    def sort(self) -> None:
        self.order = array("q", sorted(self.order, key=self.at_us.__getitem__, reverse=True))


class CommandCache:
    """All commands with their figures, their texts in blocks, and the runs of each scope.

    `commands`, `last_us`, `counts` and `failures` are parallel arrays, the latest used command
    first. `runs` maps a scope to its runs.
    """

    def __init__(self, database: Database, here: Here) -> None:
        self.commands = array("q")  # row ids
        self.last_us = array("q")
        self.counts = array("I")  # runs of the command in all scopes
        self.failures = array("I")  # how many of these runs failed
        self.blocks: list[Any] = []
        self.runs: dict[str, Runs] = {}
        self.unfailed: bytearray | None = None  # 1: the newest run in all scopes did not fail
        self.ready = False
        self._size = 0  # the greatest row id of a command, plus one
        self._known = bytearray()  # by row id: 1 where there is such a command
        self._database = database
        self._cache = database.connection.pragma("cache_size")
        database.connection.pragma("cache_size", -_CACHE_KIB)
        self._here = here
        self._places = places(database, here)
        self._jobs: dict[str, Generator[None, None, None]] = {ALL: self._load_commands()}
        for scope in self._places:
            self._jobs[scope] = self._load_runs(scope)
        self._jobs[_FAILED] = self._load_unfailed()

    def covers(self, question: PickerQuery) -> bool:
        """Return whether everything that this question needs is loaded."""
        return self.ready and not any(name in self._jobs for name in self._needed(question))

    def waits(self, question: PickerQuery) -> bool:
        """Return whether something is still to be loaded.

        The table of failures is loaded only when a question needs it.
        """
        return any(name != _FAILED for name in self._jobs) or not self.covers(question)

    def load(self, question: PickerQuery) -> bool:
        """Load one slice, first of what the question needs; return whether a part is complete."""
        wanted = (ALL, *self._needed(question), *self._jobs)
        name = next((name for name in wanted if name in self._jobs), None)
        if name is None:
            return False
        for _ in self._jobs[name]:
            return False
        del self._jobs[name]
        return True

    def runs_of(self, question: PickerQuery) -> Runs | None:
        """Return the runs of the scope; None where the newest runs in all scopes are meant."""
        return self.runs.get(question.scope)

    def place(self) -> Callable[[int], int]:
        """Return a function from a command to its points for the scopes in which it ran."""
        unknown = bytearray(self._size)
        directory, repo, session, device = (
            self.runs[scope].member if scope in self.runs else unknown
            for scope in (DIRECTORY, REPOSITORY, SESSION, DEVICE)
        )
        return lambda command: place_points(
            in_directory=directory[command] > 0,
            in_repo=repo[command] > 0,
            in_session=session[command] > 0,
            on_device=device[command] > 0,
        )

    def allowed(self, question: PickerQuery) -> bytearray | None:
        """Return a table by row id with 1 for each command that the question admits; None: all."""
        runs = self.runs_of(question)
        flags = None if question.failures else self.unfailed
        if runs:
            flags = runs.member if question.failures else runs.unfailed
        if not question.hidden:
            return flags
        flags = bytearray(self._known if flags is None else flags)
        for command in question.hidden:
            if command < self._size:
                flags[command] = 0
        return flags

    def total(self, question: PickerQuery) -> int:
        """Return how many commands the question admits, whatever its query is."""
        flags = self.allowed(question)
        return len(self.commands) if flags is None else flags.count(1)

    def newest(self, question: PickerQuery) -> list[int]:
        """Return the commands that the question admits, the latest used first."""
        flags = self.allowed(question)
        runs = self.runs_of(question)
        order = runs.order if runs else self.commands
        admitted = (command for command in order if flags is None or flags[command])
        return list(islice(admitted, question.limit))

    def events(self, question: PickerQuery, commands: list[int]) -> dict[int, int] | None:
        """Return the run to show for each command; None: its newest run in all scopes."""
        runs = self.runs_of(question)
        return {command: runs.event[command] for command in commands} if runs else None

    def _needed(self, question: PickerQuery) -> tuple[str, ...]:
        if question.scope in self._places:
            return (question.scope,)
        return () if question.failures else (_FAILED,)

    def close(self) -> None:
        """Stop reading, and give the database its own cache size again."""
        for job in self._jobs.values():
            job.close()
        self._jobs.clear()
        self._database.connection.pragma("cache_size", self._cache)

    def _load_commands(self) -> Generator[None, None, None]:
        self._size = 1 + greatest_command(self._database)
        self._known = bytearray(self._size)
        texts = matcher([]).texts
        pending: list[str] = []  # texts of the block that is not full yet
        for rows in _slices(all_commands(self._database, LOOKED_AT), _COMMANDS):
            for command, last_us, runs, failures, text in rows:
                if command < self._size:
                    self.commands.append(command)
                    self.last_us.append(last_us)
                    self.counts.append(runs)
                    self.failures.append(failures)
                    self._known[command] = 1
                    pending.append(text)
            if len(pending) >= BLOCK:
                self.blocks.append(texts(pending[:BLOCK]))
                del pending[:BLOCK]
            yield
        if pending:
            self.blocks.append(texts(pending))
        self.ready = True

    def _load_runs(self, scope: str) -> Generator[None, None, None]:
        runs = Runs(self._size)
        where, values = condition(scope, self._here)
        walk = _by_index if scope in INDEXED else runs_by_slices
        # most events that are read are outside a repository, but inside the scope of a device
        step = _WALKED if scope == REPOSITORY else _EVENTS
        if (where, values) != NOTHING:
            for rows in walk(self._database, where, values, step):
                runs.take(rows)
                yield
        runs.sort()
        self.runs[scope] = runs

    def _load_unfailed(self) -> Generator[None, None, None]:
        unfailed = bytearray(self._known)
        for first in range(0, self._size, _COMMANDS):
            for (command,) in failed_last(self._database, first, first + _COMMANDS):
                if command < self._size:
                    unfailed[command] = 0
            yield
        self.unfailed = unfailed


def _by_index(database: Database, where: str, values: Values, step: int) -> Iterator[list[Any]]:
    return _slices(runs_by_time(database, where, values), min(step, _EVENTS))


def _slices(cursor: Any, size: int) -> Iterator[list[Any]]:
    try:
        while rows := list(islice(cursor, size)):
            yield rows
    finally:
        cursor.close()
