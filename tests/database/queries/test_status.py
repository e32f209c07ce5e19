"""The figures of a database and what is wrong with it."""

from __future__ import annotations

import apsw
import pytest

from database.sync.ledger_rows import ME, OTHER, THIRD, event, in_session, join_records
from hx.core.model import IMPORTED
from hx.database import spool_state
from hx.database.connection import UNCLEAN, open_database
from hx.database.queries import status

FILE, SECOND_FILE = b"\x80" * 16, b"\x81" * 16


def name(database, names):
    for device_id, text in names.items():
        database.execute("UPDATE device SET name = ? WHERE device_id = ?", (text, device_id))


def test_an_empty_database_is_that_of_one_device(database):
    figures = status.figures(database)
    assert figures == (0, 0, 0, 1, "wal", None, False)


def test_the_figures_are_those_of_the_rows(database):
    join_records(database, event(10), event(20, seq=2), event(30, OTHER, command=b"ls"))
    database.set_meta("last_ingest_us", 7)
    database.set_meta(UNCLEAN, 8)
    assert status.figures(database) == (3, 2, 2, 2, "wal", 7, True)
    database.set_meta("last_ingest_us", "damaged")
    assert status.figures(database).last_ingest_us is None


def test_an_import_belongs_to_the_device_of_its_name(database):
    join_records(database, *(event(10, device_id) for device_id in (ME, OTHER, FILE, SECOND_FILE)))
    name(database, {ME: "box", OTHER: "box", FILE: "box", SECOND_FILE: "another"})
    assert status.figures(database).devices == 1
    name(database, {OTHER: "another"})
    assert status.figures(database).devices == 2


def test_faults_come_by_their_number_and_then_by_their_reason(database):
    spool_state.add_faults(database, {"b": 1, "a": 1, "c": 5}, 9)
    assert status.faults(database) == [("c", 5, 9), ("a", 1, 9), ("b", 1, 9)]


def test_the_newest_recorded_event_of_each_shell_is_known(database):
    def run(at_us, session, shell, seq=1, device_id=ME, **fields):
        made = event(at_us, device_id, seq, shell=shell, **fields)
        return in_session(made, bytes([session]) * 16)

    assert status.newest_us(database, ME) is None
    join_records(
        database,
        run(40, 1, b"zsh"),
        run(50, 1, b"bash", seq=2),
        run(20, 2, b"zsh"),
        run(30, 3, b"zsh"),
        run(60, 4, b"\xff"),
        run(5, 5, None),
        run(90, 6, b"zsh", origin=IMPORTED),
        run(95, 7, b"zsh", device_id=OTHER),
    )
    expected = [(b"\xff", 60), (b"bash", 50), (b"zsh", 30), (None, 5)]
    assert status.newest_by_shell(database, ME) == expected
    assert status.newest_us(database, ME) == 60
    assert status.newest_by_shell(database, THIRD) == []


def test_so_many_sessions_are_looked_at_the_newest_ones(database, monkeypatch):
    for number, shell in enumerate((b"bash", b"zsh", b"fish"), 1):
        made = event(10 * number, shell=shell)
        join_records(database, in_session(made, bytes([number]) * 16))
    monkeypatch.setattr(status, "_SESSIONS", 2)
    assert status.newest_by_shell(database, ME) == [(b"fish", 30), (b"zsh", 20)]


WRONG = {
    "refer to rows that are not there": "UPDATE event SET directory = 99 WHERE id = 1",
    "the full-text index": "DELETE FROM command_text WHERE rowid = 1",
    "counts that are kept": "UPDATE total SET count = 9 WHERE name = 'event'",
    "tables or indexes": "DROP INDEX event_ident",
}


@pytest.mark.parametrize("sentence", WRONG)
def test_each_fault_of_a_database_is_told(database, sentence):
    join_records(database, event(10), event(20, seq=2, command=b"ls"))
    database.execute("ANALYZE")
    assert [*status.wrongs(database)] == []
    database.connection.pragma("foreign_keys", 0)
    database.execute(WRONG[sentence])
    (told,) = status.wrongs(database)
    assert sentence in told


def test_damaged_pages_are_told(path):
    """The number of free pages, four bytes of the header, says that there is one more."""
    database = open_database(path)
    database.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    assert [*status.wrongs(database)] == []
    database.close()
    with open(path, "r+b") as file:
        file.seek(36)
        free = int.from_bytes(file.read(4), "big")
        file.seek(36)
        file.write((free + 1).to_bytes(4, "big"))
    database = open_database(path)
    (told,) = status.wrongs(database)
    assert "reelist" in told
    assert "\n" not in told
    database.close()
