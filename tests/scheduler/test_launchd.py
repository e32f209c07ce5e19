"""The agent of launchd, as plistlib reads it."""

from __future__ import annotations

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
