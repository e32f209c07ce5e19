"""Machines that record, forget and pin on their own are equal once they have synced."""

from __future__ import annotations

import random
import time

import pytest

from cli.vaults import Member, vault

NAMES = ("one", "two", "three")
WORDS = ("make", "ls", "git push", "ssh box")


def session(number, count=0):
    return f"000640000000{count:04x}" + f"{number:x}" * 16


@pytest.fixture
def pair(tmp_path):
    return vault(tmp_path, "one", "two")


def settle(members):
    """Each gives what it has, then each takes what the others gave."""
    for _ in range(2):
        for member in members:
            member.sync()


# ---- equal, whatever the order ----


@pytest.mark.parametrize("seed", range(3))
def test_three_that_work_offline_in_any_order_end_with_equal_histories(tmp_path, seed):
    members = vault(tmp_path, *NAMES)
    chance = random.Random(seed)
    numbers = {member.name: at for at, member in enumerate(members, 1)}
    recorded = []
    for step in range(16):
        member = chance.choice(members)
        recorded += act(chance, member, numbers[member.name], step)
    last = chance.choice(members)
    last.record(f"echo at the end {seed}", session=session(numbers[last.name]))
    last.hx("forget", "--match", chance.choice(recorded) if recorded else "none", "--yes")
    chance.shuffle(members)
    settle(members)
    first, *others = members
    assert f"echo at the end {seed}" in first.commands
    for other in others:
        assert other.history == first.history
        assert pinned(other) == pinned(first)
    assert [member.sync("status")["unpublished"] for member in members] == [0, 0, 0]


def act(chance, member, number, step):
    """One thing that a person does; gives what was recorded by it."""
    what = chance.choice(["record", "record", "forget", "forget-session", "pin", "unpin", "sync"])
    if what == "record":
        command = f"{chance.choice(WORDS)} {step}"
        member.record(command, chance.choice([0, 1, None]), session=session(number, step % 2))
        return [command]
    if what == "sync":
        member.sync()
    elif what == "forget":
        member.hx("forget", "--match", chance.choice(WORDS), "--yes")
    elif seen := member.history:
        chosen = chance.choice(seen)["session_id"]
        verb = ["forget", "--yes", "--session"] if what == "forget-session" else [what]
        assert member.hx(*verb, chosen).code == 0
    return []


def pinned(member):
    """Of every event whether its session is pinned."""
    return {
        one["id"]: member.hx("show", one["id"], "--json").json["pinned"] for one in member.history
    }


# ---- what travels, and what does not ----


def test_live_events_arrive_with_all_that_is_known_of_them(pair):
    one, other = pair
    one.record("false | make", 2, pipestatus="1 2", cwd="/srv", host="lap", shell="fish")
    one.record("sleep 9", None)
    settle(pair)
    [failed, ended] = other.history
    assert other.history == one.history
    assert [failed[name] for name in ("exit_status", "pipestatus", "cwd", "host", "shell")] == [
        *(2, [1, 2], "/srv", "lap", "fish")
    ]
    assert ended["exit_status"] is None
    for event in (failed, ended):
        shown = [member.hx("show", event["id"], "--json").json for member in pair]
        assert shown[0] == shown[1]
        assert (shown[0]["tty"], shown[0]["user"]) == ("/dev/pts/3", "ann")


def test_bytes_that_are_no_text_arrive_as_they_are(pair):
    one, other = pair
    one.record(b"printf '\xff\xfe'\necho two", cwd=b"/tmp/\xe9")
    settle(pair)
    assert other.history == one.history
    [event] = other.history
    shown = [member.hx("show", "--raw", event["id"]).out for member in pair]
    assert shown[0] == shown[1] == "printf '\udcff\udcfe'\necho two"


def test_imported_events_arrive_as_imported(pair):
    one, other = pair
    (one.cwd / ".zsh_history").write_bytes(b": 1700000000:3;make all\n: 1700000001:0;ls\n")
    (one.cwd / ".bash_history").write_bytes(b"of no time\n")
    assert one.hx("import").code == 0
    settle(pair)
    assert other.history == one.history
    assert [event["origin"] for event in other.history] == ["import"] * 3
    assert {event["started_at"] for event in other.history} >= {None, "2023-11-14T22:13:20.000000Z"}


def test_imported_events_bear_the_name_of_the_machine_that_has_them(pair):
    one, other = pair
    (one.cwd / ".bash_history").write_bytes(b"before\n")
    one.hx("import")
    settle(pair)
    assert (rows(one, "find"), rows(other, "find")) == (["before"], ["one: before"])
    assert one.hx("sync", "rename", "uno").code == 0
    settle(pair)
    (one.cwd / ".zsh_history").write_bytes(b": 1700000000:3;after\n")
    one.hx("import")
    settle(pair)
    assert rows(one, "find") == ["after", "before"]
    assert rows(other, "find") == ["uno: after", "uno: before"]


def test_a_pin_and_its_end_arrive(pair):
    one, other = pair
    one.record("make")
    settle(pair)
    [event] = other.history
    for verb, who, reader in (("pin", one, other), ("unpin", other, one)):
        assert who.hx(verb, event["session_id"]).code == 0
        settle(pair)
        assert reader.hx("show", event["id"], "--json").json["pinned"] == (verb == "pin")


def test_a_window_that_is_forgotten_takes_what_others_have_not_published_yet(pair):
    one, other = pair
    other.record("echo late")
    assert one.hx("forget", "--since", "2h", "--yes").code in (0, 1)
    one.record("echo here")
    assert one.hx("forget", "--since", "2h", "--yes").code == 0
    settle(pair)
    assert one.history == other.history == []


def test_an_event_that_still_runs_is_not_published_yet(pair):
    one, other = pair
    one.record("sleep 1000", finished=False, at=time.time_ns() // 1000)
    one.record("sleep 2000", finished=False)
    settle(pair)
    assert one.commands == ["sleep 1000", "sleep 2000"]
    assert other.commands == ["sleep 2000"]


def test_settings_and_pauses_stay_where_they_are(tmp_path):
    one, other = vault(tmp_path, "one", "two", options=("--no-encrypt",))
    (one.home / "config.toml").write_text('ignore = ["cnry-rule"]\n')
    assert one.hx("pause", "--for", "1h").code == 0
    one.record("echo travels")
    settle([one, other])
    assert other.commands == ["echo travels"]
    assert "paused" not in other.hx("status").out
    assert not (other.home / "config.toml").exists()
    in_store = b"".join(path.read_bytes() for path in one.folder.rglob("*") if path.is_file())
    assert b"cnry-rule" not in in_store
    assert not any("spool" in path.name for path in one.folder.rglob("*"))


def test_retention_removes_here_and_not_there(pair):
    one, other = pair
    old = time.time_ns() // 1000 - 40 * 86_400_000_000
    one.record("echo old", at=old)
    one.record("echo new")
    settle(pair)
    (one.home / "config.toml").write_text("retention_days = 30\n")
    one.hx("status")
    assert one.commands == ["echo new"]
    settle(pair)
    assert one.commands == ["echo new"]
    assert other.commands == ["echo new", "echo old"]


# ---- all devices without a flag ----


def test_every_question_covers_all_devices_and_a_flag_narrows_it(pair):
    one, other = pair
    one.record("make test", 1, session=session(1))
    settle(pair)
    assert "zsh on one," in other.hx("last").out
    other.record("make own", session=session(2))
    assert rows(other, "find") == ["make own", "one: make test"]
    assert rows(other, "search", "make") == ["make own", "one: make test"]
    assert rows(one, "find") == ["make test"]
    assert "zsh on two," in other.hx("last").out
    assert other.hx("stats", "--json").json["total"]["events"] == 2
    for name, commands in (("one", ["make test"]), ("two", ["make own"])):
        assert other.hx("find", "--json", "--device", name).commands == commands
        found = other.hx("search", "make", "--json", "--device", name).json
        assert [one["command"] for one in found] == commands
        stats = other.hx("stats", "--json", "--device", name).json
        assert stats["total"]["events"] == 1
    assert other.hx("find", "--device", "three").code == 1


def rows(member, *question):
    """What stands behind the columns, in any order."""
    lines = member.hx(*question).out.splitlines()
    return sorted(line.split("  ")[-1].strip() for line in lines)


def test_a_new_name_is_seen_by_the_others_after_both_have_synced(pair):
    one, other = pair
    one.record("make")
    settle(pair)
    assert one.hx("sync", "rename", "  büro  ").code == 0
    assert rows(other, "find") == ["one: make"]
    settle(pair)
    assert rows(other, "find") == ["büro: make"]
    assert other.hx("find", "--device", "büro", "--json").commands == ["make"]
    assert [one["name"] for one in other.sync("devices")] == ["two", "büro"]


@pytest.mark.parametrize("name", ["", "   ", "n" * 65])
def test_a_name_that_is_none_is_refused(pair, name):
    before = pair[0].sync("devices")
    refused = pair[0].hx("sync", "rename", name)
    assert refused.code == 2
    assert pair[0].sync("devices") == before


def test_who_joins_late_has_all_at_once(pair, tmp_path):
    one, other = pair
    one.record("make")
    other.record("ls")
    settle(pair)
    late = Member(tmp_path / "late", one.folder, "late")
    assert late.join(other.invite()).json["events"] == 2
    assert late.commands == ["ls", "make"]
    late.record("echo at once")
    late.sync()
    one.sync()
    assert one.commands == ["echo at once", "ls", "make"]
