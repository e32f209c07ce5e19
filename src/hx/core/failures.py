"""Which commands of a session failed, each kind of failure once."""

from __future__ import annotations

from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# 128 + SIGINT, SIGTSTP (18 on macOS): the person ended or stopped it
OF_THE_PERSON = frozenset({130, 146, 148})


class Step(NamedTuple):
    """An event of a session, as row ids."""

    event: int
    command: int
    exit_status: int | None


class Failure(NamedTuple):
    """A command that failed, again and again until it succeeded or was given up."""

    first: int  # event
    last: int
    times: int


def is_failure(exit_status: int | None) -> bool:
    return exit_status not in OF_THE_PERSON and bool(exit_status)


def failures(steps: Iterable[Step]) -> list[Failure]:
    """In the order of their last runs; `steps` are in the order in which they ran."""
    standing: dict[int, Failure] = {}  # command -> its failure, not yet followed by a success
    ended: list[Failure] = []
    order: dict[int, int] = {}
    for number, step in enumerate(steps):
        if is_failure(step.exit_status):
            known = standing.pop(step.command, Failure(step.event, step.event, 0))
            standing[step.command] = Failure(known.first, step.event, known.times + 1)
            order[step.event] = number
        elif step.exit_status == 0 and step.command in standing:
            ended.append(standing.pop(step.command))
    return sorted([*ended, *standing.values()], key=lambda failure: order[failure.last])
