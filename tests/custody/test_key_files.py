"""Keys under a passphrase: only with it, within bounds, and never half written."""

from __future__ import annotations

import os
import stat
import struct

import pytest

from custody.held import CHEAP, PASSPHRASE, after_every_death, nobody
from hx.core.errors import DatabaseError, KeyMissing
from hx.custody.files import framed, unframed
from hx.custody.key_files import Cost, SealedFile
from test_private_files import bound

DATA = b"keys, keys and keys"
MAGIC = b"HXP1"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "custody.sealed"


def told(passphrase):
    def ask(new):
        return passphrase

    return ask


known = told(PASSPHRASE)


def sealed(path, passphrase=PASSPHRASE):
    return SealedFile(str(path), told(passphrase), CHEAP)


@pytest.fixture
def written(path):
    sealed(path).write(DATA)
    return path


def test_what_is_written_comes_back_in_a_later_run(written):
    assert sealed(written).read() == DATA
    assert DATA not in written.read_bytes()


def test_it_costs_64_mib_and_3_passes_unless_told_otherwise(path):
    SealedFile(str(path), known).write(DATA)
    assert struct.unpack(">III", path.read_bytes()[4:16]) == (64 << 10, 3, 1)
    assert SealedFile(str(path), known).read() == DATA


def test_equal_secrets_are_sealed_differently_each_time(written):
    before = written.read_bytes()
    sealed(written).write(DATA)
    after = written.read_bytes()
    assert before[16:56] != after[16:56]
    assert before[56:72] != after[56:72]


def test_a_wrong_passphrase_is_one_sentence_and_changes_nothing(written):
    before = written.read_bytes()
    for use in (lambda file: file.read(), lambda file: file.write(b"new")):
        with pytest.raises(KeyMissing, match="the passphrase is wrong") as caught:
            use(sealed(written, b"wrong horse"))
        assert caught.value.hint
        assert caught.value.__cause__ is None
    assert written.read_bytes() == before


def test_the_passphrase_is_asked_for_once_a_run_and_said_to_be_new_where_it_is(path):
    asked = []

    def ask(new):
        asked.append(new)
        return PASSPHRASE

    first = SealedFile(str(path), ask, CHEAP)
    first.write(DATA)
    first.read()
    first.write(b"more")
    assert asked == [True]
    later = SealedFile(str(path), ask, CHEAP)
    later.write(b"most")
    assert later.read() == b"most"
    assert asked == [True, False]


def test_a_flipped_bit_anywhere_is_told_as_damage_before_anything_is_asked(written):
    whole = written.read_bytes()
    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << position % 8
        written.write_bytes(damaged)
        with pytest.raises(KeyMissing, match=r"custody\.sealed is damaged"):
            SealedFile(str(written), nobody).read()


def test_a_file_cut_anywhere_is_told_as_damage(written):
    whole = written.read_bytes()
    for length in range(len(whole)):
        written.write_bytes(whole[:length])
        with pytest.raises(KeyMissing, match="damaged"):
            SealedFile(str(written), nobody).read()


def altered(path, position, values):
    """With a digest that fits: what an attacker would write."""
    body = bytearray(unframed(MAGIC, path.read_bytes()))
    body[position : position + len(values)] = values
    path.write_bytes(framed(MAGIC, bytes(body)))


def test_a_change_by_somebody_who_mends_the_digest_opens_nothing(written):
    whole = written.read_bytes()
    size = len(unframed(MAGIC, whole))
    for position in (12, 27, 28, 51, *range(52, size, 5), size - 1):  # salt, nonce, the sealed
        written.write_bytes(whole)
        altered(written, position, bytes([unframed(MAGIC, whole)[position] ^ 0x10]))
        with pytest.raises(KeyMissing, match="the passphrase is wrong"):
            sealed(written).read()


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
def test_a_cost_out_of_bounds_is_refused_before_it_is_paid(written, numbers):
    altered(written, 0, struct.pack(">III", *numbers))
    with pytest.raises(KeyMissing, match="damaged"):
        SealedFile(str(written), nobody).read()


def test_the_ends_of_the_bounds_are_within(path):
    for cost in (Cost(19 << 10, 16), Cost(19 << 10, 1)):
        SealedFile(str(path), known, cost).write(DATA)
        assert sealed(path).read() == DATA
        path.unlink()


def test_a_file_of_any_length_is_not_read_whole(path):
    with path.open("wb") as file:
        file.truncate(1 << 40)
    path.chmod(0o600)
    with pytest.raises(KeyMissing, match="damaged"):
        SealedFile(str(path), nobody).read()


def test_a_write_that_dies_leaves_the_old_keys_or_the_new_ones(written):
    found = set()

    def work():
        later = sealed(written)
        later.read()
        later.write(b"new")

    def look():
        found.add(sealed(written).read())
        sealed(written).write(DATA)

    assert after_every_death(work, look) >= 4
    assert found == {DATA, b"new"}
    assert {stat.S_IMODE(os.stat(one.path).st_mode) for one in os.scandir(written.parent)} == {
        0o600
    }


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
def test_it_is_for_its_owner_alone_whatever_the_umask(path, umask):
    def work():
        os.umask(umask)
        sealed(path).write(DATA)
        assert sealed(path).read() == DATA

    assert bound(work) == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_one_that_others_may_read_is_refused_with_the_command_that_mends_it(written):
    written.chmod(0o640)
    with pytest.raises(KeyMissing, match=r"other users may read .*640") as caught:
        SealedFile(str(written), nobody).read()
    assert caught.value.hint == f"chmod 600 {written}"


def test_what_is_missing_or_no_file_is_told(path):
    with pytest.raises(KeyMissing, match="missing"):
        sealed(path).read()
    path.mkdir()
    with pytest.raises(KeyMissing, match="cannot read"):
        sealed(path).read()
    with pytest.raises((DatabaseError, KeyMissing), match="cannot"):
        sealed(path).write(DATA)
    assert os.listdir(path.parent) == [path.name]


def test_a_folder_that_cannot_be_written_is_told_and_the_old_keys_stay(written):
    def work():
        os.chmod(written.parent, 0o500)
        with pytest.raises(DatabaseError, match=r"cannot write .*permission denied"):
            sealed(written).write(b"new")
        assert sealed(written).read() == DATA
        os.chmod(written.parent, 0o700)

    assert bound(work) == 0


def test_forgotten_keys_are_overwritten_where_they_lay(written):
    with written.open("rb") as held:
        size = len(held.read())
        sealed(written).forget()
        held.seek(0)
        assert held.read() == bytes(size)
    assert not written.exists()
    sealed(written).forget()


def test_without_the_memory_for_it_a_sentence_says_how_much_it_takes(path):
    import resource

    SealedFile(str(path), known, Cost(512 << 10, 1)).write(DATA)

    def work():
        sealed(path)._body()
        resource.setrlimit(resource.RLIMIT_AS, (400 << 20, 400 << 20))
        with pytest.raises(KeyMissing, match="512 MiB of memory"):
            sealed(path).read()

    assert bound(work) == 0
