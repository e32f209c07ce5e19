"""What still holds of a history that is on its way to the store."""

from __future__ import annotations

from database.sync.ledger_rows import ME, artifact, event, history, pin, take, tombstone
from hx.core.merge import Cover
from hx.database.sync.valid_records import holds_forgotten, still_valid

NOTHING = Cover(())


def test_what_is_not_in_the_database_is_neither_covered_nor_superseded(database):
    whole = history(event(10), artifact(11))
    assert still_valid(database, whole, NOTHING) == (whole, {})


def test_the_present_version_is_spared_with_its_row_and_an_older_one_is_not(database):
    kept, old = event(10), event(20)
    old_artifact = artifact(21, number=3)
    take(database, kept, event(20, revision=1), artifact(11), pin())
    take(database, old_artifact._replace(revision=1))
    whole = history(kept, old, artifact(11), old_artifact, pin(), tombstone())
    left, found = still_valid(database, whole, NOTHING)
    assert left == history(kept, artifact(11), pin(), tombstone())
    assert found == {kept.key: database.value("SELECT id FROM event WHERE started_at_us = 10")}


def test_an_older_pin_is_not_spared(database):
    take(database, pin(changed_at_us=9))
    assert still_valid(database, history(pin()), NOTHING).history == history()


def test_what_is_covered_goes_and_what_covers_it_stays(database):
    forgotten = artifact(11, owner=event(10).key)
    order = tombstone(ME, 9, event(10))
    whole = history(event(10), event(20), forgotten, order)
    cover = Cover([order])
    assert still_valid(database, whole, cover).history == history(event(20), order)
    assert holds_forgotten(whole, cover)
    assert holds_forgotten(history(event(10), event(20)), cover)
    assert holds_forgotten(history(forgotten, artifact(12, number=3)), cover)
    assert holds_forgotten(history(forgotten), cover)
    assert holds_forgotten(history(event(10)), cover)
    assert not holds_forgotten(history(event(20), artifact(11)), cover)
