"""What a million events add up to, gathered by SQLite beside us while texts are read here.

Each column comes as one text: to hand a million rows over one by one takes longer than to count
them, and while SQLite makes one row it needs no lock of Python's.
"""

from __future__ import annotations

import json
import threading

import apsw

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.database.connection import Database

    Columns = list[list[int]]

_COUNTED = """
SELECT group_concat(command), group_concat(events), group_concat(ended), group_concat(failures)
FROM (SELECT command, count(*) AS events, count(exit_status) AS ended,
      coalesce(sum(exit_status <> 0), 0) AS failures FROM event GROUP BY command)
"""
_LASTED = """
SELECT group_concat(command), group_concat(duration_us)
FROM (SELECT command, duration_us FROM event WHERE duration_us > 0)
"""


class Everything:
    """Begins at once, on a connection of its own; `columns` waits for the end."""

    def __init__(self, database: Database) -> None:
        self._path = database.path
        self._found: list[Columns] = []
        self._trouble: BaseException | None = None
        self._thread = threading.Thread(target=self._gather)
        self._thread.start()

    def columns(self) -> tuple[Columns, Columns]:
        """Of each command its events, ended ones and failures; of each event with one its duration.

        The first column of both is the command. Raises apsw.Error.
        """
        self._thread.join()
        if self._trouble is not None:
            raise self._trouble
        counted, lasted = self._found
        return counted, lasted

    def _gather(self) -> None:
        try:
            connection = apsw.Connection(self._path, flags=apsw.SQLITE_OPEN_READONLY)
            try:
                self._found = [_columns(connection, sql) for sql in (_COUNTED, _LASTED)]
            finally:
                connection.close()
        except apsw.Error as error:  # told where it is waited for
            self._trouble = error


def _columns(connection: apsw.Connection, sql: str) -> Columns:
    row = next(iter(connection.execute(sql)))
    return [json.loads(f"[{text or ''}]") for text in row]
