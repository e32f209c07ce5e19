"""Pausing, by its user and by hx itself when the spool is full."""

import re
import time

import pytest

import spooled
from cli.machine import SESSION


@pytest.fixture
def pause_file(machine):
    machine.home.mkdir(exist_ok=True)
    return machine.home / "pause"


def test_a_pause_without_an_end_is_an_empty_first_line(hx, pause_file):
    done = hx("pause")
    assert (done.code, done.out) == (0, "paused until `hx resume`\n")
    assert pause_file.read_text() == "\nasked\n"
    assert pause_file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("span", "seconds"), [("90s", 90), ("10m", 600), ("1h30m", 5400)])
def test_a_deadline_is_in_whole_seconds_and_not_too_early(hx, pause_file, span, seconds):
    before = time.time()
    assert hx("pause", "--for", span).code == 0
    deadline = int(pause_file.read_text().splitlines()[0])
    assert before + seconds <= deadline <= time.time() + seconds + 1


def test_resume_says_whether_it_was_paused(hx, pause_file):
    hx("pause")
    assert hx("resume").out == "recording again\n"
    assert not pause_file.exists()
    again = hx("resume")
    assert (again.code, again.out) == (0, "recording was not paused\n")


def test_a_pause_that_is_over_was_no_pause_and_its_file_goes(hx, pause_file):
    pause_file.write_text(f"{int(time.time()) - 5}\nasked\n")
    assert hx("resume").out == "recording was not paused\n"
    pause_file.write_text(f"{int(time.time()) - 5}\nasked\n")
    hx("find")
    assert not pause_file.exists()


def test_a_pause_that_stands_survives_other_commands(hx, pause_file):
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
def test_a_span_that_is_none_pauses_nothing(hx, pause_file, span):
    done = hx("pause", f"--for={span}")
    assert (done.code, done.out) == (2, "")
    assert re.match(r"hx: error: --for .*\nhx: hint: say 90s", done.err)
    assert not pause_file.exists()


def fill_spool(machine):
    """65 MiB that no drain can take, as while the database cannot be opened."""
    machine.spool.mkdir(mode=0o700, parents=True, exist_ok=True)
    record = spooled.start(1, b"x" * (1 << 20), at=1)
    (machine.spool / f"{SESSION}.0").write_bytes(spooled.header(s=SESSION) + record * 65)


def test_a_full_spool_pauses_recording_until_it_is_drained(machine, hx, pause_file):
    fill_spool(machine)
    (machine.home / "hx.db").write_bytes(b"no database" * 1000)
    done = hx("find")
    assert done.code == 8
    assert "recording is paused until it is drained" in done.err
    assert pause_file.read_text() == "\nspool full\n"
    assert "off: paused: the spool is full" in hx("status").out
    (machine.home / "hx.db").unlink()
    done = hx("status")
    assert "recording again" in done.err
    assert not pause_file.exists()


def test_a_full_spool_leaves_the_pause_that_was_asked_for(machine, hx, pause_file):
    fill_spool(machine)
    hx("pause")
    (machine.home / "hx.db").write_bytes(b"no database" * 1000)
    hx("find")
    (machine.home / "hx.db").unlink()
    hx("find")
    assert pause_file.read_text() == "\nasked\n"
