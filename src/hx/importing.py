"""Import: another tool's history into this one, in whole batches, never the same event twice."""

from __future__ import annotations

from hx.core.record import NamedTuple

TYPE_CHECKING = False


class Counts(NamedTuple):
    """What became of the entries of one file."""

    new: int = 0
    known: int = 0  # imported before
    twins: int = 0  # recorded live by hx as well
    forgotten: int = 0  # they stay away
    ignored: int = 0  # by the user's rules
    redacted: int = 0  # of the new ones: a secret was masked
    expired: int = 0  # of the new ones: older than retention keeps
    unreadable: dict[str, int] = {}  # reason -> how many; never written to
