"""Two whole devices whose store folders two real Syncthing processes keep equal."""

from __future__ import annotations

import pytest

from cli.machine import Machine
from sync.syncthing import two_folders

SECRET = "echo cnry-everyone-forgets"


class Device(Machine):
    """A machine with its own store folder."""

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
    """Return two devices in one vault that know each other."""
    laptop = Device(tmp_path / "home-laptop", pair.laptop.path)
    desktop = Device(tmp_path / "home-desktop", pair.desktop.path)
    laptop.sync("init", "--store", laptop.store, "--custody", "file", "--name", "laptop")
    code = laptop.sync("invite")["code"]
    pair.wait_until_equal()
    join = ["sync", "join", "--store", desktop.store, "--custody", "file", "--name", "desktop"]
    joined = desktop.hx(*join, "--code-file", "-", stdin=code)
    assert joined.code == 0, joined
    for device in (laptop, desktop):
        pair.wait_until_equal()
        device.sync()
    pair.wait_until_equal()
    return laptop, desktop


def waiting_for(device):
    """Return the exit code of `hx sync status` and the reasons why objects are pending."""
    status = device.hx("sync", "status", "--json")
    rows = [row for row in status.json["reasons"] if row["status"] == "pending"]
    return status.code, {row["reason"] for row in rows}


def files_with(pair, text):
    """Return the files in both folders that hold a text in plain."""
    paths = [path for peer in (pair.laptop, pair.desktop) for path in peer.path.rglob("*")]
    return [path for path in paths if path.is_file() and text in path.read_bytes()]


def test_recorded_commands_and_forgetting_reach_the_other_device(pair, devices):
    laptop, desktop = devices
    laptop.record("echo from the laptop")
    laptop.record(SECRET)
    desktop.record("echo from the desktop")
    for device in (laptop, desktop):
        device.sync()
    pair.wait_until_equal()
    for device in (laptop, desktop):
        device.sync()
        assert device.commands() == [SECRET, "echo from the desktop", "echo from the laptop"]
    assert desktop.hx("forget", "--match", "cnry", "--yes").code == 0
    desktop.sync()
    pair.wait_until_equal()
    laptop.sync()
    assert (
        laptop.commands() == desktop.commands() == ["echo from the desktop", "echo from the laptop"]
    )
    pair.wait_until_equal()
    assert files_with(pair, b"cnry") == files_with(pair, b"echo from") == []


def test_a_manifest_that_arrives_before_its_segments_blocks_nothing(pair, devices):
    laptop, desktop = devices
    pair.desktop.ignore("o")
    laptop.record("echo late")
    laptop.sync()
    pair.laptop.scan()
    manifests = {name for name in pair.laptop.files() if name.startswith("m/")}
    pair.wait_until(lambda: manifests <= pair.desktop.files().keys())
    desktop.record("echo goes on")
    desktop.sync(code=3)
    assert desktop.commands() == ["echo goes on"]
    assert waiting_for(desktop) == (3, {"not arrived"})
    pair.desktop.ignore()
    pair.wait_until_equal()
    desktop.sync()
    assert desktop.commands() == ["echo goes on", "echo late"]
    assert waiting_for(desktop) == (0, set())


def test_foreign_files_in_the_folder_are_harmless_and_stay(pair, devices):
    laptop, desktop = devices
    laptop.record("echo whole")
    laptop.sync()
    [segment] = [name for name in pair.laptop.files() if name.startswith("o/")]
    [first, *_] = sorted(name for name in pair.laptop.files() if name.startswith("m/"))
    data = (pair.laptop.path / segment).read_bytes()
    foreign_files = {
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
    for name, content in foreign_files.items():
        path = pair.laptop.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    pair.wait_until_equal()
    assert desktop.hx("sync").code in (
        0,
        3,
    )  # 3: the truncated file of an unknown device is pending
    assert desktop.commands() == ["echo whole"]
    desktop.record("echo back")
    desktop.hx("sync")
    pair.wait_until_equal()
    assert laptop.hx("sync").code in (0, 3)
    assert laptop.commands() == desktop.commands() == ["echo back", "echo whole"]
    for peer in (pair.laptop, pair.desktop):
        assert {name: (peer.path / name).read_bytes() for name in foreign_files} == foreign_files
