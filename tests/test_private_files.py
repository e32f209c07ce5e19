"""Keys and settings after crashes, under any umask, and with unusual files in their place."""

from __future__ import annotations

import ctypes
import os
import signal
import stat
import struct
import sys

import pytest

from capture.kill import forked, outcome
from hx.capture.git import look_up
from hx.config import load
from hx.core.errors import DatabaseError
from hx.database.connection import open_database
from hx.device import load_or_make, verified
from hx.files import private_folder, replace_file


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def run_without_privileges(work):
    """Run the work in a process to which permissions apply, even as root; return its exit code."""

    def run():
        if os.geteuid() == 0:
            _drop_capabilities()
        work()

    return outcome(forked(run))


def _drop_capabilities():
    """Drop the capabilities of root by capset(2), version 3."""
    header, none = struct.pack("Ii", 0x20080522, 0), bytes(24)
    if not sys.platform.startswith("linux") or ctypes.CDLL(None).capset(header, none):
        raise OSError("cannot give up what root may do")


def killed_at(event, work):
    """Run the work in a process that is killed just before this system call."""

    def run():
        def hook(name, _):
            if name == event:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        work()

    assert outcome(forked(run)) == -signal.SIGKILL


def test_a_killed_replacement_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    replace_file(str(path), b"old")
    killed_at("os.rename", lambda: replace_file(str(path), b"new"))
    assert path.read_bytes() == b"old"
    replace_file(str(path), b"new")
    assert path.read_bytes() == b"new"


def test_a_killed_first_run_leaves_no_partial_key_file(tmp_path):
    path = str(tmp_path / "device.key")
    killed_at("os.rename", lambda: load_or_make(path))
    assert not os.path.exists(path)
    assert all(mode(tmp_path / name) == 0o600 for name in os.listdir(tmp_path))
    assert load_or_make(path) == verified(path)


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o277, 0o777])
def test_only_the_owner_may_use_the_files_whatever_the_umask(tmp_path, umask):
    def work():
        os.umask(umask)
        database = open_database(str(tmp_path / "a" / "hx.db"))
        with database.transaction():
            database.set_meta("x", 1)
        load_or_make(str(tmp_path / "a" / "device.key"))
        load_or_make(str(tmp_path / "a" / "device.key"))
        open_database(str(tmp_path / "a" / "hx.db")).close()
        names = {"hx.db", "hx.db-wal", "hx.db-shm", "device.key"}
        assert {n: mode(tmp_path / "a" / n) for n in os.listdir(tmp_path / "a")} == dict.fromkeys(
            names, 0o600
        )
        assert mode(tmp_path / "a") == 0o700
        database.close()

    assert run_without_privileges(work) == 0


@pytest.mark.parametrize("make", [os.mkdir, lambda path: os.symlink("device.key", path)])
def test_a_folder_or_a_link_in_place_of_the_key_file_is_an_error(tmp_path, make):
    path = str(tmp_path / "device.key")
    make(path)
    with pytest.raises(DatabaseError, match="cannot read"):
        load_or_make(path)
    assert os.path.lexists(path)


def test_unreadable_keys_are_an_error_and_stay(tmp_path):
    def work():
        path = str(tmp_path / "device.key")
        device_id = load_or_make(path)
        os.chmod(path, 0)
        with pytest.raises(DatabaseError, match="permission denied"):
            load_or_make(path)
        os.chmod(path, 0o600)
        assert load_or_make(path) == device_id

    assert run_without_privileges(work) == 0


def test_unreadable_settings_are_a_warning_and_the_defaults_are_used(tmp_path):
    def work():
        (tmp_path / "config.toml").write_text("limit = 7\n")
        os.chmod(tmp_path / "config.toml", 0)
        config = load({"HX_HOME": str(tmp_path)})
        assert config.limit == 50
        assert "cannot be read" in config.warnings[0]

    assert run_without_privileges(work) == 0


def test_a_folder_that_cannot_be_made_is_an_error_with_its_name(tmp_path):
    def work():
        os.chmod(tmp_path, 0o500)
        with pytest.raises(
            DatabaseError, match=r"cannot create the folder .*deep: permission denied"
        ):
            private_folder(str(tmp_path / "deep"))

    assert run_without_privileges(work) == 0


def test_processes_that_make_one_folder_concurrently_all_succeed(tmp_path):
    path = str(tmp_path / "a" / "b" / "c" / "d")
    processes = [forked(lambda: private_folder(path)) for _ in range(8)]
    assert [outcome(pid) for pid in processes] == [0] * 8
    assert mode(path) == 0o700


def test_unreadable_git_files_give_no_branch(tmp_path):
    (tmp_path / ".git").mkdir()
    for name in ("HEAD", "config"):
        (tmp_path / ".git" / name).write_text("ref: refs/heads/main\n")
        os.chmod(tmp_path / ".git" / name, 0)

    def work():
        assert look_up(os.fsencode(tmp_path)) == (os.fsencode(tmp_path), None)

    assert run_without_privileges(work) == 0
