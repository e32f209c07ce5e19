"""The agent of launchd, as plistlib reads it."""

from __future__ import annotations

import os
import plistlib

import pytest

from hx.core.errors import InputError
from hx.scheduler import launchd
from hx.scheduler.job import Job, User

JOB = Job("/a & b/hx", "/data/hx.db", 5, "/nas/m", (("HX_HOME", "/data"),))


def test_the_agent_is_this():
    assert plistlib.loads(launchd.plist(JOB)) == {
        "Label": "hx.sync",
        "ProgramArguments": ["/a & b/hx", "sync", "--background"],
        "StartInterval": 300,
        "WatchPaths": ["/nas/m"],
        "EnvironmentVariables": {"HX_HOME": "/data"},
        "ProcessType": "Background",
        "LowPriorityIO": True,
        "Nice": 10,
        "Umask": 0o077,
        "StandardErrorPath": "/data/sync.log",
        "HxDatabase": "/data/hx.db",
    }


def test_without_a_folder_or_variables_their_keys_are_left_out():
    values = plistlib.loads(launchd.plist(JOB._replace(watched="", variables=())))
    assert not {"WatchPaths", "EnvironmentVariables"} & values.keys()


def test_a_path_that_is_not_utf8_is_refused():
    with pytest.raises(InputError):
        launchd.plist(JOB._replace(executable="/\udcff"))


@pytest.mark.parametrize("text", [None, b"", b"<plist>", b"bplist00", plistlib.dumps([1])])
def test_an_agent_of_another_program_is_not_removed(tmp_path, text):
    user = User(501, "ann", str(tmp_path), str(tmp_path), "Darwin", {"PATH": "/none"})
    if text is not None:
        (tmp_path / "Library" / "LaunchAgents").mkdir(parents=True)
        (tmp_path / "Library" / "LaunchAgents" / "hx.sync.plist").write_bytes(text)
    assert launchd.database_of(user) is launchd.executable_of(user) is None
    assert not launchd.remove(user, "/data/hx.db")


def test_the_agent_of_this_database_is_removed_also_where_launchd_does_not_run(tmp_path):
    user = User(501, "ann", str(tmp_path), str(tmp_path), "Darwin", {"PATH": "/none"})
    (tmp_path / "Library" / "LaunchAgents").mkdir(parents=True)
    (tmp_path / "Library" / "LaunchAgents" / "hx.sync.plist").write_bytes(launchd.plist(JOB))
    assert launchd.executable_of(user) == "/a & b/hx"
    assert not launchd.remove(user, "/other/hx.db")
    assert launchd.remove(user, "/data/hx.db")
    assert launchd.database_of(user) is None


@pytest.mark.parametrize("flags", [os.O_APPEND, 0])
@pytest.mark.parametrize(("size", "left"), [(256 << 10, 256 << 10), ((256 << 10) + 1, 0)])
def test_a_log_that_has_grown_too_large_is_emptied(tmp_path, flags, size, left):
    log = tmp_path / "sync.log"
    log.write_bytes(bytes(size))
    log.chmod(0o644)
    descriptor = os.open(log, os.O_WRONLY | flags)
    os.lseek(descriptor, 0, os.SEEK_END)
    launchd.bound_log(str(tmp_path), descriptor)
    os.write(descriptor, b"news")
    os.close(descriptor)
    assert log.read_bytes() == bytes(left) + b"news"
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_not_the_log_stays_as_it_is(tmp_path):
    other = tmp_path / "other"
    other.write_bytes(bytes(1 << 20))
    other.chmod(0o644)
    before = other.stat()
    with open(other, "ab") as file:
        launchd.bound_log(str(tmp_path), file.fileno())
        (tmp_path / "sync.log").write_bytes(bytes(1 << 20))
        launchd.bound_log(str(tmp_path), file.fileno())
    assert (other.stat().st_size, other.stat().st_mode) == (before.st_size, before.st_mode)
    assert (tmp_path / "sync.log").stat().st_size == 1 << 20
