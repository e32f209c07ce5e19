"""Properties of trust on random rosters: equal to the rule, in any order, under attack."""

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
from roster_fixtures import (
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
    makes_admin,
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


def some_records(rng, count):
    """Return records of few people, so that they interact; some are signed without entitlement."""
    records = [adds(FIRST, "ann"), *map(makes_admin, rng.sample(PEOPLE, rng.randint(0, 2)))]
    for _ in range(count):
        by, name = rng.choice(SIGNERS), rng.choice(PEOPLE)
        code = rng.choice(CODES)
        several = rng.sample(PEOPLE, rng.randint(0, 2))
        records.append(
            rng.choice(
                [
                    lambda: adds(by, name),  # noqa: B023  (called at once)
                    lambda: adds(code, name),  # noqa: B023
                    lambda: adds(code, name),  # noqa: B023
                    lambda: invites(by, code),  # noqa: B023
                    lambda: closes(by, code, *several),  # noqa: B023
                    lambda: epoch(by, rng.randint(1, 3), by, *several),  # noqa: B023
                    lambda: revokes(by, name, *rng.sample(records, rng.randint(0, len(records)))),  # noqa: B023
                ]
            )()
        )
    return records


# ---- the rule of docs/format.md ----


def least_fixpoint(step):
    """Return the smallest set that repeated application of a rule does not extend."""
    members = set()
    while more := step(members) - members:
        members |= more
    return members


def model_of_admins(added):
    """Return the ids of the devices that recovery has added, and of the first one."""
    recovery = public(RECOVERY)[0]
    return {device(FIRST)} | {body.device_id for signer, _, body in added if signer == recovery}


def model_of_revocations(statements, admins, known):
    """Return (revoked, kept, left -> kept by its farewells) by docs/format.md."""
    revocations = [each for each in statements if isinstance(each[2], DeviceRevoke)]
    recovery = public(RECOVERY)[0]
    farewells = {}
    for signer, _, body in revocations:
        if known.get(body.device_id) == signer:
            farewells.setdefault(body.device_id, []).append(set(body.keep))
    said = {
        name: set.intersection(*several) if len(several) <= 4 else set()
        for name, several in farewells.items()
    }
    revoked, kept = frozenset(), frozenset()

    def counts(signer, record_id, body):
        """Return whether an admin may sign a revocation, given what stands above it."""
        return any(
            known[admin] == signer
            and admin != body.device_id
            and (
                record_id in kept if admin in revoked else record_id in said.get(admin, {record_id})
            )
            for admin in admins
        )

    def together(those):
        """Return whom these revocations revoke, and what they keep."""
        out = {body.device_id for _, _, body in those}
        stands = {recovery} | {known[admin] for admin in admins - out}

        def kept_by(trusted):
            return {record for _, each, body in those if each in trusted for record in body.keep}

        trusted = least_fixpoint(
            lambda trusted: {
                record_id
                for signer, record_id, _ in those
                if signer in stands or record_id in kept_by(trusted)
            }
        )
        settled = {body.device_id for _, each, body in those if each in trusted}
        keep = kept_by(trusted) | {
            record_id
            for author, record_id, _ in statements
            for _, each, body in those
            if each not in trusted and body.device_id not in settled
            if known.get(body.device_id) == author and record_id in body.keep
        }
        return out, keep

    those = [each for each in revocations if each[0] == recovery]
    revoked, kept = together(those)
    those += [each for each in revocations if each[2].device_id in admins and counts(*each)]
    revoked, kept = together(those)
    those += [each for each in revocations if each[2].device_id not in admins and counts(*each)]
    revoked, kept = together(those)
    return revoked, kept, {name: keep for name, keep in said.items() if name not in revoked}


def model_of_enrolled(added, invitations, admins, known):
    """Return all devices that are reached without regard to revocations and closes."""
    recovery = public(RECOVERY)[0]

    def reach(reached):
        keys = {known[member] for member in reached & admins}
        keys |= {body.sign_pub for signer, _, body in invitations if signer in keys} | {recovery}
        return {device(FIRST)} | {body.device_id for signer, _, body in added if signer in keys}

    return least_fixpoint(reach)


def model_of_permitted(of, of_admins, kept):
    """Return kind -> the closes and epochs that their signers may sign, whoever is revoked."""
    others = {
        kind: [
            (signer, record_id, body)
            for signer, record_id, body in of(kind)
            if signer not in of_admins
        ]
        for kind in (InviteClose, Epoch)
    }
    permitted = {
        kind: [
            (signer, record_id, body) for signer, record_id, body in of(kind) if signer in of_admins
        ]
        for kind in (InviteClose, Epoch)
    }
    permitted[InviteClose] += [
        close
        for close in others[InviteClose]
        if close[1] in kept
        or close[2].invite_id in {b.invite_id for s, _, b in of(Invite) if s in of_admins}
        if close[1]
        in kept
        | {
            min(
                r
                for s, r, b in others[InviteClose]
                if (s, b.invite_id) == (close[0], close[2].invite_id)
            )
        }
    ]
    permitted[Epoch] += [
        made
        for made in others[Epoch]
        if made[1] in kept
        or (made[2].number, made[2].key_id, made[1])
        == max((b.number, b.key_id, r) for s, r, b in others[Epoch] if s == made[0])
    ]
    return permitted


def pairs(body):
    """Return (joiner, invite id) of each device that a close admits."""
    return [(joiner, body.invite_id) for joiner in body.admitted]


def model(parts):
    """Return (active, waiting, enrolled, writing) by docs/format.md, without any index."""
    statements = [(part.signer, part.id, decode(part.payload)) for part in set(parts)]

    def of(kind):
        return [statement for statement in statements if isinstance(statement[2], kind)]

    recovery, first = public(RECOVERY)[0], device(FIRST)
    known = {body.device_id: body.sign_pub for _, _, body in of(DeviceAdd)} | {
        first: public(FIRST)[0]
    }
    admins = model_of_admins(of(DeviceAdd))
    revoked, kept, left = model_of_revocations(statements, admins, known)
    of_admins = {known[admin] for admin in admins}
    permitted = model_of_permitted(of, of_admins, kept)

    def may(members, signer, record_id):
        """Return whether a record of this signer counts if these devices are members."""
        mine = [member for member in members if known[member] == signer]
        keeps = [left[member] for member in mine if member in left]
        return bool(mine) and (
            record_id in kept
            or any(member not in revoked and member not in left for member in mine)
            or (bool(keeps) and all(record_id in keep for keep in keeps))
        )

    def holders(sign_pub):
        """Return the devices that were added with this key."""
        return {body.device_id for signer, _, body in of(DeviceAdd) if signer == sign_pub}

    def invited(ways):
        """Return (device, invite id, key of the invitation) of adds by invitations that count."""
        members = {member for member, _ in ways}
        return {
            (add.device_id, opened.invite_id, signer)
            for signer, record_id, add in of(DeviceAdd)
            for maker, invite_record_id, opened in of(Invite)
            if maker in of_admins
            if opened.sign_pub == signer and may(members, maker, invite_record_id)
            if record_id in kept
            or add.device_id in revoked
            or knew(members, maker, signer, record_id)
            or (
                knew(members, maker, signer, None)
                and (add.device_id, opened.invite_id)
                in admitted(ways, signer, members - left.keys() - revoked)
            )
        }

    def admitted(ways, code, closing):
        """Return whom these members admit, without those that came in by this code only."""
        return named(closing & {member for member, by in ways if by != code}, pairs)

    def knew(members, maker, signer, record_id):
        """Return whether nobody who is gone had the key of an invitation, or all keep a record.

        `record_id` is None: whether all of them have left by themselves.
        """
        gone = holders(signer) & (revoked | left.keys())
        if not any(
            known[member] == maker and member not in revoked | left.keys() for member in members
        ):
            gone |= {member for member in members if known[member] == maker}
        return not gone & revoked and all(
            record_id is None or record_id in left[member] for member in gone
        )

    def named(members, body_of):
        """Return the values of all closes that count."""
        return {
            value
            for signer, record_id, body in permitted[InviteClose]
            if may(members, signer, record_id)
            for value in body_of(body)
        }

    def step(ways):
        """Return (member, key that has signed its add), one step further than `ways`."""
        members = {member for member, _ in ways}
        return (
            {(first, known[first])}
            | {
                (body.device_id, signer)
                for signer, record_id, body in of(DeviceAdd)
                if signer == recovery or (signer in of_admins and may(members, signer, record_id))
            }
            | {
                (joiner, code)
                for joiner, invite_id, code in invited(ways)
                if (joiner, invite_id) in admitted(ways, code, members)
            }
        )

    ways = least_fixpoint(step)
    members = {member for member, _ in ways}
    closed = named(members, lambda body: [body.invite_id])
    active = members - revoked - left.keys()
    joiners = {joiner for joiner, invite_id, _ in invited(ways) if invite_id not in closed}
    waiting = joiners - members - revoked - left.keys()

    enrolled = model_of_enrolled(of(DeviceAdd), of(Invite), admins, known)
    counting = {
        (signer, body)
        for signer, record_id, body in permitted[Epoch]
        if may(members, signer, record_id)
    }
    writing = [
        (body.number, body.key_id)
        for signer, body in counting
        if signer in {known[member] for member in active}
        and enrolled - active - waiting <= set(body.without)
    ]
    return active, waiting, enrolled, max(writing, default=None)


def summary(trust):
    return set(trust.active), set(trust.waiting), set(trust.enrolled), trust.writing


@given(seeds, st.integers(1, 14))
def test_trust_is_equal_to_the_rule(rng, count):
    parts = some_records(rng, count)
    assert summary(evaluate(*parts)) == model(parts)


# ---- trust is a function of the set of records ----


@given(seeds, st.integers(1, 14))
def test_trust_does_not_depend_on_order_or_repetition(rng, count):
    parts = some_records(rng, count)
    repeated = rng.choices(parts, k=5) + rng.sample(parts, len(parts))
    assert evaluate(*repeated) == evaluate(*parts)


@given(seeds, st.integers(1, 14))
def test_devices_that_exchange_records_agree(rng, count):
    """Each device knows some records, and they exchange what their manifests carry."""
    parts = some_records(rng, count)
    known = [{part for part in parts if rng.random() < 0.6} for _ in range(3)]
    known[0] |= set(parts)
    for sender, receiver in [(0, 1), (1, 2), (2, 0), (1, 0)]:
        known[receiver] |= set(roster.carried(GENESIS, known[sender]))
    assert known[0] == set(parts)
    everything, some, others = (evaluate(*each)._replace(void={}) for each in known)
    assert everything == some == others
    assert known[1] >= {part for part in parts if part.id in everything.retained}


@given(seeds, st.integers(1, 10), st.integers(1, 6))
def test_enrolled_devices_stay_enrolled_and_recovery_revokes_for_good(rng, count, more):
    parts = some_records(rng, count)
    later = parts + some_records(rng, more)
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


def honest_vault(rng):
    """Return (records, holders of each code) of a vault with honest devices and the thief eve."""
    records = [epoch(FIRST, 1, "k1")]
    members, admins, holders = [FIRST], [FIRST], {}
    for name in rng.sample([*PEOPLE, "eve"], 5):
        by = rng.choice(admins)
        if rng.random() < 0.25:
            records.append(adds(rng.choice([by, RECOVERY]) if name != "eve" else by, name))
        else:
            code = f"code of {name}"
            holders[code] = {by, name}
            records += [invites(by, code), adds(code, name)]
            if name == "eve" or rng.random() < 0.8:
                records.append(closes(rng.choice(members), code, name))
            else:
                continue  # it waits and signs nothing
        members.append(name)
        if rng.random() < 0.4:
            records.append(makes_admin(name))
            admins.append(name)
    records.append(epoch(rng.choice(members), 2, "k2"))
    return records, holders


def records_to_list(records, name, holders):
    """Return what a revocation of the thief must list: its records and those by codes it held."""
    signers = {public(name)[0]} | {
        public(code)[0] for code, owners in holders.items() if name in owners
    }
    return [part for part in records if part.signer in signers]


def record_of_thief(rng, inactive, codes):
    """Return one record that the thief signs with a key it holds."""
    by, target = (
        rng.choice(inactive),
        rng.choice([*PEOPLE, FIRST, "puppet", "puppet2", *inactive]),
    )
    code = rng.choice([*codes, "code of nobody"])
    signer = rng.choice([by, by, *codes])
    return rng.choice(
        [
            lambda: relabels(signer, target, rng.randint(0, 9)),
            lambda: relabels("puppet", "puppet2", rng.randint(0, 9)),
            lambda: epoch(by, rng.choice([1, 3, 2**32 - 1]), f"stolen by {by}", *inactive),
            lambda: revokes(by, target, *(adds(by, "puppet"), relabels(signer, target, 1))),
            lambda: closes(by, code, target, "puppet", *inactive),
            lambda: closes(by, code),
            lambda: invites(by, rng.choice([code, target]), rng.randint(1, 3)),
        ]
    )()


@given(seeds)
@share(2)  # 20,000 examples in the long profile
def test_a_revoked_device_with_all_its_keys_changes_nothing(rng):
    """No puppet is active or waits, and no honest device is removed.

    No epoch of the thief is used for writing.
    """
    records, holders = honest_vault(rng)
    records += [relabels("eve", "puppet", 1)] * rng.randint(0, 1)
    honest = [
        part
        for part in records_to_list(records, "eve", holders)
        if part != relabels("eve", "puppet", 1)
    ]
    keep = rng.sample(honest, rng.randint(0, len(honest)))
    # the keys of an admin put out admins until recovery revokes it
    revokers = [RECOVERY] if makes_admin("eve") in records else [FIRST, RECOVERY]
    known = [*records, revokes(rng.choice(revokers), "eve", *keep)]
    before = evaluate(*known)
    written = rng.random() < 0.7
    if written:
        inactive = names(before.inactive, *PEOPLE, "eve", "puppet")
        known.append(epoch(FIRST, before.next_number, "k3", *inactive))
        before = evaluate(*known)
        assert before.writing is not None
    codes = [code for code, owners in holders.items() if "eve" in owners]
    attack = [record_of_thief(rng, ["eve", "puppet"], codes) for _ in range(rng.randint(1, 8))]
    after = evaluate(*known, *attack)
    assert after.active == before.active
    assert after.waiting == before.waiting
    assert before.enrolled.keys() <= after.enrolled.keys()
    assert after.next_number == before.next_number
    assert after.writing in (before.writing, None)
    assert device("eve") in after.inactive
    if after.inactive == before.inactive:
        assert after.writing == before.writing
    again = epoch(FIRST, after.next_number, "k4", *names(after.inactive, *PEOPLE, *EVIL))
    assert evaluate(*known, *attack, again).writing == (after.next_number, key("k4"))


@given(seeds)
def test_an_admin_that_an_admin_has_revoked_lets_nobody_in(rng):
    """With its keys somebody can put out the other admins, and whom these have let in."""
    records, holders = honest_vault(rng)
    records.append(makes_admin("eve"))
    honest = records_to_list(records, "eve", holders)
    keep = rng.sample(honest, rng.randint(0, len(honest)))
    known = [*records, revokes(FIRST, "eve", *keep)]
    before = evaluate(*known)
    codes = [code for code, owners in holders.items() if "eve" in owners]
    attack = [record_of_thief(rng, ["eve", "puppet"], codes) for _ in range(rng.randint(1, 6))]
    mine = [part for part in [*records, *attack] if part.signer != public(RECOVERY)[0]]
    several = [revokes("eve", name, *rng.sample(mine, rng.randint(0, len(mine))))
               for name in rng.sample([FIRST, *PEOPLE, "eve", "puppet"], 3)]  # fmt: skip
    after = evaluate(*known, *attack, *several)
    assert after.active.keys() <= before.active.keys()
    assert device("eve") in after.inactive
    assert (
        evaluate(*known, *attack, *several, revokes(RECOVERY, "eve")).active.keys()
        <= before.active.keys()
    )
    assert after.waiting.keys() <= before.waiting.keys() | before.active.keys()


@given(seeds)
@share(0.5)
def test_a_joiner_that_was_not_admitted_changes_nothing_with_its_code(rng):
    records, _ = honest_vault(rng)
    records = [part for part in records if part not in records_to_list(records, "eve", {})]
    admitted = [adds(FIRST, "ann"), makes_admin("ann"), invites("ann", "code"),
                adds("code", "bob"), closes("ann", "code", "bob"), adds("ann", "cat")]  # fmt: skip
    known = [*records, *admitted, adds("code", "puppet")]
    before = evaluate(*known)
    attack = [record_of_thief(rng, ["puppet"], ["code"]) for _ in range(rng.randint(1, 8))]
    attack += [relabels("code", "bob", number) for number in range(rng.randint(0, 9))]
    after = evaluate(*known, *attack)
    assert after.active.keys() == before.active.keys()
    assert after.waiting.keys() == before.waiting.keys()
    assert after.admins == before.admins
    assert after.revoked == before.revoked
    assert after.closed == before.closed
    assert after.next_number == before.next_number
    assert after.writing in (before.writing, None)
