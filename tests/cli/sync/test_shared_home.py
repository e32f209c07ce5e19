"""Two hosts have one home on a network file system: both are one device of the vault."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from cli.vaults import Member, vault
from test_network_folder import REPLACE_MOUNT_TABLE

MOUNTS = "server:/home / nfs4 rw 0 0"


class Host(Member):
    """A member whose commands run on the host of that name, where all folders are on a server."""

    def __init__(self, of: Member, name: str) -> None:
        self.__dict__ |= of.__dict__
        self.host = name

    def run(self, line, **options):
        script = f'hostname "$1" && shift && {REPLACE_MOUNT_TABLE} && exec "$@"'
        there = ["unshare", "--mount", "--uts", "sh", "-c", script, "sh", self.host, MOUNTS]
        return super().run([*there, *line], **options)


@pytest.fixture
def hosts(tmp_path):
    """Return a laptop, and two hosts of one home of which the first one has joined the vault."""
    if os.geteuid() != 0 or not shutil.which("unshare"):
        pytest.skip("only root may have mounts of its own")
    probe = ["unshare", "--mount", "--uts", "hostname", "box"]
    if subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("no mounts of its own here")
    [laptop] = vault(tmp_path, "laptop")
    home = Member(tmp_path / "home", laptop.folder, "cluster")
    one, two = Host(home, "one"), Host(home, "two")
    one.record("echo from one", host="one")
    result = one.join(laptop.invite())
    assert result.code == 0, result
    laptop.sync()
    one.sync()
    return laptop, one, two


def test_what_each_host_records_reaches_the_others_and_a_new_name_is_no_new_device(hosts):
    laptop, one, two = hosts
    two.record("echo from two", host="two", session="0006400000000002" + "c" * 16)
    two.sync()
    renamed = Host(two, "three")
    renamed.record("echo from three", host="three", session="0006400000000003" + "d" * 16)
    renamed.sync()
    laptop.sync()
    known = {event["command"]: event["host"] for event in laptop.history}
    assert known == {"echo from one": "one", "echo from two": "two", "echo from three": "three"}
    assert len(laptop.sync("devices")) == 2
    assert one.sync("status")["unpublished"] == 0


def test_a_host_that_leaves_says_that_the_others_leave_with_it(hosts):
    _, one, two = hosts
    result = two.hx("sync", "leave")
    assert "is this device: all of them leave the vault" in result.out
    assert one.sync("status")["unpublished"] == 0, "nobody has answered, so nobody has left"
