"""Applying the rules to entries: in batches, and once for each distinct command."""

from __future__ import annotations

from itertools import islice

from hx.core.model import Event, EventKey

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator

    from hx.core.redaction.rules import Rules
    from hx.importers import ImportedEntry, Importer, Reading

    Judged = tuple[ImportedEntry, bytes | None]  # the masked command; None: the rules exclude it

AHEAD = 2_000  # entries of a batch
_REMEMBERED = 30_000  # commands whose verdict is kept in memory
_NOWHERE = EventKey(0, b"", b"", 0)


def judged(importer: Importer, reading: Reading, rules: Rules) -> Generator[Judged]:
    """Return all entries of a history with their verdicts, in the order of the history."""
    for batch in batches(importer, reading, rules):
        yield from batch


def batches(importer: Importer, reading: Reading, rules: Rules) -> Generator[list[Judged]]:
    """Return the same entries in batches of AHEAD."""
    verdicts: dict[bytes, bytes | None] = {}
    entries = iter(importer.read(reading))
    while batch := list(islice(entries, AHEAD)):
        if len(verdicts) > _REMEMBERED:
            verdicts.clear()
        commands = {entry.command for entry in batch} - verdicts.keys()
        narrow = rules.for_these(commands)
        verdicts.update((command, _verdict(narrow, command)) for command in commands)
        yield [(entry, verdicts[entry.command]) for entry in batch]


def _verdict(rules: Rules, command: bytes) -> bytes | None:
    event = rules.judged(Event(_NOWHERE, command, b""))
    return None if event is None else event.command
