"""The key file and the id of a device: made once, never replaced, refused when damaged."""

from __future__ import annotations

import os
import stat
from hashlib import blake2b
from pathlib import Path

import pytest
from nacl.public import PrivateKey
from nacl.signing import SigningKey

from capture.kill import forked, outcome
from hx.core.errors import DatabaseError
from hx.core.format.keys import derive_id
from hx.database.connection import open_database
from hx.device import identity, load_or_make, verified


@pytest.fixture
def database(tmp_path):
    connection = open_database(str(tmp_path / "hx" / "hx.db"))
    yield connection
    connection.close()


def test_the_device_id_is_the_documented_hash_of_the_public_keys():
    """BLAKE2b-256, person "hx1-device" padded with zeros, over both keys; the top bit is 0."""
    sign_pub, box_pub = bytes(range(32)), bytes(range(32, 64))
    digest = blake2b(sign_pub + box_pub, digest_size=32, person=b"hx1-device\0\0\0\0\0\0").digest()
    assert derive_id(sign_pub, box_pub)[1:] == digest[1:16]
    assert derive_id(sign_pub, box_pub)[0] == digest[0] & 0x7F
    ids = [derive_id(sign_pub, bytes([i]) * 32) for i in range(50)]
    assert all(device_id[0] < 0x80 for device_id in ids)
    assert len(set(ids)) == 50


def test_the_key_file_has_both_seeds_and_the_id(tmp_path):
    path = str(tmp_path / "device.key")
    device_id = load_or_make(path)
    magic, named, sign, sign_seed, box, box_seed = Path(path).read_text().split()
    assert (magic, sign, box) == ("hx-device-1", "sign", "box")
    sign_pub = bytes(SigningKey(bytes.fromhex(sign_seed)).verify_key)
    box_pub = bytes(PrivateKey(bytes.fromhex(box_seed)).public_key)
    assert bytes.fromhex(named) == device_id == derive_id(sign_pub, box_pub)


def test_only_the_owner_may_read_the_key_file_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        load_or_make(str(tmp_path / "device.key"))
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(tmp_path / "device.key").st_mode) == 0o600
    assert os.listdir(tmp_path) == ["device.key"]


def test_the_id_stays_the_same_in_later_runs_and_in_a_new_database(database):
    first_identity = identity(database, "box")
    assert identity(database, "box") == first_identity
    assert identity(database, "renamed") == first_identity
    assert (
        database.value("SELECT name FROM device WHERE device_id = ?", (first_identity.device_id,))
        == "box"
    )
    other_database = open_database(os.path.dirname(database.path) + "/other.db")
    assert identity(other_database, "box") == first_identity
    other_database.close()


def test_all_hosts_that_use_a_database_are_one_device(database):
    """Also a host that has got another name, and on a network file system."""
    first = identity(database, "one")
    with database.transaction():
        database.set_meta("network", 1)
    assert identity(database, "two") == first._replace(shared=True)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:0],
        lambda text: text[:-10],
        lambda text: text.replace("hx-device-1", "hx-device-2"),
        lambda text: text.replace("sign", "box"),
        lambda text: text.replace(text.split()[1], "z" * 32),
        lambda text: text.replace(text.split()[1], "00" * 16),
        lambda text: text.replace(text.split()[3], "00" * 32),
        lambda text: text.replace(text.split()[5], text.split()[5][2:] + "00"),
        lambda text: text + "\nmore",
        lambda text: "\xff" * len(text),
    ],
)
def test_a_damaged_key_file_is_refused_and_not_changed(tmp_path, damage):
    path = tmp_path / "device.key"
    load_or_make(str(path))
    damaged = damage(path.read_text())
    path.write_text(damaged, encoding="latin-1")
    with pytest.raises(DatabaseError, match=r"device\.key is damaged") as caught:
        load_or_make(str(path))
    assert "restore it from a backup" in caught.value.hint
    assert path.read_text(encoding="latin-1") == damaged


def test_a_key_file_of_another_owner_is_refused(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root may give a file away")
    path = tmp_path / "device.key"
    load_or_make(str(path))
    os.chown(path, 65_534, 65_534)
    with pytest.raises(DatabaseError, match="belongs to another user"):
        load_or_make(str(path))


def test_concurrent_first_runs_use_one_device_id(tmp_path):
    """Eight shells that start at login make one key file and use it."""
    path = str(tmp_path / "hx" / "hx.db")

    def first_run(number):
        database = open_database(path)
        (tmp_path / str(number)).write_bytes(identity(database, "box").device_id)

    processes = [forked(lambda n=n: first_run(n)) for n in range(8)]
    assert [outcome(pid) for pid in processes] == [0] * 8
    ids = {(tmp_path / str(n)).read_bytes() for n in range(8)}
    assert ids == {verified(str(tmp_path / "hx" / "device.key"))}
