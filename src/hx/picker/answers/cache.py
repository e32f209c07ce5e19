"""All that is searched, held in memory: it is loaded behind the first frame, slice by slice.

A slice takes a few milliseconds, so that a key is served meanwhile. What is written after that
is not seen; what is forgotten meanwhile vanishes when its row is read.
"""

from __future__ import annotations

from array import array
from itertools import islice

from hx.core.query import ALL, DEVICE, DIRECTORY, REPOSITORY, SESSION
from hx.core.rank import LOOKED_AT, place_points
from hx.database.queries.picker import (
    all_commands,
    failed_last,
    greatest_command,
    runs_by_slices,
    runs_by_time,
)
from hx.database.scopes import INDEXED, NOWHERE, condition, places
from hx.picker.answers.matcher import matcher
from hx.picker.answers.scopes import Runs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from typing import Any

    from hx.core.rank import Here
    from hx.database.connection import Database
    from hx.database.rows import Sql
    from hx.picker.model import Question

    Values = tuple[Sql, ...]

BLOCK = 8_192  # commands that are matched at once
_COMMANDS = 1_024  # that are loaded in a slice
_EVENTS = 1_024
_WALKED = 16_384  # events that are looked at in a slice, where few of them count
_FAILED = "failed"
_CACHE_KIB = 8_192  # each page is read once: more of them would only lie there


class Stock:
    """`commands`: row ids, latest used first, with figures; `blocks`: texts; `runs`: by scope."""

    def __init__(self, database: Database, here: Here) -> None:
        self.commands = array("q")
        self.last_us = array("q")
        self.counts = array("I")  # of their runs, everywhere
        self.failures = array("I")  # and of those that failed
        self.blocks: list[Any] = []
        self.runs: dict[str, Runs] = {}
        self.unfailed: bytearray | None = None  # by row id of the command, everywhere
        self.ready = False
        self._size = 0  # one more than the greatest row id of a command
        self._known = bytearray()  # by row id of the command: 1 where there is one
        self._database = database
        self._cache = database.connection.pragma("cache_size")
        database.connection.pragma("cache_size", -_CACHE_KIB)
        self._here = here
        self._places = places(database, here)
        self._jobs: dict[str, Generator[None, None, None]] = {ALL: self._load_commands()}
        for scope in self._places:
            self._jobs[scope] = self._load_runs(scope)
        self._jobs[_FAILED] = self._load_unfailed()

    def holds(self, question: Question) -> bool:
        """Whether all that the question is about is there."""
        return self.ready and not any(name in self._jobs for name in self._needed(question))

    def waits(self, question: Question) -> bool:
        """Whether something is to be loaded; of failures only when they are asked about."""
        return any(name != _FAILED for name in self._jobs) or not self.holds(question)

    def load(self, question: Question) -> bool:
        """A slice, of what the question needs first. True when a part is there now."""
        wanted = (ALL, *self._needed(question), *self._jobs)
        name = next((name for name in wanted if name in self._jobs), None)
        if name is None:
            return False
        for _ in self._jobs[name]:
            return False
        del self._jobs[name]
        return True

    def runs_of(self, question: Question) -> Runs | None:
        """None where the newest runs everywhere are meant."""
        return self.runs.get(question.scope)

    def place(self) -> Callable[[int], int]:
        """The points of a command for where it ran, of the scopes that are known."""
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

    def allowed(self, question: Question) -> bytearray | None:
        """By row id of the command: 1 where the question lets it through; None: it lets all."""
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

    def total(self, question: Question) -> int:
        """Commands that the question lets through, whatever its query."""
        flags = self.allowed(question)
        return len(self.commands) if flags is None else flags.count(1)

    def newest(self, question: Question) -> list[int]:
        """Commands, latest used first."""
        flags = self.allowed(question)
        runs = self.runs_of(question)
        order = runs.order if runs else self.commands
        return list(islice((one for one in order if flags is None or flags[one]), question.limit))

    def events(self, question: Question, commands: list[int]) -> dict[int, int] | None:
        """The run that each command shows; None: its newest everywhere."""
        runs = self.runs_of(question)
        return {command: runs.event[command] for command in commands} if runs else None

    def _needed(self, question: Question) -> tuple[str, ...]:
        if question.scope in self._places:
            return (question.scope,)
        return () if question.failures else (_FAILED,)

    def close(self) -> None:
        """Let go of the database."""
        for job in self._jobs.values():
            job.close()
        self._jobs.clear()
        self._database.connection.pragma("cache_size", self._cache)

    def _load_commands(self) -> Generator[None, None, None]:
        self._size = 1 + greatest_command(self._database)
        self._known = bytearray(self._size)
        texts = matcher([]).texts
        held: list[str] = []
        for rows in _slices(all_commands(self._database, LOOKED_AT), _COMMANDS):
            for command, last_us, runs, failures, text in rows:
                if command < self._size:
                    self.commands.append(command)
                    self.last_us.append(last_us)
                    self.counts.append(runs)
                    self.failures.append(failures)
                    self._known[command] = 1
                    held.append(text)
            if len(held) >= BLOCK:
                self.blocks.append(texts(held[:BLOCK]))
                del held[:BLOCK]
            yield
        if held:
            self.blocks.append(texts(held))
        self.ready = True

    def _load_runs(self, scope: str) -> Generator[None, None, None]:
        runs = Runs(self._size)
        where, values = condition(scope, self._here)
        walk = _by_index if scope in INDEXED else runs_by_slices
        # most events may be this device's, few are of this repository
        step = _WALKED if scope == REPOSITORY else _EVENTS
        if (where, values) != NOWHERE:
            for rows in walk(self._database, where, values, step):
                runs.take(rows)
                yield
        runs.sort()
        self.runs[scope] = runs

    def _load_unfailed(self) -> Generator[None, None, None]:
        unfailed = bytearray(self._known)
        for at in range(0, self._size, _COMMANDS):
            for (command,) in failed_last(self._database, at, at + _COMMANDS):
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
