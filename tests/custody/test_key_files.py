"""Keys in a file that a passphrase seals: its bounds, its errors, and writes that are killed."""

from __future__ import annotations

import os
import stat
import struct

import pytest

from custody.kill_points import after_every_kill
from custody.sample_keys import CHEAP, PASSPHRASE, no_passphrase
from hx.core.errors import DatabaseError, KeyMissing
from hx.custody.files import framed, unframed
from hx.custody.key_files import Cost, SealedFile
from test_private_files import run_without_privileges

DATA = b"keys, keys and keys"
MAGIC = b"HXP1"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "custody.sealed"


def answering(passphrase):
    def ask(new):
        return passphrase

    return ask


correct_passphrase = answering(PASSPHRASE)


def sealed_file(path, passphrase=PASSPHRASE):
    return SealedFile(str(path), answering(passphrase), CHEAP)


@pytest.fixture
def written_path(path):
    sealed_file(path).write(DATA)
    return path


def test_written_data_is_read_in_a_later_run(written_path):
    assert sealed_file(written_path).read() == DATA
    assert DATA not in written_path.read_bytes()


def test_the_default_cost_is_64_mib_and_3_passes(path):
    SealedFile(str(path), correct_passphrase).write(DATA)
    assert struct.unpack(">III", path.read_bytes()[4:16]) == (64 << 10, 3, 1)
    assert SealedFile(str(path), correct_passphrase).read() == DATA


def test_equal_secrets_are_sealed_differently_each_time(written_path):
    before = written_path.read_bytes()
    sealed_file(written_path).write(DATA)
    after = written_path.read_bytes()
    assert before[16:56] != after[16:56]
    assert before[56:72] != after[56:72]


def test_a_wrong_passphrase_is_an_error_with_a_hint_and_changes_nothing(written_path):
    before = written_path.read_bytes()
    for use in (lambda file: file.read(), lambda file: file.write(b"new")):
        with pytest.raises(KeyMissing, match="the passphrase is wrong") as caught:
            use(sealed_file(written_path, b"wrong horse"))
        assert caught.value.hint
        assert caught.value.__cause__ is None
    assert written_path.read_bytes() == before


@pytest.mark.parametrize(
    ("sealing", "opening"),
    [
        ("p\u00e4ss wo\u0308rd", "pa\u0308ss w\u00f6rd"),  # composed and decomposed letters
        ("\u212bngstrom", "\u00c5ngstrom"),
        (b"\xff not UTF-8", b"\xff not UTF-8"),
    ],
)
def test_a_passphrase_opens_the_file_however_a_keyboard_composes_its_letters(
    path, sealing, opening
):
    def as_bytes(passphrase):
        return passphrase if isinstance(passphrase, bytes) else passphrase.encode()

    sealed_file(path, as_bytes(sealing)).write(DATA)
    assert sealed_file(path, as_bytes(opening)).read() == DATA


@pytest.mark.parametrize("wrong", ["ﬁsh", "Fish", "fish ", " fish"])
def test_no_other_difference_of_a_passphrase_is_overlooked(path, wrong):
    sealed_file(path, b"fish").write(DATA)
    with pytest.raises(KeyMissing, match="the passphrase is wrong"):
        sealed_file(path, wrong.encode()).read()


def test_the_passphrase_is_asked_for_once_a_run_and_as_new_only_for_a_new_file(path):
    questions = []

    def ask(new):
        questions.append(new)
        return PASSPHRASE

    first_run = SealedFile(str(path), ask, CHEAP)
    first_run.write(DATA)
    first_run.read()
    first_run.write(b"more")
    assert questions == [True]
    later_run = SealedFile(str(path), ask, CHEAP)
    later_run.write(b"most")
    assert later_run.read() == b"most"
    assert questions == [True, False]


def test_a_flipped_bit_anywhere_is_reported_as_damage_before_a_passphrase_is_asked_for(
    written_path,
):
    whole = written_path.read_bytes()
    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << position % 8
        written_path.write_bytes(damaged)
        with pytest.raises(KeyMissing, match=r"custody\.sealed is damaged"):
            SealedFile(str(written_path), no_passphrase).read()


def test_a_file_cut_anywhere_is_reported_as_damage(written_path):
    whole = written_path.read_bytes()
    for length in range(len(whole)):
        written_path.write_bytes(whole[:length])
        with pytest.raises(KeyMissing, match="damaged"):
            SealedFile(str(written_path), no_passphrase).read()


def write_altered(path, position, values):
    """Write these values at this position, with a digest that fits, as an attacker would."""
    body = bytearray(unframed(MAGIC, path.read_bytes()))
    body[position : position + len(values)] = values
    path.write_bytes(framed(MAGIC, bytes(body)))


def test_a_change_with_a_recomputed_digest_does_not_open(written_path):
    whole = written_path.read_bytes()
    size = len(unframed(MAGIC, whole))
    for position in (12, 27, 28, 51, *range(52, size, 5), size - 1):  # salt, nonce, ciphertext
        written_path.write_bytes(whole)
        write_altered(written_path, position, bytes([unframed(MAGIC, whole)[position] ^ 0x10]))
        with pytest.raises(KeyMissing, match="the passphrase is wrong"):
            sealed_file(written_path).read()


@pytest.mark.parametrize(
    "numbers",
    [
        ((19 << 10) - 1, 1, 1),
        ((1 << 20) + 1, 1, 1),
        ((1 << 32) - 1, 1, 1),
        (19 << 10, 0, 1),
        (19 << 10, 17, 1),
        (19 << 10, 1, 2),
        (0, 0, 0),
    ],
)
def test_a_cost_out_of_bounds_is_refused_before_it_is_computed(written_path, numbers):
    write_altered(written_path, 0, struct.pack(">III", *numbers))
    with pytest.raises(KeyMissing, match="damaged"):
        SealedFile(str(written_path), no_passphrase).read()


def test_the_least_and_the_greatest_cost_are_accepted(path):
    for cost in (Cost(19 << 10, 16), Cost(19 << 10, 1)):
        SealedFile(str(path), correct_passphrase, cost).write(DATA)
        assert sealed_file(path).read() == DATA
        path.unlink()


def test_an_oversized_file_is_not_read_whole(path):
    with path.open("wb") as file:
        file.truncate(1 << 40)
    path.chmod(0o600)
    with pytest.raises(KeyMissing, match="damaged"):
        SealedFile(str(path), no_passphrase).read()


def test_a_killed_write_leaves_the_old_data_or_the_new_data(written_path):
    contents = set()

    def work():
        file = sealed_file(written_path)
        file.read()
        file.write(b"new")

    def check():
        contents.add(sealed_file(written_path).read())
        sealed_file(written_path).write(DATA)

    assert after_every_kill(work, check) >= 4
    assert contents == {DATA, b"new"}
    modes = {stat.S_IMODE(os.stat(entry.path).st_mode) for entry in os.scandir(written_path.parent)}
    assert modes == {0o600}


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
def test_only_the_owner_may_read_it_whatever_the_umask(path, umask):
    def work():
        os.umask(umask)
        sealed_file(path).write(DATA)
        assert sealed_file(path).read() == DATA

    assert run_without_privileges(work) == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_others_may_read_is_refused_with_the_command_that_repairs_it(written_path):
    written_path.chmod(0o640)
    with pytest.raises(KeyMissing, match=r"other users may read .*640") as caught:
        SealedFile(str(written_path), no_passphrase).read()
    assert caught.value.hint == f"chmod 600 {written_path}"


def test_a_missing_file_and_a_folder_in_its_place_are_errors(path):
    with pytest.raises(KeyMissing, match="missing"):
        sealed_file(path).read()
    path.mkdir()
    with pytest.raises(KeyMissing, match="cannot read"):
        sealed_file(path).read()
    with pytest.raises((DatabaseError, KeyMissing), match="cannot"):
        sealed_file(path).write(DATA)
    assert os.listdir(path.parent) == [path.name]


def test_a_read_only_folder_is_an_error_and_the_old_keys_stay(written_path):
    def work():
        os.chmod(written_path.parent, 0o500)
        with pytest.raises(DatabaseError, match=r"cannot write .*permission denied"):
            sealed_file(written_path).write(b"new")
        assert sealed_file(written_path).read() == DATA
        os.chmod(written_path.parent, 0o700)

    assert run_without_privileges(work) == 0


def test_forget_overwrites_the_bytes_of_the_file(written_path):
    with written_path.open("rb") as file:
        size = len(file.read())
        sealed_file(written_path).forget()
        file.seek(0)
        assert file.read() == bytes(size)
    assert not written_path.exists()
    sealed_file(written_path).forget()


def test_of_a_link_only_the_link_is_removed(tmp_path, path):
    target = tmp_path / "notes"
    target.write_text("of the user")
    path.symlink_to(target)
    sealed_file(path).forget()
    assert (os.path.lexists(path), target.read_text()) == (False, "of the user")


def test_too_little_memory_is_an_error_that_says_how_much_is_needed(path):
    import resource

    SealedFile(str(path), correct_passphrase, Cost(512 << 10, 1)).write(DATA)

    def work():
        sealed_file(path)._body()
        resource.setrlimit(resource.RLIMIT_AS, (400 << 20, 400 << 20))
        with pytest.raises(KeyMissing, match="512 MiB of memory"):
            sealed_file(path).read()

    assert run_without_privileges(work) == 0
