"""Entries with what the rules leave of their commands: many are judged at once, each text once."""

from __future__ import annotations

from itertools import islice

from hx.core.model import Event, EventKey

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from hx.core.redaction.rules import Rules
    from hx.importers import ImportedEntry, Importer, Reading

    Judged = tuple[ImportedEntry, bytes | None]  # None: the rules keep the command out

AHEAD = 2_000  # entries that are judged together
_REMEMBERED = 30_000  # commands whose verdict is kept
_NOWHERE = EventKey(0, b"", b"", 0)


def judged(importer: Importer, reading: Reading, rules: Rules) -> Generator[Judged]:
    """All entries of a history, in its order."""
    for some in batches(importer, reading, rules):
        yield from some


def batches(importer: Importer, reading: Reading, rules: Rules) -> Iterator[list[Judged]]:
    verdicts: dict[bytes, bytes | None] = {}
    entries = iter(importer.read(reading))
    while some := list(islice(entries, AHEAD)):
        if len(verdicts) > _REMEMBERED:
            verdicts.clear()
        commands = {entry.command for entry in some} - verdicts.keys()
        narrow = rules.for_these(commands)
        verdicts.update((command, _verdict(narrow, command)) for command in commands)
        yield [(entry, verdicts[entry.command]) for entry in some]


def _verdict(rules: Rules, command: bytes) -> bytes | None:
    event = rules.judged(Event(_NOWHERE, command, b""))
    return None if event is None else event.command
