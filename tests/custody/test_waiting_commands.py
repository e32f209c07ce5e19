"""Commands that wait for a keychain: what they say meanwhile, and that none waits by itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("secretstorage")  # it comes with keyring on Linux

from cli.machine import HX, Machine
from custody.counterparts import COLLECTION, SecretService
from custody.secret_service import ADDRESS
from hx import config
from hx.cli import keys
from hx.cli.commands.sync.vault_access import _busy
from hx.core.errors import KeyMissing

WAITS = "hx: waiting for the keychain (Secret Service) to be unlocked ...\n"


@pytest.fixture
def service(bus):
    with SecretService(bus) as running:
        yield running


@pytest.fixture
def machine(tmp_path, service, bus):
    """Return a machine whose keys are in a keychain that is locked."""
    made = Machine(tmp_path)
    made.variables[ADDRESS] = bus
    (tmp_path / "store").mkdir()
    result = made.hx("sync", "init", "--store", f"folder:{tmp_path}/store", "--yes", "--json")
    assert result.code == 0, result
    made.record("make")
    service.locked = {COLLECTION}
    service.calls.clear()
    return made


def test_a_dismissed_dialog_ends_a_sync_at_once_and_loses_nothing(machine, service):
    service.person = lambda service: service.complete(dismissed=True)
    result = machine.hx("sync")
    assert result.code == 6
    assert result.err.startswith(WAITS)
    assert "is locked, and was not unlocked\n" in result.err
    service.person = SecretService.unlock
    result = machine.hx("sync")
    assert (result.code, "pushed: 1 event" in result.out, result.err) == (0, True, WAITS)


def test_doctor_prints_what_it_has_before_it_waits(machine, service):
    environment = {
        "HOME": str(machine.cwd),
        "HX_HOME": str(machine.home),
        "PATH": os.environ["PATH"],
        **machine.variables,
    }
    with subprocess.Popen(
        [HX, "doctor"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as doctor:
        assert doctor.stderr.readline() == WAITS
        while not doctor.stdout.readline().startswith("ok       database"):
            pass
        assert doctor.poll() is None
        service.complete(dismissed=True)
        rest = doctor.stdout.read()
    assert "is locked, and was not unlocked\n" in rest
    assert doctor.returncode == 8


def test_a_sync_in_the_background_opens_no_dialog_and_says_what_it_waits_for(machine, service):
    result = machine.hx("sync", "--background")
    assert result.code == 6
    assert "(Secret Service) is locked: the sync waits until it is unlocked\n" in result.err
    assert "waiting" not in result.err
    assert not {"Unlock", "Prompt"} & {*service.calls}
    service.locked.clear()
    result = machine.hx("sync", "--background")
    assert (result.code, service.calls["Unlock"]) == (0, 0), result
    assert machine.hx("sync", "status", "--json").json["unpublished"] == 0


def in_the_background(machine, **variables):
    environment = {"HOME": str(machine.cwd), "HX_HOME": str(machine.home), **variables}
    return config.load(environment)._replace(is_background=True)


def test_in_the_background_no_terminal_is_asked_for_a_passphrase(tmp_path, monkeypatch):
    machine = Machine(tmp_path)
    master, terminal = os.openpty()
    try:
        with os.fdopen(terminal, "r") as stdin:
            monkeypatch.setattr(sys, "stdin", stdin)
            with pytest.raises(KeyMissing, match="sealed with a passphrase: the sync waits"):
                keys.asker(in_the_background(machine))(False)
            program = in_the_background(machine, HX_PASSPHRASE_COMMAND="echo open")
            monkeypatch.setattr(keys, "_answers", [])
            assert keys.asker(program)(False) == b"open"
    finally:
        os.close(master)


def test_another_sync_says_that_the_first_one_waits_for_its_keychain(tmp_path):
    path = str(tmp_path / "sync.lock")
    (tmp_path / "sync.lock").write_text("of a process that was killed")
    with keys.noting_waits(path):
        assert "this device'" in f"{_busy(path).message}'"
        keys._tell("waiting for the keychain (Secret Service) to be unlocked ...")
        assert _busy(path).message == (
            "another `hx sync` is running on this device, waiting for the keychain (Secret Service)"
            " to be unlocked"
        )
        keys._tell("")
        assert _busy(path).message == "another `hx sync` is running on this device"


def test_the_bus_of_the_session_is_found_without_its_variable(machine, service, bus):
    service.locked.clear()
    socket = Path(bus.removeprefix("unix:path=").split(",")[0])
    socket.with_name("bus").symlink_to(socket)
    result = machine.hx("sync", env={ADDRESS: "", "XDG_RUNTIME_DIR": str(socket.parent)})
    assert result.code == 0, result
