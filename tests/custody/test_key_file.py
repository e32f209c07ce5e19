"""The key file without encryption: it is used only by request, readable only by its owner."""

from __future__ import annotations

import os
import stat

import pytest

from custody.kill_points import after_every_kill
from custody.sample_keys import custody_paths, no_passphrase, other_vmks, some_secrets
from hx.core.errors import KeyMissing
from hx.custody import choose, opened
from hx.custody import files as small_file
from test_private_files import run_without_privileges


@pytest.fixture
def secrets():
    return some_secrets()


@pytest.fixture
def custody_with_keys(tmp_path, secrets):
    custody = choose("file", custody_paths(tmp_path, secrets), no_passphrase)
    custody.store(secrets)
    return custody


@pytest.fixture
def path(custody_with_keys, tmp_path):
    return tmp_path / "custody.key"


def test_stored_keys_are_loaded_in_a_later_run(custody_with_keys, tmp_path, secrets):
    later_custody = opened(custody_paths(tmp_path, secrets), no_passphrase)
    assert (later_custody.name, later_custody.load()) == ("file", secrets)
    assert later_custody.describe().endswith("custody.key, which is not encrypted")


def test_the_key_file_is_chosen_only_by_request(tmp_path, secrets):
    custody = choose(None, custody_paths(tmp_path, secrets), no_passphrase)
    assert custody.name != "file"


@pytest.mark.parametrize(
    "vmks",
    [
        {bytes(16): (1 << 32, bytes(32))},
        {bytes(16): (1, bytes(32))},
        some_secrets(6000).vmks,
    ],
    ids=["a number that is too great", "another key id", "too many"],
)
def test_keys_that_could_not_be_read_back_replace_nothing(custody_with_keys, path, secrets, vmks):
    before = path.read_bytes()
    with pytest.raises(KeyMissing, match="cannot be stored") as caught:
        custody_with_keys.store(secrets._replace(vmks=vmks))
    assert caught.value.hint
    assert path.read_bytes() == before
    assert custody_with_keys.load() == secrets


def test_as_many_keys_as_are_allowed_are_read_back(custody_with_keys, secrets):
    many = other_vmks(secrets, 4000)
    custody_with_keys.store(many)
    assert custody_with_keys.load() == many


def test_a_check_decodes_the_keys(custody_with_keys, path):
    custody_with_keys.check()
    small_file.write(str(path), small_file.framed(b"HXB1", b"no keys"))
    with pytest.raises(KeyMissing, match="damaged"):
        custody_with_keys.check()


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
def test_only_the_owner_may_read_its_files_whatever_the_umask(tmp_path, secrets, umask):
    def work():
        os.umask(umask)
        choose("file", custody_paths(tmp_path, secrets), no_passphrase).store(secrets)
        assert opened(custody_paths(tmp_path, secrets), no_passphrase).load() == secrets

    assert run_without_privileges(work) == 0
    modes = {entry.name: stat.S_IMODE(entry.stat().st_mode) for entry in os.scandir(tmp_path)}
    assert modes == {"custody.toml": 0o600, "custody.key": 0o600}


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660])
def test_a_file_that_others_may_read_is_refused(custody_with_keys, path, mode):
    path.chmod(mode)
    with pytest.raises(KeyMissing, match="other users may read"):
        custody_with_keys.load()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_file_of_another_owner_is_refused(custody_with_keys, path):
    os.chown(path, 12345, -1)
    with pytest.raises(Exception, match="another user"):
        custody_with_keys.load()


def test_a_flipped_bit_anywhere_is_reported_as_damage(custody_with_keys, path):
    whole = path.read_bytes()
    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << position % 8
        path.write_bytes(damaged)
        with pytest.raises(KeyMissing, match=r"custody\.key is damaged"):
            custody_with_keys.load()


def test_a_killed_store_leaves_the_old_keys_or_the_new_keys(custody_with_keys, secrets):
    new, loads = other_vmks(secrets), []

    def check():
        loads.append(custody_with_keys.load())
        custody_with_keys.store(secrets)

    assert after_every_kill(lambda: custody_with_keys.store(new), check) >= 4
    assert all(loaded in (new, secrets) for loaded in loads)
    assert loads[0] == secrets
    assert loads[-1] == new


def test_after_a_killed_first_store_custody_can_be_chosen_again(tmp_path, secrets):
    def check():
        custody = choose("file", custody_paths(tmp_path, secrets), no_passphrase)
        custody.store(secrets)
        assert opened(custody_paths(tmp_path, secrets), no_passphrase).load() == secrets
        custody.forget()

    work = lambda: choose("file", custody_paths(tmp_path, secrets), no_passphrase).store(secrets)  # noqa: E731
    assert after_every_kill(work, check) >= 8


def test_another_devices_file_is_refused(custody_with_keys, path, tmp_path, secrets):
    (tmp_path / "other").mkdir()
    other_secrets = some_secrets()
    choose("file", custody_paths(tmp_path / "other", other_secrets), no_passphrase).store(
        other_secrets
    )
    path.write_bytes((tmp_path / "other" / "custody.key").read_bytes())
    with pytest.raises(KeyMissing, match="keys of another device"):
        custody_with_keys.load()


def test_another_devices_note_is_refused(custody_with_keys, tmp_path):
    with pytest.raises(KeyMissing, match=r"custody\.toml belongs to another device"):
        opened(custody_paths(tmp_path, some_secrets()), no_passphrase)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "custody",
        "custody = 3",
        'custody = "cloud"\ndevice = "00"',
        'custody = "file"\ndevice = "00"',
        'custody = "file"\ndevice = "zz"',
        'custody = "file"\ndevice = 7',
        'custody = "keychain"\nring = 1\ndevice = "{}"'.format("00" * 16),
        "\xff",
        "[" * 4000,
        "#" * 10_000,
    ],
)
def test_a_damaged_note_is_an_error_with_a_hint(custody_with_keys, tmp_path, secrets, text):
    (tmp_path / "custody.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(KeyMissing, match=r"custody\.toml is damaged") as caught:
        opened(custody_paths(tmp_path, secrets), no_passphrase)
    assert caught.value.hint
    with pytest.raises(KeyMissing, match="damaged"):
        choose(None, custody_paths(tmp_path, secrets), no_passphrase)


def test_an_oversized_file_is_not_read_whole(custody_with_keys, tmp_path, secrets):
    for name in ("custody.key", "custody.toml"):
        with open(tmp_path / name, "r+b") as file:
            file.truncate(1 << 40)
        with pytest.raises(KeyMissing, match="damaged"):
            opened(custody_paths(tmp_path, secrets), no_passphrase).load()


def test_sweep_deletes_the_temporary_files_of_a_killed_write_and_nothing_else(tmp_path):
    temporary = [
        "custody.key.0123abcd.tmp",
        "custody.sealed.0123abcd.tmp",
        "custody.toml.00000000.tmp",
        "custody-next.key.0123abcd.tmp",
    ]
    other_files = [
        "custody.key",
        "custody-box.key.0123abcd.tmp",
        "custody.key.tmp",
        "note.0123abcd.tmp",
    ]
    for name in (*temporary, *other_files):
        (tmp_path / name).write_bytes(b"key")
    small_file.sweep(str(tmp_path / "custody"))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(other_files)
