"""The line of hx in a crontab: the user's lines stay byte for byte."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hx.core.errors import InputError, SchedulerError
from hx.scheduler import cron
from hx.scheduler.job import Job

JOB = Job("/opt/h x/hx", "/home/ann/hx.db", 5, "", (("HX_HOME", "/home/100%"),))
TEXTS = st.lists(
    st.sampled_from([b"@daily x\n", b"# a\n", b"MAILTO=\xff\n", b"\n", b"* * * * * a\\%b", b"\r\n"])
).map(b"".join)


def line_of(text):
    return text.split(b"\n")[1].decode()


def test_the_line_has_whole_paths_and_its_percent_signs_are_escaped():
    line = line_of(cron.with_line(b"", JOB, 63))
    assert line == (
        "3-59/5 * * * * HX_HOME=/home/100\\% nice '/opt/h x/hx' sync --background"
        " --trigger timer >/dev/null 2>&1"
    )


@given(TEXTS)
def test_what_is_added_and_removed_leaves_every_byte(text):
    added = cron.with_line(text, JOB, 7)
    assert added.endswith(text)
    assert cron.with_line(added, JOB, 7) == added
    assert cron.without_line(added, JOB.database) == text


@given(TEXTS, TEXTS)
def test_lines_before_and_between_and_those_of_another_hx_stay(before, after):
    other = JOB._replace(database="/home/ann/other.db")
    before += b"" if before.endswith(b"\n") or not before else b"\n"
    text = before + cron.with_line(cron.with_line(after, JOB, 7), other, 9)
    assert cron.without_line(text, JOB.database) == before + cron.with_line(after, other, 9)
    assert cron.job_line(cron.without_line(text, JOB.database), JOB.database) is None
    assert cron.job_line(text, JOB.database) == line_of(cron.with_line(b"", JOB, 7))


def test_without_the_second_mark_nothing_is_removed():
    text = cron.with_line(b"", JOB, 0).split(b"\n")
    cut = b"\n".join([*text[:2], b"@daily backup", b""])
    assert cron.without_line(cut, JOB.database) == cut


@pytest.mark.parametrize(
    ("minutes", "fields"),
    [
        (1, "* * * * *"),
        (5, "2-59/5 * * * *"),
        (59, "37-59/59 * * * *"),
        (60, "37 */1 * * *"),
        (150, "37 */2 * * *"),
        (2000, "37 13 * * *"),
    ],
)
def test_the_period_is_one_that_cron_can_say(minutes, fields):
    assert cron.schedule(minutes, 37) == fields


@pytest.mark.parametrize(
    "job",
    [
        JOB._replace(executable="/a\nb"),
        JOB._replace(database="/a\nb"),
        JOB._replace(variables=(("HX_PASSPHRASE_COMMAND", "a\nb"),)),
        JOB._replace(variables=(("HX_PASSPHRASE_COMMAND", "a" * 1000),)),
    ],
)
def test_what_fits_in_no_crontab_is_refused(job):
    with pytest.raises(InputError):
        cron.with_line(b"", job, 0)


def test_sh_runs_the_line_with_the_paths_that_are_meant(tmp_path):
    folder = tmp_path / """a 100% "b" it's $HOME"""
    folder.mkdir()
    hx = folder / "hx"
    hx.write_text('#!/bin/sh\necho "$HX_HOME|$*" >"$0.out"\n')
    hx.chmod(0o700)
    job = Job(str(hx), "/hx.db", 5, "", (("HX_HOME", str(folder)),))
    command = cron.line(job, 0).split(" ", 5)[5].replace("\\%", "%")  # as cron does
    subprocess.run(["sh", "-c", command], check=True)
    assert (folder / "hx.out").read_text() == f"{folder}|sync --background --trigger timer\n"


def test_a_crontab_that_cannot_be_read_is_not_written(user, tmp_path):
    (tmp_path / "tab").write_bytes(b"@daily x\n")
    (tmp_path / "refuses").write_bytes(b"")
    for act in (lambda: cron.install(JOB, user, 0), lambda: cron.remove(user, JOB.database)):
        with pytest.raises(SchedulerError, match="nothing is written: cannot be opened"):
            act()
    assert (tmp_path / "tab").read_bytes() == b"@daily x\n"


def test_a_crontab_that_only_hx_has_written_is_removed(user, tmp_path):
    cron.install(JOB, user, 0)
    assert cron.is_active(user, JOB.database)
    assert cron.remove(user, JOB.database)
    assert not (tmp_path / "tab").exists()
    assert not cron.remove(user, JOB.database)
