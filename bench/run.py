"""Print the figures of hx beside its peer, measured in one run on this machine.

python bench/run.py [EVENTS]      1,000,000 by default
"""

from __future__ import annotations

import sys
import tempfile
from typing import TYPE_CHECKING

import find
import first_value
import hook
import imports
import picker
import redaction
import stats
import sync
from timing import print_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from timing import Row


def main() -> None:
    count = int(sys.argv[1].replace("_", "")) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory(prefix="hx-bench-", ignore_cleanup_errors=True) as folder:
        print_table(_rows(folder, count))


def _rows(folder: str, count: int) -> Iterator[Row]:
    yield from find.startup_rows(folder)
    yield from find.rows(folder, count)
    yield from stats.rows(folder, count)
    yield from picker.rows(folder, count)
    yield from first_value.rows(folder)
    yield from imports.rows(folder, count)
    yield from redaction.rows()
    yield from sync.rows(folder)
    yield from hook.rows(folder)


main()
