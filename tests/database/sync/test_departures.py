"""What the ledger says about the manifests of a device that is gone."""

from __future__ import annotations

from database.sync.ledger_rows import ME, OTHER, THIRD, in_vault, put_segments
from hx.core.format.manifest import Listed, objects_digest
from hx.core.format.object_names import MANIFEST, Name, spelled
from hx.core.format.verdict import NO_KEY, PENDING
from hx.database.sync import departures, ledger
from hx.database.sync.ledger import TAKEN, Head, Verdict


def listed_of(database, device_id):
    rows = database.execute(
        "SELECT object_id, size, sha256 FROM segment WHERE device_id = ? AND listed = 1",
        (device_id,),
    )
    return [Listed(*row, 0) for row in rows]


def head(device_id, seq):
    key = spelled(Name(MANIFEST, device_id, bytes([seq]) * 8 + bytes(8), seq=seq))
    return Head(key, device_id, seq, bytes([seq]) * 32, b"r" * 32, 1, "name")


def test_the_digest_names_what_a_device_lists_and_nothing_else(database):
    in_vault(database)
    put_segments(database, OTHER, 1, 2, 3)
    put_segments(database, THIRD, 4)
    database.execute("UPDATE segment SET listed = 1")
    database.execute("UPDATE segment SET listed = 0 WHERE object_id = ?", (bytes([3]) * 16,))
    listed = listed_of(database, OTHER)
    assert listed
    assert departures.listed_digest(database, OTHER) == objects_digest(listed)
    assert departures.listed_digest(database, THIRD) != objects_digest(listed)
    assert departures.listed_digest(database, ME) == objects_digest([])


def test_only_the_taken_manifests_of_that_device_are_forgotten(database):
    in_vault(database)
    for device_id in (OTHER, THIRD):
        ledger.write_manifest(database, head(device_id, 1), TAKEN, 5)
    unread = head(OTHER, 2)
    ledger.write_manifest(database, unread, Verdict(PENDING, NO_KEY), 5)
    departures.forget_heads(database, OTHER)
    assert ledger.known_manifests(database) == {head(THIRD, 1).key}
    assert database.value("SELECT key FROM manifest WHERE device_id = ?", (OTHER,)) == unread.key
