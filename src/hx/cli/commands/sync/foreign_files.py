"""What else lies in a store: names that are not of hx, temporary files, second copies."""

from __future__ import annotations

import os

from hx.cli.commands.sync.reasons import MEANINGS, shown
from hx.core.format.object_names import parsed, why_skipped
from hx.core.format.verdict import FOREIGN
from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.stores import Store

_SOME, _MOST = 3, 100_000  # names a reason, without and with --verbose: memory stays bounded


class Strange(NamedTuple):
    """Names that are passed over for one reason."""

    reason: str
    number: int
    names: list[str]  # not all of them: as many as were asked for


def found(store: Store, *, verbose: bool) -> list[Strange]:
    """By reason, in the order of the alphabet; a store that cannot have any has none."""
    each = getattr(store, "strangers", None)
    counts: dict[str, int] = {}
    names: dict[str, list[str]] = {}
    most = _MOST if verbose else _SOME
    for key in each() if each else ():
        reason = why_skipped(key) if parsed(key) is None else FOREIGN  # a folder, link or pipe
        counts[reason] = counts.get(reason, 0) + 1
        kept = names.setdefault(reason, [])
        if len(kept) < most:
            kept.append(os.fsencode(key).decode(errors="replace"))
    return [Strange(one, counts[one], sorted(names[one])) for one in sorted(counts)]


def lines(one: Strange, *, verbose: bool) -> Iterator[str]:
    yield f"{one.number:,} {one.reason}: {MEANINGS[one.reason]}"
    yield from shown(one.names, one.number, verbose=verbose)
