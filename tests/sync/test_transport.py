"""Two whole devices, each with its own folder, and between the folders two real Syncthings."""

from __future__ import annotations

import pytest

from cli.machine import Machine
from sync.syncthing import two_folders

SECRET = "echo cnry-everyone-forgets"


class Device(Machine):
    def __init__(self, path, folder):
        path.mkdir()
        super().__init__(path)
        self.folder = folder
        self.store = f"folder:{folder}"

    def sync(self, *arguments, code=0):
        result = self.hx("sync", *arguments, "--json")
        assert result.code == code, result
        return result.json

    def commands(self):
        return sorted(self.hx("find", "--json").commands)


@pytest.fixture
def pair(tmp_path):
    with two_folders(tmp_path) as pair:
        yield pair


@pytest.fixture
def devices(pair, tmp_path):
    """Both are in one vault, and each has heard of the other."""
    one = Device(tmp_path / "home-one", pair.one.path)
    other = Device(tmp_path / "home-other", pair.other.path)
    one.sync("init", "--store", one.store, "--custody", "file", "--name", "one")
    code = one.sync("invite")["code"]
    pair.carry()
    join = ["sync", "join", "--store", other.store, "--custody", "file", "--name", "other"]
    joined = other.hx(*join, "--code-file", "-", stdin=code)
    assert joined.code == 0, joined
    for device in (one, other):
        pair.carry()
        device.sync()
    pair.carry()
    return one, other


def waiting_for(device):
    """Why objects are pending, and the exit code that says so."""
    status = device.hx("sync", "status", "--json")
    rows = [row for row in status.json["reasons"] if row["status"] == "pending"]
    return status.code, {row["reason"] for row in rows}


def in_the_folders(pair, text):
    """Files of Syncthing's and of the store in which the text is as it was typed."""
    paths = [path for peer in (pair.one, pair.other) for path in peer.path.rglob("*")]
    return [path for path in paths if path.is_file() and text in path.read_bytes()]


def test_what_each_recorded_is_found_on_the_other_and_what_one_forgets_is_gone_there(pair, devices):
    one, other = devices
    one.record("echo from one")
    one.record(SECRET)
    other.record("echo from the other")
    for device in (one, other):
        device.sync()
    pair.carry()
    for device in (one, other):
        device.sync()
        assert device.commands() == [SECRET, "echo from one", "echo from the other"]
    assert other.hx("forget", "--match", "cnry", "--yes").code == 0
    other.sync()
    pair.carry()
    one.sync()
    assert one.commands() == other.commands() == ["echo from one", "echo from the other"]
    pair.carry()
    assert in_the_folders(pair, b"cnry") == in_the_folders(pair, b"echo from") == []


def test_a_manifest_that_comes_first_is_waited_for_and_holds_up_no_other(pair, devices):
    one, other = devices
    pair.other.ignore("o")
    one.record("echo late")
    one.sync()
    pair.one.scan()
    manifests = {name for name in pair.one.files() if name.startswith("m/")}
    pair.until(lambda: manifests <= pair.other.files().keys())
    other.record("echo goes on")
    other.sync(code=3)
    assert other.commands() == ["echo goes on"]
    assert waiting_for(other) == (3, {"not arrived"})
    pair.other.ignore()
    pair.carry()
    other.sync()
    assert other.commands() == ["echo goes on", "echo late"]
    assert waiting_for(other) == (0, set())


def test_what_else_lies_in_the_folder_hurts_nobody_and_stays(pair, devices):
    one, other = devices
    one.record("echo whole")
    one.sync()
    [segment] = [name for name in pair.one.files() if name.startswith("o/")]
    [first, *_] = sorted(name for name in pair.one.files() if name.startswith("m/"))
    data = (pair.one.path / segment).read_bytes()
    litter = {
        f"{segment[:-3]}.sync-conflict-20260102-030405-ABCDEFG.hx": data,
        f"{segment[:-3]} (Ann's conflicted copy 2026-01-02).hx": data[:-1],
        f"{first[:-3]} (1).hx": b"half",
        f"o/{'0d' * 16}/{'0e' * 16}.hx": data[: len(data) // 2],
        f"m/{'0d' * 16}-000000000009-{'0f' * 8}.hx": data[:100],
        f"m/~hx-{'0d' * 16}-01.tmp": b"",
        f"m/.{'0d' * 16}.hx.icloud": b"bplist",
        ".DS_Store": b"\0\0\0\1Bud1",
        "notes.txt": b"mine",
    }
    for name, content in litter.items():
        path = pair.one.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    pair.carry()
    assert other.hx("sync").code in (0, 3)  # of an unknown device's half file hx says: pending
    assert other.commands() == ["echo whole"]
    other.record("echo back")
    other.hx("sync")
    pair.carry()
    assert one.hx("sync").code in (0, 3)
    assert one.commands() == other.commands() == ["echo back", "echo whole"]
    for peer in (pair.one, pair.other):
        assert {name: (peer.path / name).read_bytes() for name in litter} == litter
