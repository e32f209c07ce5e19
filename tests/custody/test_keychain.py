"""Keys in a real Secret Service, and keychains that are locked, unreachable or unsafe."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import traceback
from contextlib import closing

import pytest

from custody.kill_points import after_every_kill
from custody.sample_keys import (
    contains_secret,
    custody_paths,
    encodings,
    no_passphrase,
    other_vmks,
    some_secrets,
)
from hx.core.errors import KeyMissing, UsageError
from hx.custody import choose, keychain, opened
from hx.custody.files import CustodyNote, read_note
from hx.custody.moves import change

secretstorage = pytest.importorskip("secretstorage")  # it comes with keyring on Linux
RING = "keyring.backends.SecretService.Keyring"


@pytest.fixture
def secrets():
    return some_secrets()


@pytest.fixture
def custody_with_keys(keychain_running, tmp_path, secrets):
    custody = choose(None, custody_paths(tmp_path, secrets), no_passphrase)
    custody.store(secrets)
    return custody


def entries():
    """Return the entries of hx in the service: user -> secret."""
    with closing(secretstorage.dbus_init()) as bus:
        items = secretstorage.get_collection_by_alias(bus, "default").search_items(
            {"service": "hx"}
        )
        return {item.get_attributes()["username"]: item.get_secret() for item in items}


def lock():
    with closing(secretstorage.dbus_init()) as bus:
        secretstorage.get_collection_by_alias(bus, "default").lock()


def test_a_keychain_is_the_first_choice_and_the_choice_is_noted(
    custody_with_keys, tmp_path, secrets
):
    assert custody_with_keys.name == "keychain"
    assert custody_with_keys.passed_over == ""
    assert custody_with_keys.describe() == "the keychain (Secret Service)"
    paths = custody_paths(tmp_path, secrets)
    assert read_note(paths.note) == CustodyNote("keychain", paths.device_id, RING)
    assert os.listdir(tmp_path) == ["custody.toml"]
    assert not contains_secret((tmp_path / "custody.toml").read_bytes(), secrets)


def test_a_later_run_finds_the_keys_and_may_change_them(custody_with_keys, tmp_path, secrets):
    paths = custody_paths(tmp_path, secrets)
    assert opened(paths, no_passphrase).load() == secrets
    new_secrets = other_vmks(secrets)
    opened(paths, no_passphrase).store(new_secrets)
    assert opened(paths, no_passphrase).load() == new_secrets
    opened(paths, no_passphrase).check()


def test_old_keys_do_not_stay_behind_in_the_keychain(custody_with_keys, secrets):
    custody_with_keys.store(other_vmks(secrets, 90))
    custody_with_keys.store(other_vmks(secrets, 90))
    custody_with_keys.store(secrets)
    assert len(entries()) == 1


def test_many_epochs_are_kept_in_entries_below_2_kib(custody_with_keys, secrets):
    many = other_vmks(secrets, 250)
    custody_with_keys.store(many)
    assert custody_with_keys.load() == many
    sizes = [len(secret) for secret in entries().values()]
    assert len(sizes) > 5
    assert max(sizes) < 2048
    assert all(user.startswith(secrets.device.device_id.hex()) for user in entries())


def test_two_devices_in_one_keychain_keep_separate_entries(custody_with_keys, tmp_path, secrets):
    other_secrets = some_secrets()
    (tmp_path / "other").mkdir()
    other_custody = choose(
        "keychain", custody_paths(tmp_path / "other", other_secrets), no_passphrase
    )
    other_custody.store(other_secrets)
    assert (custody_with_keys.load(), other_custody.load()) == (secrets, other_secrets)
    other_custody.forget()
    assert custody_with_keys.load() == secrets


def test_forgotten_keys_are_in_no_entry(custody_with_keys, tmp_path, secrets):
    custody_with_keys.store(other_vmks(secrets, 90))
    custody_with_keys.forget()
    assert entries() == {}
    assert os.listdir(tmp_path) == []
    custody_with_keys.forget()
    with pytest.raises(KeyMissing, match="is missing"):
        opened(custody_paths(tmp_path, secrets), no_passphrase)


@pytest.mark.parametrize("epochs", [1, 90])
def test_a_killed_store_leaves_the_old_keys_or_the_new_keys(custody_with_keys, secrets, epochs):
    """The test kills keyring also after the deletion with which it replaces an entry on macOS."""
    new = other_vmks(secrets, epochs)
    loads = []

    def check():
        loads.append(custody_with_keys.load())
        custody_with_keys.store(secrets)

    def work():
        custody_with_keys.store(new)
        custody_with_keys.store(secrets)

    assert after_every_kill(work, check, keychain=True) >= 6
    assert {loaded == new for loaded in loads} == {True, False}
    assert all(loaded in (new, secrets) for loaded in loads)
    assert len(entries()) == 1


def test_a_keychain_that_keeps_nothing_is_an_error_and_the_old_keys_stay(
    custody_with_keys, secrets
):
    """KWallet does so when its owner refuses access."""
    from hx.custody.secret_service import Keyring

    set_password = Keyring.set_password
    Keyring.set_password = lambda *_: None
    try:
        with pytest.raises(KeyMissing, match="does not return what hx wrote"):
            custody_with_keys.store(other_vmks(secrets))
    finally:
        Keyring.set_password = set_password
    assert custody_with_keys.load() == secrets


def test_a_locked_keychain_is_an_error_and_no_weaker_custody_is_chosen(
    custody_with_keys, tmp_path, secrets
):
    lock()
    for use in (
        custody_with_keys.load,
        custody_with_keys.check,
        lambda: custody_with_keys.store(secrets),
        custody_with_keys.forget,
    ):
        with pytest.raises(KeyMissing, match=r"keychain \(Secret Service\) is locked") as caught:
            use()
        assert caught.value.exit_code == 6
        assert not contains_secret("".join(traceback.format_exception(caught.value)), secrets)
    (tmp_path / "new").mkdir()
    with pytest.raises(KeyMissing, match="is locked") as caught:
        choose(None, custody_paths(tmp_path / "new", secrets), no_passphrase)
    assert "--custody passphrase" in caught.value.hint
    assert os.listdir(tmp_path / "new") == []


def test_an_unreachable_keychain_is_an_error_and_no_new_custody_is_made(
    custody_with_keys, tmp_path, secrets, monkeypatch
):
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS")
    before = (tmp_path / "custody.toml").read_bytes()
    with pytest.raises(KeyMissing, match="cannot be reached") as caught:
        opened(custody_paths(tmp_path, secrets), no_passphrase)
    assert caught.value.hint
    with pytest.raises(KeyMissing, match="cannot be reached"):
        choose(None, custody_paths(tmp_path, secrets), no_passphrase)
    assert os.listdir(tmp_path) == ["custody.toml"]
    assert (tmp_path / "custody.toml").read_bytes() == before


def test_a_service_that_has_ended_is_told_by_the_kinds_of_its_errors(custody_with_keys):
    from jeepney import message_bus
    from jeepney.io.blocking import Proxy

    with closing(secretstorage.dbus_init()) as bus:
        owner = Proxy(message_bus, bus).GetConnectionUnixProcessID("org.freedesktop.secrets")
    os.kill(owner[0], signal.SIGKILL)
    kinds = r"failed \(InitError from SecretServiceNotAvailableException\)"
    with pytest.raises(KeyMissing, match=kinds) as caught:
        custody_with_keys.load()
    assert caught.value.hint


def test_a_copied_folder_without_its_keychain_is_an_error_with_a_hint(
    keychain_running, tmp_path, secrets
):
    where = custody_paths(tmp_path, secrets)
    (tmp_path / "custody.toml").write_text(
        f'custody = "keychain"\ndevice = "{where.device_id.hex()}"\nring = "{RING}"\n'
    )
    with pytest.raises(KeyMissing, match="has no keys of this device") as caught:
        opened(where, no_passphrase).load()
    assert "recovery words" in caught.value.hint


def test_damaged_entries_are_errors_and_hide_no_valid_entry(custody_with_keys, secrets):
    user = next(iter(entries()))
    from keyring.core import load_keyring

    ring = load_keyring(RING)
    damaged_user = user[:-1] + ("0" if user.endswith("1") else "1")
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
        ring.set_password("hx", damaged_user, text)
        assert custody_with_keys.load() == secrets
    ring.delete_password("hx", damaged_user)
    valid_text = ring.get_password("hx", user)
    for text in (
        valid_text[:-8],
        valid_text[:10] + "AAAA" + valid_text[14:],
        valid_text.replace(" 1 ", " 2 "),
    ):
        ring.set_password("hx", user, text)
        with pytest.raises(KeyMissing, match="has no keys"):
            custody_with_keys.load()


def test_without_a_keychain_the_next_kind_is_chosen_and_the_reason_given(tmp_path, secrets):
    custody = choose(None, custody_paths(tmp_path, secrets), lambda _: b"correct horse")
    assert custody.name == "passphrase"
    assert custody.passed_over == "no keychain is running"
    assert os.listdir(tmp_path) == []
    with pytest.raises(KeyMissing, match="no keychain is running") as caught:
        choose("keychain", custody_paths(tmp_path, secrets), no_passphrase)
    assert caught.value.exit_code == 6


PLAINTEXT_BACKEND = """\
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
    (tmp_path / "modules" / "plain_for_a_test.py").write_text(PLAINTEXT_BACKEND)
    monkeypatch.syspath_prepend(tmp_path / "modules")
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", ring)
    with pytest.raises(KeyMissing) as caught:
        choose("keychain", custody_paths(tmp_path, secrets), no_passphrase)
    assert f"{ring}, which is not safe" in caught.value.message
    custody = choose(None, custody_paths(tmp_path, secrets), no_passphrase)
    assert custody.name == "passphrase"
    assert ring in custody.passed_over


def test_a_loaded_plaintext_backend_is_not_chosen(keychain_running, tmp_path, secrets):
    namespace = {}
    exec(PLAINTEXT_BACKEND, namespace)
    assert keychain.best(secrets.device.device_id).ring == RING


@pytest.mark.parametrize("ring", ["nothing.Here", "os.path", "keyring.backends.macOS.Keyring", ""])
def test_a_backend_that_does_not_load_is_an_error(
    keychain_running, tmp_path, secrets, monkeypatch, ring
):
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", ring)
    with pytest.raises(KeyMissing, match="keyring cannot use the keychain in its settings"):
        choose("keychain", custody_paths(tmp_path, secrets), no_passphrase)


def test_the_settings_file_of_keyring_is_read(keychain_running, tmp_path, secrets):
    folder = tmp_path / "settings" / "python_keyring"
    folder.mkdir(parents=True)
    (folder / "keyringrc.cfg").write_text(
        "[backend]\ndefault-keyring=keyring.backends.null.Keyring"
    )
    probe = "from hx.custody import keychain; keychain.best(bytes(16))"
    result = subprocess.run(
        [sys.executable, "-c", probe],
        env=os.environ | {"XDG_CONFIG_HOME": str(tmp_path / "settings")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "keyring.backends.null.Keyring, which is not safe" in result.stderr


def test_of_a_chain_of_backends_the_safe_one_is_used(
    keychain_running, tmp_path, secrets, monkeypatch
):
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.chainer.ChainerBackend")
    assert keychain.best(secrets.device.device_id).ring == RING


def test_a_note_cannot_name_a_backend_that_is_not_safe(keychain_running, tmp_path, secrets):
    where = custody_paths(tmp_path, secrets)
    (tmp_path / "custody.toml").write_text(
        f'custody = "keychain"\ndevice = "{where.device_id.hex()}"\n'
        'ring = "keyring.backends.null.Keyring"\n'
    )
    with pytest.raises(KeyMissing, match="of an unknown kind"):
        opened(where, no_passphrase)


def test_the_first_request_of_a_connection_reads_no_property(
    custody_with_keys, tmp_path, secrets, monkeypatch
):
    """gnome-keyring may end itself when it gets one from a client that it has not noted yet."""
    from jeepney import HeaderFields
    from jeepney.io.blocking import DBusConnection

    first, send = {}, DBusConnection.send_and_get_reply

    def watched(connection, message, **options):
        fields = message.header.fields
        if fields[HeaderFields.destination] == "org.freedesktop.secrets":
            first.setdefault(connection, fields[HeaderFields.member])
        return send(connection, message, **options)

    monkeypatch.setattr(DBusConnection, "send_and_get_reply", watched)
    custody_with_keys.store(other_vmks(secrets, 90))
    opened(custody_paths(tmp_path, secrets), no_passphrase).load()
    custody_with_keys.forget()
    assert len(first) > 10
    assert set(first.values()) == {"ReadAlias"}


def test_the_keys_are_in_no_process_listing_while_they_are_stored(custody_with_keys, secrets):
    """Read the listings of all processes meanwhile: keyring talks to the service over a bus."""
    listings = []
    from hx.custody.secret_service import Keyring

    set_password = Keyring.set_password

    def set_password_and_list(*arguments):
        for pid in filter(str.isdigit, os.listdir("/proc")):
            for name in ("cmdline", "environ"):
                try:
                    with open(f"/proc/{pid}/{name}", "rb") as file:
                        listings.append(file.read())
                except OSError:
                    continue
        return set_password(*arguments)

    Keyring.set_password = set_password_and_list
    try:
        custody_with_keys.store(new_secrets := other_vmks(secrets))
    finally:
        Keyring.set_password = set_password
    assert listings
    listing = b"".join(listings)
    assert not any(encoded in listing for encoded in [*encodings(new_secrets), *encodings(secrets)])


def test_keys_that_several_hosts_use_go_into_no_keychain(keychain_running, tmp_path, secrets):
    place = custody_paths(tmp_path, secrets)._replace(shared=True)
    custody = choose(None, place, no_passphrase)
    assert custody.name == "passphrase"
    assert "a keychain is of one host" in custody.passed_over
    with pytest.raises(UsageError, match="a keychain is of one host"):
        choose("keychain", place, no_passphrase)
    bare = choose("file", place, no_passphrase)
    bare.store(secrets)
    with pytest.raises(UsageError, match="a keychain is of one host"):
        change(secrets, "keychain", place, no_passphrase)
    assert opened(place, no_passphrase).load() == secrets
