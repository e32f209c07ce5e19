"""The laws of trust on random rosters: against the literal rule, in any order, under attack."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from hx.core.format import roster
from hx.core.format.roster_records import (
    DeviceAdd,
    DeviceRevoke,
    Epoch,
    Invite,
    InviteClose,
    decode,
)
from rostered import (
    FIRST,
    GENESIS,
    RECOVERY,
    adds,
    closes,
    device,
    epoch,
    evaluate,
    invites,
    key,
    names,
    public,
    relabels,
    revokes,
)
from strategies import share

PEOPLE = ["ann", "bob", "cat", "dan"]
CODES = ["code1", "code2"]
EVIL = ["eve", "puppet", "puppet2"]
SIGNERS = [RECOVERY, FIRST, *PEOPLE]
seeds = st.integers(0, 2**32 - 1).map(random.Random)


def some_records(chance, count):
    """Return records of few people, so that they interact; some are signed without entitlement."""
    made = [adds(FIRST, "ann")]
    for _ in range(count):
        by, who = chance.choice(SIGNERS), chance.choice(PEOPLE)
        code = chance.choice(CODES)
        several = chance.sample(PEOPLE, chance.randint(0, 2))
        made.append(
            chance.choice(
                [
                    lambda: adds(by, who),  # noqa: B023  (called at once)
                    lambda: adds(code, who),  # noqa: B023
                    lambda: adds(code, who),  # noqa: B023
                    lambda: invites(by, code),  # noqa: B023
                    lambda: closes(by, code, *several),  # noqa: B023
                    lambda: epoch(by, chance.randint(1, 3), by, *several),  # noqa: B023
                    lambda: revokes(by, who, *chance.sample(made, chance.randint(0, len(made)))),  # noqa: B023
                ]
            )()
        )
    return made


# ---- the rule, word by word ----


def least(step):
    """Return the smallest set that repeated application of a rule does not extend."""
    found = set()
    while more := step(found) - found:
        found |= more
    return found


def model(parts):
    """Return (active, waiting, enrolled, writing) by docs/format.md, without any index."""
    said = [(part.signer, part.id, decode(part.payload)) for part in set(parts)]
    of = lambda kind: [(by, at, body) for by, at, body in said if isinstance(body, kind)]  # noqa: E731
    known = {device(FIRST): public(FIRST)[0]}
    known |= {body.device_id: body.sign_pub for _, _, body in of(DeviceAdd)}
    recovery, first = public(RECOVERY)[0], device(FIRST)
    admins = {first} | {body.device_id for by, _, body in of(DeviceAdd) if by == recovery}
    stage1 = [body for by, _, body in of(DeviceRevoke) if by == recovery]
    hard, kept = {b.device_id for b in stage1}, {at for b in stage1 for at in b.keep}
    stage2 = [
        body
        for by, at, body in of(DeviceRevoke)
        if body.device_id not in admins
        and any(known[admin] == by and (admin not in hard or at in kept) for admin in admins)
    ]
    hard = hard | {b.device_id for b in stage2}
    kept = kept | {at for b in stage2 for at in b.keep}

    def may(full, by, at):
        return any(known[one] == by and (one not in hard or at in kept) for one in full)

    def holders(by):
        return {body.device_id for signer, _, body in of(DeviceAdd) if signer == by}

    def invited(full):
        """Return (device, invite id) of adds by invitations that count."""
        return {
            (add.device_id, opened.invite_id)
            for by, at, add in of(DeviceAdd)
            for maker, made_at, opened in of(Invite)
            if opened.sign_pub == by and may(full, maker, made_at)
            if at in kept
            or add.device_id in hard
            or not (holders(by) & hard or all(known[o] != maker or o in hard for o in full))
        }

    def named(full, body_of):
        return {x for by, at, b in of(InviteClose) if may(full, by, at) for x in body_of(b)}

    def step(full):
        admitted = named(full, lambda b: [(one, b.invite_id) for one in b.admitted])
        return (
            {first}
            | {b.device_id for by, at, b in of(DeviceAdd) if by == recovery or may(full, by, at)}
            | {one for one, _ in invited(full) & admitted}
        )

    full = least(step)
    closed = named(full, lambda b: [b.invite_id])
    by_self = {b.device_id for by, _, b in of(DeviceRevoke) if known.get(b.device_id) == by}
    active = full - hard - by_self
    waiting = {one for one, at in invited(full) if at not in closed} - full - hard - by_self

    def reach(ever):
        pubs = {known[one] for one in ever} | {recovery}
        pubs |= {body.sign_pub for by, _, body in of(Invite) if by in pubs - {recovery}}
        return {first} | {body.device_id for by, _, body in of(DeviceAdd) if by in pubs}

    enrolled = least(reach)
    writing = [
        (b.number, b.key_id)
        for by, at, b in of(Epoch)
        if may(full, by, at)
        and by in {known[one] for one in active}
        and enrolled - active - waiting <= set(b.without)
    ]
    return active, waiting, enrolled, max(writing, default=None)


def summary(trust):
    return set(trust.active), set(trust.waiting), set(trust.enrolled), trust.writing


@given(seeds, st.integers(1, 14))
def test_trust_is_what_the_rule_says(chance, count):
    parts = some_records(chance, count)
    assert summary(evaluate(*parts)) == model(parts)


# ---- a function of the set ----


@given(seeds, st.integers(1, 14))
def test_neither_order_nor_repetition_shows(chance, count):
    parts = some_records(chance, count)
    again = chance.choices(parts, k=5) + chance.sample(parts, len(parts))
    assert evaluate(*again) == evaluate(*parts)


@given(seeds, st.integers(1, 14))
def test_devices_that_hear_of_records_in_different_ways_agree_in_the_end(chance, count):
    """Each device knows some records, and they exchange what their manifests carry."""
    parts = some_records(chance, count)
    known = [{part for part in parts if chance.random() < 0.6} for _ in range(3)]
    known[0] |= set(parts)
    for one, other in [(0, 1), (1, 2), (2, 0), (1, 0)]:
        known[other] |= set(roster.carried(GENESIS, known[one]))
    assert known[0] == known[1] == known[2] == set(parts)


@given(seeds, st.integers(1, 10), st.integers(1, 6))
def test_who_was_enrolled_stays_so_and_who_recovery_revokes_is_never_active_again(
    chance, count, more
):
    parts = some_records(chance, count)
    later = parts + some_records(chance, more)
    before, after = evaluate(*parts), evaluate(*later)
    assert before.enrolled.keys() <= after.enrolled.keys()
    assert before.readable <= after.readable
    assert before.admins <= after.admins
    by_recovery = {
        body.device_id
        for part in parts
        if part.signer == public(RECOVERY)[0]
        and isinstance(body := decode(part.payload), DeviceRevoke)
    }
    assert not by_recovery & after.active.keys()
    assert not by_recovery & after.waiting.keys()


# ---- attacks ----


def grown(chance):
    """Return a vault of honest devices and one thief: records, members, holders of codes."""
    made = [epoch(FIRST, 1, "k1")]
    members, holders = [FIRST], {}
    for name in chance.sample([*PEOPLE, "eve"], 5):
        by = chance.choice(members)
        if chance.random() < 0.25:
            made.append(adds(chance.choice([by, RECOVERY]) if name != "eve" else by, name))
        else:
            code = f"code of {name}"
            holders[code] = {by, name}
            made += [invites(by, code), adds(code, name)]
            if name == "eve" or chance.random() < 0.8:
                made.append(closes(chance.choice(members), code, name))
            else:
                continue  # it waits, and signs nothing
        members.append(name)
    made.append(epoch(chance.choice(members), 2, "k2"))
    return made, holders


def belong(made, name, holders):
    """Return what a revocation of the thief must list: its records and those by codes it held."""
    signers = {public(name)[0]} | {public(c)[0] for c, those in holders.items() if name in those}
    return [part for part in made if part.signer in signers]


def theft(chance, inactive, codes):
    """Return one record that the thief signs with a key it holds."""
    by, whom = (
        chance.choice(inactive),
        chance.choice([*PEOPLE, FIRST, "puppet", "puppet2", *inactive]),
    )
    code = chance.choice([*codes, "code of nobody"])
    signer = chance.choice([by, by, *codes])
    return chance.choice(
        [
            lambda: relabels(signer, whom, chance.randint(0, 9)),
            lambda: relabels("puppet", "puppet2", chance.randint(0, 9)),
            lambda: epoch(by, chance.choice([1, 3, 2**32 - 1]), f"stolen by {by}", *inactive),
            lambda: revokes(by, whom, *(adds(by, "puppet"), relabels(signer, whom, 1))),
            lambda: closes(by, code, whom, "puppet", *inactive),
            lambda: closes(by, code),
            lambda: invites(by, chance.choice([code, whom]), chance.randint(1, 3)),
        ]
    )()


@given(seeds)
@share(2)  # 20,000 of the long profile
def test_a_revoked_device_with_all_its_keys_changes_nothing(chance):
    """No puppet is active or waits, and no honest device is removed.

    No epoch of the thief is used for writing.
    """
    made, holders = grown(chance)
    made += [relabels("eve", "puppet", 1)] * chance.randint(0, 1)
    honest = [part for part in belong(made, "eve", holders) if part != relabels("eve", "puppet", 1)]
    keep = chance.sample(honest, chance.randint(0, len(honest)))
    known = [*made, revokes(chance.choice([FIRST, RECOVERY]), "eve", *keep)]
    before = evaluate(*known)
    written = chance.random() < 0.7
    if written:
        inactive = names(before.inactive, *PEOPLE, "eve", "puppet")
        known.append(epoch(FIRST, before.next_number, "k3", *inactive))
        before = evaluate(*known)
        assert before.writing is not None
    codes = [code for code, those in holders.items() if "eve" in those]
    evil = [theft(chance, ["eve", "puppet"], codes) for _ in range(chance.randint(1, 8))]
    after = evaluate(*known, *evil)
    assert after.active == before.active
    assert after.waiting == before.waiting
    assert before.enrolled.keys() <= after.enrolled.keys()
    assert after.next_number == before.next_number
    assert after.writing in (before.writing, None)
    assert device("eve") in after.inactive
    if after.inactive == before.inactive:
        assert after.writing == before.writing
    again = epoch(FIRST, after.next_number, "k4", *names(after.inactive, *PEOPLE, *EVIL))
    assert evaluate(*known, *evil, again).writing == (after.next_number, key("k4"))


@given(seeds)
@share(0.5)
def test_a_joiner_that_was_not_admitted_changes_nothing_with_the_code_it_holds(chance):
    made, _ = grown(chance)
    made = [part for part in made if part not in belong(made, "eve", {})]
    admitted = [adds(FIRST, "ann"), invites("ann", "code"), adds("code", "bob"),
                closes("ann", "code", "bob"), adds("bob", "cat")]  # fmt: skip
    known = [*made, *admitted, adds("code", "puppet")]
    before = evaluate(*known)
    evil = [theft(chance, ["puppet"], ["code"]) for _ in range(chance.randint(1, 8))]
    evil += [relabels("code", "bob", number) for number in range(chance.randint(0, 9))]
    after = evaluate(*known, *evil)
    assert after.active.keys() == before.active.keys()
    assert after.waiting.keys() == before.waiting.keys()
    assert after.admins == before.admins
    assert after.revoked == before.revoked
    assert after.closed == before.closed
    assert after.next_number == before.next_number
    assert after.writing in (before.writing, None)
