"""Who was ever a member: reached by adds and invitations, whatever was revoked or closed since.

What these devices recorded is history, and their epochs may be read; but for those that stand,
a new epoch is made without them.
"""

from __future__ import annotations

from collections import defaultdict
from heapq import heappop, heappush

from hx.core.format.reached import MAX_DEVICES
from hx.core.format.roster_records import DeviceAdd, Invite

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hx.core.format.roster_records import Fact


def enrolled(known: Mapping[bytes, bytes], facts: Iterable[Fact]) -> dict[bytes, bytes]:
    """device id -> key. `known`: who stands or waits; they come before all others.

    Who is revoked can still sign adds. There is a limit to them, as an epoch must name them all;
    over it those with the smallest ids are taken.
    """
    by_signer: dict[bytes, list[Fact]] = defaultdict(list)
    for fact in facts:
        by_signer[fact.signer].append(fact)
    found = dict(known)
    todo = list(known.values())
    done: set[bytes] = set()
    adds: list[tuple[bytes, DeviceAdd]] = []
    while todo or adds:
        while todo:
            signer = todo.pop()
            if signer not in done:
                done.add(signer)
                _gather(by_signer[signer], todo, adds)
        if adds:
            _, body = heappop(adds)
            if body.device_id not in found and len(found) <= MAX_DEVICES:
                found[body.device_id] = body.sign_pub
                todo.append(body.sign_pub)
    return found


def _gather(facts: Iterable[Fact], todo: list[bytes], adds: list[tuple[bytes, DeviceAdd]]) -> None:
    for fact in facts:
        if isinstance(fact.body, Invite):
            todo.append(fact.body.sign_pub)
        if isinstance(fact.body, DeviceAdd):
            heappush(adds, (fact.id, fact.body))
