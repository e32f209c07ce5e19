"""Machines that record, forget and pin offline have equal histories after they have synced."""

from __future__ import annotations

import random
import time

import pytest

from cli.vaults import Member, vault

NAMES = ("laptop", "desktop", "three")
WORDS = ("make", "ls", "git push", "ssh box")


def session(number, count=0):
    return f"000640000000{count:04x}" + f"{number:x}" * 16


@pytest.fixture
def pair(tmp_path):
    return vault(tmp_path, "laptop", "desktop")


def sync_all(members):
    """Sync all members twice, so that each pushes its events and then pulls those of the others."""
    for _ in range(2):
        for member in members:
            member.sync()


# ---- equal histories in any order ----


@pytest.mark.parametrize("seed", range(3))
def test_three_members_that_act_offline_in_any_order_end_with_equal_histories(tmp_path, seed):
    members = vault(tmp_path, *NAMES)
    generator = random.Random(seed)
    number_of = {member.name: at for at, member in enumerate(members, 1)}
    recorded = []
    for step in range(16):
        member = generator.choice(members)
        recorded += act_randomly(generator, member, number_of[member.name], step)
    last_member = generator.choice(members)
    last_member.record(f"echo at the end {seed}", session=session(number_of[last_member.name]))
    last_member.hx("forget", "--match", generator.choice(recorded) if recorded else "none", "--yes")
    generator.shuffle(members)
    sync_all(members)
    first, *others = members
    assert f"echo at the end {seed}" in first.commands
    for member in others:
        assert member.history == first.history
        assert pinned(member) == pinned(first)
    assert [member.sync("status")["unpublished"] for member in members] == [0, 0, 0]


def act_randomly(generator, member, number, step):
    """Do one random action of a user; return the commands that it recorded."""
    action = generator.choice(
        ["record", "record", "forget", "forget-session", "pin", "unpin", "sync"]
    )
    if action == "record":
        command = f"{generator.choice(WORDS)} {step}"
        member.record(command, generator.choice([0, 1, None]), session=session(number, step % 2))
        return [command]
    if action == "sync":
        member.sync()
    elif action == "forget":
        member.hx("forget", "--match", generator.choice(WORDS), "--yes")
    elif events := member.history:
        chosen = generator.choice(events)["session_id"]
        verb = ["forget", "--yes", "--session"] if action == "forget-session" else [action]
        assert member.hx(*verb, chosen).code == 0
    return []


def pinned(member):
    """Return for every event whether its session is pinned."""
    return {
        event["id"]: member.hx("show", event["id"], "--json").json["pinned"]
        for event in member.history
    }


# ---- what is synced, and what is not ----


def test_live_events_are_synced_with_all_their_facts(pair):
    laptop, desktop = pair
    laptop.record("false | make", 2, pipestatus="1 2", cwd="/srv", host="lap", shell="fish")
    laptop.record("sleep 9", None)
    sync_all(pair)
    [failed, ended] = desktop.history
    assert desktop.history == laptop.history
    assert [failed[name] for name in ("exit_status", "pipestatus", "cwd", "host", "shell")] == [
        *(2, [1, 2], "/srv", "lap", "fish")
    ]
    assert ended["exit_status"] is None
    for event in (failed, ended):
        details = [member.hx("show", event["id"], "--json").json for member in pair]
        assert details[0] == details[1]
        assert (details[0]["tty"], details[0]["user"]) == ("/dev/pts/3", "ann")


def test_commands_of_any_bytes_are_synced_unchanged(pair):
    laptop, desktop = pair
    laptop.record(b"printf '\xff\xfe'\necho two", cwd=b"/tmp/\xe9")
    sync_all(pair)
    assert desktop.history == laptop.history
    [event] = desktop.history
    raw_outputs = [member.hx("show", "--raw", event["id"]).out for member in pair]
    assert raw_outputs[0] == raw_outputs[1] == "printf '\udcff\udcfe'\necho two"


def test_imported_events_are_synced_as_imported(pair):
    laptop, desktop = pair
    (laptop.cwd / ".zsh_history").write_bytes(b": 1700000000:3;make all\n: 1700000001:0;ls\n")
    (laptop.cwd / ".bash_history").write_bytes(b"of no time\n")
    assert laptop.hx("import").code == 0
    sync_all(pair)
    assert desktop.history == laptop.history
    assert [event["origin"] for event in desktop.history] == ["import"] * 3
    assert {event["started_at"] for event in desktop.history} >= {
        None,
        "2023-11-14T22:13:20.000000Z",
    }


def test_imported_events_have_the_name_of_the_device_that_imported_them(pair):
    laptop, desktop = pair
    (laptop.cwd / ".bash_history").write_bytes(b"before\n")
    laptop.hx("import")
    sync_all(pair)
    assert (rows(laptop, "find"), rows(desktop, "find")) == (["before"], ["laptop: before"])
    assert laptop.hx("sync", "rename", "uno").code == 0
    sync_all(pair)
    (laptop.cwd / ".zsh_history").write_bytes(b": 1700000000:3;after\n")
    laptop.hx("import")
    sync_all(pair)
    assert rows(laptop, "find") == ["after", "before"]
    assert rows(desktop, "find") == ["uno: after", "uno: before"]


def test_a_pin_and_an_unpin_are_synced(pair):
    laptop, desktop = pair
    laptop.record("make")
    sync_all(pair)
    [event] = desktop.history
    for verb, actor, reader in (("pin", laptop, desktop), ("unpin", desktop, laptop)):
        assert actor.hx(verb, event["session_id"]).code == 0
        sync_all(pair)
        assert reader.hx("show", event["id"], "--json").json["pinned"] == (verb == "pin")


def test_forgetting_a_window_removes_events_that_others_have_not_published_yet(pair):
    laptop, desktop = pair
    desktop.record("echo late")
    assert laptop.hx("forget", "--since", "2h", "--yes").code in (0, 1)
    laptop.record("echo here")
    assert laptop.hx("forget", "--since", "2h", "--yes").code == 0
    sync_all(pair)
    assert laptop.history == desktop.history == []


def test_an_event_that_still_runs_is_not_published_yet(pair):
    laptop, desktop = pair
    laptop.record("sleep 1000", finished=False, at=time.time_ns() // 1000)
    laptop.record("sleep 2000", finished=False)
    sync_all(pair)
    assert laptop.commands == ["sleep 1000", "sleep 2000"]
    assert desktop.commands == ["sleep 2000"]


def test_settings_and_pauses_are_not_synced(tmp_path):
    laptop, desktop = vault(tmp_path, "laptop", "desktop", options=("--no-encrypt",))
    (laptop.home / "config.toml").write_text('ignore = ["cnry-rule"]\n')
    assert laptop.hx("pause", "--for", "1h").code == 0
    laptop.record("echo travels")
    sync_all([laptop, desktop])
    assert desktop.commands == ["echo travels"]
    assert "paused" not in desktop.hx("status").out
    assert not (desktop.home / "config.toml").exists()
    in_store = b"".join(path.read_bytes() for path in laptop.folder.rglob("*") if path.is_file())
    assert b"cnry-rule" not in in_store
    assert not any("spool" in path.name for path in laptop.folder.rglob("*"))


def test_retention_removes_events_only_on_its_own_device(pair):
    laptop, desktop = pair
    day_us = 86_400_000_000
    now_us = time.time_ns() // 1000
    laptop.record("echo old", at=now_us - 40 * day_us)
    laptop.record("echo between", at=now_us - 20 * day_us)
    laptop.record("echo new")
    sync_all(pair)
    (laptop.home / "config.toml").write_text("retention_days = 30\n")
    laptop.hx("status")
    assert laptop.commands == ["echo between", "echo new"]
    sync_all(pair)
    assert laptop.commands == ["echo between", "echo new"]
    assert desktop.commands == ["echo between", "echo new", "echo old"]


# ---- questions about all devices ----


def test_every_command_covers_all_devices_unless_device_is_given(pair):
    laptop, desktop = pair
    laptop.record("make test", 1, session=session(1))
    sync_all(pair)
    assert "zsh on laptop," in desktop.hx("last").out
    desktop.record("make own", session=session(2))
    assert rows(desktop, "find") == ["laptop: make test", "make own"]
    assert rows(desktop, "search", "make") == ["laptop: make test", "make own"]
    assert rows(laptop, "find") == ["make test"]
    assert "zsh on desktop," in desktop.hx("last").out
    assert desktop.hx("stats", "--json").json["total"]["events"] == 2
    for name, commands in (("laptop", ["make test"]), ("desktop", ["make own"])):
        assert desktop.hx("find", "--json", "--device", name).commands == commands
        events = desktop.hx("search", "make", "--json", "--device", name).json
        assert [event["command"] for event in events] == commands
        stats = desktop.hx("stats", "--json", "--device", name).json
        assert stats["total"]["events"] == 1
    assert desktop.hx("find", "--device", "three").code == 1


def rows(member, *question):
    """Return the last column of each row, sorted."""
    lines = member.hx(*question).out.splitlines()
    return sorted(line.split("  ")[-1].strip() for line in lines)


def test_a_new_name_is_seen_by_the_others_after_both_have_synced(pair):
    laptop, desktop = pair
    laptop.record("make")
    sync_all(pair)
    assert laptop.hx("sync", "rename", "  büro  ").code == 0
    assert rows(desktop, "find") == ["laptop: make"]
    sync_all(pair)
    assert rows(desktop, "find") == ["büro: make"]
    assert desktop.hx("find", "--device", "büro", "--json").commands == ["make"]
    assert [device["name"] for device in desktop.sync("devices")] == ["desktop", "büro"]


@pytest.mark.parametrize("name", ["", "   ", "n" * 65])
def test_an_invalid_device_name_is_refused(pair, name):
    before = pair[0].sync("devices")
    result = pair[0].hx("sync", "rename", name)
    assert result.code == 2
    assert pair[0].sync("devices") == before


def test_a_device_that_joins_late_has_the_whole_history_at_once(pair, tmp_path):
    laptop, desktop = pair
    laptop.record("make")
    desktop.record("ls")
    sync_all(pair)
    late = Member(tmp_path / "late", laptop.folder, "late")
    assert late.join(laptop.invite()).json["events"] == 2
    assert late.commands == ["ls", "make"]
    late.record("echo at once")
    late.sync()
    laptop.sync()
    assert laptop.commands == ["echo at once", "ls", "make"]
