"""The files by which the hooks of shells start a sync, and what they run."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time

import pytest

from hx.core.errors import InputError
from hx.scheduler import install, note, shell
from hx.scheduler.install import Place
from hx.scheduler.job import Job
from hx.scheduler.note import CRON, SHELL
from hx.shells.hook import start_of_sync, sync_path

NOW_S = 1_800_000_000 + 100


@pytest.fixture
def place(user, tmp_path):
    return Place(str(tmp_path), str(tmp_path / "hx.db"), user)


@pytest.fixture
def job(place):
    return Job("/usr/bin/hx", place.database, 15)


def set_up(kind, job, place, **options):
    return install.install(kind, job, place, offset=7, **{"when_logged_out": False, **options})


def files(place):
    return sorted(name for name in os.listdir(place.data) if name.startswith("shell-sync"))


def test_what_the_hooks_start_is_read_as_it_was_written(place, job):
    job = job._replace(executable="/home/it's b/hx", variables=(("HX_HOME", "/a b/$c"),))
    noted = set_up(SHELL, job, place)
    path = sync_path(place.data)
    assert (noted.by, noted.minutes, noted.files) == (SHELL, 15, (path,))
    variables = (f"HOME={place.user.home}", "HX_HOME=/a b/$c")
    assert shell.read(place.data) == shell.Started(900, "/home/it's b/hx", variables)
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert install.executable(noted, place) == "/home/it's b/hx"
    assert install.faults(noted, place) == []


def test_what_fits_on_no_line_is_refused_and_leaves_nothing(place, job):
    several = job._replace(variables=(("HX_PASSPHRASE_COMMAND", "one\ntwo"),))
    with pytest.raises(InputError, match="line break"):
        set_up(SHELL, several, place)
    with pytest.raises(InputError, match="line break"):
        set_up(SHELL, job._replace(executable="/home/a\nb/hx"), place)
    assert files(place) == []
    assert note.read(place.data) is None


@pytest.mark.parametrize("text", [None, "", "900\n", "soon\n/usr/bin/hx\n", "0\n/usr/bin/hx\n"])
def test_a_file_that_is_missing_or_damaged_is_a_fault(place, job, tmp_path, text):
    noted = set_up(SHELL, job, place)
    os.unlink(sync_path(place.data))
    if text is not None:
        (tmp_path / "shell-sync").write_text(text)
    assert shell.read(place.data) is None
    assert "missing" in str(install.faults(noted, place)) or text is not None
    assert len(install.faults(noted, place)) == 1
    assert install.executable(noted, place) == "/usr/bin/hx"


@pytest.mark.parametrize("is_noted", [True, False])
def test_remove_takes_all_files_of_it_and_nothing_like_them(place, job, tmp_path, is_noted):
    set_up(SHELL, job, place)
    for name in ("shell-sync.last", "shell-sync.2000000", "shell-sync.0123abcd.tmp"):
        (tmp_path / name).touch()
    (tmp_path / "shell-sync.mine").touch()
    if not is_noted:
        os.unlink(note.path(place.data))
    assert install.is_left(place)
    assert install.remove(place)
    assert files(place) == ["shell-sync.mine"]
    assert not install.is_left(place)
    assert not install.remove(place)


def test_another_kind_replaces_it(place, job):
    set_up(SHELL, job, place)
    assert set_up(CRON, job, place).by == CRON
    assert files(place) == []


def test_it_is_never_chosen_and_is_named_where_nothing_else_works(place):
    nothing = place.user._replace(environment={"PATH": "/none"})
    with pytest.raises(install.SchedulerError) as raised:
        install.best(nothing)
    assert raised.value.hint.endswith("hx sync auto on --by shell")
    assert install.best(place.user) == CRON


def test_it_starts_at_most_one_in_15_minutes_however_short_the_setting_is():
    assert [install.minutes(SHELL, every) for every in (1, 15, 60)] == [15, 15, 60]
    assert install.minutes(CRON, 1) == 1


@pytest.fixture
def starts(place, job, tmp_path):
    """Return the lines of a program in place of hx: one for each start."""
    program, lines = tmp_path / "hx", tmp_path / "lines"
    program.write_text(f"#!/bin/sh\necho \"$HX_HOME|$HX_SESSION|$(umask)|$*\" >>'{lines}'\n")
    program.chmod(0o700)
    lines.touch()
    shell.install(job._replace(executable=str(program)), place.data, place.user.home)
    return lines


def begin(place, at_s):
    """Do what a hook does when a sync is due; return the process, and a pipe that ends with all."""
    line = ["/bin/sh", "-c", start_of_sync(), "hx", sync_path(place.data), str(at_s)]
    mine, its = high_pipe()
    environment = {"HX_HOME": "/another", "HX_SESSION": "0", "PATH": os.environ["PATH"]}
    process = subprocess.Popen(line, pass_fds=(its,), env=environment, umask=0o022)
    os.close(its)
    return process, mine


def high_pipe():
    """Return a pipe whose end for writing sh keeps open: it closes the descriptors up to 9."""
    mine, low = os.pipe()
    its = fcntl.fcntl(low, fcntl.F_DUPFD, 20)
    os.close(low)
    return mine, its


def finish(begun):
    for process, pipe in begun:
        assert process.wait(30) == 0
        os.read(pipe, 1)
        os.close(pipe)


def test_of_many_shells_at_once_one_starts_it(place, starts):
    finish([begin(place, NOW_S) for _ in range(20)])
    assert starts.read_text() == "||0022|sync --background --trigger shell\n"
    assert files(place) == ["shell-sync", f"shell-sync.{NOW_S // 900}", "shell-sync.last"]
    assert (starts.parent / "shell-sync.last").read_text() == f"{NOW_S} 900\n"
    assert os.stat(starts.parent / "shell-sync.last").st_mode & 0o777 == 0o600


def test_a_shell_that_was_killed_in_its_turn_holds_up_no_later_period(place, starts):
    (starts.parent / f"shell-sync.{NOW_S // 900}").touch()
    finish([begin(place, NOW_S)])
    assert starts.read_text() == ""
    finish([begin(place, NOW_S + 900)])
    assert len(starts.read_text().splitlines()) == 1
    shell.sweep(place.data, NOW_S + 900)
    assert files(place) == ["shell-sync", f"shell-sync.{NOW_S // 900 + 1}", "shell-sync.last"]


def test_a_program_that_is_gone_is_looked_for_once_in_a_period_and_leaves_no_files(place, starts):
    (starts.parent / "hx").unlink()
    finish([begin(place, NOW_S)])
    assert files(place) == ["shell-sync", "shell-sync.last"]


def test_a_trial_starts_one_whenever_the_last_one_was(place, starts):
    finish([begin(place, NOW_S)])
    shell.start(place.user, place.data, NOW_S)
    end_s = time.monotonic() + 30
    while len(starts.read_text().splitlines()) < 2:
        assert time.monotonic() < end_s
        time.sleep(0.01)


def test_it_leaves_the_session_the_folder_and_the_files_of_the_shell(tmp_path):
    lines = """if True:
        import os, sys
        from hx.scheduler import shell
        shell.detach()
        print(os.getsid(0) == os.getpid(), os.getcwd(), os.nice(0), end=" ")
        try:
            os.fstat(int(sys.argv[1]))
        except OSError:
            print("closed")
    """
    mine, its = high_pipe()
    said = subprocess.run(
        [sys.executable, "-c", lines, str(its)],
        pass_fds=(its,),
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )
    os.close(mine)
    os.close(its)
    assert said.stdout == f"True / {os.nice(0) + 10} closed\n".encode()
