"""Which of the commands that a query finds are likeliest. docs/picker.md explains the points.

    match    100   by the matcher's score, as a share of the best of this query
    use       35   by how long ago the newest run was: hx.core.rank
    place     30   it ran in this directory 20, else in this repository 10; in this session 5, on
                   this device 5, where there are several

Of equal ones the later used is first. Without a query the order is that of use alone.
"""

from __future__ import annotations

from hx.core.rank import freshness
from hx.core.record import NamedTuple
from hx.picker.model import DEVICE, DIRECTORY, REPOSITORY, SESSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.picker.scopes import Runs

_MATCH, _USE = 100, 35
_DIRECTORY, _REPOSITORY, _SESSION, _DEVICE = 20, 10, 5, 5


class Hit(NamedTuple):
    score: int  # of the matcher
    at_us: int  # start of the newest run in the scope
    command: int  # row id


def ranked(hits: list[Hit], runs: dict[str, Runs], now_us: int) -> list[int]:
    """Commands, likeliest first. `runs`: of the scopes that are known.

    One loop: a thousand hits come this way at every key.
    """
    unknown = bytearray(1 + max((hit.command for hit in hits), default=0))

    def ran(scope: str) -> bytearray:
        return runs[scope].member if scope in runs else unknown

    directory, repository, session, device = map(ran, (DIRECTORY, REPOSITORY, SESSION, DEVICE))
    share = _MATCH / (max((hit.score for hit in hits), default=0) or 1)
    keyed = []
    for score, at_us, command in hits:
        points = share * score + _USE * freshness(now_us - at_us)
        if directory[command]:
            points += _DIRECTORY
        elif repository[command]:
            points += _REPOSITORY
        points += _SESSION * session[command] + _DEVICE * device[command]
        keyed.append((points, at_us, command))
    keyed.sort(reverse=True)
    return [command for _, _, command in keyed]
