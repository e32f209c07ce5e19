"""The keys of the first run move into custody; hx goes on without them, and doctor knows."""

from __future__ import annotations

import os
import shutil

import pytest

from cli.machine import Machine
from custody.held import (
    CHEAP,
    PASSPHRASE,
    after_every_death,
    is_told,
    nobody,
    place,
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


def moved(machine, secrets, kind, ask=nobody):
    """As `hx sync init` does it; a sealed file costs less here."""
    where = place(machine.home, secrets)
    custody = choose(kind, where, ask)
    if custody.name == "passphrase":
        custody = Custody(SealedFile(where.sealed, lambda _: PASSPHRASE, CHEAP), where)
    hand_over(custody, secrets, key_path(machine))
    return custody


def findings(machine, **env):
    answer = machine.hx("doctor", "--json", env=env)
    return {
        one["check"]: one for one in answer.json if one["check"] in ("device", "keys", "database")
    }


@pytest.mark.parametrize("kind", ["file", "passphrase"])
def test_the_bare_keys_are_overwritten_and_hx_goes_on(machine, secrets, kind):
    with open(key_path(machine), "rb") as held:
        size = len(held.read())
        moved(machine, secrets, kind)
        held.seek(0)
        assert held.read() == bytes(size)
    assert not os.path.exists(key_path(machine))
    machine.record("make test")
    assert machine.hx("find", "--json").commands == ["make test", "make"]
    assert not os.path.exists(key_path(machine))
    found = findings(machine)
    assert found["device"]["sentence"] == f"this device is {secrets.device.device_id.hex()}"
    assert found["keys"]["level"] == "ok"
    assert f"custody.{'key' if kind == 'file' else 'sealed'}" in found["keys"]["sentence"]


def test_with_a_keychain_no_file_of_hx_holds_the_keys(machine, secrets, keychain_running):
    moved(machine, secrets, None)
    files = [path for path in machine.home.rglob("*") if path.is_file()]
    assert not any(is_told(path.read_bytes(), secrets) for path in files)
    sentence = findings(machine, **keychain_running)["keys"]["sentence"]
    assert sentence == f"the keys of this device are in {KEYCHAIN}"


def test_a_keychain_that_is_gone_is_a_fault_and_hx_goes_on(machine, secrets, keychain_running):
    moved(machine, secrets, None)
    machine.record("make test")
    assert machine.hx("find", "--json").commands == ["make test", "make"]
    found = findings(machine)  # without the variables that lead to it
    assert (found["device"]["level"], found["device"]["fix"] != "") == ("fault", True)
    assert "cannot be reached" in found["device"]["sentence"]


class Sieve(KeyFile):
    """A place that says it has written, and has not."""

    def write(self, data):
        super().write(data[:-1])


def test_keys_stay_where_they_are_when_custody_does_not_give_them_back(machine, secrets):
    where = place(machine.home, secrets)
    with pytest.raises(KeyMissing, match="does not return what hx wrote"):
        hand_over(Custody(Sieve(where.bare), where), secrets, key_path(machine))
    assert read_keys(key_path(machine)) == secrets.device
    assert not (machine.home / "custody.toml").exists()


def test_a_lost_database_finds_its_device_again(machine, secrets):
    moved(machine, secrets, "file")
    for path in machine.home.glob("hx.db*"):
        path.unlink()
    machine.record("after the loss")
    assert machine.hx("find").code == 0
    assert not os.path.exists(key_path(machine))
    assert findings(machine)["device"]["sentence"].endswith(secrets.device.device_id.hex())


def test_a_database_of_another_device_is_a_fault(machine, secrets, tmp_path):
    moved(machine, secrets, "file")
    other = Machine(tmp_path / "elsewhere")
    other.cwd.mkdir()
    other.hx("find")
    for path in other.home.glob("hx.db*"):
        shutil.copy(path, machine.home / path.name)
    found = findings(machine)
    assert found["device"]["level"] == "fault"
    assert "another device" in found["device"]["sentence"]


@pytest.mark.parametrize("kind", ["file", "passphrase"])
def test_lost_or_damaged_keys_are_a_fault_and_are_not_made_anew(machine, secrets, kind):
    moved(machine, secrets, kind)
    path = machine.home / f"custody.{'key' if kind == 'file' else 'sealed'}"
    path.write_bytes(path.read_bytes()[:-1])
    assert "damaged" in findings(machine)["device"]["sentence"]
    path.unlink()
    found = findings(machine)["device"]
    assert (found["level"], "missing" in found["sentence"]) == ("fault", True)
    assert "recovery words" in found["fix"]
    assert not os.path.exists(key_path(machine))


def test_a_move_that_dies_anywhere_loses_no_key(machine, secrets):
    where = place(machine.home, secrets)
    bare = open(key_path(machine), "rb").read()  # noqa: SIM115

    def look():
        held = (machine.home / "custody.toml").exists()
        if held:
            assert opened(where, nobody).load() == secrets
        if not held:
            assert read_keys(key_path(machine)) == secrets.device
        if os.path.exists(key_path(machine)):
            assert open(key_path(machine), "rb").read() in (bare, bytes(len(bare)))  # noqa: SIM115
        for name in ("custody.toml", "custody.key"):
            (machine.home / name).unlink(missing_ok=True)
        (machine.home / "device.key").write_bytes(bare)

    assert after_every_death(lambda: moved(machine, secrets, "file"), look) >= 10


def test_a_move_that_was_cut_short_is_told_and_finished_later(machine, secrets):
    bare = open(key_path(machine), "rb").read()  # noqa: SIM115
    custody = moved(machine, secrets, "file")
    for left in (bare, bytes(len(bare))):
        (machine.home / "device.key").write_bytes(left)
        found = findings(machine)["keys"]
        assert (found["level"], found["fix"]) == ("warning", "hx sync")
        retire(key_path(machine), custody.load())
        assert not os.path.exists(key_path(machine))


def test_the_file_of_another_device_is_not_deleted(machine, secrets):
    custody = moved(machine, secrets, "file")
    other = Machine(machine.home)
    other.hx("find")
    shutil.copy(other.home / "device.key", key_path(machine))
    with pytest.raises(DatabaseError, match="other keys"):
        retire(key_path(machine), custody.load())
    assert os.path.exists(key_path(machine))


def test_the_keys_of_the_device_are_found_before_and_after_the_move(machine, secrets, tmp_path):
    """An `init` or `join` that failed at the store is repeated with the same keys."""
    from hx.cli.context import open_context
    from hx.cli.keys import device_keys
    from hx.config import load

    def found():
        context = open_context(load({"HX_HOME": str(machine.home)}))
        try:
            return device_keys(context)
        finally:
            context.database.close()

    assert found() == secrets.device
    moved(machine, secrets, "file")
    assert found() == secrets.device
    (machine.home / "custody.toml").unlink()
    with pytest.raises(KeyMissing, match=r"device\.key is missing"):
        found()


def test_a_purge_takes_the_keys_out_of_the_keychain(machine, secrets, keychain_running):
    custody = moved(machine, secrets, None)
    done = machine.hx("setup", "--undo", "--purge", "--yes", env=keychain_running)
    assert done.code == 0, done.err
    assert not machine.home.exists()
    with pytest.raises(Exception, match="has no keys"):
        custody.load()


def test_a_purge_without_the_keychain_says_that_the_keys_stay(machine, secrets, keychain_running):
    custody = moved(machine, secrets, None)
    done = machine.hx("setup", "--undo", "--purge", "--yes")
    assert done.code == 0
    assert "the keys of this device could not be removed" in done.out
    assert custody.load() == secrets


def test_a_purge_deletes_every_file_of_custody(machine, secrets):
    moved(machine, secrets, "passphrase")
    assert machine.hx("setup", "--undo", "--purge", "--yes").code == 0
    assert not machine.home.exists()
