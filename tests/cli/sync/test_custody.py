"""`hx sync custody` shows where the keys are, and moves them without a moment of danger."""

from __future__ import annotations

import pytest

from cli.vaults import Member, is_error, vault

ASK = {"HX_PASSPHRASE_COMMAND": "echo sesame"}
NEXT = {**ASK, "HX_NEW_PASSPHRASE_COMMAND": "echo pear"}
AFTER = {"HX_PASSPHRASE_COMMAND": "echo pear"}


@pytest.fixture
def member(tmp_path):
    return vault(tmp_path, "laptop")[0]


def custody(member, *options, env=None):
    return member.hx("sync", "custody", *options, "--json", env=env)


def files(member):
    return sorted(path.name for path in member.home.glob("custody*"))


def works(member, env=None):
    member.record("echo again")
    return member.hx("sync", env=env).code == 0


def test_it_shows_the_kind_and_whether_the_keys_can_be_read(member):
    shown = custody(member).json
    assert shown == {
        "device_id": member.sync("status")["devices"][0]["device_id"],
        "custody": "file",
        "where": f"the file {member.home}/custody.key, which is not encrypted",
        "readable": True,
        "fault": None,
    }
    assert (
        "custody.key, which is not encrypted; they can be read" in member.hx("sync", "custody").out
    )
    (member.home / "custody.key").unlink()
    result = custody(member)
    assert (result.code, result.json["readable"]) == (6, False)
    assert "is missing" in result.json["fault"]
    assert is_error(member.hx("sync", "custody"), 6, "is missing", "hx sync recover")


def test_the_keys_move_to_a_sealed_file_and_back(member):
    before = (member.home / "custody.key").read_bytes()
    result = custody(member, "--to", "passphrase", env=ASK)
    assert (result.code, result.json["custody"], result.json["readable"]) == (0, "passphrase", None)
    assert files(member) == ["custody.sealed", "custody.toml"]
    assert works(member, ASK)
    result = custody(member, "--to", "file", env=ASK)
    assert (result.code, result.json["custody"]) == (0, "file")
    assert files(member) == ["custody.key", "custody.toml"]
    assert (member.home / "custody.key").read_bytes() == before
    assert works(member)
    assert "nothing was changed" in member.hx("sync", "custody", "--to", "file").out


def test_without_a_terminal_it_says_how_the_new_passphrase_is_given(member):
    said = member.hx("sync", "custody", "--to", "passphrase")
    assert is_error(
        said, 6, "would be sealed with a passphrase", "HX_PASSPHRASE_COMMAND", "--to file"
    )
    assert works(member)


def test_the_passphrase_changes(member):
    custody(member, "--to", "passphrase", env=ASK)
    sealed = (member.home / "custody.sealed").read_bytes()
    result = custody(member, "--to", "passphrase", env={"HX_PASSPHRASE_COMMAND": "echo wrong"})
    assert is_error(result, 6, "passphrase is wrong")
    assert is_error(custody(member, "--to", "passphrase", env=ASK), 6, "HX_NEW_PASSPHRASE_COMMAND")
    failing = {**ASK, "HX_NEW_PASSPHRASE_COMMAND": "false"}
    result = custody(member, "--to", "passphrase", env=failing)
    assert is_error(result, 6, "HX_NEW_PASSPHRASE_COMMAND ended with exit code 1")
    assert (member.home / "custody.sealed").read_bytes() == sealed
    assert custody(member, "--to", "passphrase", env=NEXT).code == 0
    assert not works(member, ASK)
    assert works(member, AFTER)


def test_without_a_passphrase_or_a_keychain_nothing_is_moved(member):
    before = member.tree["hx/custody.key"], member.tree["hx/custody.toml"]
    assert is_error(custody(member, "--to", "passphrase"), 6, "no terminal to ask on")
    assert is_error(custody(member, "--to", "keychain"), 6, "no keychain is running")
    assert (member.tree["hx/custody.key"], member.tree["hx/custody.toml"]) == before
    assert works(member)


def test_a_key_file_that_is_a_link_is_not_used_and_the_hint_puts_the_file_there(member):
    kept = member.cwd / "dotfiles keys"
    (member.home / "custody.key").rename(kept)
    (member.home / "custody.key").symlink_to(kept)
    before = kept.read_bytes()
    result = member.hx("sync", "custody", "--to", "passphrase", env=ASK)
    assert is_error(result, 6, f"custody.key is a link to {kept}")
    assert not works(member)
    assert (kept.read_bytes(), files(member)) == (before, ["custody.key", "custody.toml"])
    assert member.bash(result.err.rpartition("there: ")[2]).code == 0
    assert works(member)
    assert custody(member, "--to", "passphrase", env=ASK).code == 0
    assert not kept.exists()


def test_a_device_in_no_vault_is_told_where_its_keys_are(tmp_path):
    alone = Member(tmp_path / "alone", tmp_path / "store", "alone")
    assert is_error(custody(alone), 6, "in no vault", "device.key", "--custody")
    assert is_error(custody(alone, "--to", "file"), 6, "in no vault")


@pytest.mark.parametrize(("first", "second"), [("file", "passphrase"), ("passphrase", "file")])
def test_an_init_that_fails_binds_no_later_one_to_its_custody(tmp_path, first, second):
    member = Member(tmp_path / "laptop", tmp_path / "store", "laptop")
    member.folder.mkdir()
    (member.folder / "hx-vault.hx").symlink_to("nowhere")  # it cannot be written
    at = ("--store", f"folder:{member.folder}", "--json")
    result = member.hx("sync", "init", *at, "--custody", first, env=ASK)
    assert result.code == 5, result
    (member.folder / "hx-vault.hx").unlink()
    result = member.hx("sync", "init", *at, "--custody", second, env=ASK)
    assert result.code == 0, result
    assert custody(member).json["custody"] == second
    assert files(member) == [f"custody.{'key' if second == 'file' else 'sealed'}", "custody.toml"]
    assert works(member, ASK)
