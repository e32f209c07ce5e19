"""The row of the vault, the records of its roster, and what is noted of a vault that was left."""

from __future__ import annotations

import pytest

from database.sync.ledger_rows import (
    ME,
    OTHER,
    THIRD,
    event,
    head,
    in_vault,
    join_records,
    location_of,
    put_segments,
    tombstone,
    unpublished,
)
from hx.core.format.roster_records import Record
from hx.database.sync import forgotten_copies, ledger, locations, vault
from hx.database.sync.vault import Departure, Vault

VAULT = Vault(b"v" * 32, "vault", "folder:/v", b"genesis")
FIRST, SECOND = (Record(bytes([number]) * 32, b"payload", b"s" * 64) for number in (1, 2))


def test_a_device_is_in_the_vault_that_it_has_entered(database):
    assert vault.read(database) is None
    with database.transaction():
        vault.create(database, VAULT)
    assert vault.read(database) == VAULT
    assert VAULT.own_seq == 0


def test_on_entering_a_vault_all_that_nobody_there_has_shown_is_unpublished(database):
    """Also the events of another device: it need not be in this vault, or may be lost."""
    join_records(database, event(10), event(20), event(30, OTHER))
    join_records(database, event(40), author=THIRD)
    row = database.value("SELECT min(id) FROM event")
    database.execute("DELETE FROM unpublished WHERE event <> ?", (row,))
    with database.transaction():
        vault.create(database, VAULT)
    assert unpublished(database) == {10, 20, 30}
    assert location_of(database, event(30, OTHER)) is None


def test_leaving_a_vault_removes_what_is_known_of_it_and_no_record(database):
    in_vault(database)
    records = [event(10), tombstone()]
    join_records(database, *records, author=ME, segment=1)
    put_segments(database, ME, 1)
    ledger.write_manifest(database, head(1), ledger.TAKEN, 5)
    vault.add_records(database, [FIRST])
    forgotten_copies.note_own(database, ME, b"o" * 16)
    forgotten_copies.confirm(database, OTHER, 1)
    database.set_meta("copy_seen_us", 7)
    database.set_meta("elsewhere", 7)
    with database.transaction():
        vault.remove(database)
    assert vault.read(database) is None
    assert [location_of(database, record) for record in records] == [None, None]
    assert database.value("SELECT count(*) FROM event WHERE location IS NULL") == 1
    assert not locations.read_all(database)
    assert not vault.records(database)
    assert not ledger.known_manifests(database)
    assert not forgotten_copies.copies(database)
    assert not forgotten_copies.confirmed(database)
    assert database.meta("copy_seen_us") is None
    assert database.meta("elsewhere") == 7


def test_the_columns_that_are_named_are_changed(database):
    in_vault(database)
    values = VAULT._replace(own_seq=3, conditions="full", told_seq=2)._asdict()
    vault.update(database, **values)
    assert vault.read(database) == Vault(**values)
    vault.update(database, conditions="")
    assert vault.read(database) == Vault(**values)._replace(conditions="")


@pytest.mark.parametrize(("seen", "noted"), [([5, 3], 5), ([3, 5], 5)])
def test_the_greatest_own_number_is_noted(database, seen, noted):
    in_vault(database)
    for seq in seen:
        vault.raise_own_seq(database, seq)
    assert vault.read(database).own_seq == noted


def test_roster_records_are_added_once(database):
    assert vault.add_records(database, [FIRST])
    assert not vault.add_records(database, [FIRST])
    assert vault.add_records(database, [FIRST, SECOND])
    assert vault.records(database) == {FIRST, SECOND}
    assert not vault.add_records(database, [])


def test_the_digest_differs_for_different_sets_of_records_only(database):
    vault.add_records(database, [SECOND, FIRST])
    both = vault.digest(database)
    assert len(both) == 32
    assert both == vault.roster_digest([FIRST, SECOND])
    assert len({both, *(vault.roster_digest(some) for some in ([], [FIRST], [SECOND]))}) == 4
    for changed in (
        FIRST._replace(payload=b"other"),
        FIRST._replace(signer=b"x" * 32),
        FIRST._replace(signature=b"x" * 64),
    ):
        assert vault.roster_digest([changed, SECOND]) != both


@pytest.mark.parametrize(
    "record", [None, Record(b"k" * 32, b"payload", b"s" * 64), Record(b"k" * 32, b"", b"s" * 64)]
)
def test_how_a_device_has_left_a_vault_is_read_as_it_was_noted(database, record):
    assert vault.departure(database, b"v" * 32) is None
    left = Departure(ME, record)
    with database.transaction():
        vault.note_departure(database, b"v" * 32, left)
    assert vault.departure(database, b"v" * 32) == left
    assert vault.departure(database, b"w" * 32) is None
