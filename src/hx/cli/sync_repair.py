"""`hx sync repair`: read everything again, publish what the store lost, take out what is left."""

from __future__ import annotations

from hx.cli.names import device_names
from hx.cli.progress import Progress
from hx.cli.recorder import drained, open_recorder
from hx.cli.sync_check import code_of, line_of, object_of, whose
from hx.cli.sync_run import scrub, tell_newcomers
from hx.cli.syncing import alone, label_of, outbox_of, vault_of, visit_of
from hx.core.errors import HxError
from hx.database import ledger
from hx.database import vault as rows
from hx.repairing import repair

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from hx.cli.recorder import Recorder
    from hx.config import Config
    from hx.repairing import Repaired
    from hx.visit import Visit


def run(_: str, given: Namespace, config: Config) -> int:
    """Exit code 3 when something stays pending, 4 when something cannot be mended here."""
    recorder = drained(open_recorder(config))
    vault_of(recorder)
    with alone(recorder):
        visit = visit_of(recorder)
        try:
            with Progress("repairing") as progress:
                visit.tell = progress.told
                done = repair(visit, outbox_of(recorder), label_of(recorder))
        except HxError as error:
            _remember(visit, error.message)
            raise
        _remember(visit, None)
    _retain(recorder)
    scrub(recorder)
    tell_newcomers(visit)
    _print(given, recorder, done)
    return code_of(done.damaged, ledger.counts(recorder.database))


def _remember(visit: Visit, outcome: str | None) -> None:
    """For `hx sync status`, which asks nobody."""
    conditions = "\n".join(sorted(getattr(visit.store, "conditions", ())))
    with visit.database.transaction():
        rows.update(visit.database, outcome=outcome, conditions=conditions)


def _retain(recorder: Recorder) -> None:
    """What was read again may be older than events are kept here."""
    from hx.retain import border_us, retain

    days = int(recorder.config.values["retention_days"])
    retain(recorder.database, border_us(days, recorder.now_us))


def _print(given: Namespace, recorder: Recorder, done: Repaired) -> None:
    called = device_names(recorder)
    if given.json:
        from hx.cli.jsonout import print_json

        print_json(
            {
                "read": done.read,
                "events": done.events,
                "published": done.lost,
                "removed": done.leftovers,
                "slots": done.slots,
                "invitations": done.invitations,
                "marker": done.marker,
                "problems": [object_of(called, one) for one in done.damaged],
                "pulled": done.pulled._asdict(),
                "pushed": done.pushed._asdict(),
            }
        )
        return
    for line in _lines(done):
        print(line)
    for one in done.damaged:
        print(line_of(called, one))
        if one.device_id != recorder.who.device_id:
            name = whose(called, one.device_id)
            print(f"  it is published again when {name} runs `hx sync repair`")


def _lines(done: Repaired) -> Iterator[str]:
    yield f"read again: {done.read:,} objects are whole"
    told = (
        (done.marker, "put back: the mark of the vault"),
        (done.events, f"came back: {done.events:,} events that were not here"),
        (done.lost, f"published again: what was in {done.lost:,} objects that the store had lost"),
        (done.leftovers, f"taken out: {done.leftovers:,} objects that nothing named"),
        (done.slots, f"put down: {done.slots:,} keys that were missing"),
        (done.invitations, f"taken out: {done.invitations:,} closed invitations"),
    )
    found = [line for number, line in told if number]
    yield from found or ["nothing had to be mended"]
