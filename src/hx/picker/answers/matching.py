"""Matching one question against all commands, block by block.

The latest used commands come first, so the first blocks already give likely results; the count of
matches grows until the last block is done.
"""

from __future__ import annotations

from time import perf_counter

from hx.core.rank import Candidate, asked, match_points
from hx.picker.answers.cache import BLOCK
from hx.picker.answers.matcher import matcher

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.core.terms import Term
    from hx.database.connection import Database
    from hx.picker.answers.cache import CommandCache
    from hx.picker.model import PickerQuery

KEPT = 500  # best matches that are kept, and ranked by use and scope too


class Matching:
    """The state of one search. `matches` counts the commands that matched so far."""

    def __init__(self, cache: CommandCache, question: PickerQuery, terms: list[Term]) -> None:
        self.question = question
        self.matches = 0
        self._cache = cache
        self._runs = cache.runs_of(question)
        self._allowed = cache.allowed(question)
        self._matcher = matcher(terms)
        self._wanted = asked(terms)
        self._points: dict[int, float] = {}  # by row id, of the commands that were scored
        # (-score, index in the cache): sorted, the best is first
        self._kept: list[tuple[int, int]] = []
        self._room = max(KEPT, question.limit)
        self._floor = -1  # the least score in `_kept` once that is full
        self._next = 0  # index of the block to match next

    @property
    def done(self) -> bool:
        return self._next == len(self._cache.blocks)

    def go_on(self, budget_s: float) -> None:
        """Match at least one block, and start no other one after `budget_s` seconds."""
        until = perf_counter() + budget_s
        while not self.done:
            self._match(self._next)
            self._next += 1
            if perf_counter() >= until:
                break

    def candidates(self, database: Database, most: int) -> Iterator[Candidate]:
        """Return at most `most` of the best matches, without commands forgotten meanwhile."""
        kept = sorted(self._kept)[:most]
        cache, runs = self._cache, self._runs
        commands, last_us, counts, failures = (
            cache.commands, cache.last_us, cache.counts, cache.failures
        )  # fmt: skip
        place = cache.place()
        self._judge(database, [commands[index] for _, index in kept])
        points = self._points
        for _, index in kept:
            command = commands[index]
            if command in points:
                at_us = last_us[index] if runs is None else runs.at_us[command]
                yield Candidate(
                    command, points[command], at_us, counts[index], failures[index], place(command)
                )

    def _judge(self, database: Database, commands: list[int]) -> None:
        from hx.database.search import texts

        new = [command for command in commands if command not in self._points]
        for command, text in texts(database, new):
            self._points[command] = match_points(text, self._wanted)

    def _match(self, block: int) -> None:
        matches = self._matcher.best(self._cache.blocks[block])
        first = block * BLOCK
        if self._allowed is not None:
            commands, flags = self._cache.commands, self._allowed
            matches = [match for match in matches if flags[commands[first + match.index]]]
        self.matches += len(matches)
        for match in matches:
            score = match.score
            if score <= self._floor:
                break
            self._kept.append((-score, first + match.index))
        if len(self._kept) > self._room:
            self._kept.sort()
            del self._kept[self._room :]
            self._floor = -self._kept[-1][0]
