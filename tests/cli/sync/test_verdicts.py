"""Each status and reason of docs/format.md, caused in a real folder and reported by the real hx.

One member of the vault attacks it, another one pulls. What takes a day is made a day older in the
database of the member that pulls. Placeholders of macOS 14 (SF_DATALESS) cannot be made here:
tests/stores has them. Older placeholders are files with a certain name, which any folder can hold.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest

from cli.attacking_member import attacker, keys_of
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


class Report(NamedTuple):
    """The report of the member that has pulled."""

    where: dict[str, str]  # what the attacker put into the store -> its key
    rows: dict[str, tuple[str, str]]  # key -> status, reason
    whose: dict[str, list[str]]  # reason -> names of devices
    words: str


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """Put every bad object into one vault and pull: no object may prevent reading the others."""
    laptop, evil = vault(tmp_path_factory.mktemp("verdicts"), "laptop", "evil")
    laptop.record("make")
    intruder = attacker(evil)
    missing_key = lay(intruder, FIRST - 1, BROKEN["not there"][2])
    intruder.sign()
    laptop.sync("pull", code=3)  # the segment is pending until it is replaced below
    intruder.listed.pop()
    where = {"replaced": missing_key}
    for index, (what, (_, _, make)) in enumerate(BROKEN.items()):
        where[what] = lay(intruder, FIRST + 2 * index, make)
    where["in a cloud"] = placeholder(intruder, FIRST + 0x80)
    intruder.lay(GOOD, intruder.sealed(GOOD, [event(b"\x86" * 16, origin=IMPORTED)]))
    where["listed"] = intruder.sign()
    where["again"] = max(where["listed"], desktop := intruder.again(where["listed"]))
    where["listed"] = min(where["listed"], desktop)
    where["signed by another"] = intruder.sign(seed=generate().sign_seed)
    where["by a stranger"] = intruder.sign(device_id=b"\x07" * 16)
    where["sealed for others"] = intruder.sign(vmk=b"\x01" * 32)
    where["under a false number"] = misnumbered(intruder)
    pulled = laptop.sync("pull", code=4)["pulled"]
    assert (pulled["objects"], pulled["events"]) == (1, 1)
    make_older(laptop)
    laptop.sync("pull", code=4)
    return report_of(laptop, where)


def placeholder(intruder, number):
    """Replace an object by the placeholder of iCloud in macOS 13; return its key."""
    key = lay(intruder, number, Attacker.sealed)
    folder, _, name = key.rpartition("/")
    intruder.held[f"{folder}/.{name}.icloud"] = intruder.held.pop(key)
    return key


def misnumbered(intruder):
    """Sign a valid manifest and move it to the name of a later one; return its key."""
    key = intruder.sign()
    name = object_names.parsed(key)
    later = intruder.copy(key, name._replace(seq=name.seq + 1))
    del intruder.held[key]
    return later


def make_older(member):
    """Make every pending object a day older in the database, after several tries."""
    with member.database() as database, database.transaction():
        for table in ("segment", "manifest"):
            database.execute(f"UPDATE {table} SET since_us = since_us - 90000000000, tries = 9")


def report_of(member, where):
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
    return Report(where, rows, whose, words.out)


VERDICTS = {what: (status, reason) for what, (status, reason, _) in BROKEN.items()} | {
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


@pytest.mark.parametrize("what", VERDICTS)
def test_every_bad_object_is_reported_with_its_reason_meaning_and_device(report, what):
    status, reason = VERDICTS[what]
    assert report.rows[report.where[what]] == (status, reason)
    assert report.where[what] in report.words
    assert MEANINGS[reason] in report.words
    # of a device that nobody has added, only the id is known
    assert ("07070707" if what == "by a stranger" else "evil") in report.whose[reason]
    assert f"{reason}, of " in report.words


def test_the_valid_object_among_them_is_imported(report):
    assert report.where["listed"] not in report.rows


def test_every_reason_has_a_meaning_and_a_test():
    all_reasons = {
        value for name, value in vars(verdict).items() if name.isupper() and name not in STATUSES
    }
    assert set(MEANINGS) == all_reasons
    foreign = {verdict.FOREIGN, verdict.CONFLICT_COPY, verdict.TEMP}  # in test_status.py
    elsewhere = foreign | {verdict.REVOKED, verdict.WAITING}  # in test_leave.py
    elsewhere |= {verdict.UNKNOWN_FORMAT, verdict.TWO_CONTENTS}  # in tests/attacks
    elsewhere |= {verdict.KEYS_ELSEWHERE}
    assert {reason for _, reason in VERDICTS.values()} == all_reasons - elsewhere


CODES = {  # what the newest manifest lists -> exit code of a sync and of its status
    ("of another vault",): 0,
    ("not there", "of another vault"): 3,
    ("a field of the future",): 7,
    ("a flag of the future", "not there", "of another vault"): 7,
    ("no object of hx", "a flag of the future", "not there"): 4,
    ("nonsense",): 4,
    (): 0,
}


def test_the_exit_code_is_that_of_the_worst_object(tmp_path):
    laptop, evil = vault(tmp_path, "laptop", "evil")
    intruder = attacker(evil)
    for round_, (kinds, code) in enumerate(CODES.items()):
        intruder.listed.clear()
        for index, what in enumerate(kinds):
            lay(intruder, 0x10 * (round_ + 1) + 2 * index, BROKEN[what][2])
        intruder.sign()
        result = laptop.hx("sync", "pull")
        assert result.code == code, result
        assert ("hx: hint: upgrade hx here" in result.err) == any("future" in w for w in kinds)
        assert laptop.hx("sync", "status").code == code


def test_later_segments_of_a_revoked_device_are_skipped(tmp_path):
    laptop, evil = vault(tmp_path, "laptop", "evil")
    evil.record("echo before")
    evil.sync()
    laptop.sync()
    intruder = attacker(evil)
    records = intruder.roster
    revocation = device_revoke(
        intruder.device.me, (), seed=keys_of(laptop).device.sign_seed, vault_id=intruder.vault_id
    )
    intruder.lay(GOOD, intruder.sealed(GOOD, [event(intruder.device.me)]))
    key = intruder.sign(roster=(*records, revocation))
    pulled = laptop.sync("pull")["pulled"]
    assert (pulled["objects"], laptop.commands) == (0, ["echo before"])
    [row] = laptop.sync("status")["reasons"]
    assert (row["status"], row["reason"]) == (verdict.SKIPPED, verdict.REVOKED)
    assert (row["objects"], row["devices"]) == ([key], ["evil"])
    words = laptop.hx("sync", "status").out
    assert MEANINGS[verdict.REVOKED] in words
    assert re.search(r"device .*: (\(.*\) )?evil\n", words)
