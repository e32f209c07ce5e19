"""Pauses of the recording: by the user, and by hx when the spool is full."""

import re
import time

import pytest

import spooled
from cli.machine import SESSION


@pytest.fixture
def pause_file(machine):
    machine.home.mkdir(exist_ok=True)
    return machine.home / "pause"


def test_a_pause_without_an_end_has_an_empty_first_line(hx, pause_file):
    result = hx("pause")
    assert (result.code, result.out) == (0, "paused until `hx resume`\n")
    assert pause_file.read_text() == "\nasked\n"
    assert pause_file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("span", "seconds"), [("90s", 90), ("10m", 600), ("1h30m", 5400)])
def test_a_deadline_is_rounded_up_to_a_second(hx, pause_file, span, seconds):
    before = time.time()
    assert hx("pause", "--for", span).code == 0
    deadline = int(pause_file.read_text().splitlines()[0])
    assert before + seconds <= deadline <= time.time() + seconds + 1


def test_resume_reports_whether_recording_was_paused(hx, pause_file):
    hx("pause")
    assert hx("resume").out == "recording again\n"
    assert not pause_file.exists()
    result = hx("resume")
    assert (result.code, result.out) == (0, "recording was not paused\n")


def test_an_expired_pause_is_ignored_and_its_file_deleted(hx, pause_file):
    pause_file.write_text(f"{int(time.time()) - 5}\nasked\n")
    assert hx("resume").out == "recording was not paused\n"
    pause_file.write_text(f"{int(time.time()) - 5}\nasked\n")
    hx("find")
    assert not pause_file.exists()


def test_an_active_pause_is_not_changed_by_other_commands(hx, pause_file):
    for text in (f"{int(time.time()) + 60}\nasked\n", "\nasked\n", "soon\n", ""):
        pause_file.write_text(text)
        hx("find")
        hx("status")
        assert pause_file.read_text() == text
        assert hx("status", "--json").json["recording"] is False


def test_a_second_pause_replaces_the_first(hx, pause_file):
    hx("pause", "--for", "1h")
    hx("pause")
    assert pause_file.read_text() == "\nasked\n"


@pytest.mark.parametrize("span", ["", "soon", "0s", "-5m", "5", "99999999999999y"])
def test_an_invalid_duration_pauses_nothing(hx, pause_file, span):
    result = hx("pause", f"--for={span}")
    assert (result.code, result.out) == (2, "")
    assert re.match(r"hx: error: --for .*\nhx: hint: say 90s", result.err)
    assert not pause_file.exists()


def fill_spool(machine):
    """Write 65 MiB of records into the spool."""
    machine.spool.mkdir(mode=0o700, parents=True, exist_ok=True)
    record = spooled.start(1, b"x" * (1 << 20), at=1)
    (machine.spool / f"{SESSION}.0").write_bytes(spooled.header(s=SESSION) + record * 65)


def test_a_full_spool_pauses_recording_until_it_is_drained(machine, hx, pause_file):
    fill_spool(machine)
    (machine.home / "hx.db").write_bytes(b"no database" * 1000)
    result = hx("find")
    assert result.code == 8
    assert "recording is paused until it is drained" in result.err
    assert pause_file.read_text() == "\nspool full\n"
    assert "off: paused: the spool is full" in hx("status").out
    (machine.home / "hx.db").unlink()
    result = hx("status")
    assert "recording again" in result.err
    assert not pause_file.exists()


def test_a_full_spool_does_not_replace_the_pause_of_the_user(machine, hx, pause_file):
    fill_spool(machine)
    hx("pause")
    (machine.home / "hx.db").write_bytes(b"no database" * 1000)
    hx("find")
    (machine.home / "hx.db").unlink()
    hx("find")
    assert pause_file.read_text() == "\nasked\n"
