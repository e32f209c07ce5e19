"""Each status and reason of docs/format.md, brought about in a real folder and told by real hx.

One member of the vault lays what it likes, another one pulls. What takes a day is made a day older
in the database of the one that pulls. Placeholders of macOS 14 (SF_DATALESS) cannot be had here:
tests/stores has them; those before it are files with a name, which any folder can hold.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest

from cli.insider import attacker, keys_of
from cli.vaults import vault
from hx.cli.commands.sync.reasons import MEANINGS
from hx.core.format import object_names, verdict
from hx.core.format.keys import generate
from hx.core.format.roster_records import device_revoke
from hx.core.model import IMPORTED
from sync.attacker import Attacker
from sync.unsound_objects import BROKEN, event, lay

GOOD, FIRST = 1, 0x20  # numbers of objects
STATUSES = {"IMPORTED", "PENDING", "SKIPPED", "REJECTED"}


class Told(NamedTuple):
    """By the member that has pulled."""

    where: dict[str, str]  # what was laid -> its key
    rows: dict[str, tuple[str, str]]  # key -> status, reason
    whose: dict[str, list[str]]  # reason -> names of devices
    words: str


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """Everything at once: nothing of it holds up anything else."""
    one, evil = vault(tmp_path_factory.mktemp("verdicts"), "one", "evil")
    one.record("make")
    at_work = attacker(evil)
    gone = lay(at_work, FIRST - 1, BROKEN["not there"][2])
    at_work.sign()
    one.sync("pull", code=3)  # it waits for what is replaced now
    at_work.listed.pop()
    where = {"replaced": gone}
    for at, (what, (_, _, make)) in enumerate(BROKEN.items()):
        where[what] = lay(at_work, FIRST + 2 * at, make)
    where["in a cloud"] = placeholder(at_work, FIRST + 0x80)
    at_work.lay(GOOD, at_work.sealed(GOOD, [event(b"\x86" * 16, origin=IMPORTED)]))
    where["listed"] = at_work.sign()
    where["again"] = max(where["listed"], other := at_work.again(where["listed"]))
    where["listed"] = min(where["listed"], other)
    where["signed by another"] = at_work.sign(seed=generate().sign_seed)
    where["by a stranger"] = at_work.sign(device_id=b"\x07" * 16)
    where["sealed for others"] = at_work.sign(vmk=b"\x01" * 32)
    where["under a false number"] = misnumbered(at_work)
    pulled = one.sync("pull", code=4)["pulled"]
    assert (pulled["objects"], pulled["events"]) == (1, 1)
    age(one)
    one.sync("pull", code=4)
    return look(one, where)


def placeholder(at_work, number):
    """What iCloud of macOS 13 leaves of a file."""
    key = lay(at_work, number, Attacker.sealed)
    folder, _, name = key.rpartition("/")
    at_work.held[f"{folder}/.{name}.icloud"] = at_work.held.pop(key)
    return key


def misnumbered(at_work):
    """A sound manifest under the name of a later one."""
    key = at_work.sign()
    name = object_names.parsed(key)
    later = at_work.copy(key, name._replace(seq=name.seq + 1))
    del at_work.held[key]
    return later


def age(member):
    """Whatever it waits for, it has waited for a day, and looked at often."""
    with member.database() as database, database.transaction():
        for table in ("segment", "manifest"):
            database.execute(f"UPDATE {table} SET since_us = since_us - 90000000000, tries = 9")


def look(member, where):
    status = member.hx("sync", "status", "--json")
    words = member.hx("sync", "status", "--verbose")
    assert (status.code, words.code) == (4, 4)
    assert status.err == words.err == ""
    rows, whose = {}, {}
    for row in status.json["reasons"]:
        assert row["count"] == len(row["objects"])
        assert row["since"]
        rows |= dict.fromkeys(row["objects"], (row["status"], row["reason"]))
        whose.setdefault(row["reason"], []).extend(row["devices"])
    return Told(where, rows, whose, words.out)


WHAT = {what: (status, reason) for what, (status, reason, _) in BROKEN.items()} | {
    "other bytes": (verdict.REJECTED, verdict.HASH),
    "half copied": (verdict.REJECTED, verdict.HASH),
    "in a cloud": (verdict.PENDING, verdict.PLACEHOLDER),
    "replaced": (verdict.SKIPPED, verdict.SUPERSEDED),
    "again": (verdict.SKIPPED, verdict.DUPLICATE),
    "signed by another": (verdict.REJECTED, verdict.SIGNATURE),
    "by a stranger": (verdict.PENDING, verdict.ROSTER),
    "sealed for others": (verdict.PENDING, verdict.NO_KEY),
    "under a false number": (verdict.REJECTED, verdict.AUTHOR),
}


@pytest.mark.parametrize("what", WHAT)
def test_what_is_wrong_is_told_with_its_reason_its_meaning_and_whose_it_is(told, what):
    status, reason = WHAT[what]
    assert told.rows[told.where[what]] == (status, reason)
    assert told.where[what] in told.words
    assert MEANINGS[reason] in told.words
    assert "evil" in told.whose[reason]
    assert f"{reason}, of " in told.words


def test_what_is_sound_among_it_is_taken(told):
    assert told.where["listed"] not in told.rows


def test_every_reason_that_there_is_has_a_meaning_and_a_test():
    all_of_them = {
        value for name, value in vars(verdict).items() if name.isupper() and name not in STATUSES
    }
    assert set(MEANINGS) == all_of_them
    strange = {verdict.FOREIGN, verdict.CONFLICT_COPY, verdict.TEMP}  # test_sync_status
    assert {reason for _, reason in WHAT.values()} == all_of_them - strange - {verdict.REVOKED}


CODES = {  # what the newest manifest lists -> exit code of a sync and of its status
    ("of another vault",): 0,
    ("not there", "of another vault"): 3,
    ("a field of the future",): 7,
    ("a flag of the future", "of a stranger", "of another vault"): 7,
    ("no object of hx", "a flag of the future", "not there"): 4,
    ("nonsense",): 4,
    (): 0,
}


def test_the_exit_code_says_the_worst_and_what_helps(tmp_path):
    one, evil = vault(tmp_path, "one", "evil")
    at_work = attacker(evil)
    for round_, (whats, code) in enumerate(CODES.items()):
        at_work.listed.clear()
        for at, what in enumerate(whats):
            lay(at_work, 0x10 * (round_ + 1) + 2 * at, BROKEN[what][2])
        at_work.sign()
        done = one.hx("sync", "pull")
        assert done.code == code, done
        assert ("hx: hint: upgrade hx here" in done.err) == any("future" in w for w in whats)
        assert one.hx("sync", "status").code == code


def test_a_revoked_device_is_told_and_nothing_more_of_it_is_taken(tmp_path):
    one, evil = vault(tmp_path, "one", "evil")
    evil.record("echo before")
    evil.sync()
    one.sync()
    at_work = attacker(evil)
    records = at_work.roster
    revocation = device_revoke(
        at_work.device.me, (), seed=keys_of(one).device.sign_seed, vault_id=at_work.vault_id
    )
    at_work.lay(GOOD, at_work.sealed(GOOD, [event(at_work.device.me)]))
    key = at_work.sign(roster=(*records, revocation))
    pulled = one.sync("pull")["pulled"]
    assert (pulled["objects"], one.commands) == (0, ["echo before"])
    [row] = one.sync("status")["reasons"]
    assert (row["status"], row["reason"]) == (verdict.SKIPPED, verdict.REVOKED)
    assert (row["objects"], row["devices"]) == ([key], ["evil"])
    words = one.hx("sync", "status").out
    assert MEANINGS[verdict.REVOKED] in words
    assert "evil (" in words
