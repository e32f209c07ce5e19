"""Find the commands that failed in a session, and group repeated failures of one command."""

from __future__ import annotations

from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# 128 + SIGINT, 128 + SIGTSTP (18 on macOS, 20 on Linux): a person ended or stopped the command
STOPPED_BY_PERSON = frozenset({130, 146, 148})


class Step(NamedTuple):
    """A step is one event of a session, given by row ids."""

    event: int
    command: int
    exit_status: int | None


class Failure(NamedTuple):
    """Consecutive failures of one command, up to its next success or the end of the session."""

    first: int  # row id of the first event
    last: int  # row id of the last event
    times: int


def is_failure(exit_status: int | None) -> bool:
    """Return whether an exit status means that the command failed, not that a person stopped it."""
    return exit_status not in STOPPED_BY_PERSON and bool(exit_status)


def failures(steps: Iterable[Step]) -> list[Failure]:
    """Return the failures, ordered by their last events; `steps` are in the order of running."""
    open_failures: dict[int, Failure] = {}  # by command, not yet followed by a success
    ended: list[Failure] = []
    order: dict[int, int] = {}
    for number, step in enumerate(steps):
        if is_failure(step.exit_status):
            known = open_failures.pop(step.command, Failure(step.event, step.event, 0))
            open_failures[step.command] = Failure(known.first, step.event, known.times + 1)
            order[step.event] = number
        elif step.exit_status == 0 and step.command in open_failures:
            ended.append(open_failures.pop(step.command))
    return sorted([*ended, *open_failures.values()], key=lambda failure: order[failure.last])
