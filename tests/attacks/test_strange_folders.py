"""Another user of the share leaves folders in the store that hx cannot open or delete."""

from __future__ import annotations

import os
import shutil
from random import Random

import pytest

from cli.attacking_member import AttackingDevice, keys_of
from cli.vaults import vault
from hx.core.format.notice import store_key
from hx.core.format.verdict import NOT_ARRIVED
from hx.stores import Denied
from hx.stores.folder import FolderStore
from hx.sync.check import check
from stores.objects import DEVICE, OTHER, manifest, segment, slot
from test_private_files import run_without_privileges


@pytest.mark.parametrize("mode", [0, 0o444, 0o100])
def test_a_folder_of_a_stranger_that_cannot_be_read_is_named_and_holds_up_nothing(tmp_path, mode):
    def work():
        store = FolderStore(str(tmp_path), DEVICE)
        for key in (manifest(), segment(), slot()):
            store.put(key, b"sealed")
        stranger = f"k/{'0c' * 16}"
        (tmp_path / stranger).mkdir()
        (tmp_path / slot(recipient=b"\x0c" * 16)).write_bytes(b"sealed")
        (tmp_path / stranger).chmod(mode)
        listed = {entry.key for entry in store.list("")}
        assert listed == {manifest(), segment(), slot()}
        assert {entry.key for entry in store.list("k/")} == {slot()}
        assert store.unopened == {stranger}
        assert f"{stranger} cannot be opened: permission denied" in store.conditions
        store.put(slot(author=OTHER), b"sealed")
        assert store.sweep() == 0
        (tmp_path / stranger).chmod(0o700)

    assert run_without_privileges(work) == 0


def test_the_folder_of_a_device_that_needs_an_object_in_it_is_named(tmp_path):
    def work():
        store = FolderStore(str(tmp_path), DEVICE)
        store.put(slot(), b"sealed")
        folder = tmp_path / slot().rpartition("/")[0]
        folder.chmod(0)
        for call in (
            lambda: store.put(slot(author=OTHER), b"sealed"),
            lambda: store.get(slot(), 10),
            lambda: list(store.list(f"k/{OTHER.hex()}/")),
        ):
            with pytest.raises(Denied, match=f"{folder} cannot be used: permission denied"):
                call()
        folder.chmod(0o700)

    assert run_without_privileges(work) == 0


def test_a_check_names_a_folder_that_cannot_be_opened(tmp_path):
    [anna] = vault(tmp_path, "anna")
    closed = anna.folder / "k" / ("0c" * 16)
    closed.mkdir()
    closed.chmod(0)

    def work():
        problems = check(AttackingDevice(anna).context(), 0, Random(1)).problems
        assert [(p.key, p.reason) for p in problems] == [(f"k/{closed.name}", NOT_ARRIVED)]

    assert run_without_privileges(work) == 0


def test_a_folder_of_all_devices_that_cannot_be_opened_is_never_an_empty_one(tmp_path):
    def work():
        store = FolderStore(str(tmp_path), DEVICE)
        store.put(manifest(), b"sealed")
        (tmp_path / "m").chmod(0)
        for prefix in ("", "m/"):
            with pytest.raises(Denied):
                list(store.list(prefix))
        (tmp_path / "m").chmod(0o700)

    assert run_without_privileges(work) == 0


@pytest.mark.parametrize("place", ["", "k"])
def test_a_folder_with_the_name_of_a_temporary_file_of_ours_stops_nothing(tmp_path, place):
    anna, bert = vault(tmp_path, "anna", "bert")
    anna.record("first")
    anna.sync()
    device_id = (anna.folder / "o").iterdir().__next__().name
    name = f"~hx-{device_id}-0123456789abcdef.tmp"
    (anna.folder / place / name).mkdir()
    anna.record("make it")
    anna.sync()
    anna.invite()
    anna.sync("repair")
    bert.sync()
    assert bert.commands == ["first", "make it"]
    assert os.path.isdir(anna.folder / place / name)


def id_of(member):
    return keys_of(member).device.device_id


@pytest.mark.parametrize("place", ["a file", "a link"])
def test_what_is_in_the_way_of_the_keys_of_one_device_is_named_and_stops_nobody_else(
    tmp_path, place
):
    anna, bert, carl = vault(tmp_path, "anna", "bert", "carl")
    folder = anna.folder / "k" / id_of(bert).hex()
    shutil.rmtree(folder)
    if place == "a file":
        folder.write_bytes(b"")
    else:
        folder.symlink_to("/")
    anna.record("make it")
    for line in (("rotate", "--yes"), ("repair",), ("revoke", "carl", "--yes"), ()):
        result = anna.hx("sync", *line)
        assert result.code == 0, result
        assert str(folder) in result.err, result
    assert bert.hx("sync").code in {0, 3}
    assert carl.hx("sync").code == 6, "it was taken out"
    folder.unlink()
    assert anna.hx("sync").err == ""
    bert.sync()
    assert bert.commands == ["make it"]


def test_a_placeholder_under_the_name_of_its_notice_keeps_no_device_in_the_vault(tmp_path):
    anna, bert, carl = vault(tmp_path, "anna", "bert", "carl")
    path = anna.folder / store_key(id_of(anna), id_of(carl))
    placeholder = path.with_name(f".{path.name}.icloud")
    placeholder.write_bytes(b"")
    result = anna.hx("sync", "revoke", "carl", "--yes")
    assert result.code == 0, result
    assert path.name in result.err
    bert.sync()
    assert [device["name"] for device in bert.sync("devices") if device["active"]] == [
        "bert",
        "anna",
    ]
    placeholder.unlink()
    anna.sync()
    assert path.exists()
    assert carl.hx("sync").code == 6
