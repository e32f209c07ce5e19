"""A device whose database is lost goes on in its vault with the keys that it still has."""

from __future__ import annotations

import pytest

from cli.vaults import Member, is_error, vault
from hx.core.format import object_names


@pytest.fixture
def members(tmp_path):
    """Return two members; the database of the second one is lost, and it has recorded since."""
    laptop, desktop = vault(tmp_path, "laptop", "desktop")
    desktop.record("make shared")
    desktop.sync()
    laptop.sync()
    lose_database(desktop)
    desktop.record("make since", session="0006400000000002" + "c" * 16)
    return laptop, desktop


def lose_database(member):
    for path in member.home.glob("hx.db*"):
        path.unlink()


def keys_of(member):
    return (member.home / "custody.key").read_bytes(), (member.home / "custody.toml").read_bytes()


def known(member):
    return [(each["device_id"], each["name"], each["note"]) for each in member.sync("devices")]


def recover(member, folder, *options):
    return member.hx("sync", "recover", "--store", f"folder:{folder}", *options)


def test_it_goes_on_without_words_or_a_code_under_its_id_and_its_name(members):
    laptop, desktop = members
    kept = keys_of(desktop)
    before = known(laptop)
    said = desktop.hx("sync")
    assert is_error(said, 6, "has keys of a vault", "hx sync recover --store")
    assert "keys of a vault, but its database knows none" in desktop.hx("status").out
    result = recover(desktop, desktop.folder)
    assert result.code == 0, result
    assert keys_of(desktop) == kept
    for member in (desktop, laptop):
        member.sync()
    assert laptop.commands == desktop.commands == ["make shared", "make since"]
    assert laptop.history == desktop.history
    assert known(laptop) == before
    assert laptop.sync("check")["problems"] == []


def test_the_only_device_of_a_plain_vault_goes_on_too(tmp_path):
    (laptop,) = vault(tmp_path, "laptop", options=("--no-encrypt",))
    laptop.record("make it")
    laptop.sync()
    lose_database(laptop)
    assert recover(laptop, laptop.folder).code == 0
    assert laptop.commands == ["make it"]


def test_the_keys_of_a_vault_are_not_replaced_by_those_of_a_new_one_unless_given_up(
    members, tmp_path
):
    _, desktop = members
    kept = keys_of(desktop)
    (tmp_path / "new").mkdir()
    at = ("--store", f"folder:{tmp_path / 'new'}", "--custody", "file", "--json")
    refused = desktop.hx("sync", "init", *at)
    assert is_error(refused, 2, "would replace these keys", "recover", "leave --offline")
    assert (keys_of(desktop), list((tmp_path / "new").iterdir())) == (kept, [])
    assert desktop.hx("sync", "leave", "--offline").code == 2, "without an answer"
    assert keys_of(desktop) == kept
    assert desktop.hx("sync", "leave", "--offline", "--yes").code == 0
    assert is_error(desktop.hx("sync"), 6, "is in no vault")
    assert desktop.hx("sync", "init", *at).code == 0
    assert desktop.hx("sync").code == 0
    assert desktop.commands == ["make since"]


def test_keys_without_their_note_are_not_replaced_either(members, tmp_path):
    _, desktop = members
    key, note = desktop.home / "custody.key", desktop.home / "custody.toml"
    kept, said = key.read_bytes(), note.read_bytes()
    note.unlink()
    (tmp_path / "new").mkdir()
    at = ("--store", f"folder:{tmp_path / 'new'}", "--custody", "file", "--json")
    refused = desktop.hx("sync", "init", *at)
    assert is_error(refused, 2, str(key), "would replace these keys", "restore custody.toml")
    assert (key.read_bytes(), list((tmp_path / "new").iterdir())) == (kept, [])
    note.write_bytes(said)
    note.chmod(0o600)
    lose_database(desktop)
    made_since = desktop.home / "device.key"  # of the id that this device had without the note
    assert is_error(recover(desktop, desktop.folder), 8, str(made_since), "move it away")
    made_since.unlink()
    assert recover(desktop, desktop.folder).code == 0, "as the hints say"
    note.unlink()
    lose_database(desktop)
    key.rename(tmp_path / "away")
    assert desktop.hx("sync", "init", *at).code == 0, "as the other hint says"


def test_a_vault_in_which_it_is_no_member_is_entered_by_words_only(members, tmp_path):
    laptop, desktop = members
    kept = keys_of(desktop)
    (tmp_path / "of another").mkdir()
    other = Member(tmp_path / "other", tmp_path / "of another", "other")
    other.init()
    for folder in (other.folder, tmp_path):
        assert recover(desktop, folder).code in (2, 6)
    assert laptop.hx("sync", "revoke", "desktop", "--yes").code == 0
    revoked = recover(desktop, laptop.folder)
    assert "no member of the vault" in revoked.err
    assert "--words-file" in revoked.err
    assert is_error(desktop.hx("sync"), 6, "has keys of a vault")
    assert keys_of(desktop) == kept


def test_a_vault_file_of_another_vault_beside_its_own_manifests_is_not_believed(members, tmp_path):
    laptop, desktop = members
    (tmp_path / "of another").mkdir()
    other = Member(tmp_path / "other", tmp_path / "of another", "other")
    other.init()
    forged = (other.folder / object_names.VAULT_KEY).read_bytes()
    (laptop.folder / object_names.VAULT_KEY).write_bytes(forged)
    result = recover(desktop, laptop.folder)
    assert result.code == 2
    assert "no member of the vault" in result.err
