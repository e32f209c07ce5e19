"""`hx doctor` finds each fault and prints its fix."""

import os
import shutil
import stat
import subprocess
import time

import pytest

from cli.machine import HX, SESSION
from cli.mounts import small_disk


def findings(hx, *, level=None, check=None, env=None):
    result = hx("doctor", "--json", env=env)
    assert result.code in (0, 8), result.err
    return [
        finding
        for finding in result.json
        if level in (None, finding["level"]) and check in (None, finding["check"])
    ]


@pytest.fixture
def healthy(machine, hx, record):
    record("make")
    machine.home.chmod(0o700)
    hx("find")
    return machine


@pytest.mark.usefixtures("healthy")
def test_a_healthy_machine_has_no_fault(hx, record):
    record("hx doctor", finished=False)
    result = hx("doctor", env={"HX_SESSION": SESSION})
    assert result.code == 0
    assert "fault" not in result.out
    assert findings(hx, level="fault") == []
    checks = {"shell", "hook", "files", "disk", "name", "database", "device", "clock"}
    found = findings(hx, level="ok", env={"HX_SESSION": SESSION})
    assert {finding["check"] for finding in found} == checks


def test_a_machine_before_its_first_command_has_no_fault(hx):
    assert findings(hx, level="fault") == []


def fake_program(folder, name, version_text):
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{version_text}'\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("name", "version_text"),
    [
        ("bash", "GNU bash, version 4.4.20(1)-release"),
        ("zsh", "zsh 5.7.1 (x86_64-apple-darwin19.0)"),
        ("fish", "fish, version 3.3.1"),
    ],
)
def test_an_old_login_shell_is_a_fault(hx, tmp_path, name, version_text):
    path = fake_program(tmp_path / "old", name, version_text)
    [finding] = findings(hx, check="shell", level="fault", env={"SHELL": path})
    assert path in finding["sentence"]


def test_the_bash_of_macos_has_its_own_fix(hx, tmp_path):
    path = fake_program(tmp_path / "old", "bash", "GNU bash, version 3.2.57(1)-release")
    [finding] = findings(hx, check="shell", level="fault", env={"SHELL": path})
    assert "brew install bash" in finding["fix"]


def test_without_a_supported_shell_the_fix_names_the_supported_ones(hx, tmp_path):
    found = findings(hx, check="shell", env={"PATH": str(tmp_path)})
    assert [(row["level"], "zsh 5.8" in row["fix"]) for row in found] == [("fault", True)]


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


def open_settings_file(machine):
    """Make settings that every user may write; a file of the user may be readable by others."""
    path = machine.home / "config.toml"
    path.write_text("redact = false\n")
    path.chmod(0o606)
    return path


@pytest.mark.parametrize(
    "loosen", [open_folder, open_spool_file, open_database_file, open_settings_file]
)
def test_files_that_others_may_read_are_a_fault_with_a_command_as_fix(hx, healthy, loosen):
    path = loosen(healthy)
    [finding] = findings(hx, level="fault", check="files")
    assert str(path) in finding["sentence"]
    os.system(finding["fix"])
    assert stat.S_IMODE(path.stat().st_mode) & 0o073 == 0
    assert findings(hx, level="fault") == []


def test_the_mode_of_a_link_to_the_folder_of_hx_does_not_count(hx, healthy, tmp_path):
    healthy.home.rename(tmp_path / "elsewhere")
    healthy.home.symlink_to("elsewhere")
    assert findings(hx, level="fault") == []
    (tmp_path / "elsewhere").chmod(0o755)
    [finding] = findings(hx, level="fault", check="files")
    os.system(finding["fix"])
    assert findings(hx, level="fault") == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_file_of_another_owner_is_a_fault(hx, healthy):
    path = healthy.spool / f"{SESSION}.0"
    os.chown(path, 12345, -1)
    [finding] = findings(hx, level="fault", check="files")
    assert "uid 12345" in finding["sentence"]
    assert finding["fix"].startswith("sudo chown")


def test_a_damaged_full_text_index_is_a_fault(hx, healthy):
    with healthy.database() as database:
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
def test_a_stored_count_that_differs_from_the_rows_is_a_fault(hx, healthy, change):
    with healthy.database() as database:
        database.execute(change)
    assert "counts" in findings(hx, level="fault")[0]["sentence"]


def test_a_missing_index_is_a_fault(hx, healthy):
    with healthy.database() as database:
        database.execute("DROP INDEX event_ident")
    assert "tables or indexes" in findings(hx, level="fault")[0]["sentence"]


def test_a_large_database_is_read_as_a_whole_only_with_full(hx, healthy):
    with healthy.database() as database, database.transaction():
        database.execute("CREATE TABLE padding (data)")
        database.execute("INSERT INTO padding VALUES (zeroblob(9000000))")
        database.execute("UPDATE command SET runs = runs + 1")
    [finding] = findings(hx, level="fault")
    assert "tables or indexes" in finding["sentence"], "a schema is compared in any case"
    with healthy.database() as database:
        database.execute("DROP TABLE padding")  # its pages stay in the file
    [finding] = findings(hx, check="database")
    assert (finding["level"], "`hx doctor --full`" in finding["sentence"]) == ("ok", True)
    assert [
        row["level"] for row in hx("doctor", "--full", "--json").json if "counts" in row["sentence"]
    ] == ["fault"]


def test_dangling_references_are_a_fault(hx, healthy):
    with healthy.database() as database:
        database.connection.pragma("foreign_keys", 0)
        database.execute("DELETE FROM directory")
    assert "not there" in findings(hx, level="fault")[0]["sentence"]


def test_a_text_in_place_of_the_database_is_a_fault(hx, healthy):
    with healthy.database() as database:
        database.scrub()  # otherwise all of it could be read from the log
    (healthy.home / "hx.db").write_bytes(b"a text" * 2000)
    found = findings(hx, level="fault")
    assert [row["check"] for row in found] == ["database"]
    assert found[0]["fix"]


def delete_key(machine):
    (machine.home / "device.key").unlink()


def damage_key(machine):
    path = machine.home / "device.key"
    path.write_text(path.read_text().replace("sign ", "sign zz"))


def swap_seed(machine):
    path = machine.home / "device.key"
    words = path.read_text().split()
    path.write_text(path.read_text().replace(words[3], words[5]))


def swap_key(machine):
    other_home = machine.home / "other"
    shutil.copytree(machine.home, other_home, ignore=shutil.ignore_patterns("hx.db*", "other"))
    (other_home / "device.key").unlink()
    subprocess.run([HX, "find"], env={"HX_HOME": str(other_home)}, check=False)
    shutil.copy(other_home / "device.key", machine.home / "device.key")
    shutil.rmtree(other_home)


@pytest.mark.parametrize("harm", [delete_key, damage_key, swap_seed, swap_key])
def test_lost_damaged_and_swapped_keys_are_a_fault(hx, healthy, harm):
    harm(healthy)
    found = findings(hx, level="fault")
    assert [row["check"] for row in found] == ["device"]
    assert found[0]["fix"]


def test_an_event_ahead_of_the_clock_is_a_warning(hx, record):
    record("make", at=time.time_ns() // 1000 + 3_600_000_000)
    [finding] = findings(hx, check="clock")
    assert finding["level"] == "warning"
    assert finding["sentence"].startswith("the newest event is 59 minutes ahead")


def test_another_program_named_hx_first_in_path_is_a_warning(hx, tmp_path):
    path = fake_program(tmp_path / "helix", "hx", "helix 25.01")
    environment = {"PATH": f"{tmp_path / 'helix'}:{os.environ['PATH']}"}
    [finding] = findings(hx, check="name", env=environment)
    assert (finding["level"], path in finding["sentence"]) == ("warning", True)
    environment = {"PATH": f"{os.path.dirname(HX)}:{tmp_path / 'helix'}"}
    [finding] = findings(hx, check="name", env=environment)
    assert finding["level"] == "ok"


def test_a_pause_and_a_wrong_setting_are_warnings(hx, healthy):
    hx("pause")
    (healthy.home / "config.toml").write_text("limit = 0\n")
    warnings = {row["check"]: row["fix"] for row in findings(hx, level="warning")}
    assert warnings["capture"] == "hx resume"
    assert str(healthy.home / "config.toml") in warnings["settings"]


def test_an_almost_full_disk_is_a_fault(machine, hx):
    with small_disk(machine.home):
        found = findings(hx, check="disk")
    assert [row["level"] for row in found] == ["fault", "fault"]
