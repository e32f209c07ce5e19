"""The rows of the ledger after each of its functions, with two devices."""

from __future__ import annotations

import pytest

from database.sync.ledger_rows import (
    ME,
    NOW_US,
    OTHER,
    TAKEN,
    columns,
    flagged,
    head,
    listed,
    numbers,
    object_id,
    put_segments,
    set_columns,
)
from hx.core.format.verdict import (
    DUPLICATE,
    IMPORTED,
    MALFORMED,
    NEEDS_UPGRADE,
    NO_KEY,
    NOT_ARRIVED,
    PENDING,
    REJECTED,
    REVOKED,
    ROSTER,
    SKIPPED,
    SUPERSEDED,
)
from hx.database.sync import ledger, own_ledger
from hx.database.sync.ledger import AWAITED, Verdict

REFUSED = Verdict(REJECTED, MALFORMED)
GIVEN_UP = Verdict(SKIPPED, SUPERSEDED)


def write(database, *heads, verdict=TAKEN, now_us=NOW_US):
    for manifest in heads:
        ledger.write_manifest(database, manifest, verdict, now_us)


def keys(database):
    return {key for (key,) in database.execute("SELECT key FROM manifest")}


# ---- manifests ----


def test_a_manifest_is_known_unless_it_is_pending(database):
    write(database, head(1))
    write(database, head(2), verdict=REFUSED)
    write(database, head(3), verdict=AWAITED)
    assert ledger.known_manifests(database) == {"1/1", "1/2"}


def test_an_equal_verdict_adds_a_try_and_keeps_the_time_of_the_first(database):
    for now_us in (5, 6, 7):
        write(database, head(1), verdict=AWAITED, now_us=now_us)
    assert ledger.patience(database, "1/1") == (5, 3)
    assert ledger.patience(database, "1/2") is None


@pytest.mark.parametrize("verdict", [Verdict(PENDING, NO_KEY), Verdict(REJECTED, NOT_ARRIVED)])
def test_another_status_or_reason_begins_a_new_time(database, verdict):
    write(database, head(1), verdict=AWAITED, now_us=5)
    write(database, head(1), verdict=verdict, now_us=8)
    assert ledger.patience(database, "1/1") == (8, 2)


def test_a_second_verdict_writes_what_the_first_could_not_read(database):
    unread = head(1)._replace(sha256=b"", roster=b"", at_us=0, label="")
    write(database, unread, verdict=AWAITED)
    write(database, head(1))
    assert ledger.heads(database) == {ME: [head(1)]}
    assert database.execute("SELECT status, reason FROM manifest").fetchall() == [(IMPORTED, "")]


def test_the_head_of_a_device_is_its_newest_taken_manifest(database):
    write(database, head(1), head(3), head(2), head(7, OTHER))
    write(database, head(4), verdict=AWAITED)
    assert ledger.heads(database) == {ME: [head(3)], OTHER: [head(7, OTHER)]}
    assert ledger.pinned_seq(database, ME) == 3
    assert ledger.pinned_seq(database, b"\x09" * 16) == 0


def test_two_manifests_of_one_seq_are_both_heads_in_the_order_of_their_hashes(database):
    first = head(3, key="a", sha256=b"\x09" * 32)
    second = head(3, key="b", sha256=b"\x01" * 32)
    write(database, head(2), first, second)
    write(database, head(3, key="c", sha256=b"\x05" * 32), verdict=REFUSED)
    assert ledger.heads(database) == {ME: [second, first]}
    assert [seen[:3] for seen in ledger.seen(database)] == [(ME, 3, b"\x09" * 32)]


def test_seen_manifests_are_in_the_order_of_device_ids(database):
    write(database, head(7, OTHER), head(3))
    assert [seen[:2] for seen in ledger.seen(database)] == [(ME, 3), (OTHER, 7)]


@pytest.mark.parametrize(("own", "expected"), [(True, {"1/1", "1/3"}), (False, {"1/3"})])
def test_older_manifests_are_dropped_except_own_ones_still_in_the_store(database, own, expected):
    write(database, head(1), head(3), head(1, OTHER))
    write(database, head(2), verdict=AWAITED)
    ledger.drop_older(database, head(3), own=own)
    assert keys(database) == expected | {"2/1"}


def test_a_rejected_manifest_is_dropped_when_it_is_not_listed(database):
    write(database, head(1))
    write(database, head(2), head(3), verdict=REFUSED)
    ledger.forget_gone(database, {"1/3"})
    assert keys(database) == {"1/1", "1/3"}


def test_one_signed_manifest_is_taken_once_under_all_keys(database):
    write(database, head(1, key="a"))
    same = head(1, key="b")
    assert ledger.is_taken_as_another(database, same)
    assert not ledger.is_taken_as_another(database, head(1, key="a"))
    assert not ledger.is_taken_as_another(database, same._replace(sha256=b"x" * 32))
    assert not ledger.is_taken_as_another(database, same._replace(seq=2))
    assert not ledger.is_taken_as_another(database, same._replace(device_id=OTHER))
    write(database, head(2, key="c"), verdict=AWAITED)
    assert not ledger.is_taken_as_another(database, head(2, key="d"))


def test_own_manifests_are_returned_newest_first_and_copies_separately(database):
    write(database, head(1), head(2), head(9, OTHER))
    write(database, head(3), verdict=AWAITED)
    write(database, head(2, key="copy"), verdict=Verdict(SKIPPED, DUPLICATE))
    write(database, head(9, OTHER, key="of another"), verdict=Verdict(SKIPPED, DUPLICATE))
    write(database, head(2, key="same seq", sha256=b"\x7f" * 32))
    assert ledger.own_manifests(database, ME) == ["same seq", "1/2", "1/1"]
    assert ledger.own_copies(database, ME) == ["copy"]


def test_a_missing_key_is_reported_while_a_manifest_is_pending(database):
    write(database, head(1), verdict=Verdict(REJECTED, NO_KEY))
    write(database, head(2), verdict=AWAITED)
    assert not ledger.lacks_key(database)
    write(database, head(3), verdict=Verdict(PENDING, NO_KEY))
    assert ledger.lacks_key(database)


@pytest.mark.parametrize("kind", ["segment", "manifest"])
def test_a_newer_format_is_reported_while_its_object_is_pending(database, kind):
    def put(number, verdict):
        if kind == "manifest":
            write(database, head(number), verdict=verdict)
        else:
            put_segments(database, ME, number, verdict=verdict)

    put(1, Verdict(REJECTED, NEEDS_UPGRADE))
    put(2, AWAITED)
    assert not ledger.waits_for_upgrade(database)
    put(3, Verdict(PENDING, NEEDS_UPGRADE))
    assert ledger.waits_for_upgrade(database)


# ---- segments: what is listed ----


def test_a_segment_that_is_listed_again_keeps_its_row(database):
    ledger.list_objects(database, ME, [listed(1)], 5)
    names = "size, sha256, events, first_us, last_us, listed, superseded, rewrite"
    assert columns(database, names) == {1: (101, b"\x01" * 32, 3, 10, 20, 0, 0, 0)}
    state = "status, reason, detail, since_us, tries"
    assert columns(database, state) == {1: (PENDING, NOT_ARRIVED, "", 5, 0)}
    ledger.list_objects(database, ME, [listed(1)], 6, TAKEN)
    assert columns(database, state) == {1: (PENDING, NOT_ARRIVED, "", 5, 0)}


def test_a_segment_that_is_no_longer_listed_and_never_arrived_is_superseded(database):
    put_segments(database, ME, 1, 2)
    put_segments(database, ME, 3, 4, verdict=AWAITED)
    put_segments(database, OTHER, 1, verdict=AWAITED)
    ledger.set_listed(database, ME, [listed(2), listed(4)])
    assert columns(database, "listed, status, reason") == {
        1: (0, IMPORTED, ""),
        2: (1, IMPORTED, ""),
        3: (0, SKIPPED, SUPERSEDED),
        4: (1, PENDING, NOT_ARRIVED),
    }
    assert columns(database, "listed, status", OTHER) == {1: (1, PENDING)}


def test_a_superseded_segment_that_is_listed_again_is_pending_again(database):
    put_segments(database, ME, 1, verdict=AWAITED)
    put_segments(database, ME, 2, verdict=REFUSED)
    put_segments(database, OTHER, 1, verdict=GIVEN_UP)
    ledger.set_listed(database, ME, [])
    set_columns(database, 2, status=REJECTED, reason=MALFORMED)
    ledger.add_listed(database, ME, [listed(1), listed(2)])
    assert columns(database, "listed, status, reason") == {
        1: (1, PENDING, NOT_ARRIVED),
        2: (1, REJECTED, MALFORMED),
    }
    ledger.set_listed(database, OTHER, [])
    assert columns(database, "listed", ME) == {1: (1,), 2: (1,)}


def test_own_segments_that_are_listed_again_are_marked_for_rewriting(database):
    """No row refers to them, so records forgotten meanwhile are found only by reading them."""
    put_segments(database, ME, 1, 2, 3, 4, 5)
    put_segments(database, OTHER, 1)
    set_columns(database, 1, listed=0)
    set_columns(database, 2, listed=0, superseded=1)
    set_columns(database, 3, listed=0, status=PENDING)
    set_columns(database, 5, listed=0)
    set_columns(database, 1, OTHER, listed=0)
    own_ledger.note_relisted(database, ME, [listed(number) for number in (1, 2, 3, 4)])
    assert flagged(database, "rewrite") == {1}
    assert flagged(database, "rewrite", OTHER) == set()


def test_left_out_are_own_segments_that_were_joined_and_not_replaced(database):
    put_segments(database, ME, 1, 2, 3, 4)
    put_segments(database, OTHER, 1)
    for number, values in ((1, {}), (2, {"superseded": 1}), (3, {"status": PENDING})):
        set_columns(database, number, listed=0, **values)
    set_columns(database, 1, OTHER, listed=0)
    assert numbers(own_ledger.left_out(database, ME)) == [1]


def test_live_superseded_and_taken_segments_are_found_by_their_flags(database):
    put_segments(database, ME, 1, 2, 3, 4)
    put_segments(database, ME, 5, verdict=AWAITED)
    put_segments(database, OTHER, 1)
    set_columns(database, 2, superseded=1)
    set_columns(database, 3, listed=0)
    set_columns(database, 4, listed=0, status=PENDING)
    assert sorted(numbers(own_ledger.live(database, ME))) == [1, 5]
    assert sorted(numbers(own_ledger.superseded(database, ME))) == [2, 3]
    taken = sorted((row.device_id, row.object_id[0]) for row in ledger.taken(database))
    assert taken == [(ME, 1), (ME, 2), (OTHER, 1)]
    assert own_ledger.lists_superseded(database, ME)
    assert not own_ledger.lists_superseded(database, OTHER)
    set_columns(database, 2, listed=0)
    assert not own_ledger.lists_superseded(database, ME)


def test_wanted_segments_are_listed_and_pending_the_newest_first(database):
    for number, last_us in ((1, 30), (2, 50), (3, 40)):
        put_segments(database, OTHER, number, verdict=AWAITED, last_us=last_us)
    put_segments(database, OTHER, 4)
    put_segments(database, OTHER, 5, verdict=AWAITED)
    set_columns(database, 5, OTHER, listed=0)
    assert numbers(ledger.wanted(database)) == [2, 3, 1]


def test_unlisted_own_segments_are_tried_once_and_more_often_after_news(
    database,
):
    put_segments(database, ME, 1, 2, 3, 4, 5, 6, 7, verdict=GIVEN_UP)
    put_segments(database, OTHER, 1, verdict=GIVEN_UP)
    for number in range(1, 8):
        set_columns(database, number, listed=0, status=SKIPPED, reason=SUPERSEDED)
    set_columns(database, 1, OTHER, listed=0)
    set_columns(database, 2, tries=1)
    set_columns(database, 3, tries=8)
    set_columns(database, 4, tries=9, reason=NOT_ARRIVED, status=PENDING)
    set_columns(database, 5, status=REJECTED)
    set_columns(database, 6, status=IMPORTED)
    set_columns(database, 7, superseded=1)
    assert sorted(numbers(own_ledger.own_unread(database, ME))) == [1, 4]
    assert sorted(numbers(own_ledger.own_unread(database, ME, again=True))) == [1, 2, 4]
    set_columns(database, 3, tries=7)
    assert sorted(numbers(own_ledger.own_unread(database, ME, again=True))) == [1, 2, 3, 4]
    set_columns(database, 1, listed=1)
    assert sorted(numbers(own_ledger.own_unread(database, ME))) == [4]


# ---- segments: their verdicts ----


def test_a_verdict_is_written_with_the_time_of_its_first_occurrence(database):
    put_segments(database, ME, 1, 2, verdict=AWAITED)
    put_segments(database, OTHER, 1, verdict=AWAITED)
    state = "status, reason, detail, since_us, tries"
    ledger.judge(database, ledger.find(database, ME, object_id(1)), AWAITED, NOW_US + 5)
    assert columns(database, state)[1] == (PENDING, NOT_ARRIVED, "", NOW_US, 1)
    refused = Verdict(REJECTED, MALFORMED, "no segment")
    ledger.judge(database, ledger.find(database, ME, object_id(1)), refused, NOW_US + 9)
    assert columns(database, state) == {
        1: (REJECTED, MALFORMED, "no segment", NOW_US + 9, 2),
        2: (PENDING, NOT_ARRIVED, "", NOW_US, 0),
    }
    assert columns(database, state, OTHER) == {1: (PENDING, NOT_ARRIVED, "", NOW_US, 0)}


def test_a_segment_is_found_by_author_and_id(database):
    put_segments(database, ME, 1)
    segment = ledger.find(database, ME, object_id(1))
    assert (segment.device_id, segment.object_id, segment.size) == (ME, object_id(1), 101)
    assert ledger.find(database, OTHER, object_id(1)) is None
    assert ledger.find(database, ME, object_id(2)) is None


def test_a_new_roster_makes_objects_that_depended_on_it_pending(database):
    for number, reason in ((1, REVOKED), (2, ROSTER), (3, NO_KEY)):
        put_segments(database, OTHER, number, verdict=Verdict(SKIPPED, reason))
        write(database, head(number, OTHER), verdict=Verdict(SKIPPED, reason))
    ledger.judge_anew(database)
    expected = [(PENDING, NOT_ARRIVED), (PENDING, NOT_ARRIVED), (SKIPPED, NO_KEY)]
    assert list(columns(database, "status, reason", OTHER).values()) == expected
    rows = database.execute("SELECT status, reason FROM manifest ORDER BY seq").fetchall()
    assert rows == expected


def test_replaced_segments_are_superseded_and_no_longer_marked_for_rewriting(database):
    put_segments(database, ME, 1, 2)
    put_segments(database, OTHER, 1)
    for number, device_id in ((1, ME), (2, ME), (1, OTHER)):
        set_columns(database, number, device_id, rewrite=1)
    own_ledger.supersede(database, ME, [ledger.find(database, ME, object_id(1))])
    assert columns(database, "superseded, rewrite") == {1: (1, 0), 2: (0, 1)}
    assert columns(database, "superseded, rewrite", OTHER) == {1: (0, 1)}


def test_a_segment_deleted_from_the_store_stays_as_superseded(database):
    put_segments(database, ME, 1, 2)
    put_segments(database, OTHER, 1)
    write(database, head(1), head(2))
    ledger.remove(database, [ledger.find(database, ME, object_id(1))], ["1/1"])
    assert columns(database, "status, reason, superseded") == {
        1: (SKIPPED, SUPERSEDED, 1),
        2: (IMPORTED, "", 0),
    }
    assert columns(database, "status, superseded", OTHER) == {1: (IMPORTED, 0)}
    assert keys(database) == {"1/2"}


def test_objects_are_counted_by_status_without_deleted_ones(database):
    put_segments(database, ME, 1, 2)
    put_segments(database, OTHER, 3, 4, verdict=AWAITED)
    put_segments(database, OTHER, 5, verdict=REFUSED)
    put_segments(database, OTHER, 6, verdict=GIVEN_UP)
    set_columns(database, 2, listed=0)
    for number in (4, 5, 6):
        set_columns(database, number, OTHER, listed=0)
    set_columns(database, 6, OTHER, status=SKIPPED)
    write(database, head(1))
    write(database, head(2), verdict=AWAITED)
    assert ledger.counts(database) == {IMPORTED: 1, PENDING: 3, REJECTED: 1}


def test_after_a_change_of_id_the_old_objects_are_those_of_another_device(database):
    write(database, head(1), head(2), head(1, OTHER))
    put_segments(database, ME, 1, 2, 3, verdict=AWAITED)
    put_segments(database, OTHER, 1, verdict=AWAITED)
    set_columns(database, 1, superseded=1, rewrite=1)
    set_columns(database, 2, listed=0)
    set_columns(database, 3, listed=0, status=IMPORTED, reason="")
    set_columns(database, 1, OTHER, listed=0, superseded=1, rewrite=1)
    own_ledger.treat_as_foreign(database, ME)
    assert keys(database) == {"1/2", "2/1"}
    assert columns(database, "superseded, rewrite, status, reason") == {
        1: (0, 0, PENDING, NOT_ARRIVED),
        2: (0, 0, SKIPPED, SUPERSEDED),
        3: (0, 0, IMPORTED, ""),
    }
    assert columns(database, "superseded, rewrite, status", OTHER) == {1: (1, 1, PENDING)}
