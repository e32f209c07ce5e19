"""How many commands a history holds: counted before the import, or estimated in little time."""

from __future__ import annotations

import os
import time

from hx.core.errors import InputError
from hx.core.record import NamedTuple
from hx.importers import Reading
from hx.importers.registry import detected

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_PATIENCE_S = 0.6  # for all files together
_MOST_BYTES = 512 << 20
_STEP = 1_000  # entries between two looks at the clock


class Estimate(NamedTuple):
    """What an import will find in a file."""

    path: str
    kind: str  # the tool; empty when the file cannot be read
    entries: int | None  # None: the file is too large to be counted
    is_exact: bool
    error: str = ""  # why the file cannot be read


def estimates(writers: Mapping[str, str | None]) -> list[Estimate]:
    """Return an estimate for each history, in order, in half a second and a bit.

    `writers`: path -> the shell whose rc file names it, or None.
    """
    until_s, found = time.monotonic() + _PATIENCE_S, []
    for number, (path, writer) in enumerate(writers.items()):
        left_s = until_s - time.monotonic()
        found.append(_estimate(path, writer, max(0.0, left_s) / (len(writers) - number)))
    return found


def _estimate(path: str, writer: str | None, patience_s: float) -> Estimate:
    until_s = time.monotonic() + patience_s
    count = seen = done = read = 0  # `seen` entries were in the first `read` of `done`
    try:
        importer = detected(path, writer)
        kind, reading = importer.KIND.decode(), Reading(path)
        if os.path.getsize(path) > _MOST_BYTES:  # it may be one line
            return Estimate(path, kind, None, is_exact=False)
        for _ in importer.read(reading):
            if reading.done != done:
                seen, read, done = count, done, reading.done
            count += 1
            if count % _STEP == 0 and read and time.monotonic() > until_s:
                return Estimate(path, kind, _rounded(seen * reading.size // read), is_exact=False)
    except InputError as error:
        return Estimate(path, "", 0, is_exact=True, error=error.message)
    return Estimate(path, kind, count, is_exact=True)


def _rounded(number: int) -> int:
    """Return the number with two digits that are not zero."""
    unit = int(10 ** max(0, len(str(number)) - 2))
    return round(number / unit) * unit
