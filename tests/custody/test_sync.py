"""Custody through `hx sync`: it is chosen once, reported, and never replaced by a weaker one."""

from __future__ import annotations

import os
import shlex
from contextlib import closing

import pytest

from cli.machine import Machine
from custody.sample_keys import PASSPHRASE, contains_secret, custody_paths, no_passphrase
from custody.secret_service import secret_service
from hx.custody import opened
from hx.custody.files import CustodyPaths, read_note, stem

ASK = {"HX_PASSPHRASE_COMMAND": f"echo {PASSPHRASE.decode()}"}


@pytest.fixture
def machine(tmp_path):
    made = Machine(tmp_path)
    made.record("make")
    return made


@pytest.fixture
def store(tmp_path):
    (tmp_path / "store").mkdir()
    return f"folder:{tmp_path / 'store'}"


def sync_init(machine, store, *options, env=None):
    return machine.hx("sync", "init", "--store", store, "--yes", "--json", *options, env=env)


def sync(machine, env=None):
    machine.record("make again")
    return machine.hx("sync", env=env)


def reported_custody(machine, env=None):
    return machine.hx("sync", "status", "--json", env=env).json["custody"]


@pytest.mark.parametrize("kind", ["passphrase", "file"])
def test_a_requested_kind_is_used_and_reported(machine, store, kind):
    result = sync_init(machine, store, "--custody", kind, env=ASK)
    assert result.code == 0, result.err
    assert "hx: the keys of this device go into the file" in result.err
    assert not (machine.home / "device.key").exists()
    assert (machine.home / f"custody.{'key' if kind == 'file' else 'sealed'}").exists()
    assert "custody." in reported_custody(machine, ASK)
    assert sync(machine, ASK).code == 0


def test_a_keychain_is_used_where_there_is_one(machine, store, keychain_running):
    result = sync_init(machine, store, env=keychain_running)
    assert result.code == 0, result.err
    assert "go into the keychain (Secret Service)" in result.err
    assert "warning" not in result.err
    assert reported_custody(machine, keychain_running) == "the keychain (Secret Service)"
    assert sync(machine, keychain_running).code == 0
    note = read_note(str(machine.home / "custody.toml"))
    paths = CustodyPaths(stem(str(machine.home)), note.device_id)
    secrets = opened(paths, no_passphrase).load()
    assert len(secrets.vmks) == 1
    files = [path for path in machine.cwd.rglob("*") if path.is_file()]
    assert not any(contains_secret(path.read_bytes(), secrets) for path in files)


def test_without_a_keychain_a_passphrase_is_used_with_a_warning(machine, store):
    result = sync_init(machine, store, env=ASK)
    assert result.code == 0, result.err
    assert result.err.startswith("hx: warning: no keychain is running\n")
    assert "sealed under a passphrase" in result.err


def test_with_neither_keychain_nor_passphrase_there_is_no_vault(machine, store):
    result = sync_init(machine, store)
    assert result.code == 6
    assert "--custody file" in result.err
    assert not list(machine.home.glob("custody*"))
    assert os.listdir(store.removeprefix("folder:")) == []
    assert sync_init(machine, store, env=ASK).code == 0


@pytest.mark.parametrize("kind", ["passphrase", "file"])
def test_the_keys_of_a_lost_database_are_not_replaced_and_go_on(machine, store, tmp_path, kind):
    first = sync_init(machine, store, "--custody", kind, env=ASK)
    for path in machine.home.glob("hx.db*"):
        path.unlink()
    (tmp_path / "empty").mkdir()
    refused = sync_init(machine, f"folder:{tmp_path / 'empty'}", env=ASK)
    assert (refused.code, "`hx sync recover" in refused.err) == (2, True)
    again = machine.hx("sync", "recover", "--store", store, "--json", env=ASK)
    assert again.code == 0, again.err
    assert again.json["device_id"] == first.json["device_id"]
    assert sync(machine, ASK).code == 0


def test_unreachable_keys_end_a_sync_with_6_and_lose_nothing(machine, store, keychain_running):
    assert sync_init(machine, store, env=keychain_running).code == 0
    result = sync(machine)
    assert result.code == 6
    assert "cannot be reached" in result.err
    assert not (machine.home / "device.key").exists()
    assert sync(machine, keychain_running).code == 0
    assert machine.hx("sync", "status", "--json", env=keychain_running).json["unpublished"] == 0


def test_a_wrong_passphrase_ends_a_sync_with_6_and_loses_nothing(machine, store):
    assert sync_init(machine, store, env=ASK).code == 0
    result = sync(machine, {"HX_PASSPHRASE_COMMAND": "echo wrong"})
    assert (result.code, "the passphrase is wrong" in result.err) == (6, True)
    assert sync(machine).code == 6
    assert sync(machine, ASK).code == 0


def test_the_passphrase_command_runs_once_and_no_process_listing_shows_keys(
    machine, store, tmp_path
):
    listing = tmp_path / "seen"
    script = tmp_path / "asked"
    script.write_text(
        f"#!/bin/sh\necho >> {tmp_path}/runs\n"
        f"cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ > {listing} 2>/dev/null\n"
        f"echo {PASSPHRASE.decode()}\n"
    )
    script.chmod(0o700)
    environment = {"HX_PASSPHRASE_COMMAND": shlex.quote(str(script))}
    assert sync_init(machine, store, env=environment).code == 0
    assert (tmp_path / "runs").read_text() == "\n"
    assert sync(machine, environment).code == 0
    assert (tmp_path / "runs").read_text() == "\n\n"
    note = read_note(str(machine.home / "custody.toml"))
    paths = CustodyPaths(stem(str(machine.home)), note.device_id)
    secrets = opened(paths, lambda _: PASSPHRASE).load()
    assert not contains_secret(listing.read_bytes(), secrets)
    assert custody_paths(machine.home, secrets) == paths


def test_a_keychain_without_the_keys_is_a_loss_and_a_locked_one_is_none(
    machine, store, tmp_path, keychain_running
):
    secretstorage = pytest.importorskip("secretstorage")
    words = sync_init(machine, store, env=keychain_running).json["recovery_words"]
    with closing(secretstorage.dbus_init()) as bus:
        secretstorage.get_collection_by_alias(bus, "default").lock()
    recover = ("sync", "recover", "--words-file", "-", "--yes", "--json")
    result = machine.hx(*recover, stdin=words, env=keychain_running)
    assert (result.code, "is locked" in result.err) == (6, True), result
    with secret_service(tmp_path) as another:
        result = machine.hx("sync", "recover", "--words-file", "-", stdin=words, env=another)
        assert (result.code, "has no keys of this device" in result.out) == (2, True), result
        result = machine.hx(*recover, stdin=words, env=another)
        assert result.code == 0, result
        assert reported_custody(machine, another) == "the keychain (Secret Service)"
        assert sync(machine, another).code == 0


def test_a_keychain_that_is_gone_is_lost_when_its_owner_says_so(machine, store, keychain_running):
    words = sync_init(machine, store, env=keychain_running).json["recovery_words"]
    recover = ("sync", "recover", "--words-file", "-", "--yes", "--json")
    result = machine.hx(*recover, stdin=words)
    assert (result.code, "add --keys-lost" in result.err) == (6, True), result
    result = machine.hx(*recover, "--keys-lost", "--custody", "file", stdin=words)
    assert result.code == 0, result
    assert sync(machine).code == 0
