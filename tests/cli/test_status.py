"""`hx status`: what is recorded, and what went wrong; a broken part does not hide the others."""

import os
import subprocess

import apsw
import pytest

import spooled
from cli.machine import HX, SESSION


def test_json_has_the_counts_of_events_and_files(machine, hx, record):
    record("make")
    record("make")
    record("ls", session="f" * 32)
    record("hx status", finished=False)
    report = hx("status", "--json", env={"HX_SESSION": SESSION}).json
    assert report["recording"] is True
    counts = {name: report["database"][name] for name in ("events", "commands", "sessions")}
    assert counts == {"events": 3, "commands": 2, "sessions": 2}
    assert report["database"]["journal_mode"] == "wal"
    assert report["spool"] == {"path": str(machine.spool), "files": 2, "pending_bytes": 0}
    assert [row["shell"] for row in report["shells"]] == ["zsh"]
    assert report["last_ingest_at"]
    assert (report["trouble"], report["sync"], report["lost"]) == (None, None, [])


def test_the_text_has_the_same_counts(machine, hx, record):
    record("make")
    record("hx status", finished=False)
    result = hx("status", env={"HX_SESSION": SESSION})
    assert result.code == 0
    assert "capture   on\n" in result.out
    assert "seen      zsh 59m ago\n" in result.out
    assert f"{machine.spool}: 1 file, 0 bytes pending" in result.out
    assert "1 event, 1 command, 1 session, 1 device\n" in result.out
    assert result.out.splitlines()[-2].split() == ["sync", "not", "set", "up"]


def test_an_incomplete_record_is_pending_and_is_counted_once_it_is_lost(machine, hx, record):
    record("make")
    path = machine.spool / f"{SESSION}.0"
    partial_record = spooled.start(2, "half")[:-2]
    path.write_bytes(path.read_bytes() + partial_record)
    assert hx("status", "--json").json["spool"]["pending_bytes"] == len(
        partial_record.replace(b"\0", b"")
    )
    path.write_bytes(path.read_bytes() + spooled.start(3, "whole"))
    report = hx("status", "--json").json
    assert [(row["reason"], row["count"]) for row in report["lost"]] == [("incomplete record", 1)]
    assert "1 x incomplete record" in hx("status").out


def test_events_that_were_forgotten_before_they_arrived_are_counted(hx, record):
    record("make")
    hx("forget", "--session", SESSION, "--yes")
    record("make")
    lost = hx("status", "--json").json["lost"]
    assert [(row["reason"], row["count"]) for row in lost] == [
        ("command that was forgotten before it arrived", 1)
    ]


def test_status_shows_until_when_recording_is_paused(hx):
    hx("pause", "--for", "10m")
    assert "capture   off: paused until " in hx("status").out


def test_a_broken_config_is_a_warning_and_the_status_is_printed(machine, hx, record):
    record("make")
    (machine.home / "config.toml").write_text('limit = "many"\ncolour = 1\n')
    result = hx("status", "--json")
    assert result.code == 0
    assert len(result.json["warnings"]) == 2
    assert result.err.count("hx: warning: ") == 2
    assert "2 warnings, printed above" in hx("status").out


def damaged(machine):
    path = machine.home / "hx.db"
    data = bytearray(path.read_bytes())
    data[20_000:] = os.urandom(len(data) - 20_000)
    path.write_bytes(data)


def replaced_by_text(machine):
    (machine.home / "hx.db").write_bytes(b"this is a text\n" * 500)


def replaced_by_foreign_database(machine):
    (machine.home / "hx.db").unlink()
    connection = apsw.Connection(str(machine.home / "hx.db"))
    connection.execute("CREATE TABLE song (title)")
    connection.close()


@pytest.mark.parametrize("breakage", [damaged, replaced_by_text, replaced_by_foreign_database])
def test_a_broken_database_is_an_error_and_the_rest_is_printed(machine, hx, record, breakage):
    record("make")
    hx("find")
    with machine.database() as database:
        database.scrub()
    for name in ("hx.db-wal", "hx.db-shm"):
        (machine.home / name).unlink(missing_ok=True)
    breakage(machine)
    record("ls")
    before = (machine.spool / f"{SESSION}.0").read_bytes()
    result = hx("status")
    assert result.code == 8
    assert "capture   " in result.out
    assert "pending" in result.out
    assert result.err.count("hx: error: ") == 1
    assert "hx: hint: " in result.err
    assert "Traceback" not in result.err
    assert (machine.spool / f"{SESSION}.0").read_bytes() == before
    assert hx("status", "--json").json["trouble"]["error"]


def test_a_locked_database_is_an_error(machine, hx, record):
    record("make")
    hx("find")
    lock = apsw.Connection(str(machine.home / "hx.db"))
    lock.pragma("locking_mode", "exclusive")
    lock.execute("BEGIN EXCLUSIVE")
    result = hx("status")
    lock.close()
    assert result.code == 8
    assert "capture   " in result.out
    assert "is busy" in result.err


def test_a_file_in_place_of_the_spool_is_reported(machine, hx):
    machine.home.mkdir()
    machine.spool.write_text("")
    result = hx("status")
    assert result.code == 8
    assert f"off: the spool {machine.spool} is not a folder" in result.out


def test_a_detached_status_drains_the_spool(machine, hx, record):
    record("make")
    environment = {"HX_HOME": str(machine.home), "PATH": os.environ["PATH"]}
    with open(os.devnull, "r+b") as null:
        code = subprocess.call(
            [HX, "status"], env=environment, start_new_session=True, stdin=null, stdout=null,
            stderr=null, cwd="/",
        )  # fmt: skip
    assert code == 0
    with machine.database() as database:
        assert list(database.execute("SELECT count(*) FROM event")) == [(1,)]
