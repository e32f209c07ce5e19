"""Keys in a real Secret Service; and what happens where it is locked, gone or not to be trusted."""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from contextlib import closing

import pytest

from custody.held import (
    after_every_death,
    is_told,
    nobody,
    other_vmks,
    place,
    some_secrets,
    spellings,
)
from hx.core.errors import InputError, KeyMissing
from hx.custody import choose, keychain, opened
from hx.custody.place import CustodyNote, read_note

secretstorage = pytest.importorskip("secretstorage")  # it comes with keyring on Linux
RING = "keyring.backends.SecretService.Keyring"


@pytest.fixture
def secrets():
    return some_secrets()


@pytest.fixture
def kept(keychain_running, tmp_path, secrets):
    custody = choose(None, place(tmp_path, secrets), nobody)
    custody.store(secrets)
    return custody


def entries():
    """User -> secret, of all that lies in the service under our name."""
    with closing(secretstorage.dbus_init()) as bus:
        items = secretstorage.get_default_collection(bus).search_items({"service": "hx"})
        return {item.get_attributes()["username"]: item.get_secret() for item in items}


def lock():
    with closing(secretstorage.dbus_init()) as bus:
        secretstorage.get_default_collection(bus).lock()


def test_a_keychain_is_the_best_there_is_and_the_choice_is_noted(kept, tmp_path, secrets):
    assert kept.name == "keychain"
    assert kept.passed_over == ""
    assert kept.describe() == "the keychain (Secret Service)"
    where = place(tmp_path, secrets)
    assert read_note(where.note) == CustodyNote("keychain", where.device_id, RING)
    assert os.listdir(tmp_path) == ["custody.toml"]
    assert not is_told((tmp_path / "custody.toml").read_bytes(), secrets)


def test_a_later_run_finds_the_keys_and_may_change_them(kept, tmp_path, secrets):
    where = place(tmp_path, secrets)
    assert opened(where, nobody).load() == secrets
    turned = other_vmks(secrets)
    opened(where, nobody).store(turned)
    assert opened(where, nobody).load() == turned
    opened(where, nobody).check()


def test_old_keys_do_not_stay_behind_in_the_keychain(kept, secrets):
    kept.store(other_vmks(secrets, 90))
    kept.store(other_vmks(secrets, 90))
    kept.store(secrets)
    assert len(entries()) == 1


def test_many_epochs_are_kept_in_entries_below_2_kib(kept, secrets):
    many = other_vmks(secrets, 250)
    kept.store(many)
    assert kept.load() == many
    sizes = [len(secret) for secret in entries().values()]
    assert len(sizes) > 5
    assert max(sizes) < 2048
    assert all(user.startswith(secrets.device.device_id.hex()) for user in entries())


def test_two_devices_in_one_keychain_do_not_meet(kept, tmp_path, secrets):
    others = some_secrets()
    (tmp_path / "other").mkdir()
    second = choose("keychain", place(tmp_path / "other", others), nobody)
    second.store(others)
    assert (kept.load(), second.load()) == (secrets, others)
    second.forget()
    assert kept.load() == secrets


def test_forgotten_keys_are_in_no_entry(kept, tmp_path, secrets):
    kept.store(other_vmks(secrets, 90))
    kept.forget()
    assert entries() == {}
    assert os.listdir(tmp_path) == []
    kept.forget()
    with pytest.raises(KeyMissing, match="in no vault"):
        opened(place(tmp_path, secrets), nobody)


@pytest.mark.parametrize("epochs", [1, 90])
def test_a_store_that_dies_leaves_the_old_keys_or_the_new_ones(kept, secrets, epochs):
    """Also where keyring deletes an entry before it writes it anew, as on macOS."""
    new = other_vmks(secrets, epochs)
    found = []

    def look():
        found.append(kept.load())
        kept.store(secrets)

    def work():
        kept.store(new)
        kept.store(secrets)

    assert after_every_death(work, look, ring=True) >= 6
    assert {one == new for one in found} == {True, False}
    assert all(one in (new, secrets) for one in found)
    assert len(entries()) == 1


def test_a_keychain_that_keeps_nothing_is_an_error_and_the_old_keys_stay(kept, secrets):
    """KWallet does so when its owner says no."""
    from keyring.backends.SecretService import Keyring

    whole = Keyring.set_password
    Keyring.set_password = lambda *_: None
    try:
        with pytest.raises(KeyMissing, match="does not return what hx wrote"):
            kept.store(other_vmks(secrets))
    finally:
        Keyring.set_password = whole
    assert kept.load() == secrets


def test_a_locked_keychain_is_an_error_and_never_a_weaker_place(kept, tmp_path, secrets):
    lock()
    for use in (kept.load, kept.check, lambda: kept.store(secrets), kept.forget):
        with pytest.raises(KeyMissing, match=r"keychain \(Secret Service\) is locked") as caught:
            use()
        assert caught.value.exit_code == 6
        assert not is_told("".join(traceback.format_exception(caught.value)), secrets)
    (tmp_path / "new").mkdir()
    with pytest.raises(KeyMissing, match="is locked") as caught:
        choose(None, place(tmp_path / "new", secrets), nobody)
    assert "--custody passphrase" in caught.value.hint
    assert os.listdir(tmp_path / "new") == []


def test_a_keychain_that_is_gone_is_an_error_and_nothing_is_made_anew(
    kept, tmp_path, secrets, monkeypatch
):
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS")
    before = (tmp_path / "custody.toml").read_bytes()
    with pytest.raises(KeyMissing, match="cannot be reached") as caught:
        opened(place(tmp_path, secrets), nobody)
    assert caught.value.hint
    with pytest.raises(KeyMissing, match="cannot be reached"):
        choose(None, place(tmp_path, secrets), nobody)
    with pytest.raises(InputError, match="'keychain' already"):
        choose("file", place(tmp_path, secrets), nobody)
    assert os.listdir(tmp_path) == ["custody.toml"]
    assert (tmp_path / "custody.toml").read_bytes() == before


def test_a_copied_folder_without_its_keychain_is_told_what_to_do(
    keychain_running, tmp_path, secrets
):
    where = place(tmp_path, secrets)
    (tmp_path / "custody.toml").write_text(
        f'custody = "keychain"\ndevice = "{where.device_id.hex()}"\nring = "{RING}"\n'
    )
    with pytest.raises(KeyMissing, match="has no keys of this device") as caught:
        opened(where, nobody).load()
    assert "recovery words" in caught.value.hint


def test_damaged_entries_are_told_and_hide_no_whole_one(kept, secrets):
    user = next(iter(entries()))
    from keyring.core import load_keyring

    ring = load_keyring(RING)
    other = user[:-1] + ("0" if user.endswith("1") else "1")
    for text in (
        "",
        "9 1 AAAA",
        "9 1",
        "x y z",
        "9 99999999999 AAAA",
        "9 3 AAAA",
        "9 1 …",
        "9 1 A",
    ):
        ring.set_password("hx", other, text)
        assert kept.load() == secrets
    ring.delete_password("hx", other)
    whole = ring.get_password("hx", user)
    for text in (whole[:-8], whole[:10] + "AAAA" + whole[14:], whole.replace(" 1 ", " 2 ")):
        ring.set_password("hx", user, text)
        with pytest.raises(KeyMissing, match="has no keys"):
            kept.load()


def test_without_a_keychain_the_next_kind_is_taken_and_the_reason_told(tmp_path, secrets):
    custody = choose(None, place(tmp_path, secrets), lambda _: b"correct horse")
    assert custody.name == "passphrase"
    assert custody.passed_over == "no keychain is running"
    assert os.listdir(tmp_path) == []
    with pytest.raises(KeyMissing, match="no keychain is running") as caught:
        choose("keychain", place(tmp_path, secrets), nobody)
    assert caught.value.exit_code == 6


PLAIN = """\
from keyring.backend import KeyringBackend
class PlaintextKeyring(KeyringBackend):
    priority = 99
    def get_password(self, service, user): return None
    def set_password(self, service, user, password): raise AssertionError("used")
"""


@pytest.mark.parametrize(
    "ring",
    [
        "keyring.backends.null.Keyring",
        "keyring.backends.fail.Keyring",
        "plain_for_a_test.PlaintextKeyring",
    ],
)
def test_a_backend_that_keeps_nothing_safe_is_refused_by_name(
    keychain_running, tmp_path, secrets, monkeypatch, ring
):
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "plain_for_a_test.py").write_text(PLAIN)
    monkeypatch.syspath_prepend(tmp_path / "modules")
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", ring)
    with pytest.raises(KeyMissing) as caught:
        choose("keychain", place(tmp_path, secrets), nobody)
    assert f"{ring}, which is not safe" in caught.value.message
    custody = choose(None, place(tmp_path, secrets), nobody)
    assert custody.name == "passphrase"
    assert ring in custody.passed_over


def test_a_loaded_plain_backend_is_not_taken_by_itself(keychain_running, tmp_path, secrets):
    namespace = {}
    exec(PLAIN, namespace)
    assert keychain.best(secrets.device.device_id).ring == RING


@pytest.mark.parametrize("ring", ["nothing.Here", "os.path", "keyring.backends.macOS.Keyring", ""])
def test_a_backend_that_does_not_load_is_a_sentence(
    keychain_running, tmp_path, secrets, monkeypatch, ring
):
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", ring)
    with pytest.raises(KeyMissing, match="keyring cannot use the keychain in its settings"):
        choose("keychain", place(tmp_path, secrets), nobody)


def test_the_settings_file_of_keyring_counts_too(keychain_running, tmp_path, secrets):
    folder = tmp_path / "settings" / "python_keyring"
    folder.mkdir(parents=True)
    (folder / "keyringrc.cfg").write_text(
        "[backend]\ndefault-keyring=keyring.backends.null.Keyring"
    )
    probe = "from hx.custody import keychain; keychain.best(bytes(16))"
    answer = subprocess.run(
        [sys.executable, "-c", probe],
        env=os.environ | {"XDG_CONFIG_HOME": str(tmp_path / "settings")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "keyring.backends.null.Keyring, which is not safe" in answer.stderr


def test_a_chain_of_backends_is_used_for_the_safe_one_in_it(
    keychain_running, tmp_path, secrets, monkeypatch
):
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.chainer.ChainerBackend")
    assert keychain.best(secrets.device.device_id).ring == RING


def test_a_note_cannot_name_a_backend_that_is_not_safe(keychain_running, tmp_path, secrets):
    where = place(tmp_path, secrets)
    (tmp_path / "custody.toml").write_text(
        f'custody = "keychain"\ndevice = "{where.device_id.hex()}"\n'
        'ring = "keyring.backends.null.Keyring"\n'
    )
    with pytest.raises(KeyMissing, match="of an unknown kind"):
        opened(where, nobody)


def test_the_keys_are_in_no_process_listing_while_they_are_stored(kept, secrets):
    """Of this process and of the children it has: the service is spoken to over a bus."""
    seen = []
    from keyring.backends.SecretService import Keyring

    whole = Keyring.set_password

    def listed(*arguments):
        for pid in filter(str.isdigit, os.listdir("/proc")):
            for name in ("cmdline", "environ"):
                try:
                    with open(f"/proc/{pid}/{name}", "rb") as file:
                        seen.append(file.read())
                except OSError:
                    continue
        return whole(*arguments)

    Keyring.set_password = listed
    try:
        kept.store(other := other_vmks(secrets))
    finally:
        Keyring.set_password = whole
    assert seen
    found = b"".join(seen)
    assert not any(one in found for one in [*spellings(other), *spellings(secrets)])
