"""The vault file in the store: it is put back, and two vaults in one folder are told."""

from __future__ import annotations

import shutil

import pytest

from cli.vaults import Member, is_error, vault
from hx.core.format.object_names import VAULT_KEY
from hx.database.sync import vault as rows
from hx.stores import open_store
from hx.sync.vault_file import DAMAGED, OTHER, PINNED, state_of


@pytest.fixture
def pair(tmp_path):
    laptop, desktop = vault(tmp_path, "laptop", "desktop")
    laptop.record("make laptop")
    laptop.sync()
    desktop.sync()
    return laptop, desktop


def empty(data):
    return data[:0]


def cut(data):
    return data[:-1]


def altered(data):
    return data[:300] + bytes([data[300] ^ 1]) + data[301:]


@pytest.mark.parametrize("damage", [empty, cut, altered, None])
def test_a_lost_vault_file_is_put_back_by_the_next_sync_of_any_member(pair, damage):
    _, desktop = pair
    path = desktop.folder / VAULT_KEY
    data = path.read_bytes()
    path.unlink() if damage is None else path.write_bytes(damage(data))
    result = desktop.hx("sync")
    assert result.code == 0
    assert f"was {'missing' if damage is None else 'damaged'}; it is put back now" in result.err
    assert path.read_bytes() == data
    assert desktop.hx("sync").err == ""


def test_repair_puts_a_damaged_vault_file_back(pair):
    laptop, _ = pair
    path = laptop.folder / VAULT_KEY
    data = path.read_bytes()
    path.write_bytes(b"")
    assert laptop.sync("repair")["vault_file"] is True
    assert path.read_bytes() == data


def test_a_vault_file_is_not_put_into_an_empty_folder(pair):
    laptop, _ = pair
    shutil.rmtree(laptop.folder)
    laptop.folder.mkdir()
    (laptop.folder / VAULT_KEY).write_bytes(b"")
    assert is_error(laptop.hx("sync"), 6, "the vault file in", "is damaged")
    assert (laptop.folder / VAULT_KEY).read_bytes() == b""


# ---- two vaults in one folder ----


@pytest.fixture
def merged(pair, tmp_path):
    """Join the folders of two vaults, as a program that syncs folders does: one vault file wins."""
    laptop, desktop = pair
    other = Member(tmp_path / "other", tmp_path / "other store", "other")
    other.folder.mkdir()
    other.init()
    other.record("make other")
    other.sync()
    shutil.copytree(other.folder, laptop.folder, dirs_exist_ok=True)
    shutil.rmtree(other.folder)
    other.folder.symlink_to(laptop.folder)
    return laptop, desktop, other


def test_two_vaults_in_one_folder_are_told_at_the_first_sync_of_either(merged):
    for member in merged:
        result = member.hx("sync")
        assert result.code == 6
        assert "two vaults lie in" in result.err
        assert "hx sync move" in result.err
        assert member.hx("sync", "status").code == 6
    assert merged[0].commands == ["make laptop"]
    assert merged[2].commands == ["make other"]


def test_the_words_of_both_vaults_work_in_one_folder(merged, tmp_path):
    laptop, _, other = merged
    winner = (laptop.folder / VAULT_KEY).read_bytes()
    for member in merged:
        member.hx("sync")
    assert (laptop.folder / VAULT_KEY).read_bytes() == winner
    for owner in (laptop, other):
        third = Member(tmp_path / f"third of {owner.name}", laptop.folder, "third")
        result = third.recover(owner.words)
        assert result.code == 6, result
        assert third.commands == owner.commands


def test_a_code_of_either_vault_works_in_one_folder(merged, tmp_path):
    laptop, _, other = merged
    for owner in (laptop, other):
        owner.hx("sync")
        third = Member(tmp_path / f"third of {owner.name}", laptop.folder, "third")
        assert third.join(owner.invite()).code == 6
        assert third.commands == owner.commands


@pytest.mark.parametrize("number", [0, 2])
def test_a_move_takes_one_of_two_vaults_out(merged, tmp_path, number):
    laptop, desktop, other = merged
    for member in merged:
        member.hx("sync")
    mover, stays = merged[number], merged[2 - number]
    folder = tmp_path / "own"
    folder.mkdir()
    line = ["sync", "move", "--store", f"folder:{folder}", "--yes"]
    assert mover.hx(*line).code == 0
    assert mover.hx("sync").code == 0
    assert stays.hx("sync").code == 0
    if stays is other:
        assert is_error(desktop.hx("sync"), 6, "has moved")
        assert desktop.hx(*line).code == 0
        assert desktop.commands == ["make laptop"]
    assert mover.commands + stays.commands == [f"make {mover.name}", f"make {stays.name}"]
    assert stays.sync("check", "--read-data")["problems"] == []
    third = Member(tmp_path / "third", laptop.folder, "third")
    assert third.recover(stays.words).code == 0


def test_only_what_no_hx_can_read_is_called_damaged(pair, tmp_path):
    laptop, _ = pair
    other = Member(tmp_path / "other", tmp_path / "other store", "other")
    other.folder.mkdir()
    other.init()
    store = open_store(f"folder:{laptop.folder}", bytes(16))
    with laptop.database() as database:
        pinned = rows.read(database)
    path = laptop.folder / VAULT_KEY
    data = path.read_bytes()
    states = []
    newer = data[:4] + b"\x02" + data[5:]
    for content in (data, (other.folder / VAULT_KEY).read_bytes(), newer, data[:-1]):
        path.write_bytes(content)
        states.append(state_of(store, pinned))
    assert states == [PINNED, OTHER, OTHER, DAMAGED]
