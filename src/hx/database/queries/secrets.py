"""The events whose commands hold secrets that are not masked, found by the rules of masking.

They were recorded while masking was off, or came with an import. Only ids and kinds are returned.
"""

from __future__ import annotations

from itertools import islice

from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.core.redaction.rules import Rules
    from hx.database.connection import Database

_BATCH = 1_000  # commands; the rules look for the literals of so many at once


class Exposed(NamedTuple):
    """An event whose command holds secrets."""

    ident: int
    kinds: tuple[str, ...]  # of its secrets, in the order in the command


def exposed(database: Database, rules: Rules) -> list[Exposed]:
    """Return the events with secrets in their commands, the newest first."""
    found = dict(_commands(database, rules))
    events = [
        (at_us, Exposed(ident, kinds))
        for row, kinds in found.items()
        for at_us, ident in database.execute(
            "SELECT started_at_us, ident FROM counted WHERE command = ?", (row,)
        )
    ]
    return [event for _, event in sorted(events, reverse=True)]


def _commands(database: Database, rules: Rules) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield the row id of each command with secrets, and their kinds."""
    rows = iter(database.execute("SELECT id, coalesce(raw, CAST(text AS BLOB)) FROM command"))
    while batch := list(islice(rows, _BATCH)):
        some = rules.for_these(bytes(text) for _, text in batch)
        for row, text in batch:
            if kinds := some.kinds(bytes(text)):
                yield int(row), tuple(kinds)
