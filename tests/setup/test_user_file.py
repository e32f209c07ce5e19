"""A file of the user is read, checked, backed up and replaced, and never half or by surprise."""

from __future__ import annotations

import os
import resource
import signal
import stat
import tempfile
from pathlib import Path

import pytest

from capture.kill import forked, outcome
from hx.core.errors import InputError
from hx.setup import user_file
from hx.setup.user_file import Dotfile

MOST_BYTES = 4 << 20


@pytest.fixture
def path(tmp_path):
    path = tmp_path / ".bashrc"
    path.write_bytes(b"mine\n")
    path.chmod(0o640)
    return str(path)


def content(path):
    with open(path, "rb") as file:
        return file.read()


def test_a_file_is_read_with_its_status_and_a_missing_one_is_empty(path):
    file = user_file.read(path)
    assert file[:3] == (path, path, b"mine\n")
    assert file.exists
    missing = user_file.read(f"{path}-missing")
    assert missing == Dotfile(f"{path}-missing", f"{path}-missing", b"", None)
    assert not missing.exists


def test_a_link_is_read_and_replaced_where_it_leads(path):
    link = f"{path}-link"
    os.symlink(path, link)
    file = user_file.read(link)
    assert (file.path, file.target) == (link, path)
    user_file.replace(file, b"new\n")
    assert os.path.islink(link)
    assert content(path) == b"new\n"


def test_what_is_no_file_cannot_be_read(path):
    with pytest.raises(InputError, match="is a folder"):
        user_file.read(os.path.dirname(path))
    os.mkfifo(f"{path}-pipe")
    with pytest.raises(InputError, match="is not a regular file"):
        user_file.read(f"{path}-pipe")
    with pytest.raises(InputError, match="cannot read"):
        user_file.read(f"{path}/below")


def test_a_file_of_4_mib_is_read_and_a_larger_one_is_not(path):
    os.truncate(path, MOST_BYTES)
    assert len(user_file.read(path).text) == MOST_BYTES
    os.truncate(path, MOST_BYTES + 1)
    with pytest.raises(InputError, match="longer than 4 MiB"):
        user_file.read(path)


# ---- whether it may be changed ----


def as_another_user(work):
    """Do the work in a process of a user who owns no file."""
    if os.geteuid() != 0:
        pytest.skip("only root may become another user")

    def become():
        os.setgid(65_534)
        os.setuid(65_534)
        work()

    assert outcome(forked(become)) == 0


@pytest.fixture
def shared():
    """A file in a folder that everybody may enter and change.

    It is not below pytest's own folder, which each test run that starts closes to other users.
    """
    with tempfile.TemporaryDirectory(prefix="hx-shared-") as folder:
        path = Path(folder, ".bashrc")
        path.write_bytes(b"mine\n")
        path.parent.chmod(0o777)
        path.chmod(0o666)
        yield path


def refusal(path):
    try:
        user_file.require_writable(user_file.read(str(path)))
    except InputError as error:
        return error.message.removeprefix(f"{path} ")
    return None


def test_a_file_that_may_be_replaced_is_not_refused(path):
    assert refusal(path) is None
    assert refusal(f"{path}-missing") is None
    assert refusal(f"{path}-folder/missing") is None


@pytest.mark.parametrize("mode", [0o444, 0o400, 0o555, 0])
def test_a_file_that_nobody_may_write_is_refused_also_to_root(path, mode):
    os.chmod(path, mode)
    if os.geteuid() == 0 or mode:
        assert refusal(path) == "is read-only"


@pytest.mark.parametrize("mode", [0o200, 0o020, 0o002])
def test_root_may_replace_what_anybody_may_write(path, mode):
    if os.geteuid() != 0:
        pytest.skip("only root may write to any file")
    os.chmod(path, mode)
    assert refusal(path) is None


def test_the_file_of_another_user_is_refused(shared):
    owner = os.geteuid()
    as_another_user(lambda: require(refusal(shared), f"belongs to another user (uid {owner})"))


def test_the_file_of_another_user_is_not_refused_to_root(shared):
    if os.geteuid() != 0:
        pytest.skip("only root may give files away")
    os.chown(shared, 65_534, 65_534)
    assert refusal(shared) is None


def test_an_own_file_that_its_owner_may_not_write_is_read_only(shared):
    if os.geteuid() == 0:
        os.chown(shared, 65_534, 65_534)
    shared.chmod(0o464)
    as_another_user(lambda: require(refusal(shared), "is read-only"))


@pytest.mark.parametrize("mode", [0o555, 0o666])
@pytest.mark.parametrize("below", ["", "new", "new/newer"])
def test_a_file_that_cannot_be_made_in_its_folder_is_refused(shared, mode, below):
    """Also where the folder is to be made first: the one that exists is named."""
    folder = shared.parent
    folder.chmod(mode)
    path = str(folder / below / "missing")
    file = Dotfile(path, path, b"", None)  # where 0o666, nobody can look for it

    def work():
        fault = f"cannot be made: {folder} is not writable"
        assert user_file.why_not_writable(file) == fault
        with pytest.raises(InputError, match=f"^{path} {fault}$"):
            user_file.require_writable(file)

    as_another_user(work)


def test_a_file_that_cannot_be_replaced_in_its_folder_is_refused(shared):
    if os.geteuid() == 0:
        os.chown(shared, 65_534, 65_534)
    folder = shared.parent
    folder.chmod(0o555)
    expected = f"cannot be replaced: {folder} is not writable"
    as_another_user(lambda: require(refusal(shared), expected))


def require(found, expected):
    assert found == expected


# ---- replace and remove ----


def test_a_replaced_file_keeps_its_mode_and_a_new_one_is_private(path):
    user_file.replace(user_file.read(path), b"new\n")
    assert (content(path), stat.S_IMODE(os.stat(path).st_mode)) == (b"new\n", 0o640)
    new = f"{path}-folder/new"
    user_file.replace(user_file.read(new), b"new\n")
    assert (content(new), stat.S_IMODE(os.stat(new).st_mode)) == (b"new\n", 0o600)


def test_a_replaced_file_keeps_its_owner(path):
    if os.geteuid() != 0:
        pytest.skip("only root may give files away")
    os.chown(path, 1234, 4321)
    user_file.replace(user_file.read(path), b"new\n")
    assert (os.stat(path).st_uid, os.stat(path).st_gid) == (1234, 4321)


def test_a_file_with_two_names_stays_one_file(path):
    """Some keep their dotfiles as hard links into a repository."""
    os.link(path, f"{path}-in-the-repository")
    file = user_file.read(path)
    for text in (b"mine\nours\n", b"m\n"):
        user_file.replace(user_file.read(path), text)
        assert content(path) == content(f"{path}-in-the-repository") == text
    assert os.path.samefile(path, f"{path}-in-the-repository")
    assert stat.S_IMODE(os.stat(path).st_mode) == stat.S_IMODE(file.status.st_mode)


def test_a_file_with_two_names_has_its_old_text_when_the_disk_is_full(path):
    os.link(path, f"{path}-too")

    def write():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))  # as on a full disk, a part is written
        user_file.replace(user_file.read(path), b"mine\n" + b"ours" * 9)

    assert outcome(forked(write)) != 0
    assert content(path) == content(f"{path}-too") == b"mine\n"


@pytest.mark.parametrize(
    "change", [lambda file: user_file.replace(file, b"new\n"), user_file.remove]
)
def test_a_file_that_was_changed_since_it_was_read_stays(path, change):
    file = user_file.read(path)
    with open(path, "ab") as opened:
        opened.write(b"more\n")
    with pytest.raises(InputError, match="has changed"):
        change(file)
    assert content(path) == b"mine\nmore\n"


def test_a_file_is_removed(path):
    user_file.remove(user_file.read(path))
    assert not os.path.exists(path)


# ---- backups ----


def test_a_backup_has_the_bytes_the_mode_and_the_owner(path):
    if os.geteuid() == 0:
        os.chown(path, 1234, 4321)
    file = user_file.read(path)
    backup = user_file.backup_path(file)
    assert backup == f"{path}.hx-backup"
    user_file.back_up(file, backup)
    before, after = os.stat(path), os.stat(backup)
    assert content(backup) == b"mine\n"
    assert (after.st_mode, after.st_uid, after.st_gid) == (
        *(before.st_mode, before.st_uid, before.st_gid),
    )


def test_a_backup_with_the_same_bytes_is_used_again_and_not_written(path):
    file = user_file.read(path)
    user_file.back_up(file, user_file.backup_path(file))
    before = os.stat(f"{path}.hx-backup").st_ino
    assert user_file.backup_path(file) == f"{path}.hx-backup"
    user_file.back_up(file, f"{path}.hx-backup")
    assert os.stat(f"{path}.hx-backup").st_ino == before


def test_other_backups_and_folders_in_their_place_are_passed_over(path):
    with open(f"{path}.hx-backup", "wb") as other:
        other.write(b"older\n")
    os.mkdir(f"{path}.hx-backup-2")
    assert user_file.backup_path(user_file.read(path)) == f"{path}.hx-backup-3"
    with open(f"{path}.hx-backup-3", "wb") as other:
        other.write(b"older\n")
    assert user_file.backup_path(user_file.read(path)) == f"{path}.hx-backup-4"


def test_a_backup_that_cannot_be_read_is_passed_over(shared):
    backup = shared.parent / f"{shared.name}.hx-backup"
    backup.write_bytes(b"mine\n")
    backup.chmod(0)

    def work():
        assert user_file.backup_path(user_file.read(str(shared))) == f"{backup}-2"

    as_another_user(work)


def test_of_a_missing_file_there_is_no_backup(path):
    missing = user_file.read(f"{path}-missing")
    user_file.back_up(missing, f"{path}-missing.hx-backup")
    assert not os.path.exists(f"{path}-missing.hx-backup")
