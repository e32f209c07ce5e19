"""Private folders and files, and the file system of a path."""

from __future__ import annotations

import os
import re
import stat

import pytest

from capture.kill import drop_capabilities, forked, outcome
from hx.core.errors import DatabaseError, InputError
from hx.files import file_system, on_network, private_folder, replace_file, require_place


@pytest.fixture(params=[0o000, 0o022, 0o077, 0o777])
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def test_only_the_owner_may_enter_a_new_folder_and_its_new_parents(tmp_path, umask):
    private_folder(str(tmp_path / "a" / "b" / "c"))
    assert [mode(tmp_path / path) for path in ("a", "a/b", "a/b/c")] == [0o700] * 3


def test_an_existing_folder_keeps_its_mode(tmp_path):
    os.chmod(tmp_path, 0o755)
    private_folder(str(tmp_path))
    private_folder(str(tmp_path / "new"))
    assert mode(tmp_path) == 0o755


def test_a_folder_that_can_be_written_or_made_is_a_place(tmp_path):
    require_place(str(tmp_path))
    require_place(str(tmp_path / "a" / "b"))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("below", "what"), [("", "write into"), ("/a/b", "create the folder")])
def test_a_folder_that_cannot_be_written_is_none(tmp_path, below, what):
    def work():
        drop_capabilities()
        os.chmod(tmp_path, 0o500)
        said = f"cannot {what} {tmp_path}{below}: {tmp_path} is not writable"
        with pytest.raises(DatabaseError, match=re.escape(said)):
            require_place(f"{tmp_path}{below}")

    assert outcome(forked(work)) == 0
    os.chmod(tmp_path, 0o700)


def test_a_file_in_place_of_a_folder_is_an_error(tmp_path):
    (tmp_path / "hx").write_text("mine")
    for path in ("hx", "hx/deeper"):
        with pytest.raises(InputError, match="hx is a file, but hx needs a folder there"):
            private_folder(str(tmp_path / path))
    assert (tmp_path / "hx").read_text() == "mine"


def test_a_folder_of_another_owner_is_refused(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root may give a folder away")
    os.chown(tmp_path, 65_534, 65_534)
    with pytest.raises(DatabaseError, match="belongs to another user"):
        private_folder(str(tmp_path))


def test_a_replaced_file_is_private_and_no_temporary_file_is_left(tmp_path, umask):
    path = tmp_path / "file"
    replace_file(str(path), b"one")
    replace_file(str(path), b"two")
    assert path.read_bytes() == b"two"
    assert mode(path) == 0o600
    assert os.listdir(tmp_path) == ["file"]


def test_after_a_failed_replacement_no_temporary_file_is_left(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "full").write_text("x")
    with pytest.raises(OSError, match="directory"):
        replace_file(str(tmp_path / "folder"), b"data")
    assert os.listdir(tmp_path) == ["folder"]


def test_a_disk_that_returns_other_bytes_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "file"
    replace_file(str(path), b"old")
    monkeypatch.setattr(os, "fsync", lambda descriptor: os.pwrite(descriptor, b"\0", 1))
    with pytest.raises(OSError, match="does not return what was written"):
        replace_file(str(path), b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


MOUNTS = r"""/dev/sda1 / ext4 rw 0 0
tmpfs /home tmpfs rw 0 0
server:/home /home/ann nfs4 rw 0 0
//nas/data /mnt/my\040data\134x cifs rw 0 0
ann@server: /mnt/ssh fuse.sshfs rw 0 0
/dev/sdb1 /mnt/disk ext4 rw 0 0
server:/disk /mnt/disk nfs rw 0 0
broken line
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "ext4"),
        ("/etc", "ext4"),
        ("/home", "tmpfs"),
        ("/home/anna", "tmpfs"),
        ("/home/ann", "nfs4"),
        ("/home/ann/.local/share/hx", "nfs4"),
        ("/mnt/my data\\x/hx", "cifs"),
        ("/mnt/ssh", "fuse.sshfs"),
        ("/mnt/disk", "nfs"),
    ],
)
def test_the_file_system_of_a_path_is_that_of_the_innermost_last_mount(path, kind):
    assert file_system(path, MOUNTS) == kind


def test_without_a_mount_table_the_file_system_is_unknown():
    assert file_system("/x", "") == ""


def test_a_local_folder_is_not_on_a_network(tmp_path):
    assert not on_network(str(tmp_path))
    assert not on_network(str(tmp_path / "is not there"))


def test_an_interrupt_right_after_the_replacement_stays_an_interrupt(tmp_path, monkeypatch):
    path, replace = tmp_path / "file", os.replace

    def interrupted(*names):
        replace(*names)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        replace_file(str(path), b"one")
    assert path.read_bytes() == b"one"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
