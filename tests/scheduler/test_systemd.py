"""The units of systemd: what stands in them, and that systemd reads them as they are meant."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from hx.core.errors import InputError
from hx.scheduler import systemd
from hx.scheduler.job import Job
from hx.scheduler.systemd import PATH, SERVICE, TIMER

JOB = Job("/usr/bin/hx", "/home/ann/hx.db", 5, "/mnt/nas/hx/m", (("HX_HOME", "/home/ann"),))
HARD = """/a 100%n "b" it's $HOME \\x ;c"""


def test_the_units_are_these():
    texts = systemd.texts(JOB)
    assert texts[SERVICE].splitlines() == [
        "[Unit]",
        "Description=Sync of the shell history (hx)",
        "StartLimitIntervalSec=0",
        "ConditionPathExists=/home/ann/hx.db",
        "",
        "[Service]",
        "Type=oneshot",
        'ExecStart="/usr/bin/hx" sync --background',
        'Environment="HX_HOME=/home/ann"',
        "TimeoutStartSec=10min",
        "Nice=10",
        "IOSchedulingClass=idle",
        "CPUSchedulingPolicy=batch",
        "UMask=0077",
        "StandardInput=null",
        "NoNewPrivileges=yes",
        "SuccessExitStatus=3 5 6",
    ]
    # not OnUnitActiveSec: a run that takes long is not followed by the next at once
    assert "OnUnitInactiveSec=5min\n" in texts[TIMER]
    assert "PathChanged=/mnt/nas/hx/m\n" in texts[PATH]
    assert all("StartLimitIntervalSec=0\n" in text for text in texts.values())


def test_without_a_local_folder_nothing_is_watched():
    assert set(systemd.texts(JOB._replace(watched=""))) == {SERVICE, TIMER}


@pytest.mark.parametrize("name", ["/a\nb", "/a\tb", " /a", "/a ", "/a\\", "/a\udcff"])
def test_a_path_that_fits_on_no_line_is_refused(name):
    for job in (JOB._replace(executable=name), JOB._replace(database=name)):
        with pytest.raises(InputError, match="no scheduler can"):
            systemd.texts(job)
    with pytest.raises(InputError, match="no scheduler can"):
        systemd.texts(JOB._replace(watched=name))


def test_a_passphrase_command_may_have_two_lines():
    job = JOB._replace(variables=(("HX_PASSPHRASE_COMMAND", 'sh -c "pass\nhx"'),))
    assert (
        '\nEnvironment="HX_PASSPHRASE_COMMAND=sh -c \\"pass\\nhx\\""\n'
        in systemd.texts(job)[SERVICE]
    )


@pytest.mark.parametrize("name", ["/usr/bin/hx", "/a 100%n $HOME/hx", f"{HARD}/hx", "/a$'$$/hx"])
def test_what_is_written_is_read_again(tmp_path, name):
    job = JOB._replace(executable=name, database=f"{name}.db")
    (tmp_path / SERVICE).write_text(systemd.texts(job)[SERVICE])
    assert systemd.executable_of(str(tmp_path)) == name
    assert systemd.database_of(str(tmp_path)) == f"{name}.db"


def test_no_unit_or_that_of_another_program_has_no_database(tmp_path):
    assert systemd.database_of(str(tmp_path)) is systemd.executable_of(str(tmp_path)) is None
    (tmp_path / SERVICE).write_bytes(b"\xff")
    assert systemd.database_of(str(tmp_path)) is None
    (tmp_path / SERVICE).write_text("[Service]\n")
    assert systemd.database_of(str(tmp_path)) is None


def test_units_are_written_where_the_manager_looks_for_them():
    both = ("/cfg/systemd/user", f"{HARD}/.config/systemd/user")
    # as systemctl quotes it
    home = """ "/a 100%n \\"b\\" it's \\$HOME \\\\x ;c/.config/systemd/user" """
    assert systemd.folder_in(f"/etc/x{home}/run\n", both) == both[1]
    assert systemd.folder_in(f"/cfg/systemd/user{home}/run", both) == both[0]
    assert systemd.folder_in("/cfg/systemd/user.control", both) == both[0]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
@pytest.mark.parametrize("part", ["", "/a b", "/100%", HARD])
def test_systemd_finds_no_fault_in_the_units(tmp_path, part):
    home = tmp_path / part.strip("/") if part else tmp_path
    home.mkdir(exist_ok=True)
    hx = home / "hx"
    hx.symlink_to("/bin/true")
    job = Job(str(hx), f"{home}/hx.db", 5, f"{home}/m", (("HX_HOME", str(home)),))
    units = []
    for name, text in systemd.texts(job).items():
        units.append(tmp_path / "units" / name)
        units[-1].parent.mkdir(exist_ok=True)
        units[-1].write_text(text)
    # the timer belongs to a unit beside it
    process = subprocess.run(
        ["systemd-analyze", "--user", "--man=no", "verify", *units],
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    own = [line for line in process.stderr.splitlines() if "hx-sync" in line]
    assert (process.returncode, own) == (0, []), process.stderr
