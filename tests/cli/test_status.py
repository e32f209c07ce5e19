"""What is recorded, and what went wrong; whatever is broken, the rest is printed."""

import os
import subprocess

import apsw
import pytest

import spooled
from cli.machine import HX, SESSION


def test_it_counts_what_is_there(machine, hx, record):
    record("make")
    record("make")
    record("ls", session="f" * 32)
    record("hx status", finished=False)
    answer = hx("status", "--json", env={"HX_SESSION": SESSION}).json
    assert answer["recording"] is True
    counts = {name: answer["database"][name] for name in ("events", "commands", "sessions")}
    assert counts == {"events": 3, "commands": 2, "sessions": 2}
    assert answer["database"]["journal_mode"] == "wal"
    assert answer["spool"] == {"path": str(machine.spool), "files": 2, "pending_bytes": 0}
    assert [one["shell"] for one in answer["shells"]] == ["zsh"]
    assert answer["last_ingest_at"]
    assert (answer["trouble"], answer["sync"], answer["lost"]) == (None, None, [])


def test_the_words_hold_the_same(machine, hx, record):
    record("make")
    record("hx status", finished=False)
    done = hx("status", env={"HX_SESSION": SESSION})
    assert done.code == 0
    assert "capture   on\n" in done.out
    assert "seen      zsh 59m ago\n" in done.out
    assert f"{machine.spool}: 1 file, 0 bytes pending" in done.out
    assert "1 event, 1 command, 1 session, 1 device\n" in done.out
    assert done.out.splitlines()[-2].split() == ["sync", "not", "set", "up"]


def test_a_torn_record_waits_and_is_counted_when_it_is_lost(machine, hx, record):
    record("make")
    path = machine.spool / f"{SESSION}.0"
    torn = spooled.start(2, "half")[:-2]
    path.write_bytes(path.read_bytes() + torn)
    assert hx("status", "--json").json["spool"]["pending_bytes"] == len(torn.replace(b"\0", b""))
    path.write_bytes(path.read_bytes() + spooled.start(3, "whole"))
    answer = hx("status", "--json").json
    assert [(one["reason"], one["count"]) for one in answer["lost"]] == [("incomplete record", 1)]
    assert "1 x incomplete record" in hx("status").out


def test_what_was_forgotten_before_it_arrived_is_counted(hx, record):
    record("make")
    hx("forget", "--session", SESSION, "--yes")
    record("make")
    lost = hx("status", "--json").json["lost"]
    assert [(one["reason"], one["count"]) for one in lost] == [
        ("command that was forgotten before it arrived", 1)
    ]


def test_paused_and_until_when(hx):
    hx("pause", "--for", "10m")
    assert "capture   off: paused until " in hx("status").out


def test_a_broken_config_stops_nothing_and_is_told(machine, hx, record):
    record("make")
    (machine.home / "config.toml").write_text('limit = "many"\ncolour = 1\n')
    done = hx("status", "--json")
    assert done.code == 0
    assert len(done.json["warnings"]) == 2
    assert done.err.count("hx: warning: ") == 2
    assert "2 warnings, printed above" in hx("status").out


def damaged(machine):
    path = machine.home / "hx.db"
    data = bytearray(path.read_bytes())
    data[20_000:] = os.urandom(len(data) - 20_000)
    path.write_bytes(data)


def no_database(machine):
    (machine.home / "hx.db").write_bytes(b"this is a text\n" * 500)


def foreign(machine):
    (machine.home / "hx.db").unlink()
    connection = apsw.Connection(str(machine.home / "hx.db"))
    connection.execute("CREATE TABLE song (title)")
    connection.close()


@pytest.mark.parametrize("breakage", [damaged, no_database, foreign])
def test_what_is_broken_is_said_in_a_sentence_and_the_rest_is_printed(
    machine, hx, record, breakage
):
    record("make")
    hx("find")
    with machine.database() as database:
        database.scrub()
    for name in ("hx.db-wal", "hx.db-shm"):
        (machine.home / name).unlink(missing_ok=True)
    breakage(machine)
    record("ls")
    before = (machine.spool / f"{SESSION}.0").read_bytes()
    done = hx("status")
    assert done.code == 8
    assert "capture   " in done.out
    assert "pending" in done.out
    assert done.err.count("hx: error: ") == 1
    assert "hx: hint: " in done.err
    assert "Traceback" not in done.err
    assert (machine.spool / f"{SESSION}.0").read_bytes() == before
    assert hx("status", "--json").json["trouble"]["error"]


def test_a_locked_database_is_said(machine, hx, record):
    record("make")
    hx("find")
    lock = apsw.Connection(str(machine.home / "hx.db"))
    lock.pragma("locking_mode", "exclusive")
    lock.execute("BEGIN EXCLUSIVE")
    done = hx("status")
    lock.close()
    assert done.code == 8
    assert "capture   " in done.out
    assert "is busy" in done.err


def test_a_spool_that_is_a_file_is_said(machine, hx):
    machine.home.mkdir()
    machine.spool.write_text("")
    done = hx("status")
    assert done.code == 8
    assert f"off: the spool {machine.spool} is not a folder" in done.out


def test_detached_with_nowhere_to_print_it_drains(machine, hx, record):
    record("make")
    environment = {"HX_HOME": str(machine.home), "PATH": os.environ["PATH"]}
    with open(os.devnull, "r+b") as nowhere:
        code = subprocess.call(
            [HX, "status"], env=environment, start_new_session=True, stdin=nowhere, stdout=nowhere,
            stderr=nowhere, cwd="/",
        )  # fmt: skip
    assert code == 0
    with machine.database() as database:
        assert list(database.execute("SELECT count(*) FROM event")) == [(1,)]
