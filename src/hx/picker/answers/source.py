"""Answers to the questions of the picker: at once from SQL, then from all commands in memory.

source.answer(question)     within about 10 ms, complete or not
while source.busy(question):
    if source.work(question):  # a slice of a few milliseconds, between keys
        source.answer(question)  # is another now
"""

from __future__ import annotations

from hx.core.query import ALL
from hx.core.rank import LOOKED_AT
from hx.database.queries.picker import newest_commands
from hx.picker.answers.first_rows import glance
from hx.picker.answers.rows_from_sql import load_details, load_rows
from hx.picker.model import Answer, Question

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.core.rank import Here
    from hx.core.terms import Term
    from hx.database.connection import Database
    from hx.database.search import FoundCommand
    from hx.picker.answers.cache import Stock
    from hx.picker.answers.matching import Matching
    from hx.picker.model import Details, Row

_KEY_S = 0.003  # of a key's 16 ms: the rest is for ranking, rows and the frame
_SLICE_S = 0.005  # of work between keys
_FIRST = 60  # rows of an answer that a better one will follow
_JUDGED = 150  # commands that such an answer ranks, where not all are matched yet
_PLACES = 1_000  # newest runs in a place that earn points in such an answer
_SPARE = 50  # rows beyond the limit that are read when some may be left out


class Source:
    """`exact_case` as hx.core.terms.parse has it."""

    def __init__(
        self, database: Database, here: Here, now_us: int, *, exact_case: bool | None = None
    ) -> None:
        self._database = database
        self._here = here
        self._now_us = now_us
        self._exact_case = exact_case
        self._stock: Stock | None = None
        self._matching: Matching | None = None

    def first(self, question: Question) -> Answer:
        """By SQL alone, never complete."""
        terms = self._terms(question)
        limit = min(question.limit, _FIRST) + len(question.hidden)
        limit += 0 if question.failures else _SPARE
        if not terms and question.scope == ALL:
            latest = newest_commands(self._database, limit)
            commands = [one for one in latest if one not in question.hidden]
            rows = self._rows(question, terms, commands[:limit], None)
            return Answer(question, rows, len(commands), complete=False)
        seen = glance(self._database, question.scope, terms, self._here)
        seen = [one for one in seen if one.id not in question.hidden]
        commands = self._ranked(seen, terms) if terms else [one.id for one in seen]
        events = {one.id: one.event for one in seen if one.event is not None}
        rows = self._rows(question, terms, commands[:limit], events or None)
        return Answer(question, rows, len(commands), complete=False)

    def answer(self, question: Question) -> Answer:
        """The best that can be said within a few milliseconds."""
        stock = self._stock
        if stock is None or not stock.holds(question):
            return self.first(question)
        terms = self._terms(question)
        return self._of_all(stock, question, terms) if terms else self._newest(stock, question)

    def busy(self, question: Question) -> bool:
        """Whether work is left that may change this answer."""
        if self._stock is None or (self._matching and not self._matching.done):
            return True
        return self._stock.waits(question)

    def work(self, question: Question) -> bool:
        """A slice of what is left to do. True when the answer may be another now."""
        from hx.picker.answers.cache import Stock

        if self._stock is None:
            self._stock = Stock(self._database, self._here)
        if self._matching and not self._matching.done:
            self._matching.go_on(_SLICE_S)
            return self._matching.done
        return self._stock.load(question)

    def details(self, row: Row) -> Details | None:
        """None when it was forgotten meanwhile."""
        return load_details(self._database, row)

    def exact(self, command: int) -> bytes | None:
        """The bytes of a command, as they were recorded; None when it was forgotten meanwhile."""
        from hx.database.search import exact_texts

        return next(exact_texts(self._database, [command]), None)

    def close(self) -> None:
        """Nothing is read from the database any more: what follows may write."""
        if self._stock:
            self._stock.close()

    def _ranked(self, seen: list[FoundCommand], terms: list[Term]) -> list[int]:
        from hx.core.rank import rank
        from hx.database.scopes import place_of
        from hx.database.search import judged
        from hx.picker.answers.matcher import matcher

        found = matcher(terms).best([one.text for one in seen])
        fitting = [seen[one.index] for one in found]
        place = place_of(self._database, self._here, _PLACES)
        return rank(judged(fitting, terms, place), self._now_us)

    def _terms(self, question: Question) -> list[Term]:
        if not question.query:
            return []
        from hx.picker.answers.matcher import wanted

        return wanted(question.query, exact=question.exact, exact_case=self._exact_case)

    def _newest(self, stock: Stock, question: Question) -> Answer:
        self._matching = None
        commands, total = stock.newest(question), stock.total(question)
        rows = self._rows(question, [], commands, stock.events(question, commands))
        return Answer(question, rows, total, complete=True, total=total)

    def _of_all(self, stock: Stock, question: Question, terms: list[Term]) -> Answer:
        from hx.core.rank import rank
        from hx.picker.answers.matching import KEPT, Matching

        before, limit, most = self._matching, question.limit, max(KEPT, question.limit)
        if before is not None and before.question == question:
            matching = before
        else:
            matching = self._matching = Matching(stock, question, terms)
            matching.go_on(_KEY_S)
            is_typed = before is None or before.question.query != question.query
            if is_typed and not matching.done:  # the selection is at the best row
                limit, most = min(limit, _FIRST), _JUDGED
        commands = rank(matching.candidates(self._database, most), self._now_us)[:limit]
        rows = self._rows(question, terms, commands, stock.events(question, commands))
        return Answer(question, rows, matching.matches, matching.done, stock.total(question))

    def _rows(
        self,
        question: Question,
        terms: list[Term],
        commands: list[int],
        events: dict[int, int] | None,
    ) -> tuple[Row, ...]:
        spare = 0 if question.failures else _SPARE
        rows = load_rows(
            self._database, commands[: question.limit + spare], events, self._here.device_id
        )
        if not question.failures:
            rows = [row for row in rows if not row.exit_status]
        rows = rows[: question.limit]
        if not terms:
            return tuple(rows)
        from hx.picker.answers.matcher import matcher

        letters = matcher(terms).letters
        return tuple(row._replace(matched=letters(row.text[:LOOKED_AT])) for row in rows)
