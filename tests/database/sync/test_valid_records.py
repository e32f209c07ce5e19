"""Valid records: those of a history that no tombstone covers and no newer version supersedes."""

from __future__ import annotations

from database.sync.ledger_rows import ME, artifact, event, history, join_records, pin, tombstone
from hx.core.merge import Cover
from hx.database.sync.valid_records import holds_forgotten, still_valid

NOTHING = Cover(())


def test_records_that_are_not_in_the_database_are_valid(database):
    records = history(event(10), artifact(11))
    assert still_valid(database, records, NOTHING) == (records, {})


def test_the_present_version_is_valid_with_its_row_and_an_older_one_is_not(database):
    present, old = event(10), event(20)
    old_artifact = artifact(21, number=3)
    join_records(database, present, event(20, revision=1), artifact(11), pin())
    join_records(database, old_artifact._replace(revision=1))
    records = history(present, old, artifact(11), old_artifact, pin(), tombstone())
    valid, rows = still_valid(database, records, NOTHING)
    assert valid == history(present, artifact(11), pin(), tombstone())
    assert rows == {present.key: database.value("SELECT id FROM event WHERE started_at_us = 10")}


def test_an_older_pin_is_not_valid(database):
    join_records(database, pin(changed_at_us=9))
    assert still_valid(database, history(pin()), NOTHING).history == history()


def test_covered_records_are_not_valid_and_their_tombstone_is(database):
    forgotten = artifact(11, owner=event(10).key)
    tombstone_record = tombstone(ME, 9, event(10))
    records = history(event(10), event(20), forgotten, tombstone_record)
    cover = Cover([tombstone_record])
    assert still_valid(database, records, cover).history == history(event(20), tombstone_record)
    assert holds_forgotten(records, cover)
    assert holds_forgotten(history(event(10), event(20)), cover)
    assert holds_forgotten(history(forgotten, artifact(12, number=3)), cover)
    assert holds_forgotten(history(forgotten), cover)
    assert holds_forgotten(history(event(10)), cover)
    assert not holds_forgotten(history(event(20), artifact(11)), cover)
