"""`hx sync join --new-id`: a copied disk becomes a device of its own in the vault it is in."""

from __future__ import annotations

import sys

from hx.cli.commands.sync.run import scrub
from hx.cli.commands.sync.vault import alone, label_of, outbox_of, vault_of, visit_of
from hx.cli.context import drained, now_us, open_recorder
from hx.cli.new_identity import renewed
from hx.cli.output import visible
from hx.cli.progress import Progress
from hx.core.errors import NotInVault, UsageError
from hx.core.label import cut_label
from hx.sync.device_state import MEMBER, WAITS, place_of
from hx.sync.new_id import rebase, vouched
from hx.sync.pull import pull
from hx.sync.push import push

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from hx.cli.context import Recorder
    from hx.config import Config
    from hx.core.format.keys import DeviceKeys
    from hx.sync.context import Visit

_ELSEWHERE = ("store", "vault_name", "custody", "code_file")  # options of a join by a code


def run(given: Namespace, config: Config) -> int:
    if any(getattr(given, one) is not None for one in _ELSEWHERE):
        raise UsageError(
            "--new-id is for a device that is in its vault already: only --name goes with it",
            "hx sync join --new-id",
        )
    recorder = drained(open_recorder(config))
    found = vault_of(recorder)
    label = cut_label((given.name or config.host).encode())
    with alone(recorder), Progress("syncing") as progress:
        visit = _synced(recorder, label_of(recorder), progress)
        if place_of(visit.trust, visit.me) != MEMBER:
            raise NotInVault(*WAITS)
        recorder = renewed(recorder, label, lambda keys: _rebasing(visit, keys, label))
        outbox_of(recorder).clear()
        _synced(recorder, label, progress)
    scrub(recorder)
    if given.json:
        from hx.cli.json_output import print_json

        print_json(
            {
                "vault_id": found.vault_id.hex(),
                "vault_name": found.name,
                "device_id": recorder.who.device_id.hex(),
                "events": 0,
            }
        )
        return 0
    print(f"this is a device of its own from now on, called {visible(label.encode())}")
    print("the other copy goes on as the device that both were", file=sys.stderr)
    return 0


def _synced(recorder: Recorder, label: str, progress: Progress) -> Visit:
    """As the device that it is at this moment."""
    visit = visit_of(recorder._replace(now_us=now_us()))
    visit.tell = progress.told
    pull(visit)
    push(visit, outbox_of(recorder), label, listed=True)
    return visit


def _rebasing(visit: Visit, keys: DeviceKeys, label: str) -> Callable[[], None]:
    word = vouched(visit, keys, label)
    return lambda: rebase(visit.database, visit.me, word)
