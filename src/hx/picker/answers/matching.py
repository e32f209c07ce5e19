"""One question put to all commands, block by block: the latest used first, so that what is seen
at once is likely right, and the count grows until all were seen.
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
    from hx.picker.answers.cache import Stock
    from hx.picker.model import Question

KEPT = 500  # of the matcher's best: these are ranked by use and place too


class Matching:
    """`matches`: commands that fit, of those seen so far."""

    def __init__(self, stock: Stock, question: Question, terms: list[Term]) -> None:
        self.question = question
        self.matches = 0
        self._stock = stock
        self._runs = stock.runs_of(question)
        self._allowed = stock.allowed(question)
        self._matcher = matcher(terms)
        self._wanted = asked(terms)
        self._points: dict[int, float] = {}  # by row id of the command, of those judged so far
        self._kept: list[tuple[int, int]] = []  # (- score, place): sorted, the best are first
        self._room = max(KEPT, question.limit)
        self._floor = -1  # score of the worst that is kept when there is no more room
        self._next = 0  # block

    @property
    def done(self) -> bool:
        return self._next == len(self._stock.blocks)

    def go_on(self, budget_s: float) -> None:
        """At least one block, and no further one once the time is over."""
        until = perf_counter() + budget_s
        while not self.done:
            self._match(self._next)
            self._next += 1
            if perf_counter() >= until:
                break

    def candidates(self, database: Database, most: int) -> Iterator[Candidate]:
        """The best that are kept, judged; one that was forgotten meanwhile is left out."""
        kept = sorted(self._kept)[:most]
        stock, runs = self._stock, self._runs
        commands, last_us, counts, failures = (
            stock.commands, stock.last_us, stock.counts, stock.failures
        )  # fmt: skip
        place = stock.place()
        self._judge(database, [commands[at] for _, at in kept])
        points = self._points
        for _, at in kept:
            command = commands[at]
            if command in points:
                at_us = last_us[at] if runs is None else runs.at_us[command]
                yield Candidate(
                    command, points[command], at_us, counts[at], failures[at], place(command)
                )

    def _judge(self, database: Database, commands: list[int]) -> None:
        from hx.database.search import texts

        new = [command for command in commands if command not in self._points]
        for command, text in texts(database, new):
            self._points[command] = match_points(text, self._wanted)

    def _match(self, block: int) -> None:
        found = self._matcher.best(self._stock.blocks[block])
        first = block * BLOCK
        if self._allowed is not None:
            commands, flags = self._stock.commands, self._allowed
            found = [one for one in found if flags[commands[first + one.index]]]
        self.matches += len(found)
        for one in found:
            score = one.score
            if score <= self._floor:
                break
            self._kept.append((-score, first + one.index))
        if len(self._kept) > self._room:
            self._kept.sort()
            del self._kept[self._room :]
            self._floor = -self._kept[-1][0]
