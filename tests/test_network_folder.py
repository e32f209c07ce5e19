"""A data folder on a network file system: no shared memory, and a device for each host.

The mount table is real to the process: it runs in a name space of its own, where /proc says that
all lies on a server. Only root may do that; for others the tests are skipped.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

RUN = """
import json, os, sys
from hx.database.connection import open_database
from hx.device import identity
from hx.files import on_network

path, *hosts = sys.argv[1:]
database = open_database(path)
who = [identity(database, host) for host in hosts]
again = [identity(database, host) for host in hosts]
assert who == again
with database.transaction():
    database.set_meta("x", 1)
    files = sorted(os.listdir(os.path.dirname(path)))
print(json.dumps({
    "network": on_network(path), "journal": database.connection.pragma("journal_mode"),
    "files": files, "ids": [one.device_id.hex() for one in who],
    "shared": [one.shared for one in who], "synchronous": database.connection.pragma("synchronous"),
}))
"""
COVER = 'mount -t tmpfs none /proc && mkdir /proc/self && echo "$1" > /proc/self/mounts && shift'


@pytest.fixture
def run_where(tmp_path):
    """Open the database as hosts do where `/` is on such a file system."""
    if os.geteuid() != 0 or not shutil.which("unshare"):
        pytest.skip("only root may have mounts of its own")

    def run(kind, *hosts):
        script = f'{COVER} && exec "$@"'
        cover = ["unshare", "--mount", "sh", "-c", script, "sh", f"server:/x / {kind} rw 0 0"]
        if subprocess.run([*cover, "true"], capture_output=True, check=False).returncode:
            pytest.skip("no mounts of its own here")
        command = [*cover, sys.executable, "-c", RUN, str(tmp_path / "hx" / "hx.db"), *hosts]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs", "9p", "lustre"])
def test_there_the_journal_is_one_that_needs_no_shared_memory(run_where, kind):
    told = run_where(kind, "one")
    assert (told["network"], told["journal"], told["synchronous"]) == (True, "delete", 2)
    assert told["files"] == ["device-one.key", "hx.db", "hx.db-journal"]


def test_there_each_host_is_a_device_and_stays_it(run_where):
    first = run_where("nfs", "one", "two")
    assert first["shared"] == [True, True]
    assert len(set(first["ids"])) == 2
    assert run_where("nfs", "two", "one")["ids"] == first["ids"][::-1]


def test_on_a_disk_of_this_machine_there_is_a_log_and_one_device(run_where):
    told = run_where("ext4", "one", "two")
    assert (told["network"], told["journal"], told["shared"]) == (False, "wal", [False, False])
    assert told["ids"][0] == told["ids"][1]
    assert told["files"] == ["device.key", "hx.db", "hx.db-shm", "hx.db-wal"]
