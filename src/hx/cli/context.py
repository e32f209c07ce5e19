"""What commands work on: the database, drained and opened, and who this device is."""

from __future__ import annotations

import os
import sys
import time

from hx.capture.ingest import Report, SpoolSource, ingest
from hx.core.errors import Busy, DatabaseError
from hx.core.record import NamedTuple
from hx.database.connection import UNCLEAN, Database, open_database
from hx.device import Identity, identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.config import Config

_PATIENCE_S, _PAUSE_S = 5, 0.05
_MINUTE_US = 60_000_000


class Context(NamedTuple):
    config: Config
    database: Database
    who: Identity
    report: Report
    trouble: DatabaseError | None  # why the spool could not be drained
    now_us: int


def now_us() -> int:
    return time.time_ns() // 1000


def open_context(config: Config, *, tidy: bool = False) -> Context:
    """Open the database and drain the spool. A drain that fails is told and stops no search."""
    at = now_us()
    try:
        database = open_database(config.paths.database)
        who = identity(database, config.host)
    except Exception:
        _mind_pause(config, at, in_trouble=True)  # the spool grows meanwhile
        raise
    report, trouble = Report(), None
    try:
        config.keep_rules()
        report = ingest(database, _source(config, who), at, tidy=tidy)
        _retain(database, config, at, tidy=tidy)
        _clean_up(database, at, tidy=tidy)
    except Exception as error:  # noqa: BLE001  (_as_trouble raises what is not trouble)
        trouble = _as_trouble(error, database)
        print(
            f"hx: warning: the newest commands are still in the spool: {trouble.message}",
            file=sys.stderr,
        )
    _mind_pause(config, at, in_trouble=trouble is not None)
    return Context(config, database, who, report, trouble, at)


def _source(config: Config, who: Identity) -> SpoolSource:
    paths = config.paths
    return SpoolSource(
        paths.spool, paths.lock, who.device_id, config.host, who.shared, lambda: config.rules
    )


def drained(context: Context) -> Context:
    """With nothing left in the spool or in the hands of another hx. Raises DatabaseError."""
    if context.trouble is not None:
        raise context.trouble
    report, until_s = context.report, time.monotonic() + _PATIENCE_S
    while report.busy:
        if time.monotonic() > until_s:
            raise Busy("another hx is still at work", "try again in a moment")
        time.sleep(_PAUSE_S)
        report = ingest(context.database, _source(context.config, context.who), now_us())
    return context._replace(report=report)


def _retain(database: Database, config: Config, at: int, *, tidy: bool) -> None:
    days = int(config.values["retention_days"])
    if days:
        from hx.database.retention import border_us, retain

        retain(database, border_us(days, at), in_passing=not tidy)


def _clean_up(database: Database, at: int, *, tidy: bool) -> None:
    """What a forget could not finish: now, or once a minute."""
    tried_at_us = database.meta(UNCLEAN)
    if not isinstance(tried_at_us, int) or not (tidy or at - tried_at_us > _MINUTE_US):
        return
    from hx.forget.forget import clean

    if not clean(database, patience_ms=100):
        database.set_meta(UNCLEAN, at)


def _mind_pause(config: Config, at: int, *, in_trouble: bool) -> None:
    """Remove a pause that is over; begin or end the one for a full spool."""
    if not in_trouble and not os.path.exists(config.paths.pause):
        return
    from hx.capture import pause

    standing = pause.active(config.paths.pause, at)
    full = _is_full(config.paths.spool)
    if full and standing is None and pause.begin(config.paths.pause, pause.SPOOL_FULL):
        print(
            "hx: warning: 64 MiB wait in the spool: recording is paused until they are drained",
            file=sys.stderr,
        )
    elif standing is not None and standing.reason == pause.SPOOL_FULL and not full:
        pause.remove(config.paths.pause)
        print("hx: the spool is drained: recording again", file=sys.stderr)


def _is_full(folder: str) -> bool:
    """Whether more waits than may. A spool that cannot be read is told elsewhere."""
    from hx.capture import spool

    try:
        return spool.waiting_bytes(folder) > spool.MAX_BYTES
    except OSError:
        return False


def _as_trouble(error: Exception, database: Database) -> DatabaseError:
    """Faults of the disk and of SQLite; anything else is a fault of ours and goes on."""
    if isinstance(error, DatabaseError):
        return error
    if type(error).__module__.startswith("apsw"):
        from hx.database.connection import explained

        return explained(error, database.path)  # type: ignore[arg-type]
    if isinstance(error, OSError):
        from hx.files import reason

        return DatabaseError(f"{error.filename}: {reason(error)}", "run `hx doctor`")
    raise error
