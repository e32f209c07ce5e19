"""The bare file: only by name, for its owner alone, and damage is told."""

from __future__ import annotations

import os
import stat

import pytest

from custody.held import after_every_death, nobody, other_vmks, place, some_secrets
from hx.core.errors import KeyMissing
from hx.custody import choose, opened
from hx.custody import files as small_file
from test_private_files import bound


@pytest.fixture
def secrets():
    return some_secrets()


@pytest.fixture
def kept(tmp_path, secrets):
    custody = choose("file", place(tmp_path, secrets), nobody)
    custody.store(secrets)
    return custody


@pytest.fixture
def path(kept, tmp_path):
    return tmp_path / "custody.key"


def test_what_is_stored_comes_back_in_a_later_run(kept, tmp_path, secrets):
    later = opened(place(tmp_path, secrets), nobody)
    assert (later.name, later.load()) == ("file", secrets)
    assert later.describe().endswith("custody.key, which is not encrypted")


def test_it_is_never_chosen_by_itself(tmp_path, secrets):
    chosen = choose(None, place(tmp_path, secrets), nobody)
    assert chosen.name != "file"


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
def test_its_files_are_for_their_owner_alone_whatever_the_umask(tmp_path, secrets, umask):
    def work():
        os.umask(umask)
        choose("file", place(tmp_path, secrets), nobody).store(secrets)
        assert opened(place(tmp_path, secrets), nobody).load() == secrets

    assert bound(work) == 0
    modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in os.scandir(tmp_path)}
    assert modes == {"custody.toml": 0o600, "custody.key": 0o600}


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660])
def test_a_file_that_others_may_read_is_refused(kept, path, mode):
    path.chmod(mode)
    with pytest.raises(KeyMissing, match="other users may read"):
        kept.load()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_file_of_another_owner_is_refused(kept, path):
    os.chown(path, 12345, -1)
    with pytest.raises(Exception, match="another user"):
        kept.load()


def test_a_flipped_bit_anywhere_is_told_as_damage(kept, path):
    whole = path.read_bytes()
    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << position % 8
        path.write_bytes(damaged)
        with pytest.raises(KeyMissing, match=r"custody\.key is damaged"):
            kept.load()


def test_a_store_that_dies_leaves_the_old_keys_or_the_new_ones(kept, secrets):
    new, found = other_vmks(secrets), []

    def look():
        found.append(kept.load())
        kept.store(secrets)

    assert after_every_death(lambda: kept.store(new), look) >= 4
    assert all(one in (new, secrets) for one in found)
    assert found[0] == secrets
    assert found[-1] == new


def test_a_first_store_that_dies_is_chosen_anew_or_is_whole(tmp_path, secrets):
    def look():
        again = choose("file", place(tmp_path, secrets), nobody)
        again.store(secrets)
        assert opened(place(tmp_path, secrets), nobody).load() == secrets
        again.forget()

    work = lambda: choose("file", place(tmp_path, secrets), nobody).store(secrets)  # noqa: E731
    assert after_every_death(work, look) >= 8


def test_another_devices_file_is_refused(kept, path, tmp_path, secrets):
    (tmp_path / "other").mkdir()
    others = some_secrets()
    choose("file", place(tmp_path / "other", others), nobody).store(others)
    path.write_bytes((tmp_path / "other" / "custody.key").read_bytes())
    with pytest.raises(KeyMissing, match="keys of another device"):
        kept.load()


def test_another_devices_note_is_refused(kept, tmp_path):
    with pytest.raises(KeyMissing, match=r"custody\.toml belongs to another device"):
        opened(place(tmp_path, some_secrets()), nobody)


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
def test_a_damaged_note_is_one_sentence(kept, tmp_path, secrets, text):
    (tmp_path / "custody.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(KeyMissing, match=r"custody\.toml is damaged") as caught:
        opened(place(tmp_path, secrets), nobody)
    assert caught.value.hint
    with pytest.raises(KeyMissing, match="damaged"):
        choose(None, place(tmp_path, secrets), nobody)


def test_files_of_any_length_are_not_read_whole(kept, tmp_path, secrets):
    for name in ("custody.key", "custody.toml"):
        with open(tmp_path / name, "r+b") as file:
            file.truncate(1 << 40)
        with pytest.raises(KeyMissing, match="damaged"):
            opened(place(tmp_path, secrets), nobody).load()


def test_a_copy_that_a_kill_has_left_goes_and_nothing_else(tmp_path):
    torn = ["custody.key.0123abcd.tmp", "custody.sealed.0123abcd.tmp", "custody.toml.00000000.tmp"]
    others = ["custody.key", "custody-box.key.0123abcd.tmp", "custody.key.tmp", "note.0123abcd.tmp"]
    for name in (*torn, *others):
        (tmp_path / name).write_bytes(b"key")
    small_file.sweep(str(tmp_path / "custody"))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(others)
