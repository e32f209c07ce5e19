"""The context of a command: the database, the drained spool and the identity of the device."""

from __future__ import annotations

import os
import sys
import time

from hx.capture.ingest import Report, SpoolSource, ingest
from hx.core.errors import Busy, DatabaseError, UsageError
from hx.core.record import NamedTuple
from hx.database.connection import UNCLEAN, Database, open_database
from hx.device import Identity, identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.config import Config
    from hx.core.rank import Here

_PATIENCE_S, _PAUSE_S = 5, 0.05
_MINUTE_US = 60_000_000


class Context(NamedTuple):
    """What a command works on: the settings, the database and the identity of this device."""

    config: Config
    database: Database
    who: Identity
    report: Report  # of draining the spool
    trouble: DatabaseError | None  # why the spool could not be drained; None: it was drained
    now_us: int


def now_us() -> int:
    """Return the time in microseconds since the epoch."""
    return time.time_ns() // 1000


def open_context(config: Config, *, tidy: bool = False) -> Context:
    """Open the database, drain the spool, and return the context.

    When draining fails it prints a warning, so that a search works all the same. `tidy` finishes
    retention and cleaning too, which otherwise take a small part each time. Raises DatabaseError.
    """
    started_at_us = now_us()
    try:
        database = open_database(config.paths.database)
        who = identity(database, config.host)
    except Exception:
        # the spool grows while the database cannot be used
        _update_pause(config, started_at_us, in_trouble=True)
        raise
    report, trouble = Report(), None
    try:
        config.keep_rules()
        report = ingest(database, _source(config, who), started_at_us, tidy=tidy)
        _retain(database, config, started_at_us, tidy=tidy)
        _clean_up(database, started_at_us, tidy=tidy)
    except Exception as error:  # noqa: BLE001  (_as_trouble raises what is a fault of hx)
        trouble = _as_trouble(error, database)
        print(
            f"hx: warning: the newest commands cannot be found yet: {trouble.message}"
            f"\nhx: hint: {trouble.hint}",
            file=sys.stderr,
        )
    _update_pause(config, started_at_us, in_trouble=trouble is not None)
    return Context(config, database, who, report, trouble, started_at_us)


def tell_if_empty(context: Context) -> None:
    """Say on stderr what to do when there is no event at all, so that nothing can be found."""
    from hx.database.counts import totals

    if totals(context.database).get("event"):
        return
    hint = "`hx setup` sets up your shells and imports the history that they have"
    if context.config.session is not None:
        hint = "`hx doctor` says whether this shell is recorded"
    print(f"hx: nothing is recorded yet\nhx: hint: {hint}", file=sys.stderr)


def _source(config: Config, who: Identity) -> SpoolSource:
    paths = config.paths
    return SpoolSource(
        paths.spool,
        paths.lock,
        who.device_id,
        config.host,
        who.shared,
        lambda: config.rules,
        lookups=bool(config.values["record_lookups"]),
    )


def drained(context: Context) -> Context:
    """Wait until the spool is empty and no other hx is draining it; return the new context.

    Raises DatabaseError, Busy.
    """
    if context.trouble is not None:
        raise context.trouble
    report, until_s = context.report, time.monotonic() + _PATIENCE_S
    # what another hx has read from the spool is not in the database yet
    while report.busy:
        if time.monotonic() > until_s:
            raise Busy("another hx is still draining the spool", "try again in a moment")
        time.sleep(_PAUSE_S)
        report = ingest(context.database, _source(context.config, context.who), now_us())
    return context._replace(report=report)


def here(context: Context) -> Here:
    """Return the directory, repository, session and device of this command, for the ranking."""
    from hx.capture.git import look_up
    from hx.config import working_directory
    from hx.core.rank import Here

    directory = os.fsencode(working_directory())
    repo, _ = look_up(directory)
    return Here(directory, repo, current_session(context.config), context.who.device_id)


def current_session(config: Config) -> bytes | None:
    """Return the id of the session of the calling shell; None: it has no hook."""
    from hx.cli.options import session_id

    try:
        return session_id("", config)
    # HX_SESSION is not set or not an id: the ranking does without a session
    except UsageError:
        return None


def _retain(database: Database, config: Config, now_us: int, *, tidy: bool) -> None:
    days = int(config.values["retention_days"])
    if days:
        from hx.database.retention import border_us, retain

        retain(database, border_us(database, days, now_us), in_passing=not tidy)


def _clean_up(database: Database, now_us: int, *, tidy: bool) -> None:
    """Remove forgotten text that `hx forget` could not remove: with `tidy`, or once a minute."""
    tried_at_us = database.meta(UNCLEAN)
    if not isinstance(tried_at_us, int) or not (tidy or now_us - tried_at_us > _MINUTE_US):
        return
    from hx.forget.forget import clean

    # another process reads the files: the next attempt is in a minute
    if not clean(database, patience_ms=100):
        database.set_meta(UNCLEAN, now_us)


def _update_pause(config: Config, now_us: int, *, in_trouble: bool) -> None:
    """Remove a pause that is over; pause recording for a full spool, or end that pause."""
    if not in_trouble and not os.path.exists(config.paths.pause):
        return
    from hx.capture import pause

    current = pause.active(config.paths.pause, now_us)
    full = _is_full(config.paths.spool)
    if full and current is None and pause.begin(config.paths.pause, pause.SPOOL_FULL):
        print(
            "hx: warning: the spool holds 64 MiB: recording is paused until it is drained",
            file=sys.stderr,
        )
    elif current is not None and current.reason == pause.SPOOL_FULL and not full:
        pause.remove(config.paths.pause)
        print("hx: the spool is drained: recording again", file=sys.stderr)


def _is_full(folder: str) -> bool:
    """Return whether the spool exceeds its limit; False when it cannot be read."""
    from hx.capture import spool

    try:
        return spool.waiting_bytes(folder) > spool.MAX_BYTES
    except OSError:
        return False


def _as_trouble(error: Exception, database: Database) -> DatabaseError:
    """Return an error of the disk or of SQLite as DatabaseError; raise any other one again."""
    if isinstance(error, DatabaseError):
        return error
    if type(error).__module__.startswith("apsw"):
        from hx.database.connection import explained

        return explained(error, database.path)  # type: ignore[arg-type]
    if isinstance(error, OSError):
        from hx.files import sentence

        return DatabaseError(sentence(error), "run `hx doctor`")
    raise error
