"""What `hx sync` prints when the clock of a device that has forgotten by time is ahead."""

from __future__ import annotations

import sys

from hx.cli.events_output import device_names
from hx.cli.text import count, visible
from hx.cli.times import duration, local

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.cli.context import Context
    from hx.sync.context import SyncContext


def warn(context: Context, sync_context: SyncContext) -> None:
    """Warn of what has gone by time windows of devices whose clocks are ahead."""
    if not sync_context.gone_by_clocks:
        return
    from hx.cli.forget_report import by_device

    names = device_names(context)
    for gone in sync_context.gone_by_clocks.values():
        device = visible(names.get(gone.maker, gone.maker.hex()[:8]).encode())
        span = duration(gone.ahead_us)
        events = count(sum(gone.events.values()), "event")
        owners = by_device(context, gone.events)
        print(
            f"hx: warning: the clock of {device} seems to be {span} ahead, and its `hx forget`"
            f" by time has removed {events} here{owners}; some of them may have been recorded after"
            f" that command\nhx: hint: set the clock of {device}; what is recorded here from now on"
            " stays",
            file=sys.stderr,
        )


def warn_if_behind(context: Context) -> None:
    """Warn of a code that ends too early, as the clock here is behind what this device knows."""
    from hx.cli.context import current_session
    from hx.database.queries.clocks import DAY_US, newest_known_us

    newest_us = newest_known_us(context.database, current_session(context.config))
    if newest_us is not None and context.now_us < newest_us - DAY_US:
        print(
            f"hx: warning: the clock of this machine says {local(context.now_us)}, and something"
            f" here is of {local(newest_us)}; the code ends by this clock, so it may be of no use"
            "\nhx: hint: set the clock, then run `hx sync invite` again",
            file=sys.stderr,
        )


def as_objects(sync_context: SyncContext) -> list[dict[str, object]]:
    """Return the same as JSON has it; docs/cli.md lists the names."""
    return [
        {
            "device_id": gone.maker.hex(),
            "ahead_us": gone.ahead_us,
            "forgotten": [
                {"device_id": device.hex(), "events": events}
                for device, events in gone.events.items()
            ],
        }
        for gone in sync_context.gone_by_clocks.values()
    ]
