"""A folder store on disks that are full, read-only, broken, or do not keep what they accept."""

from __future__ import annotations

import errno
import os
import stat
import types

import pytest

from capture.kill import forked, outcome
from cli.mounts import read_only, small_disk
from hx.stores import (
    WEAK_DURABILITY,
    Denied,
    Exists,
    Full,
    Missing,
    NotMounted,
    Placeholder,
    ReadOnly,
    StoredObject,
    StoreError,
    Transient,
)
from hx.stores.disk import explained, is_doubtful
from stores.objects import DEVICE, blob, manifest, segment

OTHER_UID = 65_534


def failing_fsync(code, *, on):
    """Return an fsync that fails with this error code for files whose mode fulfils `on`."""

    def fsync(descriptor):
        if on(os.fstat(descriptor).st_mode):
            raise OSError(code, os.strerror(code))
        os.fsync(descriptor)

    return fsync


def test_a_full_disk_is_an_error_and_no_file_is_left(on_disk):
    with small_disk(on_disk.path, "1m"):
        store = on_disk.open()
        store.put(segment(1), b"sealed")
        before = on_disk.files()
        with pytest.raises(Full, match="no space left") as raised:
            store.put(segment(2), bytes(2 << 20))
        assert "nothing is lost" in raised.value.hint
        assert on_disk.files() == before
        assert list(store.list("")) == [StoredObject(segment(1), 6)]
        store.put(segment(2), bytes(1 << 19))
        store.delete(segment(2))
        store.put(segment(3), bytes(1 << 19))
        assert store.get(segment(1), 100) == b"sealed"


def test_a_disk_without_free_inodes_is_full(on_disk):
    with small_disk(on_disk.path, "1m,nr_inodes=4"):
        store = on_disk.open()
        with pytest.raises(Full):
            store.put(blob(), b"sealed")
        assert on_disk.files() == set()


def test_objects_on_a_read_only_disk_can_be_read(on_disk):
    store = on_disk.open()
    store.put(segment(1), b"sealed")
    with read_only(on_disk.path):
        store = on_disk.open()
        for change in (
            lambda: store.put(segment(2), b"x"),
            lambda: store.put(manifest(), b"x"),
            lambda: store.delete(segment(1)),
        ):
            with pytest.raises(ReadOnly, match="read-only"):
                change()
        store.delete(segment(2))
        assert list(store.list("")) == [StoredObject(segment(1), 6)]
        assert store.get(segment(1), 100) == b"sealed"
        store.put(segment(1), b"sealed")


def as_another_user(work):
    """Do the work in a process of a user who owns no file."""
    if os.geteuid() != 0:
        pytest.skip("only root may become another user")

    def become():
        os.setgid(OTHER_UID)
        os.setuid(OTHER_UID)
        work()

    assert outcome(forked(become)) == 0


@pytest.fixture
def shared(on_tmpfs):
    """Return a folder with one object, which everybody may read and only its owner may write."""
    on_tmpfs.path.parent.chmod(0o755)
    on_tmpfs.path.chmod(0o755)
    on_tmpfs.open(umask=0o022).put(segment(1), b"sealed")
    return on_tmpfs


def test_a_user_with_read_access_can_read_and_not_write(shared):
    def work():
        store = shared.open()
        assert list(store.list("")) == [StoredObject(segment(1), 6)]
        assert store.get(segment(1), 100) == b"sealed"
        for change in (
            lambda: store.put(segment(2), b"x"),
            lambda: store.put(manifest(), b"x"),
            lambda: store.delete(segment(1)),
        ):
            with pytest.raises(Denied, match="permission denied"):
                change()

    as_another_user(work)
    assert shared.files() == {segment(1)}


def test_a_temporary_file_that_only_another_user_may_remove_stops_no_sweep(shared):
    temporary = f"~hx-{DEVICE.hex()}-0001.tmp"
    shared.write(temporary)

    def work():
        assert shared.open().sweep() == 0

    as_another_user(work)
    assert shared.files() == {segment(1), temporary}


@pytest.mark.parametrize("part", ["", "o", segment(1)])
def test_an_unreadable_object_is_denied_and_never_missing(shared, part):
    (shared.path / part).chmod(0)

    def work():
        store = shared.open()
        with pytest.raises(Denied):
            store.get(segment(1), 100)
        if part != segment(1):
            with pytest.raises(Denied):
                list(store.list("o/"))

    as_another_user(work)


CODES = {
    errno.ENOSPC: Full,
    errno.EDQUOT: Full,
    errno.EROFS: ReadOnly,
    errno.EACCES: Denied,
    errno.EPERM: Denied,
    errno.EIO: Transient,
    errno.ESTALE: Transient,
    errno.ETIMEDOUT: Transient,
    errno.EBUSY: Transient,
    errno.ENOMEM: Transient,
    errno.ENODEV: NotMounted,
    errno.ENOTCONN: NotMounted,
    errno.EHOSTDOWN: NotMounted,
}


@pytest.mark.parametrize("code", CODES, ids=errno.errorcode.get)
def test_each_system_error_is_a_store_error_and_leaves_no_file(on_disk, code):
    store = on_disk.open(fsync=failing_fsync(code, on=stat.S_ISREG))
    with pytest.raises(StoreError) as raised:
        store.put(segment(), b"sealed")
    assert type(raised.value) is CODES[code]
    assert (raised.value.exit_code, bool(raised.value.hint)) == (5, True)
    assert str(on_disk.path) in raised.value.message
    assert raised.value.__cause__ is None
    assert on_disk.files() == set()
    on_disk.open().put(segment(), b"sealed")


def test_every_system_error_has_a_message_and_a_hint():
    for code in errno.errorcode:
        error = explained("/mnt/x", OSError(code, os.strerror(code)))
        assert isinstance(error, StoreError)
        assert error.hint
        assert "/mnt/x" in error.message
        assert "\n" not in error.message
    assert type(explained("/mnt/x", OSError("no number"))) is Transient


@pytest.mark.parametrize("code", [errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOTTY])
def test_a_disk_without_fsync_is_used_and_reported(on_disk, code):
    for on in (stat.S_ISREG, stat.S_ISDIR):
        store = on_disk.open(fsync=failing_fsync(code, on=on))
        assert store.conditions == set()
        store.put(segment(), b"sealed")
        assert store.conditions == {WEAK_DURABILITY}
        assert store.get(segment(), 100) == b"sealed"
        store.delete(segment())


def test_a_folder_that_vanishes_before_its_fsync_is_reported_as_weak(on_disk):
    store = on_disk.open(fsync=failing_fsync(errno.ENOENT, on=stat.S_ISDIR))
    store.put(segment(), b"sealed")
    assert store.conditions == {WEAK_DURABILITY}


def test_a_file_that_vanishes_before_its_fsync_is_an_error(on_disk):
    with pytest.raises(Transient):
        on_disk.open(fsync=failing_fsync(errno.ENOENT, on=stat.S_ISREG)).put(segment(), b"sealed")
    assert on_disk.files() == set()


def test_a_disk_with_fsync_has_no_conditions(folder):
    store = folder.open()
    store.put(segment(), b"sealed")
    assert store.conditions == set()


def test_after_a_failed_fsync_of_the_folder_the_same_put_repeats_it(on_disk):
    (on_disk.path / segment()).parent.mkdir(parents=True)
    with pytest.raises(Transient):
        on_disk.open(fsync=failing_fsync(errno.EIO, on=stat.S_ISDIR)).put(segment(), b"sealed")
    synced = []
    on_disk.open(fsync=lambda descriptor: synced.append(os.fstat(descriptor).st_mode)).put(
        segment(), b"sealed"
    )
    assert [stat.S_ISDIR(mode) for mode in synced] == [True]
    assert on_disk.files() == {segment()}


def test_new_folders_are_synced_first_then_the_file_then_its_folder(on_disk):
    synced = []

    def fsync(descriptor):
        path = os.path.relpath(os.readlink(f"/proc/self/fd/{descriptor}"), on_disk.path)
        synced.append(path.partition("~")[0])

    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("no /proc here: macOS only")
    on_disk.open(fsync=fsync).put(segment(), b"sealed")
    inner = os.path.dirname(segment())
    assert synced == [".", "o", f"{inner}/", inner]


def truncate(descriptor):
    """Truncate the file, as a disk that keeps only a part of it."""
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.ftruncate(descriptor, 3)


def corrupt(descriptor):
    """Change one byte of the file, as a disk that corrupts it."""
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.pwrite(descriptor, b"X", 2)


@pytest.mark.parametrize("damage", [truncate, corrupt])
def test_a_disk_that_keeps_other_bytes_is_detected_at_once(on_fat, damage):
    with pytest.raises(Transient, match="did not keep what was written"):
        on_fat.open(fsync=damage).put(segment(), b"sealed")
    assert on_fat.files() == set()
    on_fat.open().put(segment(), b"sealed")


def test_a_disk_that_keeps_another_length_is_detected_at_once(on_disk):
    with pytest.raises(Transient, match="did not keep what was written"):
        on_disk.open(fsync=truncate).put(segment(), b"sealed")
    assert on_disk.files() == set()


def test_only_fat_disks_are_read_back(on_disk, on_tmpfs, on_fat, on_exfat):
    places = (on_disk, on_tmpfs, on_fat, on_exfat)
    assert [is_doubtful(str(place.path)) for place in places] == [False, False, True, True]


def dataless(name, **keywords):
    """Return the status that macOS reports for a file whose bytes are in the cloud."""
    status = os.stat(name, **keywords)
    fields = {key: getattr(status, key) for key in dir(status) if key.startswith("st_")}
    return types.SimpleNamespace(**fields | {"st_flags": 0x40000000})


def test_a_placeholder_is_distinguished_from_an_absent_object(on_disk):
    on_disk.open().put(segment(), b"sealed")
    store = on_disk.open(stat=dataless)
    with pytest.raises(Placeholder, match="bytes are in the cloud"):
        store.get(segment(), 100)
    with pytest.raises(Placeholder):
        store.put(segment(), b"sealed")
    with pytest.raises(Missing):
        store.get(segment(2), 100)
    assert list(store.list("")) == [StoredObject(segment(), 6)]
    store.delete(segment())
    assert on_disk.files() == set()


def test_a_placeholder_file_is_distinguished_from_an_absent_object(on_disk):
    folder, name = os.path.split(segment())
    on_disk.write(f"{folder}/.{name}.icloud", b"bplist")
    store = on_disk.open()
    for call in (lambda: store.get(segment(), 100), lambda: store.put(segment(), b"sealed")):
        with pytest.raises(Placeholder):
            call()
    assert list(store.list("")) == []
    store.delete(segment())
    assert on_disk.files() == set()


def test_a_placeholder_is_a_transient_error():
    assert issubclass(Placeholder, Transient)


def test_a_folder_that_is_deleted_while_it_is_empty_is_made_again(on_disk):
    """Some sync programs delete folders while they are empty."""
    removed = []

    def fsync(descriptor):
        inner = on_disk.path / "o"
        if not removed and inner.exists():
            inner.rmdir()
            removed.append(inner)

    on_disk.open(fsync=fsync).put(segment(), b"sealed")
    assert len(removed) == 1
    assert on_disk.open().get(segment(), 100) == b"sealed"


def test_an_object_that_appears_during_a_put_is_not_overwritten(folder):
    def fsync(descriptor):
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            folder.write(segment(), b"others")

    with pytest.raises(Exists):
        folder.open(fsync=fsync).put(segment(), b"sealed")
    assert folder.files() == {segment()}
    assert folder.open().get(segment(), 100) == b"others"


def test_a_put_succeeds_when_the_same_bytes_appear_during_it(folder):
    def fsync(descriptor):
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            folder.write(segment(), b"sealed")

    folder.open(fsync=fsync).put(segment(), b"sealed")
    assert folder.files() == {segment()}
