"""What a scope takes in: the condition on its runs, and of each command the newest of them."""

from __future__ import annotations

from array import array

from hx.core.query import Query
from hx.database.conditions import Condition, filters
from hx.picker.model import DEVICE, DIRECTORY, REPOSITORY, SESSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hx.core.rank import Here

NOWHERE: Condition = ("0", ())
# The + keeps the index of sessions out: this device has most events
_DEVICE = (
    "+event.session IN (SELECT session.id FROM session JOIN device ON device.id = session.device"
    " WHERE device_id = ? OR name = (SELECT name FROM device WHERE device_id = ?))"
)
INDEXED = (DIRECTORY, SESSION)  # their runs are found without a walk over all


def condition(scope: str, here: Here) -> Condition:
    """On `event`; of a place that is unknown there is none."""
    if scope == DEVICE:
        return _DEVICE, (here.device_id, here.device_id)
    asked = {
        SESSION: Query(session_id=here.session_id),
        DIRECTORY: Query(cwd=here.directory),
        REPOSITORY: Query(repo=here.repo),
    }
    found = filters(asked[scope])
    return found[0] if found else NOWHERE


class Runs:
    """Of each command its newest run in a scope; arrays by the row id of the command."""

    def __init__(self, size: int) -> None:
        self.order = array("q")  # commands; latest used first once it is sorted
        self.event = array("q", bytes(8 * size))  # row id; 0: none
        self.at_us = array("q", bytes(8 * size))
        self.member = bytearray(size)  # 1: it ran
        self.unfailed = bytearray(size)  # 1: it ran, and the newest run did not fail

    def take(self, rows: Iterable[tuple[int, int, int, int | None]]) -> None:
        """(command, event, started_at_us, exit_status) in any order."""
        event, at_us, member, unfailed = self.event, self.at_us, self.member, self.unfailed
        size = len(member)
        for command, row, started_at_us, exit_status in rows:
            if command >= size:  # younger than the list of commands
                continue
            if not member[command]:
                self.order.append(command)
            if not member[command] or started_at_us > at_us[command]:
                event[command] = row
                at_us[command] = started_at_us
                member[command] = 1
                unfailed[command] = not exit_status

    def sort(self) -> None:
        self.order = array("q", sorted(self.order, key=self.at_us.__getitem__, reverse=True))
