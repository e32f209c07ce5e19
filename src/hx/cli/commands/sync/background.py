"""`hx sync --background`: one sync that nobody watches, as a timer or a watch starts it.

It asks nothing and pushes only what is due (hx.sync.flush). A store that does not answer is tried
again later and later (hx.scheduler.backoff). It prints only what differs from the run before, so
that a journal stays readable.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import closing

import apsw

from hx.cli import explained
from hx.cli.commands.sync.copies import unfinished_push, warn_of_copies
from hx.cli.commands.sync.deadline import deadline
from hx.cli.commands.sync.newcomers import print_newcomers
from hx.cli.commands.sync.taken_out import finish_removal, require_not_gone
from hx.cli.commands.sync.vault_access import (
    Exchanged,
    alone,
    label_of,
    outbox_of,
    remember,
    scrub,
    sync_context_of,
    vault_of,
)
from hx.cli.context import now_us, open_context
from hx.config import started_by
from hx.core.errors import Busy, HxError, KeyMissing, NotInVault, StoreError
from hx.database.connection import open_database
from hx.database.sync import ledger
from hx.database.sync import vault as rows
from hx.database.sync.runs import WATCH
from hx.scheduler import backoff, launchd
from hx.stores import NotMounted
from hx.sync.device_state import place_here, require_place
from hx.sync.flush import Limits, flush
from hx.sync.heads import manifests_to_read
from hx.sync.pull import pull
from hx.sync.push import mend_vault_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.cli.context import Context
    from hx.config import Config
    from hx.scheduler.backoff import Failure
    from hx.sync.context import SyncContext
    from hx.sync.push import Pushed

_STDERR = 2  # sys.stderr is None where it is closed
_RETRY_S = 20  # a laptop that wakes has no network yet
_ROUNDS = 20
_LONG_S = 30  # after which no further look follows
_SETTLE_NS, _SETTLE_ROUNDS, _PAUSE_S = 300_000_000, 12, 0.1
_LATE_ROUNDS, _LATE_PAUSE_S = 40, 0.5


def run(trigger: str, config: Config) -> int:
    """Run one sync in the background and return its exit code: 0, or that of its error.

    `trigger`: one of hx.database.sync.runs.TRIGGERS, or empty: what systemd says.
    It is 0 too when another sync runs for long. An error is printed when the run before had another
    one.
    """
    if not os.path.exists(config.paths.database):
        raise NotInVault("this device is in no vault", "`hx sync auto off` ends its syncs")
    launchd.bound_log(config.paths.data, _STDERR)
    config = config._replace(is_background=True)
    data, before = config.paths.data, backoff.read(config.paths.data)
    try:
        _sync(config, trigger or started_by(), retries=before is None)
    except (Busy, apsw.BusyError, apsw.LockedError):
        return 0
    except Exception as error:
        told = explained(error)
        # what a person has to unlock, and an hx that was replaced meanwhile, are tried at each
        # firing, anything else later
        waits = not isinstance(error, (KeyMissing, NotInVault, ImportError))
        missing = _missing_folder(config) if isinstance(error, NotMounted) else ""
        failure = backoff.next_failure(before, told[0], now_us(), waits=waits, missing=missing)
        backoff.write(data, failure)
        if not isinstance(error, (HxError, apsw.Error, OSError, ImportError)):
            raise
        return _told(before, *told)
    backoff.clear(data)
    if before is not None:
        print("hx: the sync works again", file=sys.stderr)
    return 0


def _missing_folder(config: Config) -> str:
    """Return the folder of the store if it is not there, to notice that it comes back."""
    with closing(open_database(config.paths.database)) as database:
        vault = rows.read(database)
    path = "" if vault is None else vault.store.removeprefix("folder:")
    return path if path.startswith("/") and not os.path.isdir(path) else ""


def _told(before: Failure | None, message: str, hint: str, code: int) -> int:
    """Print an error unless the run before had it too, and return its exit code."""
    if before is None or before.message != " ".join(message.split()):
        print(f"hx: error: {message}\nhx: hint: {hint}", file=sys.stderr)
    return code


def _sync(config: Config, trigger: str, *, retries: bool) -> None:
    """Sync until nothing more arrives, and once more after a while when the store does not answer.

    The last look is as late as possible: nobody sees what changes between it and the end. Where
    files go on arriving, the run ends all the same, before systemd would end it.
    """
    begun_s = time.monotonic()
    while True:
        try:
            has_changed = _attempt(config, trigger)
        except StoreError:
            if not retries:
                raise
            retries = False
            time.sleep(_RETRY_S)
            has_changed = _attempt(config, trigger)
        if not has_changed or time.monotonic() - begun_s > _LONG_S:
            return


def _attempt(config: Config, trigger: str) -> bool:
    """Sync once; return whether the folder of the store has changed since the last look at it."""
    context = open_context(config)
    with closing(context.database):
        finish_removal(context)
        vault_of(context)
        # another sync may have listed the store before the change that has started this one, and
        # nothing reports a change twice
        with alone(context):
            sync_context = sync_context_of(context)
            own = unfinished_push(context)
            try:
                exchanged, seen_ns = _rounds(context, sync_context, trigger)
            except Exception as error:
                _keep(sync_context, own, explained(error)[0], Exchanged(trigger))
                raise
            _keep(sync_context, own, None, exchanged)
        scrub(context)
        print_newcomers(sync_context)
        return _changed_ns(sync_context.store.watched) != seen_ns


def _keep(
    sync_context: SyncContext, own: tuple[str, ...], error: str | None, exchanged: Exchanged
) -> None:
    """Keep the outcome, unless this device was taken out of the vault: then nothing of it stays."""
    if rows.read(sync_context.database) is not None:
        warn_of_copies(sync_context, own)
        remember(sync_context, error, exchanged)


def _rounds(context: Context, sync_context: SyncContext, trigger: str) -> tuple[Exchanged, int]:
    """Pull, and push what is due, until the folder of the store has no more news.

    What arrives while this runs starts no other run: the watch is off until this one has ended.
    Return what was exchanged, and when the folder had changed last at the last look.
    """
    folder = sync_context.store.watched
    waits = bool(folder) and trigger == WATCH
    if waits:
        _settle(folder)
    events_in = events_out = 0
    awaited = _awaited(sync_context)
    with deadline() as postpone:
        sync_context.report_progress = postpone
        for _ in range(_ROUNDS):
            before_ns = _changed_ns(folder)
            events, pushed = _carry_out(context, sync_context)
            events_in += events
            events_out += pushed.events
            # one change starts the runs of all who watch the folder: what they push comes now
            if waits:
                _settle(folder, time.time_ns())
            seen_ns = _changed_ns(folder)
            if seen_ns == before_ns or not _has_news(sync_context):
                break
        if waits:
            events_in += _late(sync_context, awaited)
    return Exchanged(trigger, events_in, events_out), seen_ns


def _awaited(sync_context: SyncContext) -> set[bytes]:
    """Return the ids of the segments that manifests list and that have not arrived."""
    return {segment.object_id for segment in ledger.wanted(sync_context.database)}


def _late(sync_context: SyncContext, before: set[bytes]) -> int:
    """Wait for segments that arrive after the manifest that lists them; return the events in them.

    Nothing watches their folder, and the timer may be minutes away. What was awaited before this
    run may never arrive.
    """
    events = 0
    for _ in range(_LATE_ROUNDS):
        if _awaited(sync_context) <= before:
            break
        time.sleep(_LATE_PAUSE_S)
        events += pull(sync_context, admits=True).events
    return events


def _carry_out(context: Context, sync_context: SyncContext) -> tuple[int, Pushed]:
    """Pull, then push if that is due; return the number of events read and what was pushed."""
    pulled = pull(sync_context, admits=True)
    require_not_gone(context, sync_context)
    mend_vault_file(sync_context)
    outbox, label, values = outbox_of(context), label_of(context), context.config.values
    limits = Limits(int(values["flush_events"]), int(values["flush_minutes"]))
    pushed = flush(sync_context, outbox, label, limits)
    require_place(place_here(sync_context))
    return pulled.events, pushed


def _has_news(sync_context: SyncContext) -> bool:
    sync_context.list_manifests()
    return bool(manifests_to_read(sync_context))


def _settle(folder: str, since_ns: int = 0) -> None:
    """Wait, about a second at most, until nothing has changed in the folder for a moment.

    A program that brings a file there makes it under another name first, which starts this run.
    `since_ns`: the moment begins then at the earliest.
    """
    for _ in range(_SETTLE_ROUNDS):
        if abs(time.time_ns() - max(_changed_ns(folder), since_ns)) >= _SETTLE_NS:
            return
        time.sleep(_PAUSE_S)


def _changed_ns(folder: str) -> int:
    """Return when a folder has changed last; 0 where nothing is watched, or it is not there."""
    try:
        return os.stat(folder).st_mtime_ns if folder else 0
    except OSError:
        return 0
