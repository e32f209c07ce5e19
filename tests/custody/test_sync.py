"""Custody through `hx sync`: chosen once, told, and never left for a weaker one."""

from __future__ import annotations

import os
import shlex

import pytest

from cli.machine import Machine
from custody.held import PASSPHRASE, is_told, nobody, place
from hx.custody import opened
from hx.custody.place import CustodyPaths, read_note, stem

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


def init(machine, store, *options, env=None):
    return machine.hx("sync", "init", "--store", store, "--yes", "--json", *options, env=env)


def sync(machine, env=None):
    machine.record("make again")
    return machine.hx("sync", env=env)


def told_keys(machine, env=None):
    return machine.hx("sync", "status", "--json", env=env).json["custody"]


@pytest.mark.parametrize("kind", ["passphrase", "file"])
def test_a_kind_that_is_named_is_taken_and_told(machine, store, kind):
    done = init(machine, store, "--custody", kind, env=ASK)
    assert done.code == 0, done.err
    assert "hx: the keys of this device go into the file" in done.err
    assert not (machine.home / "device.key").exists()
    assert (machine.home / f"custody.{'key' if kind == 'file' else 'sealed'}").exists()
    assert "custody." in told_keys(machine, ASK)
    assert sync(machine, ASK).code == 0


def test_a_keychain_is_taken_where_there_is_one(machine, store, keychain_running):
    done = init(machine, store, env=keychain_running)
    assert done.code == 0, done.err
    assert "go into the keychain (Secret Service)" in done.err
    assert "warning" not in done.err
    assert told_keys(machine, keychain_running) == "the keychain (Secret Service)"
    assert sync(machine, keychain_running).code == 0
    found = read_note(str(machine.home / "custody.toml"))
    where = CustodyPaths(stem(str(machine.home), "box", shared=False), found.device_id)
    secrets = opened(where, nobody).load()
    assert len(secrets.vmks) == 1
    files = [path for path in machine.cwd.rglob("*") if path.is_file()]
    assert not any(is_told(path.read_bytes(), secrets) for path in files)


def test_without_a_keychain_a_passphrase_is_taken_and_that_is_told_loudly(machine, store):
    done = init(machine, store, env=ASK)
    assert done.code == 0, done.err
    assert done.err.startswith("hx: warning: no keychain is running\n")
    assert "sealed under a passphrase" in done.err


def test_with_neither_keychain_nor_passphrase_there_is_no_vault(machine, store):
    done = init(machine, store)
    assert done.code == 6
    assert "--custody file" in done.err
    assert not list(machine.home.glob("custody*"))
    assert os.listdir(store.removeprefix("folder:")) == []
    assert init(machine, store, env=ASK).code == 0


@pytest.mark.parametrize("kind", ["passphrase", "file"])
def test_an_init_that_was_cut_short_after_the_keys_had_moved_is_repeated(
    machine, store, tmp_path, kind
):
    done = init(machine, store, "--custody", kind, env=ASK)
    for path in machine.home.glob("hx.db*"):
        path.unlink()
    (tmp_path / "empty").mkdir()
    again = init(machine, f"folder:{tmp_path / 'empty'}", env=ASK)
    assert again.code == 0, again.err
    assert again.json["device_id"] == done.json["device_id"]
    assert sync(machine, ASK).code == 0


def test_keys_that_cannot_be_had_end_a_sync_with_6_and_lose_nothing(
    machine, store, keychain_running
):
    assert init(machine, store, env=keychain_running).code == 0
    done = sync(machine)
    assert done.code == 6
    assert "cannot be reached" in done.err
    assert not (machine.home / "device.key").exists()
    assert sync(machine, keychain_running).code == 0
    assert machine.hx("sync", "status", "--json", env=keychain_running).json["unpublished"] == 0


def test_a_wrong_passphrase_ends_a_sync_with_6_and_loses_nothing(machine, store):
    assert init(machine, store, env=ASK).code == 0
    done = sync(machine, {"HX_PASSPHRASE_COMMAND": "echo wrong"})
    assert (done.code, "the passphrase is wrong" in done.err) == (6, True)
    assert sync(machine).code == 6
    assert sync(machine, ASK).code == 0


def test_the_passphrase_command_runs_once_and_no_process_listing_shows_keys(
    machine, store, tmp_path
):
    seen = tmp_path / "seen"
    script = tmp_path / "asked"
    script.write_text(
        f"#!/bin/sh\necho >> {tmp_path}/runs\n"
        f"cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ > {seen} 2>/dev/null\n"
        f"echo {PASSPHRASE.decode()}\n"
    )
    script.chmod(0o700)
    environment = {"HX_PASSPHRASE_COMMAND": shlex.quote(str(script))}
    assert init(machine, store, env=environment).code == 0
    assert (tmp_path / "runs").read_text() == "\n"
    assert sync(machine, environment).code == 0
    assert (tmp_path / "runs").read_text() == "\n\n"
    found = read_note(str(machine.home / "custody.toml"))
    where = CustodyPaths(stem(str(machine.home), "box", shared=False), found.device_id)
    secrets = opened(where, lambda _: PASSPHRASE).load()
    assert not is_told(seen.read_bytes(), secrets)
    assert place(machine.home, secrets) == where
