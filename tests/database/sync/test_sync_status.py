"""`hx sync status`: why objects were not imported, and which devices know of a tombstone."""

from __future__ import annotations

import pytest

from database.sync.ledger_rows import (
    ME,
    NOW_US,
    OTHER,
    TAKEN,
    THIRD,
    event,
    head,
    in_vault,
    join_records,
    object_id,
    put_segments,
    statements,
    tombstone,
)
from hx.core.format import object_names
from hx.core.format.roster import Member, Trust
from hx.core.format.verdict import MALFORMED, NO_KEY, NOT_ARRIVED, PENDING, REJECTED
from hx.core.model import Window
from hx.core.text_orders import scope_of
from hx.database.event_detail import rename_device
from hx.database.sync import forgotten_copies, held, ledger, vault
from hx.database.sync.ledger import AWAITED, Verdict
from hx.database.sync.sync_status import (
    DeviceCopies,
    UntakenGroup,
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
    return {device_id: Member(device_id, b"s", b"b", LABELS[device_id]) for device_id in device_ids}


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


# ---- why objects were not imported ----


def test_imported_objects_have_no_reason(database):
    put_segments(database, ME, 1)
    write_manifest(database, 1, ME)
    assert reasons(database) == []


def test_objects_are_grouped_by_status_and_reason_the_oldest_first(database):
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
        UntakenGroup(PENDING, NO_KEY, 1, NOW_US - 1, ["2/5"], [laptop]),
        UntakenGroup(PENDING, NOT_ARRIVED, 3, NOW_US, names, sorted([laptop, third])),
        UntakenGroup(
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
    ("lists", "note"),
    [
        ({}, ""),
        ({"waiting": [OTHER]}, "waiting: run `hx sync`"),
        ({"inactive": [OTHER]}, "not admitted"),
        ({"inactive": [OTHER], "revoked": [OTHER]}, "no longer in the vault"),
        ({"inactive": [OTHER], "revoked": [OTHER], "departed": [OTHER]}, "left the vault"),
    ],
    ids=str,
)
def test_each_device_has_a_note_on_its_state_in_the_vault(database, lists, note):
    active = [ME, OTHER] if not lists else [ME]
    write_manifest(database, 1, OTHER)
    write_manifest(database, 2, OTHER)
    own, other = devices(database, trust(*active, **lists), ME)
    assert (own.device_id, own.here, own.active, own.last_seen_us) == (ME, True, True, None)
    assert (other.device_id, other.here, other.active) == (OTHER, False, not lists)
    assert other.last_seen_us == 1002
    assert other.note == note or (note and other.note.startswith(note))


def test_of_two_manifests_of_one_seq_the_same_time_is_used_everywhere(database):
    for sha256, at_us in ((b"\x01" * 32, 500), (b"\x02" * 32, 900)):
        manifest = head(3, OTHER, key=str(at_us), sha256=sha256)._replace(at_us=at_us)
        ledger.write_manifest(database, manifest, TAKEN, NOW_US)
    forgotten_copies.note_own(database, OTHER, object_id(1))
    assert devices(database, trust(ME, OTHER), ME)[1].last_seen_us == 900
    assert state(database).copies[0].last_seen_us == 900


def test_this_device_is_first_then_others_by_name_and_id(database):
    rename_device(database, OTHER, "zebra")
    rows = devices(database, trust(OTHER, THIRD, ME), ME)
    assert [(row.device_id, row.name) for row in rows] == [
        (ME, "me"),
        (THIRD, "third"),
        (OTHER, "zebra"),
    ]
    rename_device(database, OTHER, "third")
    assert [row.device_id for row in devices(database, trust(THIRD, OTHER, ME), ME)][1:] == [
        OTHER,
        THIRD,
    ]


# ---- the state of forgetting ----


def state(database, members_trust=None):
    return forget_status(database, ME, members_trust or trust(ME, OTHER, THIRD))


def publish_tombstone(database, seq):
    """Note that the own manifest `seq` has published a tombstone of this device."""
    in_vault(database)
    join_records(database, tombstone(ME, 8, created_at_us=50), author=ME, segment=1)
    vault.update(database, told_seq=seq)


def test_without_an_own_tombstone_there_is_no_status(database):
    join_records(database, tombstone(OTHER, 8))
    assert not may_have_status(database, ME)
    assert state(database) is None


def test_an_own_tombstone_is_unpublished_until_a_segment_holds_it(database):
    in_vault(database)
    join_records(database, tombstone(ME, 8, created_at_us=50), tombstone(ME, 9, created_at_us=60))
    join_records(database, tombstone(OTHER, 7, created_at_us=90))
    assert may_have_status(database, ME)
    assert state(database) == (60, False, {}, {}, [], [], {})
    assert not state(database).is_settled


def test_a_tombstone_in_a_segment_without_a_known_manifest_is_settled(database):
    publish_tombstone(database, None)
    assert state(database) == (50, None, {}, {}, [], [], {})
    assert state(database).is_settled


def test_without_a_vault_publication_is_unknown(database):
    join_records(database, tombstone(ME, 8, created_at_us=50), author=ME, segment=1)
    assert state(database) == (50, None, {}, {}, [], [], {})


def test_a_device_that_read_the_manifest_has_confirmed_and_others_are_silent(database):
    publish_tombstone(database, 4)
    rename_device(database, THIRD, "desk")
    forgotten_copies.confirm(database, OTHER, 4)
    forgotten_copies.confirm(database, THIRD, 3)
    silent = {THIRD: "desk"}
    assert state(database) == (50, True, {OTHER: "other"}, silent, [], [], silent)
    database.execute("DELETE FROM confirmed")
    assert state(database).silent == {OTHER: "other", THIRD: "desk"}
    assert state(database, trust(ME, OTHER, inactive=[THIRD])).silent == {OTHER: "other"}


def test_a_device_that_holds_the_tombstone_has_not_confirmed_it(database):
    publish_tombstone(database, 4)
    forgotten_copies.confirm(database, OTHER, 4)
    [tombstone_id] = database.execute("SELECT tombstone_id FROM tombstone").fetchone()
    database.execute("INSERT INTO said VALUES (?, 1, ?, x'', x'')", (OTHER, tombstone_id))
    known = state(database)
    assert known.holding == [(OTHER, "other", (tombstone_id,), ())]
    assert not known.confirmed
    assert not known.is_settled


def test_its_maker_and_who_holds_it_show_one_id_for_a_forget_of_several_tombstones(database):
    in_vault(database)
    ids = [object_id(number) for number in range(1, 9)]
    mine, others = (
        [tombstone(maker, number, scope=Window(0, number)) for number in range(1, 9)]
        for maker in (ME, THIRD)
    )
    join_records(database, *mine, author=ME, segment=1)
    database.execute("INSERT INTO said VALUES (?, 8, ?, x'', x'')", (OTHER, b"".join(ids)))
    [holding] = state(database).holding
    with database.transaction():
        held.put(database, others, THIRD, None)
    [forget] = held.forgets(held.read(database))
    assert holding.held == (forget.tombstone_id,) == (ids[0],)


@pytest.mark.parametrize(
    "scope", [Window(0, 9), scope_of(b"s" * 32, [b"secret"], 50)], ids=["window", "texts"]
)
def test_a_silent_device_may_hold_the_same_text_only_if_keys_alone_were_named(database, scope):
    publish_tombstone(database, 4)
    assert state(database).may_hold == state(database).silent
    join_records(database, tombstone(ME, 6, scope=scope, created_at_us=50), author=ME, segment=1)
    assert state(database).silent
    assert state(database).may_hold == {}


def test_a_device_that_confirmed_nothing_is_silent_about_the_first_manifest(database):
    publish_tombstone(database, 1)
    assert state(database).silent == {OTHER: "other", THIRD: "third"}


def test_a_device_with_a_copy_is_neither_confirmed_nor_silent(database):
    publish_tombstone(database, 4)
    write_manifest(database, 6, OTHER)
    write_manifest(database, 7, OTHER)
    for device_id, number in ((OTHER, 1), (OTHER, 2), (ME, 3)):
        forgotten_copies.note_own(database, device_id, object_id(number))
    forgotten_copies.confirm(database, OTHER, 9)
    status = state(database)
    assert status.confirmed == {}
    assert status.silent == {THIRD: "third"}
    assert status.copies == [
        DeviceCopies(ME, "me", 1, None, here=True, is_member=True),
        DeviceCopies(OTHER, "other", 2, 1007, here=False, is_member=True),
    ]
    assert not status.is_settled


def test_copies_of_inactive_and_unknown_devices_are_reported(database):
    put_segments(database, OTHER, 1)
    for device_id in (OTHER, THIRD):
        forgotten_copies.note_own(database, device_id, object_id(1))
    assert may_have_status(database, ME)
    status = state(database, trust(ME, inactive=[OTHER]))
    assert status.at_us is None
    assert [(copy.name, copy.is_member) for copy in status.copies] == [
        (THIRD.hex()[:8], False),
        ("other", False),
    ]
    waiting = state(database, trust(ME, waiting=[OTHER]))
    assert [(copy.name, copy.is_member) for copy in waiting.copies][1] == ("other", True)


def test_the_status_asks_as_often_whatever_the_number_of_segments(database):
    def asked(first, last):
        """Add segments of another device with an event each, forget some; count the statements."""
        put_segments(database, OTHER, *range(first, last))
        for number in range(first, last):
            join_records(database, event(number, OTHER, number), author=OTHER, segment=number)
        join_records(database, tombstone(ME, first, scope=Window(first, last - 2, None)))
        with statements(database) as texts:
            known = trust(ME, OTHER)
            ledger.counts(database)
            reasons(database)
            devices(database, known, ME)
            forget_status(database, ME, known)
        return len(texts)

    in_vault(database)
    write_manifest(database, 1, OTHER)
    asked(1, 6)
    assert asked(10, 15) == asked(20, 200)
