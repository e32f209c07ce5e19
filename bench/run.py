"""Print the figures of hx beside its peer, measured in one run on this machine.

python bench/run.py [EVENTS]      1,000,000 unless told
"""

from __future__ import annotations

import sys
import tempfile

import counting
import hook
import importing
import looking
import picking
import redaction
import syncing
from machine import print_table


def main() -> None:
    count = int(sys.argv[1].replace("_", "")) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory(prefix="hx-bench-", ignore_cleanup_errors=True) as folder:
        rows = [
            *looking.startup_rows(folder),
            *looking.rows(folder, count),
            *counting.rows(folder, count),
            *picking.rows(folder, count),
            *importing.rows(folder, count),
            *redaction.rows(),
            *syncing.rows(folder),
            *hook.rows(folder),
        ]
    print_table(rows)


main()
