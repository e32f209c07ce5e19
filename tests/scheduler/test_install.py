"""Setting up and removing what starts the sync, where only a crontab is. See also test_auto.py."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hx.core.errors import SchedulerError, UsageError
from hx.scheduler import cron, install, launchd, note, systemd
from hx.scheduler.install import Place
from hx.scheduler.job import Job
from hx.scheduler.note import CRON, LAUNCHD, SYSTEMD, Note


@pytest.fixture
def place(user, tmp_path):
    return Place(str(tmp_path), str(tmp_path / "hx.db"), user)


@pytest.fixture
def job(place):
    return Job("/usr/bin/hx", place.database, 5)


def set_up(kind, job, place, **options):
    return install.install(kind, job, place, offset=7, **{"when_logged_out": False, **options})


def left_by_systemd(place, job):
    """Write the units and the note as systemd's installation does; return the folder."""
    folder = Path(place.user.config) / "systemd" / "user"
    (folder / "timers.target.wants").mkdir(parents=True)
    for name, text in systemd.texts(job).items():
        (folder / name).write_text(text)
    (folder / "timers.target.wants" / systemd.TIMER).symlink_to(folder / systemd.TIMER)
    files = tuple(str(folder / name) for name in systemd.texts(job))
    note.write(place.data, Note(SYSTEMD, 5, job.executable, "", files))
    return folder


def left_by_launchd(place, job):
    path = Path(launchd.path(place.user))
    path.parent.mkdir(parents=True)
    path.write_bytes(launchd.plist(job))
    note.write(place.data, Note(LAUNCHD, 5, job.executable, "", (str(path),)))
    return path


def test_where_only_cron_is_it_is_the_best(place):
    assert install.best(place.user) == CRON


def test_where_nothing_is_the_error_says_why_for_each(place):
    nothing = place.user._replace(environment={"PATH": "/none"})
    with pytest.raises(SchedulerError) as raised:
        install.best(nothing)
    assert all(part in raised.value.message for part in ("systemd", "crontab"))
    assert "launchd" not in raised.value.message  # which no Linux has
    assert raised.value.hint


@pytest.mark.parametrize("left", [left_by_systemd, left_by_launchd])
def test_another_scheduler_replaces_the_former_one(place, job, left):
    path = left(place, job)
    assert set_up(CRON, job, place) == note.read(place.data) == Note(CRON, 5, "/usr/bin/hx")
    assert cron.is_active(place.user, place.database)
    assert not path.exists()
    assert install.faults(note.read(place.data), place) == []


def test_twice_is_once(place, job, tmp_path):
    set_up(CRON, job, place)
    first = (tmp_path / "tab").read_bytes()
    set_up(CRON, job, place)
    assert (tmp_path / "tab").read_bytes() == first


@pytest.mark.parametrize("left", [left_by_systemd, left_by_launchd])
@pytest.mark.parametrize("is_noted", [True, False])
def test_remove_needs_no_manager_and_no_note(place, job, left, is_noted):
    path = left(place, job)
    if not is_noted:
        os.unlink(note.path(place.data))
    assert install.is_left(place)
    assert install.remove(place)
    assert not path.exists()
    assert not install.is_left(place)
    assert not install.remove(place)


def test_remove_needs_no_note_of_a_crontab_and_leaves_files_of_another_hx(place, job, tmp_path):
    set_up(CRON, job, place)
    other = job._replace(database="/other/hx.db")
    path = left_by_launchd(place, other)
    (tmp_path / note.NAME).write_bytes(b"{")
    assert install.remove(place)
    assert not (tmp_path / "tab").exists()
    assert not (tmp_path / note.NAME).exists()
    assert path.exists()


def test_with_a_crontab_that_cannot_be_read_nothing_is_changed(place, job, tmp_path):
    left_by_launchd(place, job)
    (tmp_path / "refuses").write_bytes(b"")
    with pytest.raises(UsageError, match="nothing is written"):
        set_up(CRON, job, place)
    assert note.read(place.data).by == LAUNCHD


def test_a_crontab_that_cannot_be_read_keeps_its_note(place, job, tmp_path):
    set_up(CRON, job, place)
    (tmp_path / "refuses").write_bytes(b"")
    with pytest.raises(SchedulerError):
        install.remove(place)
    assert note.read(place.data).by == CRON


def test_a_line_that_fits_in_no_crontab_leaves_nothing(place, job, tmp_path):
    long = job._replace(variables=(("HX_PASSPHRASE_COMMAND", "x" * 2000),))
    with pytest.raises(Exception, match="too long"):
        set_up(CRON, long, place)
    assert not (tmp_path / note.NAME).exists()
    assert not (tmp_path / "tab").exists()


def test_what_an_interrupted_write_has_left_is_removed_and_nothing_like_it(place, job, tmp_path):
    folder = left_by_systemd(place, job)
    agent = left_by_launchd(place, job)
    torn = [f"{path}.0123abcd.tmp" for path in (folder / systemd.SERVICE, agent)]
    torn += [f"{note.path(place.data)}.0123abcd.tmp"]
    alike = tmp_path / f"{note.NAME}.0123abcdef.tmp"
    for path in (*torn, alike):
        Path(path).touch()
    assert install.remove(place)
    assert not any(map(os.path.exists, torn))
    assert alike.exists()
    assert not folder.exists()


def test_a_service_that_was_never_written_leaves_no_part_of_it(place):
    folder = Path(place.user.config) / "systemd" / "user"
    folder.mkdir(parents=True)
    (folder / f"{systemd.SERVICE}.0123abcd.tmp").touch()
    install.remove(place)
    assert not folder.exists()


def test_when_logged_out_is_for_systemd(place, job):
    with pytest.raises(UsageError, match="is for systemd"):
        set_up(CRON, job, place, when_logged_out=True)
    assert note.read(place.data) is None
