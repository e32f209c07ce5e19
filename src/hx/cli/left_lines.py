"""The lines that setup leaves to the user to add, and undo to remove, in files that stay."""

from __future__ import annotations

import os
import sys

from hx.cli.text import visible
from hx.setup.plan import LineToAdd

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from hx.setup.undo import LineToRemove

_LEFT = 3  # exit code: something is left to the user


def tell_left(unchanged: Sequence[LineToAdd | LineToRemove]) -> int:
    """Say on stderr which lines are left, after all that stdout has; return the exit code."""
    sys.stdout.flush()  # or a pipe that takes both shows these lines first
    for each in unchanged:
        why = visible(os.fsencode(each.why))
        if isinstance(each, LineToAdd):
            hint = f"add this line to it: {visible(each.line)}"
        else:
            what = f"line {each.number}" if each.number else "the line of hx"
            hint = f"remove {what} from it yourself, or make it writable and run this again"
        print(f"hx: warning: {why}, so it is not changed\nhx: hint: {hint}", file=sys.stderr)
    return _LEFT if unchanged else 0
