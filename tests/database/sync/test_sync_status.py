"""What `hx sync status` reads from the rows: why objects were not taken, who knows of a forget."""

from __future__ import annotations

import pytest

from database.sync.ledger_rows import (
    ME,
    NOW_US,
    OTHER,
    TAKEN,
    THIRD,
    head,
    in_vault,
    object_id,
    put_segments,
    take,
    tombstone,
)
from hx.core.format import object_names
from hx.core.format.roster import Member, Trust
from hx.core.format.verdict import MALFORMED, NO_KEY, NOT_ARRIVED, PENDING, REJECTED
from hx.database.event_detail import rename_device
from hx.database.sync import forgotten_copies, ledger, vault
from hx.database.sync.ledger import AWAITED, Verdict
from hx.database.sync.sync_status import (
    DeviceCopies,
    Why,
    devices,
    forget_status,
    may_have_status,
    reasons,
)

LABELS = {ME: "me", OTHER: "other", THIRD: "third"}
EMPTY = Trust(
    **{field: frozenset() if field in ("inactive", "revoked") else {} for field in Trust._fields}
)


def members(*device_ids):
    return {one: Member(one, b"s", b"b", LABELS[one]) for one in device_ids}


def trust(*active, waiting=(), departed=(), inactive=(), revoked=()):
    return EMPTY._replace(
        active=members(*active),
        waiting=members(*waiting),
        departed=members(*departed),
        inactive=frozenset(inactive),
        revoked=frozenset(revoked),
        enrolled=members(*{*active, *waiting, *departed, *inactive, *revoked}),
    )


def write_manifest(database, seq, device_id, verdict=TAKEN, now_us=NOW_US):
    ledger.write_manifest(database, head(seq, device_id), verdict, now_us)


# ---- why objects were not taken ----


def test_nothing_is_told_where_all_was_taken(database):
    put_segments(database, ME, 1)
    write_manifest(database, 1, ME)
    assert reasons(database) == []


def test_objects_are_told_by_status_and_reason_the_oldest_first(database):
    rename_device(database, OTHER, "laptop")
    put_segments(database, OTHER, 2, 1, verdict=AWAITED)
    put_segments(database, THIRD, 3, verdict=AWAITED)
    put_segments(database, THIRD, 4, verdict=Verdict(REJECTED, MALFORMED))
    write_manifest(database, 5, OTHER, Verdict(PENDING, NO_KEY), NOW_US - 1)
    database.execute("UPDATE segment SET since_us = since_us + 3 WHERE device_id = ?", (OTHER,))
    database.execute("UPDATE segment SET since_us = since_us + 1 WHERE status = ?", (REJECTED,))
    laptop, third = "laptop", THIRD.hex()[:8]
    segments = [(OTHER, 1), (OTHER, 2), (THIRD, 3)]
    names = sorted(object_names.segment(author, object_id(n)) for author, n in segments)
    assert reasons(database) == [
        Why(PENDING, NO_KEY, 1, NOW_US - 1, ["2/5"], [laptop]),
        Why(PENDING, NOT_ARRIVED, 3, NOW_US, names, sorted([laptop, third])),
        Why(
            REJECTED,
            MALFORMED,
            1,
            NOW_US + 1,
            [object_names.segment(THIRD, object_id(4))],
            [third],
        ),
    ]


# ---- the devices ----


@pytest.mark.parametrize(
    ("known", "note"),
    [
        ({}, ""),
        ({"waiting": [OTHER]}, "waiting: run `hx sync`"),
        ({"inactive": [OTHER]}, "not admitted"),
        ({"inactive": [OTHER], "revoked": [OTHER]}, "no longer in the vault"),
        ({"inactive": [OTHER], "revoked": [OTHER], "departed": [OTHER]}, "left the vault"),
    ],
    ids=str,
)
def test_each_device_is_told_with_what_it_is_in_the_vault(database, known, note):
    active = [ME, OTHER] if not known else [ME]
    write_manifest(database, 1, OTHER)
    write_manifest(database, 2, OTHER)
    mine, others = devices(database, trust(*active, **known), ME)
    assert (mine.device_id, mine.here, mine.active, mine.last_seen_us) == (ME, True, True, None)
    assert (others.device_id, others.here, others.active) == (OTHER, False, not known)
    assert others.last_seen_us == 1002
    assert others.note == note or (note and others.note.startswith(note))


def test_of_two_manifests_of_one_seq_the_time_of_one_is_told_everywhere(database):
    for sha256, at_us in ((b"\x01" * 32, 500), (b"\x02" * 32, 900)):
        manifest = head(3, OTHER, key=str(at_us), sha256=sha256)._replace(at_us=at_us)
        ledger.write_manifest(database, manifest, TAKEN, NOW_US)
    forgotten_copies.note_own(database, OTHER, object_id(1))
    assert devices(database, trust(ME, OTHER), ME)[1].last_seen_us == 900
    assert look(database).copies[0].last_seen_us == 900


def test_this_device_is_first_then_the_others_by_name_and_id(database):
    rename_device(database, OTHER, "zebra")
    found = devices(database, trust(OTHER, THIRD, ME), ME)
    assert [(one.device_id, one.name) for one in found] == [
        (ME, "me"),
        (THIRD, "third"),
        (OTHER, "zebra"),
    ]
    rename_device(database, OTHER, "third")
    assert [one.device_id for one in devices(database, trust(THIRD, OTHER, ME), ME)][1:] == [
        OTHER,
        THIRD,
    ]


# ---- what is still true of what was forgotten ----


def look(database, known=None):
    return forget_status(database, ME, known or trust(ME, OTHER, THIRD))


def told(database, seq):
    """An order of this device lies in a segment, and its manifest `seq` has told it."""
    in_vault(database)
    take(database, tombstone(ME, 8, created_at_us=50), author=ME, segment=1)
    vault.update(database, told_seq=seq)


def test_without_a_forget_there_is_nothing_to_tell(database):
    take(database, tombstone(OTHER, 8))
    assert not may_have_status(database, ME)
    assert look(database) is None


def test_an_order_that_was_given_here_is_not_told_until_a_segment_holds_it(database):
    in_vault(database)
    take(database, tombstone(ME, 8, created_at_us=50), tombstone(ME, 9, created_at_us=60))
    take(database, tombstone(OTHER, 7, created_at_us=90))
    assert may_have_status(database, ME)
    assert look(database) == (60, False, {}, {}, [])
    assert not look(database).is_settled


def test_an_order_in_a_segment_is_told_with_the_manifest_that_is_known(database):
    told(database, None)
    assert look(database) == (50, None, {}, {}, [])
    assert look(database).is_settled


def test_without_a_vault_nobody_is_told(database):
    take(database, tombstone(ME, 8, created_at_us=50), author=ME, segment=1)
    assert look(database) == (50, None, {}, {}, [])


def test_who_has_read_the_manifest_has_confirmed_and_the_others_are_silent(database):
    told(database, 4)
    rename_device(database, THIRD, "desk")
    forgotten_copies.confirm(database, OTHER, 4)
    forgotten_copies.confirm(database, THIRD, 3)
    assert look(database) == (50, True, {OTHER: "other"}, {THIRD: "desk"}, [])
    database.execute("DELETE FROM confirmed")
    assert look(database).silent == {OTHER: "other", THIRD: "desk"}
    assert look(database, trust(ME, OTHER, inactive=[THIRD])).silent == {OTHER: "other"}


def test_a_device_that_has_confirmed_nothing_has_not_confirmed_the_first_manifest(database):
    told(database, 1)
    assert look(database).silent == {OTHER: "other", THIRD: "third"}


def test_a_device_that_has_a_copy_left_is_told_by_that_alone(database):
    told(database, 4)
    write_manifest(database, 6, OTHER)
    write_manifest(database, 7, OTHER)
    for device_id, number in ((OTHER, 1), (OTHER, 2), (ME, 3)):
        forgotten_copies.note_own(database, device_id, object_id(number))
    forgotten_copies.confirm(database, OTHER, 9)
    found = look(database)
    assert found.confirmed == {}
    assert found.silent == {THIRD: "third"}
    assert found.copies == [
        DeviceCopies(ME, "me", 1, None, here=True, is_member=True),
        DeviceCopies(OTHER, "other", 2, 1007, here=False, is_member=True),
    ]
    assert not found.is_settled


def test_copies_of_devices_that_are_gone_or_unknown_are_told_too(database):
    put_segments(database, OTHER, 1)
    for device_id in (OTHER, THIRD):
        forgotten_copies.note_own(database, device_id, object_id(1))
    assert may_have_status(database, ME)
    found = look(database, trust(ME, inactive=[OTHER]))
    assert found.at_us is None
    assert [(one.name, one.is_member) for one in found.copies] == [
        (THIRD.hex()[:8], False),
        ("other", False),
    ]
    waiting = look(database, trust(ME, waiting=[OTHER]))
    assert [(one.name, one.is_member) for one in waiting.copies][1] == ("other", True)
