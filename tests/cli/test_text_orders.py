"""`hx forget --match --everywhere`: an order by text reaches what other devices have not synced."""

from __future__ import annotations

import os
import time

import pexpect
import pytest

from attacks.test_mass_orders import MANY, fill
from cli.attacking_member import attacker, keys_of
from cli.machine import HX
from cli.test_forget_sync import require_nowhere, sync
from cli.vaults import is_error, vault
from hx.core.format import segment
from hx.core.merge import History
from hx.core.model import Tombstone
from hx.core.text_orders import scope_of

TEXT = "CANARY-8wQj"
LINE = f"rsync {TEXT}@backup:/srv ."
MINUTE_US = 60_000_000
DAY_MINUTES = 24 * 60


@pytest.fixture
def pair(tmp_path):
    return vault(tmp_path, "laptop", "desktop")


def ago(minutes):
    return time.time_ns() // 1000 - minutes * MINUTE_US


def forget(member, *options, text=TEXT):
    return member.hx("forget", "--match", text, "--yes", *options)


def asked(member, *options):
    """Run `hx forget --match` on a terminal, answer no, and return what it says before."""
    environment = {"HX_HOME": str(member.home), "HOME": str(member.cwd), "PATH": os.environ["PATH"]}
    arguments = ["forget", "--match", TEXT, *options]
    child = pexpect.spawn(HX, arguments, env=environment, timeout=20, dimensions=(40, 300))
    child.expect("Forget this")
    output = child.before.decode()
    child.sendline("n")
    child.expect(pexpect.EOF)
    child.close()
    return output


# ---- without --everywhere ----


def test_a_text_that_another_device_has_not_synced_comes_back_without_an_order(pair):
    """It is what --match says; this test fails when the words have to change."""
    laptop, desktop = pair
    laptop.record(LINE)
    sync(laptop, desktop)
    desktop.record(LINE, at=ago(1))
    forget(laptop)
    sync(laptop, desktop, laptop)
    assert laptop.commands == [LINE]


def test_match_says_what_it_does_not_know_before_the_question_and_after(pair):
    laptop, _ = pair
    laptop.record(LINE)
    before = asked(laptop)
    assert "--match knows only what is here" in before
    assert "may hold the same text: desktop (last seen " in before
    assert "--everywhere reaches that too" in before
    after = forget(laptop).out
    assert "what these have not synced may hold the same text: desktop (last seen " in after
    laptop.sync()
    told = laptop.hx("sync", "status").out
    assert "no sync since from desktop" in told
    assert "desktop may hold the same text in what it has not synced" in told


def test_match_says_what_it_does_not_know_when_it_finds_nothing(pair):
    result = forget(pair[0])
    assert result.code == 1
    assert "may hold the same text: desktop (last seen " in result.err


def test_match_says_nothing_of_other_devices_where_there_are_none(tmp_path):
    [laptop] = vault(tmp_path, "laptop")
    laptop.record(LINE)
    assert "--match knows" not in asked(laptop)
    assert "may hold" not in forget(laptop).out


def test_match_tells_where_a_text_is_that_retention_has_removed(tmp_path):
    [laptop] = vault(tmp_path, "laptop")
    laptop.record(LINE, at=ago(60 * DAY_MINUTES))
    laptop.record("make", at=ago(40 * DAY_MINUTES))
    laptop.record("make", at=ago(20 * DAY_MINUTES))
    laptop.sync()
    (laptop.home / "config.toml").write_text("retention_days = 30\n")
    laptop.hx("status")
    result = forget(laptop)
    assert result.code == 1
    assert "retention has removed here what began before" in result.err
    assert "this device's objects in the store may still hold it" in result.err
    assert "`hx forget --match --everywhere` with the whole line as the text" in result.err
    assert forget(laptop, "--everywhere", text=LINE).code == 0
    assert "an encrypted copy remains in the store" in laptop.hx("sync", "status").out
    laptop.sync()
    assert "an encrypted copy" not in laptop.hx("sync", "status").out
    require_nowhere([laptop], TEXT)


# ---- with it ----


def test_a_text_that_another_device_has_not_synced_goes_there_too(pair):
    laptop, desktop = pair
    laptop.record(LINE)
    sync(laptop, desktop)
    desktop.record(LINE, at=ago(1))
    desktop.record("echo stays")
    assert LINE in desktop.commands  # it is in the database of desktop, and not in the store
    assert forget(laptop, "--everywhere").code == 0
    sync(laptop)
    assert desktop.sync()["pulled"]["forgotten"] == 2  # that of laptop by its key
    sync(laptop, desktop)
    require_nowhere(pair, TEXT)
    assert laptop.commands == desktop.commands == ["echo stays"]


def test_a_command_that_is_still_in_the_spool_goes_too(pair):
    laptop, desktop = pair
    laptop.record(LINE)
    assert forget(laptop, "--everywhere").code == 0
    sync(laptop, desktop)  # desktop knows the order
    desktop.record(LINE, at=ago(5))  # it began before, and is read now
    desktop.record("echo stays")
    assert desktop.commands == ["echo stays"]
    sync(desktop, laptop)
    require_nowhere(pair, TEXT)


def test_what_is_typed_once_a_device_knows_the_order_stays_everywhere(pair):
    laptop, desktop = pair
    laptop.record(LINE, at=ago(10))
    assert forget(laptop, "--everywhere").code == 0
    sync(laptop, desktop)
    for member in pair:
        member.record(LINE, at=ago(0))
        assert member.commands == [LINE]
    sync(laptop, desktop, laptop, desktop)
    assert laptop.commands == desktop.commands == [LINE, LINE]


def test_a_line_that_only_another_device_holds_can_be_typed_whole(pair):
    laptop, desktop = pair
    desktop.record(LINE, at=ago(1))
    desktop.record(f"{LINE} more")
    assert len(desktop.commands) == 2
    result = forget(laptop, "--everywhere", text=LINE)
    assert (result.code, "forgotten: 0 events" in result.out) == (0, True), result
    sync(laptop, desktop)
    assert desktop.commands == [f"{LINE} more"]  # an order names whole texts


def test_matching_lines_of_an_import_are_left_out_and_counted(pair):
    laptop, desktop = pair
    laptop.record(LINE)
    assert forget(laptop, "--everywhere").code == 0
    sync(laptop, desktop)
    file = desktop.cwd / ".bash_history"
    file.write_text(f"make\n{LINE}\nls\n{LINE}\n")
    for new, known in ((2, 0), (0, 2)):
        [counts] = desktop.hx("import", str(file), "--json").json
        assert (counts["new"], counts["known"], counts["forgotten"]) == (new, known, 2)
    assert desktop.commands == ["ls", "make"]


def test_what_another_device_has_published_goes_where_it_arrives(pair):
    laptop, desktop = pair
    desktop.record(LINE, at=ago(1))
    desktop.sync()
    assert forget(laptop, "--everywhere", text=LINE).code == 0
    laptop.sync()  # it takes what desktop has published, and forgets it
    assert laptop.commands == []
    sync(desktop, laptop)
    require_nowhere(pair, TEXT)


# ---- what it says ----


def test_the_preview_says_what_an_order_costs(pair):
    laptop, _ = pair
    laptop.record(LINE)
    before = asked(laptop, "--everywhere")
    assert "the other devices forget 1 whole text" in before
    assert "can test guesses of such a line with this order, about 1.5 million a second" in before
    assert "a password in it has to be changed" in before


def test_the_preview_says_when_the_order_names_only_the_text_itself(pair):
    assert "exactly this text, as a whole line" in asked(pair[0], "--everywhere")


def test_in_a_plain_vault_everybody_who_reads_the_store_can_test_guesses(tmp_path):
    [laptop] = vault(tmp_path, "laptop", options=("--no-encrypt",))
    assert "whoever reads the store can test guesses" in asked(laptop, "--everywhere")


def test_the_order_is_in_the_json(pair):
    laptop, _ = pair
    laptop.record(LINE)
    plain = forget(laptop, "--json").json
    assert plain["everywhere"] is None
    assert [device["device"] for device in plain["may_hold"]] == ["desktop"]
    laptop.record(LINE)
    report = forget(laptop, "--everywhere", "--json").json
    assert report["everywhere"]["texts"] == 1
    assert report["everywhere"]["until"] > time.strftime("%Y-%m-%d")


def test_everywhere_needs_match_and_a_vault(pair, tmp_path):
    laptop, _ = pair
    needs = "--everywhere names a text"
    assert is_error(laptop.hx("forget", "--since", "1h", "--everywhere", "--yes"), 2, needs)
    assert is_error(forget(laptop, "--everywhere", "--this-device"), 2, needs)
    (tmp_path / "alone").mkdir()
    alone = type(laptop)(tmp_path / "alone" / "x", tmp_path, "alone")
    assert is_error(forget(alone, "--everywhere"), 2, "sync is not set up")


def test_an_order_of_too_many_texts_is_refused_and_nothing_is_forgotten(pair):
    laptop, _ = pair
    for number in range(1_025):
        laptop.record(f"{LINE} {number}")
    result = forget(laptop, "--everywhere")
    assert is_error(result, 2, "1,025 different lines hold this text", "names 1,024")
    assert len(laptop.commands) == 1_025


# ---- an order that takes much ----


def test_an_order_by_text_that_takes_much_waits_for_a_person(tmp_path):
    """Else a member could send digests of common lines, and empty every history unasked."""
    laptop, desktop, tablet = members = vault(tmp_path, "laptop", "desktop", "tablet")
    fill(laptop)
    sync(*members, *members)
    order = text_order(laptop, [b"echo %d" % number for number in range(1, 1_101)])
    publish(laptop, order)
    sync(desktop, tablet, desktop)
    for member in (desktop, tablet):
        [waiting] = member.sync("status")["held"]
        assert (waiting["reason"], waiting["events"]) == ("large", 1_024)
        assert len(member.commands) == MANY
    tablet.record("echo 7", at=ago(0))
    accepted = desktop.hx("sync", "accept", "--yes", "--json")
    assert (accepted.code, accepted.json["forgotten"]) == (0, 1_024)
    sync(desktop, tablet, desktop)
    assert not tablet.sync("status")["held"]
    assert len(desktop.commands) == len(tablet.commands) == MANY - 1_024 + 1
    assert "echo 7" in desktop.commands, "what is recorded while the order is held is spared of it"


def test_a_refused_order_by_text_takes_nothing_that_is_there_or_comes_later(tmp_path):
    laptop, desktop, tablet = members = vault(tmp_path, "laptop", "desktop", "tablet")
    fill(laptop)
    sync(*members, *members)
    desktop.record("echo 9", at=ago(1))  # of a text that the order names
    order = text_order(laptop, [b"echo %d" % number for number in range(1, 1_101)])
    publish(laptop, order)
    sync(tablet)
    [waiting] = tablet.sync("status")["held"]
    assert tablet.hx("sync", "refuse", waiting["id"], "--yes").code == 0
    sync(tablet, desktop, tablet, desktop)
    for member in (desktop, tablet):
        assert not member.sync("status")["held"]
        assert len(member.commands) == MANY + 1
        assert member.commands.count("echo 9") == 2


def text_order(member, texts):
    scope = scope_of(b"\x05" * 32, texts[:1_024], time.time_ns() // 1000)
    maker = keys_of(member).device.device_id
    return Tombstone(b"\x0e" * 16, time.time_ns() // 1000, maker, scope)


def publish(member, tombstone):
    """Publish a tombstone with the keys of a member, which does not apply it."""
    thief = attacker(member)
    payload = segment.encode(History(tombstones=frozenset([tombstone])))
    thief.lay(1, thief.sealed(1, payload=payload))
    thief.sign(label=member.name)
    thief.device.database.close()
