"""Which of the commands that a query finds are likeliest. docs/picker.md explains the points.

    match    100   by the matcher's score, as a share of the best of this query
    use       35   by how long ago the newest run was: hx.core.rank
    place     30   it ran in this directory 20, else in this repository 10; in this session 5, on
                   this device 5, where there are several

Of equal ones the later used is first. Without a query the order is that of use alone.
"""

from __future__ import annotations

from hx.core.rank import use_points
from hx.core.record import NamedTuple
from hx.picker.model import DEVICE, DIRECTORY, REPOSITORY, SESSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.picker.scopes import Runs

_MATCH = 100


class Hit(NamedTuple):
    score: int  # of the matcher
    at_us: int  # start of the newest run in the scope
    command: int  # row id


def ranked(hits: list[Hit], runs: dict[str, Runs], now_us: int) -> list[int]:
    """Commands, likeliest first. `runs`: of the scopes that are known."""
    best = max((hit.score for hit in hits), default=0) or 1
    keyed = []
    for score, at_us, command in hits:
        points = _MATCH * score / best + use_points([at_us], now_us) + _place(command, runs)
        keyed.append((points, at_us, command))
    keyed.sort(reverse=True)
    return [command for _, _, command in keyed]


def _place(command: int, runs: dict[str, Runs]) -> int:
    ran = [scope for scope in runs if runs[scope].member[command]]
    place = 20 if DIRECTORY in ran else 10 if REPOSITORY in ran else 0
    return place + 5 * (SESSION in ran) + 5 * (DEVICE in ran)
