"""A folder as a store: missing folders, links, foreign files, permissions, URLs."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tracemalloc

import pytest

from hx.core.errors import UsageError
from hx.stores import Denied, Exists, Missing, NotMounted, StoredObject, open_store
from hx.stores.disk import Publisher, read
from hx.stores.folder import FolderStore
from hx.stores.memory import MemoryStore
from stores.objects import DEVICE, blob, manifest, one_of_each, segment

CALLS = {
    "list": lambda store: list(store.list("")),
    "list below": lambda store: list(store.list("m/")),
    "get": lambda store: store.get(segment(), 100),
    "put": lambda store: store.put(segment(), b"sealed"),
    "delete": lambda store: store.delete(segment()),
    "sweep": FolderStore.sweep,
    "foreign_files": lambda store: list(store.foreign_files()),
}


@pytest.fixture(params=CALLS.values(), ids=CALLS)
def call(request):
    return request.param


def test_an_absent_folder_is_not_mounted_and_is_not_made(tmp_path, call):
    store = FolderStore(str(tmp_path / "absent"), DEVICE)
    with pytest.raises(NotMounted, match="absent is not there") as raised:
        call(store)
    assert raised.value.exit_code == 5
    assert "mount it" in raised.value.hint
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("known", "there"),
    [
        ("Backup/hx", "backup/HX"),
        ("B\u00fcro/hx", "Bu\u0308ro/hx"),
        ("Bu\u0308ro/hx", "b\u00dcro/hx"),
    ],
)
def test_a_folder_of_nearly_the_same_name_is_named_and_not_used(tmp_path, known, there):
    (tmp_path / there).mkdir(parents=True)
    with pytest.raises(NotMounted, match=r"is not there, but .* is: ") as raised:
        list(FolderStore(str(tmp_path / known), DEVICE).list(""))
    assert raised.value.other == f"folder:{tmp_path / there}"


@pytest.mark.parametrize("there", [("HX", "Hx"), ("hx 2",), ()])
def test_no_folder_is_named_when_none_or_several_are_meant(tmp_path, there):
    for name in there:
        (tmp_path / name).mkdir()
    (tmp_path / "hX").write_bytes(b"a file")
    with pytest.raises(NotMounted, match=r"hx is not there$") as raised:
        list(FolderStore(str(tmp_path / "hx"), DEVICE).list(""))
    assert raised.value.other == ""


def test_a_file_in_place_of_the_folder_is_not_mounted(tmp_path, call):
    (tmp_path / "file").write_bytes(b"mine")
    with pytest.raises(NotMounted, match="file is not a folder"):
        call(FolderStore(str(tmp_path / "file"), DEVICE))
    assert (tmp_path / "file").read_bytes() == b"mine"


def test_a_vanished_folder_is_not_mounted_and_never_an_empty_store(folder, call):
    store = folder.open()
    store.put(segment(), b"sealed")
    shutil.rmtree(folder.path)
    with pytest.raises(NotMounted):
        call(store)


def test_a_replaced_folder_is_not_mounted_and_never_an_empty_store(on_disk, call):
    """A mount point is such an empty folder when its disk is unmounted."""
    store = on_disk.open()
    store.put(segment(), b"sealed")
    on_disk.path.rename(on_disk.path.with_name("away"))
    on_disk.path.mkdir()
    with pytest.raises(NotMounted, match="was replaced by another folder"):
        call(store)
    assert os.listdir(on_disk.path) == []


def test_a_listing_while_the_folder_vanishes_names_only_real_objects(on_disk):
    store = on_disk.open()
    for number in range(50):
        store.put(segment(number), b"sealed")
    entries = store.list("o/")
    listed_entries = [next(entries)]
    shutil.rmtree(on_disk.path)
    listed_entries.extend(entries)
    assert {entry.key for entry in listed_entries} <= {segment(number) for number in range(50)}
    with pytest.raises(NotMounted):
        list(store.list("o/"))


def test_a_link_that_the_url_names_is_followed(on_disk):
    link = on_disk.path.with_name("link")
    link.symlink_to(on_disk.path)
    FolderStore(str(link), DEVICE).put(segment(), b"sealed")
    assert list(on_disk.open().list("")) == [StoredObject(segment(), 6)]


@pytest.mark.parametrize("part", ["o", f"o/{DEVICE.hex()}"])
def test_a_link_inside_the_store_is_not_followed(on_disk, part):
    outside = on_disk.path.with_name("outside")
    for key in (segment(), blob()):
        (outside / key).parent.mkdir(parents=True)
        (outside / key).write_bytes(b"precious")
    link = on_disk.path / part
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(outside / part)
    store = on_disk.open()
    for call in (CALLS["get"], CALLS["put"], CALLS["delete"]):
        with pytest.raises(Denied, match="is a file or a link, where hx needs a folder") as raised:
            call(store)
        assert raised.value.message.startswith(f"{link} in the store ")
    assert list(store.list("")) == []
    assert list(store.foreign_files()) == [part]
    assert (outside / segment()).read_bytes() == b"precious"


def _make_link(path):
    path.with_name("target").write_bytes(b"precious")
    path.symlink_to("target")


@pytest.mark.parametrize("make", [_make_link, os.mkfifo, os.mkdir], ids=["link", "pipe", "folder"])
def test_anything_but_a_regular_file_is_no_object_and_is_not_changed(on_disk, make):
    path = on_disk.path / segment()
    path.parent.mkdir(parents=True)
    make(path)
    before = os.lstat(path)
    store = on_disk.open()
    assert list(store.list("")) == []
    assert segment() in set(store.foreign_files())
    with pytest.raises(Missing):
        store.get(segment(), 100)
    with pytest.raises(Exists, match="is a link or a folder, where hx needs a file"):
        store.put(segment(), b"sealed")
    store.delete(segment())
    assert os.lstat(path) == before


FOREIGN_FILES = [
    *(".stfolder/marker", ".stignore", ".stversions/" + manifest(), ".stversions/hx-vault.hx"),
    *("m/.syncthing." + manifest()[2:] + ".tmp", "m/~syncthing~" + manifest()[2:] + ".tmp"),
    *(f"{manifest()[:-3]}.sync-conflict-20260102-030405-ABCDEFG.hx", f"{segment()[:-3]} (1).hx"),
    f"{segment()[:-3]} (Ann's conflicted copy 2026-01-02).hx",
    f"{segment()[:-3]} (Anns Konflikt).hx",
    *(".DS_Store", "m/.DS_Store", "desktop.ini", "._hx-vault.hx", "Thumbs.db"),
    *("@eaDir/" + manifest(), "lost+found/x", "$RECYCLE.BIN/x", "m/deeper/" + manifest()[2:]),
    *(segment().upper(), f"O/{DEVICE.hex()}/{'0' * 32}.hx", manifest() + "~", manifest()[:-1]),
    *(f"m/~hx-{'0b' * 16}-12.tmp", f"o/{DEVICE.hex()}/{'0' * 32}", "notes.txt", "a\nb", "m/é.hx"),
    f"b/{DEVICE.hex()}/08/{'07' + '0' * 30}.hx",
    f"o/{'0' * 31}/{'0' * 32}.hx",
]


def test_files_of_other_programs_are_ignored_and_kept(on_disk):
    for name in FOREIGN_FILES:
        on_disk.write(name, b"litter")
    os.mkdir(os.fsencode(on_disk.path) + b"/\xff\xfe")
    store = on_disk.open()
    for key in one_of_each():
        store.put(key, b"sealed")
    assert sorted(store.list("")) == sorted(StoredObject(key, 6) for key in one_of_each())
    assert store.get(manifest(), 100) == b"sealed"
    for key in one_of_each():
        store.delete(key)
    assert store.sweep() == 0
    assert list(store.list("")) == []
    assert on_disk.files() == set(FOREIGN_FILES)


def test_foreign_files_are_listed_once_and_foreign_folders_are_not_entered(on_disk):
    for name in FOREIGN_FILES:
        on_disk.write(name, b"litter")
    short = f"o/{'0' * 31}/"
    tops = {".stfolder", ".stversions", "@eaDir", "lost+found", "$RECYCLE.BIN", "O"}
    expected = {
        top
        if (top := name.partition("/")[0]) in tops
        else name.replace("m/deeper/", "m/deeper\0").replace(short, f"{short[:-1]}\0")
        for name in FOREIGN_FILES
    }
    expected = {name.partition("\0")[0] for name in expected}
    store = on_disk.open()
    for key in one_of_each():
        store.put(key, b"sealed")
    foreign_files = list(store.foreign_files())
    assert len(foreign_files) == len(set(foreign_files))
    assert set(foreign_files) == expected
    assert [*store.foreign_files("../"), *store.foreign_files("m/../../")] == []
    assert set(store.foreign_files("m/")) == {name for name in expected if name.startswith("m/")}


def test_making_a_folder_that_exists_succeeds(on_disk):
    publisher = Publisher(DEVICE, None, os.fsync, set())
    top = os.open(on_disk.path, os.O_RDONLY)
    publisher.make_folder(top, "o")
    publisher.make_folder(top, "o")
    os.close(top)


def test_reading_does_not_follow_a_link(on_disk):
    (on_disk.path / "secret").write_bytes(b"precious")
    (on_disk.path / "link").symlink_to("secret")
    top = os.open(on_disk.path, os.O_RDONLY)
    with pytest.raises(OSError, match="symbolic link"):
        read(top, "link", 100)
    os.close(top)


def test_a_hundred_thousand_foreign_names_take_no_memory(on_tmpfs):
    store = on_tmpfs.open()
    store.put(manifest(), b"sealed")
    descriptor = os.open(on_tmpfs.path / "m", os.O_RDONLY)
    for number in range(100_000):
        os.mknod(f"{number:060d}", dir_fd=descriptor)
    os.close(descriptor)
    tracemalloc.start()
    assert list(store.list("m/")) == [StoredObject(manifest(), 6)]
    assert sum(1 for _ in store.foreign_files()) == 100_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 << 20


def test_a_file_of_300_mb_is_read_no_further_than_asked(on_disk):
    path = on_disk.write(segment())
    os.truncate(path, 300 << 20)
    tracemalloc.start()
    assert on_disk.open().get(segment(), 1_000) == bytes(1_001)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 << 20
    assert list(on_disk.open().list("")) == [StoredObject(segment(), 300 << 20)]


@pytest.mark.parametrize(
    ("umask", "file", "inner"),
    [(0o002, 0o664, 0o775), (0o022, 0o644, 0o755), (0o077, 0o600, 0o700)],
)
def test_files_of_a_put_have_the_mode_of_the_users_umask(on_disk, umask, file, inner):
    before = os.umask(0o077)
    try:
        on_disk.open(umask=umask).put(blob(), b"sealed")
        assert os.umask(0o077) == 0o077
    finally:
        os.umask(before)
    path = on_disk.path / blob()
    assert stat.S_IMODE(path.stat().st_mode) == file
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in list(path.parents)[:3]} == {inner}


def test_a_put_that_fails_leaves_the_umask_as_it_was(tmp_path):
    before = os.umask(0o077)
    try:
        with pytest.raises(NotMounted):
            FolderStore(str(tmp_path / "absent"), DEVICE, umask=0).put(segment(), b"")
        assert os.umask(0o077) == 0o077
    finally:
        os.umask(before)


SCRIPT_OF_ALL_CALLS = """
import sys
from hx.stores.folder import FolderStore
store = FolderStore(sys.argv[1], bytes([10] * 16), umask=0o022)
for key in sys.argv[2:]:
    store.put(key, b"sealed")
    store.put(key, b"sealed")
for entry in store.list(""):
    assert store.get(entry.key, 100) == b"sealed"
    store.delete(entry.key)
store.sweep()
"""
FORBIDDEN_SYSCALLS = (
    "chmod,fchmod,fchmodat,chown,fchown,fchownat,link,linkat,symlink,symlinkat,flock,utimensat"
)


def test_no_system_call_is_made_that_a_network_share_may_not_support(on_disk, tmp_path):
    """The store sets no mode or time, makes no link and takes no lock."""
    strace = shutil.which("strace")
    if not strace:
        pytest.skip("strace is not installed (tests/shells/install.sh)")
    trace = tmp_path / "trace"
    command = [sys.executable, "-B", "-c", SCRIPT_OF_ALL_CALLS, str(on_disk.path), *one_of_each()]
    watch = [
        strace,
        "-f",
        "-qq",
        "-o",
        str(trace),
        "-e",
        f"trace={FORBIDDEN_SYSCALLS},renameat,renameat2",
    ]
    process = subprocess.run([*watch, *command], capture_output=True, text=True, check=False)
    if "ptrace" in process.stderr:
        pytest.skip("strace may not trace here")
    assert process.returncode == 0, process.stderr
    renames = [line for line in trace.read_text().splitlines() if "exited with" not in line]
    assert len(renames) == len(one_of_each()), renames
    assert all(" rename" in line for line in renames), renames


def test_only_own_temporary_files_are_swept(on_disk):
    store = on_disk.open()
    for key in one_of_each():
        store.put(key, b"sealed")
    folders = {os.path.dirname(key) for key in one_of_each()}
    own_files = {os.path.join(folder, f"~hx-{DEVICE.hex()}-0123.tmp") for folder in folders}
    other_files = {name.replace(DEVICE.hex() + "-", "0b" * 16 + "-") for name in own_files}
    other_files |= {f"~hx-{DEVICE.hex()}-0123.hx", f".stversions/~hx-{DEVICE.hex()}-0123.tmp"}
    for name in own_files | other_files:
        on_disk.write(name)
    assert store.sweep() == len(own_files) == 6
    assert on_disk.files() == other_files | set(one_of_each())
    assert store.sweep() == 0


def test_a_folder_with_the_name_of_a_temporary_file_stays_and_stops_no_sweep(on_disk):
    first, last = (f"~hx-{DEVICE.hex()}-{number}.tmp" for number in ("0001", "0002"))
    on_disk.write(f"{first}/inside")
    on_disk.write(last)
    assert on_disk.open().sweep() == 1
    assert on_disk.files() == {f"{first}/inside"}


@pytest.mark.parametrize("url", ["folder:/a b/c", "folder:///a b/c", "folder:/a b/c/"])
def test_a_url_has_the_whole_path_of_the_folder(url):
    store = open_store(url, DEVICE)
    assert isinstance(store, FolderStore)
    assert store.path == "/a b/c"


def test_the_memory_url_opens_a_memory_store():
    assert isinstance(open_store("memory:", DEVICE), MemoryStore)


@pytest.mark.parametrize(
    "url",
    [
        *("", "/mnt/nas", "folder", "folder:", "folder:nas", "folder:~/nas", "folder:/a\0b"),
        *("memory:x", "s3://bucket/prefix", "ftp://x", "FOLDER:/x"),
    ],
)
def test_a_url_of_no_store_is_refused_with_an_example(url):
    with pytest.raises(UsageError) as raised:
        open_store(url, DEVICE)
    example = f"folder:{url}" if url.startswith("/") else "folder:/path/to/folder"
    assert example in raised.value.hint


def test_opening_a_store_touches_nothing(tmp_path):
    open_store(f"folder:{tmp_path}/absent", DEVICE)
    assert os.listdir(tmp_path) == []
