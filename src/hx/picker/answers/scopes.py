"""Of each command its newest run in a scope."""

from __future__ import annotations

from array import array

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


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
