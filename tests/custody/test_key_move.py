"""Moving the keys from `device.key` into custody: kills, faults, `hx doctor` and a purge."""

from __future__ import annotations

import os
import shutil

import pytest

from cli.machine import Machine
from custody.kill_points import after_every_kill
from custody.sample_keys import (
    CHEAP,
    PASSPHRASE,
    contains_secret,
    custody_paths,
    no_passphrase,
    some_secrets,
)
from hx.core.errors import DatabaseError, KeyMissing
from hx.custody import Custody, choose, opened
from hx.custody.key_files import KeyFile, SealedFile
from hx.custody.key_set import Secrets
from hx.device import hand_over, read_keys, retire

KEYCHAIN = "the keychain (Secret Service)"


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


@pytest.fixture
def secrets(machine):
    machine.record("make")
    assert machine.hx("find").code == 0
    keys = read_keys(str(machine.home / "device.key"))
    return Secrets(keys, some_secrets().vmks)


def key_path(machine):
    return str(machine.home / "device.key")


def move_keys(machine, secrets, kind, ask=no_passphrase):
    """Move the keys as `hx sync init` does. A sealed file gets a lower cost here."""
    where = custody_paths(machine.home, secrets)
    custody = choose(kind, where, ask)
    if custody.name == "passphrase":
        custody = Custody(SealedFile(where.sealed, lambda _: PASSPHRASE, CHEAP), where)
    hand_over(custody, secrets, key_path(machine))
    return custody


def findings(machine, **env):
    result = machine.hx("doctor", "--json", env=env)
    checks = ("device", "keys", "database")
    return {finding["check"]: finding for finding in result.json if finding["check"] in checks}


@pytest.mark.parametrize("kind", ["file", "passphrase"])
def test_the_keys_in_the_key_file_are_overwritten_and_hx_still_works(machine, secrets, kind):
    with open(key_path(machine), "rb") as file:
        size = len(file.read())
        move_keys(machine, secrets, kind)
        file.seek(0)
        assert file.read() == bytes(size)
    assert not os.path.exists(key_path(machine))
    machine.record("make test")
    assert machine.hx("find", "--json").commands == ["make test", "make"]
    assert not os.path.exists(key_path(machine))
    report = findings(machine)
    assert report["device"]["sentence"] == f"this device is {secrets.device.device_id.hex()}"
    assert report["keys"]["level"] == "ok"
    assert f"custody.{'key' if kind == 'file' else 'sealed'}" in report["keys"]["sentence"]


def test_with_a_keychain_no_file_of_hx_has_the_keys(machine, secrets, keychain_running):
    move_keys(machine, secrets, None)
    files = [path for path in machine.home.rglob("*") if path.is_file()]
    assert not any(contains_secret(path.read_bytes(), secrets) for path in files)
    sentence = findings(machine, **keychain_running)["keys"]["sentence"]
    assert sentence == f"the keys of this device are in {KEYCHAIN}"


def test_an_unreachable_keychain_is_a_fault_and_hx_still_works(machine, secrets, keychain_running):
    move_keys(machine, secrets, None)
    machine.record("make test")
    assert machine.hx("find", "--json").commands == ["make test", "make"]
    report = findings(machine)  # without the variables that lead to the keychain
    assert (report["device"]["level"], report["device"]["fix"] != "") == ("fault", True)
    assert "cannot be reached" in report["device"]["sentence"]


class TruncatingFile(KeyFile):
    """A key file that drops the last byte of every write without an error."""

    def write(self, data):
        super().write(data[:-1])


def test_keys_are_not_moved_when_custody_returns_other_bytes(machine, secrets):
    where = custody_paths(machine.home, secrets)
    with pytest.raises(KeyMissing, match="does not return what hx wrote"):
        hand_over(Custody(TruncatingFile(where.bare), where), secrets, key_path(machine))
    assert read_keys(key_path(machine)) == secrets.device
    assert not (machine.home / "custody.toml").exists()


def test_a_new_database_gets_the_device_id_from_custody(machine, secrets):
    move_keys(machine, secrets, "file")
    for path in machine.home.glob("hx.db*"):
        path.unlink()
    machine.record("after the loss")
    assert machine.hx("find").code == 0
    assert not os.path.exists(key_path(machine))
    assert findings(machine)["device"]["sentence"].endswith(secrets.device.device_id.hex())


def test_a_database_of_another_device_is_a_fault(machine, secrets, tmp_path):
    move_keys(machine, secrets, "file")
    other_machine = Machine(tmp_path / "elsewhere")
    other_machine.cwd.mkdir()
    other_machine.hx("find")
    for path in other_machine.home.glob("hx.db*"):
        shutil.copy(path, machine.home / path.name)
    report = findings(machine)
    assert report["device"]["level"] == "fault"
    assert "another device" in report["device"]["sentence"]


@pytest.mark.parametrize("kind", ["file", "passphrase"])
def test_lost_or_damaged_keys_are_a_fault_and_no_new_keys_are_made(machine, secrets, kind):
    move_keys(machine, secrets, kind)
    path = machine.home / f"custody.{'key' if kind == 'file' else 'sealed'}"
    path.write_bytes(path.read_bytes()[:-1])
    assert "damaged" in findings(machine)["device"]["sentence"]
    path.unlink()
    finding = findings(machine)["device"]
    assert (finding["level"], "missing" in finding["sentence"]) == ("fault", True)
    assert "recovery words" in finding["fix"]
    assert not os.path.exists(key_path(machine))


def test_a_move_that_is_killed_anywhere_loses_no_key(machine, secrets):
    where = custody_paths(machine.home, secrets)
    bare = open(key_path(machine), "rb").read()  # noqa: SIM115

    def check():
        has_note = (machine.home / "custody.toml").exists()
        if has_note:
            assert opened(where, no_passphrase).load() == secrets
        if not has_note:
            assert read_keys(key_path(machine)) == secrets.device
        if os.path.exists(key_path(machine)):
            assert open(key_path(machine), "rb").read() in (bare, bytes(len(bare)))  # noqa: SIM115
        for name in ("custody.toml", "custody.key"):
            (machine.home / name).unlink(missing_ok=True)
        (machine.home / "device.key").write_bytes(bare)

    assert after_every_kill(lambda: move_keys(machine, secrets, "file"), check) >= 10


def test_an_interrupted_move_is_a_warning_and_is_finished_later(machine, secrets):
    bare = open(key_path(machine), "rb").read()  # noqa: SIM115
    custody = move_keys(machine, secrets, "file")
    for remaining in (bare, bytes(len(bare))):
        (machine.home / "device.key").write_bytes(remaining)
        finding = findings(machine)["keys"]
        assert (finding["level"], finding["fix"]) == ("warning", "hx sync")
        retire(key_path(machine), custody.load())
        assert not os.path.exists(key_path(machine))


def test_the_file_of_another_device_is_not_deleted(machine, secrets):
    custody = move_keys(machine, secrets, "file")
    other_machine = Machine(machine.home)
    other_machine.hx("find")
    shutil.copy(other_machine.home / "device.key", key_path(machine))
    with pytest.raises(DatabaseError, match="other keys"):
        retire(key_path(machine), custody.load())
    assert os.path.exists(key_path(machine))


def test_the_keys_of_the_device_are_found_before_and_after_the_move(machine, secrets, tmp_path):
    """An `init` or `join` that failed at the store is repeated with these keys."""
    from hx.cli.context import open_context
    from hx.cli.keys import device_keys
    from hx.config import load

    def keys():
        context = open_context(load({"HX_HOME": str(machine.home)}))
        try:
            return device_keys(context)
        finally:
            context.database.close()

    assert keys() == secrets.device
    move_keys(machine, secrets, "file")
    assert keys() == secrets.device
    (machine.home / "custody.toml").unlink()
    with pytest.raises(KeyMissing, match=r"device\.key is missing"):
        keys()


def test_a_purge_deletes_the_keys_in_the_keychain(machine, secrets, keychain_running):
    custody = move_keys(machine, secrets, None)
    result = machine.hx("setup", "--undo", "--purge", "--yes", env=keychain_running)
    assert result.code == 0, result.err
    assert not machine.home.exists()
    with pytest.raises(Exception, match="has no keys"):
        custody.load()


def test_a_purge_without_the_keychain_says_that_the_keys_stay(machine, secrets, keychain_running):
    custody = move_keys(machine, secrets, None)
    result = machine.hx("setup", "--undo", "--purge", "--yes")
    assert result.code == 0
    assert "the keys of this device could not be removed" in result.out
    assert custody.load() == secrets


def test_a_purge_deletes_every_file_of_custody(machine, secrets):
    move_keys(machine, secrets, "passphrase")
    assert machine.hx("setup", "--undo", "--purge", "--yes").code == 0
    assert not machine.home.exists()
