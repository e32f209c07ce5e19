"""Print the figures of hx beside its peer, measured in one run on this machine.

python bench/run.py [EVENTS]      1,000,000 unless told
"""

from __future__ import annotations

import sys
import tempfile
from typing import TYPE_CHECKING

import counting
import hook
import importing
import looking
import picking
import redaction
import syncing
from machine import print_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from machine import Row


def main() -> None:
    count = int(sys.argv[1].replace("_", "")) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory(prefix="hx-bench-", ignore_cleanup_errors=True) as folder:
        print_table(_rows(folder, count))


def _rows(folder: str, count: int) -> Iterator[Row]:
    yield from looking.startup_rows(folder)
    yield from looking.rows(folder, count)
    yield from counting.rows(folder, count)
    yield from picking.rows(folder, count)
    yield from importing.rows(folder, count)
    yield from redaction.rows()
    yield from syncing.rows(folder)
    yield from hook.rows(folder)


main()
