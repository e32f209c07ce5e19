"""`hx sync log` lists the last runs of sync, the newest first."""

from __future__ import annotations

from hx.cli.commands.sync.vault_access import vault_of
from hx.cli.context import open_context
from hx.cli.events_output import print_json
from hx.cli.text import count, visible
from hx.cli.times import local, rfc3339
from hx.database.sync import runs
from hx.scheduler import backoff

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from hx.config import Config
    from hx.database.sync.runs import Run
    from hx.scheduler.backoff import Failure

_TRIGGER = 5  # columns


def run(_: str, given: Namespace, config: Config) -> int:
    """Print a line for each kept run, and return 0. Raises NotInVault."""
    context = open_context(config)
    vault_of(context)
    known = runs.read(context.database)
    if given.json:
        print_json([_object(each) for each in known])
        return 0
    unkept = _unkept(config.paths.data, known)
    if unkept is not None:
        print(
            f"{local(unkept.last_us)}  failed: {visible(unkept.message.encode())}; not in the log"
        )
    elif not known:
        print("no sync has run yet")
    for each in known:
        print(f"{local(each.ended_us)}  {each.trigger:<{_TRIGGER}}  {', '.join(_parts(each))}")
    return 0


def _unkept(folder: str, known: list[Run]) -> Failure | None:
    """Return the last failure in the background if no run is as new: the disk may be full."""
    failure = backoff.read(folder)
    if failure is None or (known and known[0].ended_us >= failure.last_us):
        return None
    return failure


def _parts(given: Run) -> Iterator[str]:
    """Yield what a run did, how long it took, and how often it was the same."""
    if given.error is not None:
        yield f"failed: {visible(given.error.encode())}"
    elif given.is_quiet:
        yield "nothing new"
    else:
        yield f"{count(given.events_in, 'event')} in, {given.events_out:,} out"
    yield f"{given.ms:,} ms"
    if given.times > 1:
        yield f"{given.times:,} times since {local(given.began_us)}"


def _object(given: Run) -> dict[str, object]:
    began, ended = rfc3339(given.began_us), rfc3339(given.ended_us)
    values = {name: value for name, value in given._asdict().items() if not name.endswith("_us")}
    return {"began_at": began, "ended_at": ended, **values}
