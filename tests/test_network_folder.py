"""A data folder on a network file system: no shared memory, and one device for all its hosts.

The process runs in its own mount namespace with a mount table in /proc that says that the root
folder is on a server. Only root may make one, so other users skip these tests.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

SCRIPT = """
import json, os, sys
from hx.database.connection import open_database
from hx.device import identity
from hx.files import on_network

path, *hosts = sys.argv[1:]
database = open_database(path)
identities = [identity(database, host) for host in hosts]
assert identities == [identity(database, host) for host in hosts]
with database.transaction():
    database.set_meta("x", 1)
    files = sorted(os.listdir(os.path.dirname(path)))
print(json.dumps({
    "network": on_network(path), "journal": database.connection.pragma("journal_mode"),
    "files": files,
    "ids": [identity.device_id.hex() for identity in identities],
    "shared": [identity.shared for identity in identities],
    "synchronous": database.connection.pragma("synchronous"),
}))
"""
REPLACE_MOUNT_TABLE = (
    'mount -t tmpfs none /proc && mkdir /proc/self && echo "$1" > /proc/self/mounts && shift'
)


@pytest.fixture
def run_on(tmp_path):
    """Return a function that opens the database where `/` is on a file system of this kind."""
    if os.geteuid() != 0 or not shutil.which("unshare"):
        pytest.skip("only root may have mounts of its own")

    def run(kind, *hosts):
        script = f'{REPLACE_MOUNT_TABLE} && exec "$@"'
        with_mount_table = [
            "unshare",
            "--mount",
            "sh",
            "-c",
            script,
            "sh",
            f"server:/x / {kind} rw 0 0",
        ]
        if subprocess.run([*with_mount_table, "true"], capture_output=True, check=False).returncode:
            pytest.skip("no mounts of its own here")
        command = [
            *with_mount_table,
            sys.executable,
            "-c",
            SCRIPT,
            str(tmp_path / "hx" / "hx.db"),
            *hosts,
        ]
        process = subprocess.run(command, capture_output=True, text=True, check=False)
        assert process.returncode == 0, process.stderr
        return json.loads(process.stdout)

    return run


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs", "9p", "lustre"])
def test_on_a_network_file_system_the_journal_needs_no_shared_memory(run_on, kind):
    result = run_on(kind, "one")
    assert (result["network"], result["journal"], result["synchronous"]) == (True, "delete", 2)
    assert result["files"] == ["device.key", "hx.db", "hx.db-journal"]


def test_on_a_network_file_system_all_hosts_are_one_device(run_on):
    first = run_on("nfs", "one", "two")
    assert first["shared"] == [True, True]
    assert len(set(first["ids"])) == 1
    assert run_on("nfs", "two")["ids"] == first["ids"][:1]


def test_on_a_local_disk_there_is_a_write_ahead_log_and_one_device_id(run_on):
    result = run_on("ext4", "one", "two")
    assert (result["network"], result["journal"], result["shared"]) == (
        False,
        "wal",
        [False, False],
    )
    assert result["ids"][0] == result["ids"][1]
    assert result["files"] == ["device.key", "hx.db", "hx.db-shm", "hx.db-wal"]
