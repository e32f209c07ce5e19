"""`hx doctor` finds each fault and names its fix."""

import os
import shutil
import stat
import subprocess
import time

import pytest

from cli.machine import HX, SESSION
from cli.mounts import small_disk


def findings(hx, *, level=None, check=None, env=None):
    answer = hx("doctor", "--json", env=env)
    assert answer.code in (0, 8), answer.err
    return [
        one
        for one in answer.json
        if (level is None or one["level"] == level) and (check is None or one["check"] == check)
    ]


@pytest.fixture
def sound(machine, hx, record):
    record("make")
    machine.home.chmod(0o700)
    hx("find")
    return machine


@pytest.mark.usefixtures("sound")
def test_a_sound_machine_has_no_fault(hx, record):
    record("hx doctor", finished=False)
    done = hx("doctor", env={"HX_SESSION": SESSION})
    assert done.code == 0
    assert "fault" not in done.out
    assert findings(hx, level="fault") == []
    checks = {"shell", "hook", "files", "disk", "name", "database", "device", "clock"}
    assert {one["check"] for one in findings(hx, level="ok", env={"HX_SESSION": SESSION})} == checks


def test_a_machine_before_its_first_command_has_no_fault(hx):
    assert findings(hx, level="fault") == []


def old_shell(folder, name, says):
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("bash", "GNU bash, version 4.4.20(1)-release"),
        ("zsh", "zsh 5.7.1 (x86_64-apple-darwin19.0)"),
        ("fish", "fish, version 3.3.1"),
    ],
)
def test_an_old_login_shell_is_a_fault(hx, tmp_path, name, says):
    path = old_shell(tmp_path / "old", name, says)
    [found] = findings(hx, check="shell", level="fault", env={"SHELL": path})
    assert path in found["sentence"]


def test_the_bash_of_macos_has_its_own_fix(hx, tmp_path):
    path = old_shell(tmp_path / "old", "bash", "GNU bash, version 3.2.57(1)-release")
    [found] = findings(hx, check="shell", level="fault", env={"SHELL": path})
    assert "brew install bash" in found["fix"]


def test_without_any_shell_that_can_be_recorded_it_says_which(hx, tmp_path):
    found = findings(hx, check="shell", env={"PATH": str(tmp_path)})
    assert [(one["level"], "zsh 5.8" in one["fix"]) for one in found] == [("fault", True)]


def open_folder(machine):
    machine.home.chmod(0o755)
    return machine.home


def open_spool_file(machine):
    path = machine.spool / f"{SESSION}.0"
    path.chmod(0o644)
    return path


def open_database_file(machine):
    path = machine.home / "hx.db"
    path.chmod(0o640)
    return path


@pytest.mark.parametrize("loosen", [open_folder, open_spool_file, open_database_file])
def test_what_others_may_read_is_a_fault_and_its_fix_is_a_command(hx, sound, loosen):
    path = loosen(sound)
    [found] = findings(hx, level="fault", check="files")
    assert str(path) in found["sentence"]
    os.system(found["fix"])
    assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    assert findings(hx, level="fault") == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_file_of_another_owner_is_a_fault(hx, sound):
    path = sound.spool / f"{SESSION}.0"
    os.chown(path, 12345, -1)
    [found] = findings(hx, level="fault", check="files")
    assert "uid 12345" in found["sentence"]
    assert found["fix"].startswith("sudo chown")


def test_a_damaged_full_text_index_is_a_fault(hx, sound):
    with sound.database() as database:
        database.execute(
            "INSERT INTO command_text (command_text, rowid, text) SELECT 'delete', id, text"
            " FROM command"
        )
    assert "full-text" in findings(hx, level="fault")[0]["sentence"]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE total SET count = count + 1 WHERE name = 'event'",
        "UPDATE total SET count = count + 1 WHERE name = 'session'",
        "UPDATE command SET runs = runs + 1",
        "UPDATE command SET failures = failures + 1",
        "UPDATE session SET events = events - 1",
        "UPDATE session SET first_us = first_us + 1",
        "UPDATE session SET last_us = last_us - 1",
    ],
)
def test_a_count_that_is_not_that_of_the_rows_is_a_fault(hx, sound, change):
    with sound.database() as database:
        database.execute(change)
    assert "counts" in findings(hx, level="fault")[0]["sentence"]


def test_a_missing_index_is_a_fault(hx, sound):
    with sound.database() as database:
        database.execute("DROP INDEX event_ident")
    assert "tables or indexes" in findings(hx, level="fault")[0]["sentence"]


def test_rows_without_what_they_refer_to_are_a_fault(hx, sound):
    with sound.database() as database:
        database.connection.pragma("foreign_keys", 0)
        database.execute("DELETE FROM directory")
    assert "not there" in findings(hx, level="fault")[0]["sentence"]


def test_a_database_that_is_none_is_a_fault(hx, sound):
    with sound.database() as database:
        database.scrub()  # else all of it could be read from the log
    (sound.home / "hx.db").write_bytes(b"a text" * 2000)
    found = findings(hx, level="fault")
    assert [one["check"] for one in found] == ["database"]
    assert found[0]["fix"]


def lose_key(machine):
    (machine.home / "device.key").unlink()


def damage_key(machine):
    path = machine.home / "device.key"
    path.write_text(path.read_text().replace("sign ", "sign zz"))


def swap_seed(machine):
    path = machine.home / "device.key"
    words = path.read_text().split()
    path.write_text(path.read_text().replace(words[3], words[5]))


def swap_key(machine):
    other = machine.home / "other"
    shutil.copytree(machine.home, other, ignore=shutil.ignore_patterns("hx.db*", "other"))
    (other / "device.key").unlink()
    subprocess.run([HX, "find"], env={"HX_HOME": str(other)}, check=False)
    shutil.copy(other / "device.key", machine.home / "device.key")
    shutil.rmtree(other)


@pytest.mark.parametrize("harm", [lose_key, damage_key, swap_seed, swap_key])
def test_keys_that_are_not_this_device_are_a_fault(hx, sound, harm):
    harm(sound)
    found = findings(hx, level="fault")
    assert [one["check"] for one in found] == ["device"]
    assert found[0]["fix"]


def test_an_event_ahead_of_the_clock_is_told(hx, record):
    record("make", at=time.time_ns() // 1000 + 3_600_000_000)
    [found] = findings(hx, check="clock")
    assert found["level"] == "warning"
    assert found["sentence"].startswith("the newest event is 59 minutes ahead")


def test_another_hx_before_ours_is_told(hx, tmp_path):
    path = old_shell(tmp_path / "helix", "hx", "helix 25.01")
    environment = {"PATH": f"{tmp_path / 'helix'}:{os.environ['PATH']}"}
    [found] = findings(hx, check="name", env=environment)
    assert (found["level"], path in found["sentence"]) == ("warning", True)
    environment = {"PATH": f"{os.path.dirname(HX)}:{tmp_path / 'helix'}"}
    [found] = findings(hx, check="name", env=environment)
    assert found["level"] == "ok"


def test_a_pause_and_a_wrong_setting_are_told(hx, sound):
    hx("pause")
    (sound.home / "config.toml").write_text("limit = 0\n")
    warnings = {one["check"]: one["fix"] for one in findings(hx, level="warning")}
    assert warnings["capture"] == "hx resume"
    assert str(sound.home / "config.toml") in warnings["settings"]


def test_a_disk_that_is_almost_full_is_told(machine, hx):
    with small_disk(machine.home):
        found = findings(hx, check="disk")
    assert [one["level"] for one in found] == ["fault", "fault"]
