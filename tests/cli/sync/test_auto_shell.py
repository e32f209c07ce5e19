"""`hx sync auto on --by shell`: the hooks of shells start the sync; tests/shells has their part."""

from __future__ import annotations

import pytest

from cli.vaults import Member, is_error
from hx.cli.auto_sync import watched_folder
from hx.database.sync import runs

ON = ("sync", "auto", "on", "--by", "shell", "--json")


@pytest.fixture
def laptop(tmp_path):
    (tmp_path / "store").mkdir()
    made = Member(tmp_path / "it's 100%", tmp_path / "store", "laptop")
    made.init("--no-auto")
    return made


def files(member):
    names = (path.name for path in member.home.iterdir())
    return sorted(name for name in names if name.startswith(("shell-sync", "scheduler")))


def schedule(member):
    findings = member.hx("doctor", "--json").json
    return next(finding for finding in findings if finding["check"] == "schedule")


def test_on_tries_it_once_and_all_that_tells_of_it_names_the_shell_until_off(laptop, tmp_path):
    on = laptop.hx(*ON)
    assert on.code == 0, on
    assert (on.json["by"], on.json["every_minutes"], on.json["watched"]) == ("shell", 15, None)
    assert (on.json["last_run"]["trigger"], on.json["last_run"]["error"]) == (runs.SHELL, None)
    assert "no sync starts from here: this shell has not loaded the hook" in on.err
    period = "at most every 15 minutes"
    assert f"an open shell starts it {period}" in laptop.hx("sync", "auto", "status").out
    assert "sync auto from the shell, at most every 15 min: ok " in laptop.hx("status").out
    found = schedule(laptop)
    assert (found["level"], found["sentence"]) == (
        "ok",
        f"an open shell starts a sync of this device {period}",
    )
    new = tmp_path / "new"
    new.mkdir()
    assert laptop.hx("sync", "move", "--store", f"folder:{new}", "--yes").code == 0
    (laptop.home / "config.toml").write_text("sync_every_minutes = 60\n")
    assert "the setting sync_every_minutes is 60" in schedule(laptop)["sentence"]
    assert laptop.hx("sync", "auto", "status", "--json").json["watched"] is None
    again = laptop.hx(*ON).json
    assert (again["every_minutes"], again["faults"]) == (60, [])
    (laptop.home / "shell-sync").unlink()
    found = schedule(laptop)
    assert "shell-sync is missing" in found["sentence"]
    assert found["fix"] == "hx sync auto on --by shell"
    assert laptop.hx("sync", "auto", "off").out.startswith("sync by itself is off")
    assert files(laptop) == []


@pytest.mark.parametrize("line", [("sync", "leave", "--yes"), ("setup", "--undo", "--yes")])
def test_leaving_and_undo_end_it(laptop, line):
    assert laptop.hx(*ON).code == 0
    result = laptop.hx(*line)
    assert result.code == 0, result
    assert files(laptop) == []


def test_a_revoked_device_ends_it(laptop, tmp_path):
    phone = Member(tmp_path / "phone", laptop.folder, "phone")
    assert phone.join(laptop.invite()).code == 0
    laptop.sync()
    assert phone.hx(*ON).code == 0
    assert laptop.hx("sync", "revoke", "phone", "--yes", "--anyway").code == 0
    assert phone.hx("sync", "--background", "--trigger", "shell").code == 6
    assert files(phone) == []


def test_when_logged_out_is_not_for_a_shell(laptop):
    result = laptop.hx(*ON, "--when-logged-out")
    assert is_error(result, 2, "is for systemd, and the sync is started by shell here", "leave it")
    assert files(laptop) == []


def test_after_a_move_too_only_what_can_watch_a_folder_is_said_to(tmp_path):
    kinds = ("systemd", "launchd", "cron", "shell")
    watched = [watched_folder(kind, f"folder:{tmp_path}") for kind in kinds]
    assert watched == [f"{tmp_path}/m", f"{tmp_path}/m", "", ""]
