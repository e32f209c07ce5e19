"""Crashes, odd umasks and odd files where the keys and the settings should be."""

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


def bound(work):
    """Run in another process whom permissions bind, root or not; returns its exit code."""

    def run():
        if os.geteuid() == 0:
            _give_up_capabilities()
        work()

    return outcome(forked(run))


def _give_up_capabilities():
    """capset(2), version 3: root is then an owner like any other."""
    header, none = struct.pack("Ii", 0x20080522, 0), bytes(24)
    if not sys.platform.startswith("linux") or ctypes.CDLL(None).capset(header, none):
        raise OSError("cannot give up what root may do")


def killed_at(event, work):
    """Run in another process that dies just before this call of the system."""

    def run():
        def hook(name, _):
            if name == event:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        work()

    assert outcome(forked(run)) == -signal.SIGKILL


def test_a_file_is_the_old_one_until_its_rename(tmp_path):
    path = tmp_path / "file"
    replace_file(str(path), b"old")
    killed_at("os.rename", lambda: replace_file(str(path), b"new"))
    assert path.read_bytes() == b"old"
    replace_file(str(path), b"new")
    assert path.read_bytes() == b"new"


def test_a_first_run_that_dies_leaves_no_half_key(tmp_path):
    path = str(tmp_path / "device.key")
    killed_at("os.rename", lambda: load_or_make(path))
    assert not os.path.exists(path)
    assert all(mode(tmp_path / name) == 0o600 for name in os.listdir(tmp_path))
    assert load_or_make(path) == verified(path)


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o277, 0o777])
def test_all_files_work_for_their_owner_and_nobody_else_under_any_umask(tmp_path, umask):
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

    assert bound(work) == 0


@pytest.mark.parametrize("make", [os.mkdir, lambda path: os.symlink("device.key", path)])
def test_what_is_no_file_in_place_of_the_keys_is_told(tmp_path, make):
    path = str(tmp_path / "device.key")
    make(path)
    with pytest.raises(DatabaseError, match="cannot read"):
        load_or_make(path)
    assert os.path.lexists(path)


def test_keys_that_may_not_be_read_are_told_and_stay(tmp_path):
    def work():
        path = str(tmp_path / "device.key")
        device_id = load_or_make(path)
        os.chmod(path, 0)
        with pytest.raises(DatabaseError, match="permission denied"):
            load_or_make(path)
        os.chmod(path, 0o600)
        assert load_or_make(path) == device_id

    assert bound(work) == 0


def test_settings_that_may_not_be_read_are_told_and_stop_nothing(tmp_path):
    def work():
        (tmp_path / "config.toml").write_text("limit = 7\n")
        os.chmod(tmp_path / "config.toml", 0)
        config = load({"HX_HOME": str(tmp_path)})
        assert config.limit == 50
        assert "cannot be read" in config.warnings[0]

    assert bound(work) == 0


def test_a_folder_that_cannot_be_made_is_told_with_its_name(tmp_path):
    def work():
        os.chmod(tmp_path, 0o500)
        with pytest.raises(
            DatabaseError, match=r"cannot create the folder .*deep: permission denied"
        ):
            private_folder(str(tmp_path / "deep"))

    assert bound(work) == 0


def test_processes_that_make_one_folder_at_once_all_succeed(tmp_path):
    path = str(tmp_path / "a" / "b" / "c" / "d")
    processes = [forked(lambda: private_folder(path)) for _ in range(8)]
    assert [outcome(pid) for pid in processes] == [0] * 8
    assert mode(path) == 0o700


def test_files_of_git_that_may_not_be_read_tell_nothing(tmp_path):
    (tmp_path / ".git").mkdir()
    for name in ("HEAD", "config"):
        (tmp_path / ".git" / name).write_text("ref: refs/heads/main\n")
        os.chmod(tmp_path / ".git" / name, 0)

    def work():
        assert look_up(os.fsencode(tmp_path)) == (os.fsencode(tmp_path), None)

    assert bound(work) == 0
