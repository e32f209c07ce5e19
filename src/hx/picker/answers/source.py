"""Answers to the questions of the picker: first with SQL, later from the cache of all commands.

source.answer(question)            # takes about 10 ms; the answer may be incomplete
while source.busy(question):
    if source.work(question):      # takes a few milliseconds, between keys
        source.answer(question)    # gives a better answer now
"""

from __future__ import annotations

from hx.core.query import ALL
from hx.core.rank import LOOKED_AT
from hx.database.queries.picker import newest_commands
from hx.picker.answers.rows_from_sql import candidates, load_details, load_rows
from hx.picker.model import PickerQuery, Results

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.core.rank import Here
    from hx.core.terms import Term
    from hx.database.connection import Database
    from hx.database.search import FoundCommand
    from hx.picker.answers.cache import CommandCache
    from hx.picker.answers.matching import Matching
    from hx.picker.model import Details, Row

_KEY_S = 0.003  # matching after a key; the rest of its 16 ms is for ranking, rows and the frame
_SLICE_S = 0.005  # work between two keys
_FIRST = 60  # rows of an answer that is not the last one
_JUDGED = 150  # commands that such an answer ranks while not all are matched
_RUNS = 1_000  # newest runs of a scope that earn points in such an answer
_SPARE = 50  # rows that are read beyond the limit when failed ones may be left out


class AnswerSource:
    """Answers questions about one database. hx.core.terms.parse defines `exact_case`."""

    def __init__(
        self, database: Database, here: Here, now_us: int, *, exact_case: bool | None = None
    ) -> None:
        self._database = database
        self._here = here
        self._now_us = now_us
        self._exact_case = exact_case
        self._cache: CommandCache | None = None
        self._matching: Matching | None = None

    def first(self, question: PickerQuery) -> Results:
        """Return an answer that SQL alone gives; it is never marked complete."""
        terms = self._terms(question)
        limit = min(question.limit, _FIRST) + len(question.hidden)
        limit += 0 if question.failures else _SPARE
        if not terms and question.scope == ALL:
            latest = newest_commands(self._database, limit)
            commands = [command for command in latest if command not in question.hidden]
            rows = self._rows(question, terms, commands[:limit], None)
            return Results(question, rows, len(commands), complete=False)
        read = candidates(self._database, question.scope, terms, self._here)
        read = [command for command in read if command.id not in question.hidden]
        commands = self._ranked(read, terms) if terms else [command.id for command in read]
        events = {command.id: command.event for command in read if command.event is not None}
        rows = self._rows(question, terms, commands[:limit], events or None)
        return Results(question, rows, len(commands), complete=False)

    def answer(self, question: PickerQuery) -> Results:
        """Return the best answer that takes a few milliseconds."""
        cache = self._cache
        if cache is None or not cache.covers(question):
            return self.first(question)
        terms = self._terms(question)
        return self._of_all(cache, question, terms) if terms else self._newest(cache, question)

    def busy(self, question: PickerQuery) -> bool:
        """Return whether there is work left that may change the answer."""
        if self._cache is None or (self._matching and not self._matching.done):
            return True
        return self._cache.waits(question)

    def work(self, question: PickerQuery) -> bool:
        """Do a slice of that work. Return whether the answer may be different now."""
        from hx.picker.answers.cache import CommandCache

        if self._cache is None:
            self._cache = CommandCache(self._database, self._here)
        if self._matching and not self._matching.done:
            self._matching.go_on(_SLICE_S)
            return self._matching.done
        return self._cache.load(question)

    def details(self, row: Row) -> Details | None:
        """Return what the preview shows; None when the run was forgotten meanwhile."""
        return load_details(self._database, row)

    def exact(self, command: int) -> bytes | None:
        """Return the recorded bytes of a command; None when it was forgotten meanwhile."""
        from hx.database.search import exact_texts

        return next(exact_texts(self._database, [command]), None)

    def close(self) -> None:
        """Stop reading from the database, so that the caller may write to it."""
        if self._cache:
            self._cache.close()

    def _ranked(self, read: list[FoundCommand], terms: list[Term]) -> list[int]:
        from hx.core.rank import rank
        from hx.database.scopes import place_of
        from hx.database.search import judged
        from hx.picker.answers.matcher import matcher

        matches = matcher(terms).best([command.text for command in read])
        fitting = [read[match.index] for match in matches]
        place = place_of(self._database, self._here, _RUNS)
        return rank(judged(fitting, terms, place), self._now_us)

    def _terms(self, question: PickerQuery) -> list[Term]:
        if not question.query:
            return []
        from hx.picker.answers.matcher import wanted

        return wanted(question.query, exact=question.exact, exact_case=self._exact_case)

    def _newest(self, cache: CommandCache, question: PickerQuery) -> Results:
        self._matching = None
        commands, total = cache.newest(question), cache.total(question)
        rows = self._rows(question, [], commands, cache.events(question, commands))
        return Results(question, rows, total, complete=True, total=total)

    def _of_all(self, cache: CommandCache, question: PickerQuery, terms: list[Term]) -> Results:
        from hx.core.rank import rank
        from hx.picker.answers.matching import KEPT, Matching

        before, limit, most = self._matching, question.limit, max(KEPT, question.limit)
        if before is not None and before.question == question:
            matching = before
        else:
            matching = self._matching = Matching(cache, question, terms)
            matching.go_on(_KEY_S)
            is_typed = before is None or before.question.query != question.query
            if is_typed and not matching.done:  # the user sees the best row; more can wait
                limit, most = min(limit, _FIRST), _JUDGED
        commands = rank(matching.candidates(self._database, most), self._now_us)[:limit]
        rows = self._rows(question, terms, commands, cache.events(question, commands))
        return Results(question, rows, matching.matches, matching.done, cache.total(question))

    def _rows(
        self,
        question: PickerQuery,
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
