"""Redacted events that retention has removed: which versions that arrive later are outdated.

The merge compares two versions of an event. Where retention has removed the redacted one, an older
version would look like a new event, and the text would be back. So retention keeps the number of
redactions.
"""

from __future__ import annotations

from hx.core.event_name import ident
from hx.database.retention import RETAINED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hx.core.merge import History
    from hx.core.model import Event
    from hx.database.connection import Database


_ANY = "SELECT 1 FROM removed_redaction LIMIT 1"


def without_outdated(database: Database, history: History) -> History:
    """Return a history without the events of which a redacted version was removed here."""
    outdated = outdated_events(database, history.events)
    return history._replace(events=history.events - outdated) if outdated else history


def outdated_events(database: Database, events: Iterable[Event]) -> set[Event]:
    """Return those events of which a version that was redacted more often was removed here."""
    before_us = database.meta(RETAINED)
    if not isinstance(before_us, int) or not database.value(_ANY):  # nearly always
        return set()
    sql = "SELECT 1 FROM removed_redaction WHERE ident = ? AND spared = ? AND revision > ?"
    return {
        event
        for event in events
        if event.key.started_at_us < before_us
        and database.value(sql, (ident(event.key), b"".join(event.key.spared), event.revision))
    }
