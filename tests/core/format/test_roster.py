"""Trust: which devices the records of a roster make active, waiting or revoked."""

from __future__ import annotations

import itertools

from hx.core.format import roster_records
from roster_fixtures import (
    FIRST,
    RECOVERY,
    VAULT,
    adds,
    closes,
    code,
    device,
    epoch,
    evaluate,
    invites,
    key,
    keys,
    makes_admin,
    names,
    public,
    relabels,
    revokes,
)

PEOPLE = ["ann", "bob", "cat", "dan"]
CODES = ["code1", "code2"]


def active(*parts):
    return names(evaluate(*parts).active, *PEOPLE, "eve", "puppet")


def waiting(*parts):
    return names(evaluate(*parts).waiting, *PEOPLE, "eve", "puppet")


def writing(*parts):
    return evaluate(*parts).writing


# ---- active devices ----


def test_the_first_device_is_active_by_genesis_alone():
    trust = evaluate()
    assert names(trust.active) == {FIRST}
    assert trust.admins == {device(FIRST)}
    assert (trust.writing, trust.next_number) == (None, 1)


def test_each_record_in_a_chain_is_needed():
    chain = [makes_admin("ann"), invites("ann", "code1"), adds("code1", "bob"),
             closes("ann", "code1", "bob")]  # fmt: skip
    assert active(*chain) == {FIRST, "ann", "bob"}
    for missing in range(4):
        assert "bob" not in active(*chain[:missing], *chain[missing + 1 :])


def test_a_stranger_adds_nobody():
    trust = evaluate(adds("eve", "puppet"), adds("eve", "eve"))
    assert names(trust.enrolled) == {FIRST}
    assert set(trust.void.values()) == {"its signer is not entitled to sign it"}


def test_a_device_added_by_the_recovery_words_is_an_admin():
    trust = evaluate(adds(RECOVERY, "ann"), adds(FIRST, "bob"))
    assert names(trust.admins, *PEOPLE) == {FIRST, "ann"}


def test_only_admins_add_and_invite():
    members = [adds(FIRST, "ann"), adds("ann", "bob"), invites("ann", "code1"),
               adds("code1", "cat")]  # fmt: skip
    trust = evaluate(*members, closes(FIRST, "code1", "cat"))
    assert names(trust.enrolled, *PEOPLE) == {FIRST, "ann"}
    assert trust.void[members[1].id] == trust.void[members[2].id] == "its signer is no admin"
    assert active(*members, closes(FIRST, "code1", "cat"), makes_admin("ann")) == {
        FIRST,
        *PEOPLE[:3],
    }


def test_recovery_makes_an_active_device_an_admin_by_adding_it_again():
    """An admin could do so later too, when its keys are stolen, and nothing proves when."""
    members = [adds(FIRST, "ann"), adds(FIRST, "bob"), revokes("ann", "bob")]
    assert active(*members) == {FIRST, "ann", "bob"}
    assert active(*members, makes_admin("ann")) == {FIRST, "ann"}
    assert names(evaluate(*members, adds("ann", "ann")).admins, *PEOPLE) == {FIRST}
    assert active(*members[:2], makes_admin("ann"), revokes(FIRST, "ann")) == {FIRST, "bob"}


def test_of_another_device_one_close_of_an_invitation_and_one_epoch_count():
    members = [adds(FIRST, "ann"), invites(FIRST, "code1"), adds("code1", "bob")]
    both = [closes("ann", "code1", "bob"), closes("ann", "code1")]
    many = [epoch("ann", number, f"key {number}") for number in range(1, 9)]
    trust = evaluate(*members, *both, *many)
    counting = {part.id for part in (*members, min(both, key=lambda part: part.id), many[-1])}
    assert trust.counting == counting
    assert set(trust.void.values()) == {"another record of its signer counts instead of it"}
    assert trust.writing == (8, key("key 8"))
    assert key("key 1") in trust.readable


def test_an_epoch_far_ahead_of_the_others_is_not_written_under():
    """After the greatest number no later key would win."""
    members = [adds(FIRST, "eve"), epoch(FIRST, 1, "one")]
    assert evaluate(*members, epoch("eve", 2**32 - 1, "last")).next_number == 2
    assert writing(*members, epoch("eve", 2 + 2**20, "far")) == (1, key("one"))
    assert writing(*members, epoch("eve", 1 + 2**20, "near")) == (1 + 2**20, key("near"))


def test_the_label_of_a_valid_add_is_used():
    valid = adds(FIRST, "ann", "laptop")
    for number in range(8):  # some of these records have a smaller id
        trust = evaluate(valid, relabels("eve", "ann", number))
        assert trust.active[device("ann")].label == "laptop"


# ---- invitations ----


def test_a_joiner_waits_until_a_close_admits_it():
    joined = [invites(FIRST, "code1"), adds("code1", "ann")]
    trust = evaluate(*joined)
    assert names(trust.waiting, *PEOPLE) == {"ann"}
    assert trust.waiting_invites == {device("ann"): code("code1")}
    assert trust.open_invites == {code("code1"): (public("code1")[0], 1)}
    assert not trust.inactive
    trust = evaluate(*joined, closes(FIRST, "code1", "ann"))
    assert names(trust.active, *PEOPLE) == {FIRST, "ann"}
    assert trust.closed == {code("code1")}
    assert not trust.open_invites


def test_two_joiners_with_one_code_wait_until_a_close_admits_one():
    joined = [invites(FIRST, "code1"), adds("code1", "ann"), adds("code1", "eve")]
    assert waiting(*joined) == {"ann", "eve"}
    closed = [*joined, closes(FIRST, "code1", "ann")]
    assert active(*closed) == {FIRST, "ann"}
    assert waiting(*closed) == set()
    assert names(evaluate(*closed).inactive, "eve") == {"eve"}
    assert active(*joined, closes(FIRST, "code1")) == {FIRST}


def test_closes_by_two_devices_admit_the_union():
    joined = [adds(FIRST, "bob"), invites(FIRST, "code1"), adds("code1", "ann"),
              adds("code1", "cat")]  # fmt: skip
    both = [closes(FIRST, "code1", "ann"), closes("bob", "code1", "cat")]
    assert active(*joined, *both) == {FIRST, "ann", "bob", "cat"}
    assert evaluate(*joined, *both).shared_codes == (frozenset({device("ann"), device("cat")}),)
    assert not evaluate(*joined, both[0]).shared_codes
    assert not evaluate(*joined, *both, revokes(FIRST, "cat")).shared_codes


def test_records_of_a_waiting_device_have_no_effect():
    joined = [invites(FIRST, "code1"), adds("code1", "ann")]
    records = [closes("ann", "code1", "ann"), adds("ann", "bob"), invites("ann", "code2")]
    trust = evaluate(*joined, *records)
    assert names(trust.active) == {FIRST}
    assert names(trust.waiting, *PEOPLE) == {"ann"}
    assert trust.open_invites.keys() == {code("code1")}
    admitted = evaluate(*joined, *records, closes(FIRST, "code1", "ann"))
    assert names(admitted.active, *PEOPLE) == {FIRST, "ann"}


def test_an_epoch_of_a_joiner_is_used_only_after_its_close():
    joined = [epoch(FIRST, 1, "one"), invites(FIRST, "code1"), adds("code1", "ann"),
              epoch("ann", 2, "nine")]  # fmt: skip
    assert writing(*joined) == (1, key("one"))
    assert key("nine") in evaluate(*joined).readable
    assert writing(*joined, closes(FIRST, "code1", "ann")) == (2, key("nine"))


def test_the_expiry_of_an_invitation_has_no_effect_on_trust():
    for expires_at_us in (0, 2**62):
        joined = [invites(FIRST, "code1", expires_at_us), adds("code1", "ann")]
        assert waiting(*joined) == {"ann"}


def test_a_code_used_again_after_its_close_admits_nobody():
    closed = [invites(FIRST, "code1"), adds("code1", "ann"), closes(FIRST, "code1", "ann")]
    assert active(*closed, adds("code1", "eve")) == {FIRST, "ann"}
    assert waiting(*closed, adds("code1", "eve")) == set()


def test_an_invitation_of_an_unknown_device_has_no_effect():
    trust = evaluate(invites("eve", "code1"), adds("code1", "puppet"))
    assert names(trust.enrolled) == {FIRST}
    assert not trust.open_invites


# ---- revocation ----

JOINED = [invites(FIRST, "code1"), adds("code1", "eve"), closes(FIRST, "code1", "eve")]


def test_records_of_a_revoked_device_count_only_if_kept():
    """Nothing proves when an add was signed, so only adds count that the revocation keeps."""
    members = [adds(FIRST, "ann"), adds("ann", "bob"), adds("ann", "puppet"), makes_admin("ann")]
    trust = evaluate(*members, revokes(FIRST, "ann"))
    assert names(trust.active) == {FIRST}
    assert names(trust.inactive, *PEOPLE, "puppet") == {"ann", "bob", "puppet"}
    kept = [*members, revokes(FIRST, "ann", adds("ann", "bob"))]
    assert active(*kept) == {FIRST, "bob"}
    assert evaluate(*kept).void == {
        adds("ann", "puppet").id: "its signer is revoked, and the revocation does not keep it"
    }


def test_a_device_that_is_no_admin_revokes_nobody():
    members = [adds(FIRST, "ann"), adds(FIRST, "eve")]
    theft = [revokes("eve", FIRST), revokes("eve", "ann")]
    assert active(*members, *theft) == {FIRST, "ann", "eve"}
    assert active(*members, *theft, revokes(FIRST, "eve")) == {FIRST, "ann"}


def test_an_admin_revokes_an_admin_also_when_that_one_revokes_it():
    members = [adds(RECOVERY, "ann"), adds(FIRST, "bob")]
    assert active(*members, revokes("ann", FIRST)) == {"ann"}
    assert active(*members, revokes("ann", FIRST), revokes(FIRST, "ann")) == set()
    assert active(*members, revokes(RECOVERY, FIRST)) == {"ann"}
    theft = [revokes("ann", FIRST), revokes("ann", "bob")]
    kept = revokes(FIRST, "ann", adds(FIRST, "bob"))
    assert active(*members, *theft, revokes(FIRST, "ann")) == set()  # nobody keeps the add of bob
    keeps = revokes("ann", FIRST, adds(FIRST, "bob"))
    assert active(*members, keeps, theft[1], kept) == {"bob"}


def test_revocations_by_a_revoked_admin_count_only_if_recovery_keeps_them():
    members = [adds(RECOVERY, "ann"), adds(FIRST, "bob"), revokes("ann", "bob")]
    assert active(*members) == {FIRST, "ann"}
    assert active(*members, revokes(RECOVERY, "ann")) == {FIRST, "bob"}
    assert active(*members, revokes(RECOVERY, "ann", revokes("ann", "bob"))) == {FIRST}
    assert active(*members, revokes(RECOVERY, "ann"), revokes(FIRST, "cat", members[2])) == {
        FIRST,
        "bob",
    }


def test_a_revoked_admin_lets_nobody_in_by_what_its_revocations_keep():
    members = [adds(RECOVERY, "ann"), adds(FIRST, "bob"), adds(RECOVERY, "cat"),
               revokes(FIRST, "ann")]  # fmt: skip
    puppet = adds("ann", "puppet")
    assert active(*members, puppet, revokes("ann", FIRST, puppet)) == {"cat"}
    assert active(*members, puppet, revokes("ann", "cat", puppet)) == {FIRST, "bob"}
    gone = [*members, adds("cat", "eve"), revokes(FIRST, "cat")]
    assert active(*gone, revokes("ann", "cat", adds("cat", "eve"))) == {FIRST, "bob"}


def test_what_an_admin_has_kept_stays_kept_when_it_leaves():
    """It has signed the farewell of another admin again, and a third one signs its own."""
    invited = [invites(FIRST, "code1"), adds("code1", "bob"), closes(FIRST, "code1", "bob")]
    members = [*invited, adds(RECOVERY, "ann"), adds(RECOVERY, "cat")]
    left = [revokes(FIRST, FIRST, *invited), revokes("ann", FIRST, *invited)]
    later = [revokes("ann", "ann", left[1]), revokes("cat", "ann", left[1])]
    assert active(*members, *left, *later) == {"bob", "cat"}


def test_a_revoked_admin_lets_nobody_in_by_a_code_of_an_admin_that_it_revokes():
    invited = [invites(FIRST, "code1"), adds("code1", "ann"), closes(FIRST, "code1", "ann")]
    members = [*invited, makes_admin("ann"), adds(RECOVERY, "bob"), revokes(FIRST, "ann")]
    puppet = adds("code1", "puppet")
    reopened = revokes("ann", FIRST, invited[0], puppet)
    trust = evaluate(*members, puppet, reopened)
    assert names(trust.active, *PEOPLE) == {"bob"}
    assert not trust.waiting


def test_of_a_device_that_has_left_the_records_count_that_its_farewell_keeps():
    members = [adds(FIRST, "ann"), adds("ann", "bob"), adds("ann", "cat"), makes_admin("ann")]
    trust = evaluate(*members, revokes("ann", "ann", members[1]))
    assert names(trust.active, *PEOPLE) == {FIRST, "bob"}
    assert names(trust.revoked, *PEOPLE) == {"ann"}
    assert names(trust.departed, *PEOPLE) == {"ann"}
    assert names(trust.inactive, *PEOPLE) == {"ann", "cat"}


def test_several_farewells_keep_what_each_of_them_keeps():
    members = [adds(FIRST, "ann"), adds("ann", "bob"), adds("ann", "cat"), adds("ann", "eve"),
               makes_admin("ann")]  # fmt: skip
    honest = revokes("ann", "ann", *members[1:3])
    thief = revokes("ann", "ann", members[1], members[3])
    assert active(*members, honest) == {FIRST, "bob", "cat"}
    assert active(*members, honest, thief) == {FIRST, "bob"}
    many = [revokes("ann", "ann", members[1], objects=bytes([n]) * 32) for n in range(4)]
    assert active(*members, honest, *many[:3]) == {FIRST, "bob"}
    assert active(*members, honest, *many) == {FIRST}


def test_what_an_admin_signs_again_for_a_device_that_has_left_is_final():
    members = [adds(FIRST, "ann"), adds("ann", "bob"), makes_admin("ann")]
    farewell = revokes("ann", "ann", members[1], objects=bytes(32))
    again = revokes(FIRST, "ann", members[1], objects=bytes(32))
    theft = [revokes("ann", "ann", objects=bytes([1]) * 32), adds("ann", "puppet")]
    trust = evaluate(*members, farewell, again, *theft)
    assert names(trust.active, *PEOPLE) == {FIRST, "bob"}
    assert trust.takes_last(device("ann"), bytes(32))
    assert not trust.takes_last(device("ann"), bytes([1]) * 32)


def test_of_a_device_that_has_left_only_what_it_listed_last_is_taken():
    members = [adds(FIRST, "ann")]
    trust = evaluate(*members, revokes("ann", "ann", objects=bytes(32)))
    assert trust.author(device("ann")) is None
    assert trust.takes_last(device("ann"), bytes(32))
    assert not trust.takes_last(device("ann"), bytes([1]) * 32)
    assert not trust.takes_last(device("bob"), bytes(32))
    other = revokes("ann", "ann", objects=bytes([1]) * 32)
    both = evaluate(*members, revokes("ann", "ann", objects=bytes(32)), other)
    assert not both.takes_last(device("ann"), bytes(32))
    assert not evaluate(*members, revokes("ann", "ann")).last


def test_the_first_device_that_has_left_revokes_nobody_later():
    members = [adds(FIRST, "ann"), adds(FIRST, "bob"), revokes(FIRST, "bob")]
    farewell = revokes(FIRST, FIRST, *members)
    assert active(*members, farewell) == {"ann"}
    assert active(*members, farewell, revokes(FIRST, "ann")) == {"ann"}
    assert active(*members, revokes(FIRST, FIRST, *members[:2])) == {"ann", "bob"}


def test_an_invitation_of_a_device_that_has_left_admits_only_whom_it_knew_or_an_active_one_did():
    members = [adds(FIRST, "ann"), makes_admin("ann"), invites("ann", "code1")]
    joined = [*members, adds("code1", "bob")]
    knew = revokes("ann", "ann", *members[1:], joined[3])
    left = revokes("ann", "ann", *members[1:])
    assert waiting(*joined, knew) == {"bob"}
    assert waiting(*joined, left) == set()
    assert active(*joined, left, closes(FIRST, "code1", "bob")) == {FIRST, "bob"}
    assert active(*joined, left, closes("ann", "code1", "bob")) == {FIRST}
    assert active(*joined, adds("code1", "cat"), knew, closes(FIRST, "code1", "bob")) == {
        FIRST,
        "bob",
    }


def test_a_joiner_that_has_left_keeps_its_own_place_in_the_roster():
    joined = [invites(FIRST, "code1"), adds("code1", "ann"), closes(FIRST, "code1", "ann"),
              makes_admin("ann")]  # fmt: skip
    farewell = revokes("ann", "ann", joined[1], adds("ann", "bob"))
    assert active(*joined, adds("ann", "bob"), farewell) == {FIRST, "bob"}
    puppet = [adds("code1", "puppet"), revokes("puppet", "puppet", adds("puppet", "eve"))]
    assert active(*joined, *puppet, adds("puppet", "eve"), farewell) == {FIRST}


def test_a_kept_record_of_a_revoked_joiner_stays_valid():
    members = [
        *JOINED,
        makes_admin("eve"),
        adds("eve", "bob"),
        revokes(FIRST, "eve", adds("eve", "bob")),
    ]
    assert active(*members) == {FIRST, "bob"}


def test_a_revocation_of_itself_by_a_revoked_device_is_void():
    members = [adds(FIRST, "eve"), revokes(FIRST, "eve"), revokes("eve", "eve")]
    trust = evaluate(*members)
    assert trust.counting == {members[0].id, members[1].id}
    assert trust.void.keys() == {members[2].id}


def test_a_revocation_of_itself_keeps_no_record_of_another_device():
    members = [adds(FIRST, "eve"), makes_admin("eve"), adds("eve", "puppet"), revokes(FIRST, "eve")]
    rescue = revokes("puppet", "puppet", adds("eve", "puppet"))
    assert names(evaluate(*members, rescue).active) == {FIRST}
    assert active(*members, adds("eve", "ann"), revokes("puppet", "puppet", adds("eve", "ann"))
                    ) == {FIRST}  # fmt: skip


def test_a_revocation_is_valid_before_its_device_is_known():
    assert active(revokes(FIRST, "ann"), adds(FIRST, "ann")) == {FIRST}


def test_revoking_a_joiner_invalidates_the_key_of_its_invitation():
    """The thief signs with the code by which it joined, and a close admits its second device."""
    puppet = [adds("code1", "puppet"), closes(FIRST, "code1", "puppet")]
    assert active(*JOINED, *puppet) == {FIRST, "eve", "puppet"}
    assert active(*JOINED, *puppet, revokes(FIRST, "eve")) == {FIRST}
    kept = revokes(FIRST, "eve", puppet[0])
    assert active(*JOINED, *puppet, kept) == {FIRST, "puppet"}


def test_revoking_a_joiner_removes_others_that_wait_on_its_code():
    opened = [invites(FIRST, "code1"), adds("code1", "eve"), adds("code1", "puppet")]
    assert waiting(*opened, revokes(FIRST, "eve")) == set()
    assert waiting(*opened, revokes(FIRST, "eve", opened[2])) == {"puppet"}


def test_revoking_a_device_invalidates_the_keys_of_its_invitations():
    """Keeping the invitation is not sufficient: its maker can sign more adds at any time."""
    records = [adds(FIRST, "eve"), invites("eve", "code1"), adds("code1", "ann")]
    closed = [*records, makes_admin("eve"), closes(FIRST, "code1", "ann", "puppet")]
    only_invitation = revokes(FIRST, "eve", records[1])
    assert active(*closed, only_invitation) == {FIRST}
    kept = revokes(FIRST, "eve", records[1], records[2])
    assert active(*closed, kept) == {FIRST, "ann"}
    assert active(*closed, kept, adds("code1", "puppet"), adds("code1", "eve")) == {FIRST, "ann"}


def test_a_foreign_public_key_in_a_record_does_not_remove_its_owner():
    members = [adds(FIRST, "eve"), adds(FIRST, "ann"), makes_admin("ann"), adds("ann", "bob"),
               invites(FIRST, "code1"), adds("code1", "cat"), closes(FIRST, "code1", "cat"),
               revokes(FIRST, "eve")]  # fmt: skip
    seed = {"seed": keys("eve").sign_seed, "vault_id": VAULT}
    key_of_ann, key_of_code = public("ann")[0], public("code1")[0]
    theft = [
        roster_records.invite(code("x"), key_of_ann, 1, **seed),
        roster_records.invite(code("y"), key_of_code, 1, **seed),
        roster_records.add((key_of_ann, public("eve")[1]), "ann", **seed),
        roster_records.add((key_of_code, public("eve")[1]), "cat", **seed),
        roster_records.invite_close(code("code1"), [], **seed),
    ]
    assert names(evaluate(*members, *theft).active, *PEOPLE) == {FIRST, "ann", "bob", "cat"}


# ---- epochs ----


def test_the_greatest_of_concurrent_epochs_is_used_for_writing():
    members = [adds(FIRST, "ann"), epoch(FIRST, 1, "one")]
    first, second = epoch(FIRST, 2, "two"), epoch("ann", 2, "other")
    greatest = max((2, key("two")), (2, key("other")))
    for parts in itertools.permutations([*members, first, second]):
        trust = evaluate(*parts)
        assert (trust.writing, trust.next_number) == (greatest, 3)
        assert trust.readable == {key("one"), key("two"), key("other")}


def test_an_epoch_is_used_for_writing_only_if_it_excludes_every_inactive_device():
    members = [adds(FIRST, "ann"), adds(FIRST, "bob"), epoch(FIRST, 1, "one")]
    revoked = [*members, revokes(FIRST, "ann"), epoch(FIRST, 2, "two", "ann")]
    assert writing(*revoked) == (2, key("two"))
    both = [*revoked, revokes(FIRST, "bob"), epoch(FIRST, 3, "three", "bob")]
    assert writing(*both) is None
    assert writing(*both, epoch(FIRST, 4, "four", "ann", "bob")) == (4, key("four"))


def test_an_epoch_must_exclude_joiners_that_were_not_admitted():
    members = [invites(FIRST, "code1"), adds("code1", "eve"), epoch(FIRST, 1, "one")]
    assert writing(*members) == (1, key("one"))
    assert writing(*members, closes(FIRST, "code1")) is None
    assert writing(*members, closes(FIRST, "code1"), epoch(FIRST, 2, "two", "eve")) is not None


def test_the_epoch_of_an_inactive_device_is_only_read():
    members = [adds(FIRST, "eve"), adds(FIRST, "ann")]
    theft = [epoch("eve", 2**32 - 1, "stolen", "eve", "ann")]
    for revocation in (revokes(FIRST, "eve"), revokes("eve", "eve")):
        trust = evaluate(*members, *theft, revocation)
        assert trust.writing is None
        assert key("stolen") in trust.readable
    assert evaluate(*members, *theft, revokes(FIRST, "eve")).next_number == 1


def test_the_epoch_of_a_stranger_is_not_read():
    assert evaluate(epoch("eve", 1, "one"), epoch("code1", 1, "two")).readable == set()


def test_who_joined_by_a_code_lets_nobody_else_in_with_it():
    """It holds the key of the code, so it can sign the add of any device, and a close."""
    members = [invites(FIRST, "code1"), adds("code1", "ann"), closes(FIRST, "code1", "ann")]
    puppet = [adds("code1", "puppet"), closes("ann", "code1", "puppet")]
    assert active(*members, *puppet) == {FIRST, "ann"}
    assert active(*members, *puppet, closes("puppet", "code1", "puppet")) == {FIRST, "ann"}
    assert active(*members, *puppet, closes("puppet", "code1", "ann")) == {FIRST, "ann"}
    kept = revokes(FIRST, "ann", *members, *puppet)
    assert active(*members, *puppet, kept) == {FIRST}


def test_who_came_in_by_another_way_too_admits_by_a_code_that_somebody_has_named_it_with():
    """Who holds the key of a code may sign an add of any device that is in the vault already."""
    members = [adds(FIRST, "ann"), invites(FIRST, "code1"), adds("code1", "bob"),
               closes("ann", "code1", "bob")]  # fmt: skip
    assert active(*members) == {FIRST, "ann", "bob"}
    assert active(*members, adds("code1", "ann")) == {FIRST, "ann", "bob"}
    assert active(*members, adds("code1", "ann"), closes("bob", "code1", "ann")) == {
        FIRST,
        "ann",
        "bob",
    }
