"""What commands work on: the database, drained and opened, and who this device is."""

from __future__ import annotations

import sys
import time

from hx.core.errors import DatabaseError
from hx.core.record import NamedTuple
from hx.database import Database, open_database
from hx.device import Identity, identity
from hx.ingest import Report, Source, ingest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.config import Config


class Recorder(NamedTuple):
    config: Config
    database: Database
    who: Identity
    report: Report
    trouble: DatabaseError | None  # why the spool could not be drained
    now_us: int


def now_us() -> int:
    return time.time_ns() // 1000


def open_recorder(config: Config, *, tidy: bool = False) -> Recorder:
    """Open the database and drain the spool. A drain that fails is told, and never stops a search."""
    database = open_database(config.paths.database)
    who = identity(database, config.host)
    at = now_us()
    source = Source(config.paths.spool, config.paths.lock, who.device_id, config.host, who.shared)
    report, trouble = Report(), None
    try:
        report = ingest(database, source, at, tidy=tidy)
    except Exception as error:
        trouble = _as_trouble(error, database)
        print(f"hx: warning: the newest commands are still in the spool: {trouble.message}",
              file=sys.stderr)
    return Recorder(config, database, who, report, trouble, at)


def _as_trouble(error: Exception, database: Database) -> DatabaseError:
    """Faults of the disk and of SQLite; anything else is a fault of ours and goes on."""
    if isinstance(error, DatabaseError):
        return error
    if type(error).__module__.startswith("apsw"):
        from hx.database import explained

        return explained(error, database.path)  # type: ignore[arg-type]
    if isinstance(error, OSError):
        from hx.files import reason

        return DatabaseError(f"{error.filename}: {reason(error)}", "run `hx doctor`")
    raise error
