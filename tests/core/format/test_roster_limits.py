"""Limits of a roster: no signer can use them to displace records of another signer."""

from __future__ import annotations

from msgspec import msgpack

from hx.core.format import roster, roster_records
from hx.core.format.keys import LABEL_ROSTER, sign
from hx.core.format.revoked import MAX_FAREWELLS
from hx.core.format.roster_records import Record
from roster_fixtures import (
    FIRST,
    GENESIS,
    RECOVERY,
    VAULT,
    adds,
    closes,
    device,
    epoch,
    evaluate,
    invites,
    keys,
    makes_admin,
    names,
    public,
    relabels,
    revokes,
)


def many_adds(by, count, prefix="d"):
    return [adds(by, f"{prefix}{number}") for number in range(count)]


def smallest(parts, count):
    return {part.id for part in sorted(parts, key=lambda part: part.id)[:count]}


def with_smaller_ids(record, make):
    """Return 64 records of `make`, all with smaller ids than this record."""
    smaller = []
    for number in range(100_000):
        made = make(number)
        if made.id < record.id:
            smaller.append(made)
        if len(smaller) == 64:
            return smaller
    raise AssertionError


def with_great_id(make):
    """Return the record with the greatest id of sixteen, so that smaller ids are easy to find."""
    return max((make(number) for number in range(16)), key=lambda record: record.id)


def test_recovery_and_an_admin_add_as_many_devices_as_there_is_room_for():
    assert len(evaluate(*many_adds(FIRST, 70)).active) == 71
    assert len(evaluate(*many_adds(RECOVERY, 70)).active) == 71


def test_a_kept_record_is_not_displaced_by_its_signer():
    kept = with_great_id(lambda number: relabels("eve", "bob", number))
    known = [makes_admin("eve"), kept, revokes(RECOVERY, "eve", kept)]
    flood = with_smaller_ids(kept, lambda number: relabels("eve", "bob", number))
    assert names(evaluate(*known, *flood).active, "bob") == {FIRST, "bob"}
    others = with_smaller_ids(kept, lambda number: adds("eve", f"puppet{number}"))
    trust = evaluate(*known, *others)
    assert names(trust.active, "bob") == {FIRST, "bob"}
    assert len(trust.inactive) == 65


def test_a_joiner_that_was_not_admitted_does_not_displace_an_admitted_one():
    """Both hold the key of the invitation and can sign with it at any time."""
    own_records = with_great_id(lambda number: relabels("code", "bob", number))
    known = [invites(FIRST, "code"), own_records, adds("code", "eve"), closes(FIRST, "code", "bob")]
    flood = with_smaller_ids(own_records, lambda number: adds("code", f"puppet{number}"))
    trust = evaluate(*known, *flood)
    assert names(trust.active, "bob") == {FIRST, "bob"}
    again = [relabels("code", "bob", number) for number in range(1100)]
    honest = [makes_admin("ann"), *many_adds("ann", 20)]
    trust = evaluate(*known, *again, *honest)
    assert len(trust.active) == 23
    assert len(trust.counting) == 24


def test_at_most_64_joiners_wait_on_one_code():
    joining = many_adds("code", 70)
    trust = evaluate(invites(FIRST, "code"), *joining)
    assert len(trust.waiting) == 64
    assert trust.counting == {invites(FIRST, "code").id} | smallest(joining, 64)


def test_of_two_admins_with_too_many_devices_each_has_half_of_the_room():
    """A thief with the keys of one of them puts out no device of the other one."""
    own_records = many_adds(FIRST, 100)
    flood = many_adds("eve", 400, "e")
    joining = [invites(FIRST, "code"), *many_adds("code", 9, "w")]
    trust = evaluate(makes_admin("eve"), *own_records, *flood, *joining)
    assert len(trust.active) == 251
    assert {device(f"d{number}") for number in range(100)} <= trust.active.keys()
    assert {part.id for part in flood} & trust.counting == smallest(flood, 149)
    assert not trust.waiting
    assert len(trust.enrolled) == 251


def test_at_most_1024_records_count_and_no_admin_takes_the_room_of_another_one():
    own_records = [epoch(FIRST, number, "one") for number in range(1, 501)]
    flood = [epoch("eve", number, "one") for number in range(1, 1001)]
    trust = evaluate(makes_admin("eve"), *own_records, *flood)
    assert len(trust.counting) == 1024
    assert {part.id for part in own_records} <= trust.counting
    assert {part.id for part in flood} & trust.counting == smallest(flood, 523)


def test_a_device_that_is_no_admin_takes_no_room_of_admins():
    own_records = [invites(FIRST, f"code{number}") for number in range(1000)]
    closing = [closes("ann", f"code{number}") for number in range(60)]
    trust = evaluate(adds(FIRST, "ann"), *own_records, *closing)
    assert len(trust.counting) == 1024
    assert {part.id for part in own_records} <= trust.counting


def test_a_revoked_device_cannot_add_more_devices_than_an_epoch_can_exclude():
    known = [makes_admin("eve"), adds(FIRST, "ann"), revokes(RECOVERY, "eve")]
    flood = many_adds("eve", 300, "puppet") + many_adds("puppet0", 300, "p")
    trust = evaluate(*known, *flood)
    assert names(trust.active, "ann") == {FIRST, "ann"}
    assert len(trust.enrolled) == 251
    without = trust.inactive
    new = roster_records.epoch(1, bytes(16), without, seed=keys(FIRST).sign_seed, vault_id=VAULT)
    assert evaluate(*known, *flood, new).writing == (1, bytes(16))


def test_of_many_farewells_of_a_device_as_many_count_as_show_that_there_are_too_many():
    many = [revokes("ann", "ann", adds(FIRST, f"d{number}")) for number in range(30)]
    trust = evaluate(adds(FIRST, "ann"), *many)
    assert names(trust.active) == {FIRST}
    assert len(trust.counting) == 1 + MAX_FAREWELLS + 1


# ---- what a manifest carries ----


def unknown(number, size=0, by="eve"):
    payload = msgpack.encode({"kind": "x", "v": 9, "n": number, "pad": bytes(size)})
    signature = sign(keys(by).sign_seed, LABEL_ROSTER, VAULT, payload)
    return Record(public(by)[0], payload, signature)


def test_a_manifest_carries_recovery_then_admins_then_valid_records_then_the_rest():
    recovery = [revokes(RECOVERY, "cat"), makes_admin("eve"), revokes(RECOVERY, "eve")]
    admins = [epoch(FIRST, 1, "one"), adds(FIRST, "ann")]
    others = [epoch("ann", 2, "two")]
    rest = [unknown(1, by="ann"), epoch("ann", 1, "three"), adds("eve", "dan")]
    carried = roster.carried(GENESIS, [*rest, *others, *admins, *recovery])
    assert set(carried[:3]) == set(recovery)
    assert set(carried[3:5]) == set(admins)
    assert carried[5] == others[0]
    assert set(carried[6:]) == set(rest)


def test_what_does_not_count_and_is_not_needed_for_reading_is_not_carried():
    members = [adds(FIRST, "ann"), invites(FIRST, "code"), adds("code", "bob"),
               closes(FIRST, "code", "bob")]  # fmt: skip
    left_out = [adds("code", f"w{number}") for number in range(9)]
    void = [adds("ann", "eve"), invites("ann", "x"), unknown(1, by="eve"), closes("bob", "y")]
    old = [epoch("ann", number, f"key {number}") for number in range(1, 80)]
    carried = roster.carried(GENESIS, [*members, *left_out, *void, *old])
    assert set(members) <= set(carried)
    assert {part.id for part in left_out} & {part.id for part in carried} == smallest(left_out, 2)
    assert not set(void[:3]) & set(carried)
    assert set(old) & set(carried) == set(old[-65:])


def test_a_forged_record_is_not_carried():
    right = adds(FIRST, "ann")
    assert roster.carried(GENESIS, [right._replace(signature=bytes(64)), right]) == (right,)


def test_a_record_over_8_kib_is_not_carried():
    assert len(unknown(1, 8150).payload) <= 8192 < len(unknown(1, 8192).payload)
    known = adds(FIRST, "eve")
    carried = roster.carried(GENESIS, [known, unknown(1, 8150), unknown(1, 8192)])
    assert carried == (known, unknown(1, 8150))


def test_a_flood_of_records_does_not_displace_valid_ones():
    known = [makes_admin("eve"), adds(FIRST, "ann"), epoch("ann", 1, "one"),
             revokes(RECOVERY, "eve")]  # fmt: skip
    small = [unknown(number) for number in range(1100)]
    large = [unknown(number, 8000) for number in range(80)]
    for flood in (small, large, many_adds("eve", 1100)):
        carried = roster.carried(GENESIS, [*flood, *known])
        assert set(known) <= set(carried)
        assert len(carried) <= 1024
        size = sum(len(msgpack.encode(list(record))) for record in carried)
        assert size <= 512 << 10


def test_an_admin_with_large_records_does_not_displace_those_of_another_one():
    people = [adds(FIRST, f"d{number}") for number in range(200)]
    flood = [revokes("eve", f"x{number}", *people) for number in range(100)]
    carried = roster.carried(GENESIS, [makes_admin("eve"), *people, *flood])
    assert set(people) <= set(carried)
