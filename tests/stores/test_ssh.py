"""A store over ssh: what a real sshd, a real `ssh` and a full disk do to it."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from cli.mounts import fill, read_only, small_disk
from hx.core.errors import UsageError
from hx.stores import (
    WEAK_DURABILITY,
    Denied,
    Exists,
    Full,
    Missing,
    NotMounted,
    ReadOnly,
    StoredObject,
    Transient,
    open_store,
)
from hx.stores.ssh import connection
from hx.stores.ssh.address import Address, parse
from stores.objects import DEVICE, OTHER, manifest, segment
from stores.sshd import HOST, sftp_server


@pytest.fixture
def ssh(on_ssh):
    """Return the place, whose `ssh` a test may replace or configure anew."""
    program, more = on_ssh.server.programs / "ssh", on_ssh.server.more
    before = program.read_bytes()
    yield on_ssh
    program.write_bytes(before)
    more.write_text("")


def pretend(place, script):
    """Let a script be `ssh`."""
    (place.server.programs / "ssh").write_text(f"#!/bin/sh\n{script}\n")


# ---- addresses ----


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("ssh://box/srv/hx", ("", "box", None, "/srv/hx")),
        ("ssh://ann@box:2222/srv/hx/", ("ann", "box", 2222, "/srv/hx")),
        ("ssh://box/~/hx", ("", "box", None, "hx")),
        ("ssh://ann@[fe80::1%25eth0]:22/srv", ("ann", "fe80::1%25eth0", 22, "/srv")),
        ("ssh://[::1]/srv", ("", "::1", None, "/srv")),
        ("ssh://box/a%20b", ("", "box", None, "/a b")),
        ("ssh://box/a b", ("", "box", None, "/a b")),
        ("ssh://ann%40corp@box/x", ("ann@corp", "box", None, "/x")),
    ],
)
def test_an_address_is_taken_apart(url, address):
    assert parse(url) == Address(url, *address)


@pytest.mark.parametrize(
    "url",
    [
        "ssh:box/x",
        "ssh://",
        "ssh:///x",
        "ssh://box",
        "ssh://box/",
        "ssh://box/~/",
        "ssh://box/~ann/x",
        "ssh://@box/x",
        "ssh://-oProxyCommand=touch/x",
        "ssh://-l@box/x",
        "ssh://%2DoProxyCommand=touch@box/x",
        "ssh://box:0/x",
        "ssh://box:65536/x",
        "ssh://box:22x/x",
        "ssh://box:²/x",
        "ssh://box/a%00b",
        "ssh://box/a%0Ab",
        "ssh://b ox/x",
        "ssh://ann:secret@box/x",
    ],
)
def test_what_is_no_address_is_refused_without_its_password(url):
    with pytest.raises(UsageError) as caught:
        open_store(url, DEVICE)
    assert "secret" not in f"{caught.value.message} {caught.value.hint}"


def test_nobody_is_asked_in_the_background():
    address = parse("ssh://ann@box:22/x")
    quiet, asking = (connection.command(address, asks=asks) for asks in (False, True))
    assert "BatchMode=yes" in quiet
    assert "BatchMode=yes" not in asking
    assert quiet[-8:] == ["-p", "22", "-l", "ann", "-s", "--", "box", "sftp"]


# ---- files ----


def test_the_files_are_those_of_a_folder_store(ssh):
    ssh.open().put(segment(), b"sealed")
    folder = open_store(f"folder:{ssh.path}", OTHER)
    assert folder.get(segment(), 10) == b"sealed"
    folder.put(segment(2), b"more")
    assert sorted(ssh.open().list("o/")) == sorted(folder.list("o/"))


def test_a_path_may_begin_in_the_home_folder_there(ssh):
    pretend(ssh, f"cd {ssh.path.parent} && exec {sftp_server()}")
    store = open_store(f"ssh://{HOST}/~/{ssh.path.name}", DEVICE, umask=0o022, asks=False)
    store.put(segment(), b"x")
    store.close()
    assert (ssh.path / segment()).read_bytes() == b"x"


@pytest.mark.parametrize(("mask", "modes"), [(0o666, {0o644, 0o755}), (0o600, {0o600, 0o700})])
def test_files_follow_the_umask_there_or_are_for_the_owner_alone(ssh, mask, modes):
    store = ssh.open()
    store._file_mode = mask
    store.put(segment(), b"sealed")
    found = {path.stat().st_mode & 0o777 for path in ssh.path.rglob("*")}
    assert found == modes


def test_interrupted_writes_of_this_device_are_swept(ssh):
    store = ssh.open()
    store.put(segment(), b"sealed")
    folder = (ssh.path / segment()).parent
    mine, other = (folder / f"~hx-{each.hex()}-{'0' * 16}.tmp" for each in (DEVICE, OTHER))
    mine.touch()
    other.touch()
    assert store.sweep() == 1
    assert not mine.exists()
    assert other.exists()


def test_what_is_no_file_is_not_read_and_not_replaced(ssh):
    (ssh.path / "m").mkdir()
    os.symlink("/etc/hostname", ssh.path / manifest(1))
    os.mkfifo(ssh.path / manifest(3))
    (ssh.path / manifest(2)).mkdir()
    store = ssh.open()
    assert list(store.list("m/")) == []
    assert len(list(store.foreign_files("m/"))) == 3
    for number in (1, 2, 3):
        with pytest.raises(Missing):
            store.get(manifest(number), 100)
        with pytest.raises(Exists):
            store.put(manifest(number), b"")


def test_a_thousand_names_are_listed_whole(ssh):
    (ssh.path / "m").mkdir()
    for number in range(1, 1_001):
        (ssh.path / manifest(number)).write_bytes(b"x" * (number % 7))
    assert sorted(ssh.open().list("m/")) == sorted(
        StoredObject(manifest(number), number % 7) for number in range(1, 1_001)
    )


def test_an_unreadable_folder_of_one_device_is_left_out_and_named(ssh):
    ssh.open().put(segment(1), b"x")
    ssh.open().put(segment(1, OTHER), b"x")
    closed = f"o/{OTHER.hex()}"
    # the right of root to read every folder is taken from the server
    limit = "setpriv --bounding-set=-dac_override,-dac_read_search" if not os.geteuid() else ""
    pretend(ssh, f"exec {limit} {sftp_server()}")
    (ssh.path / closed).chmod(0)
    try:
        store = ssh.open()
        assert [each.key for each in store.list("o/")] == [segment(1)]
        assert store.unopened == {closed}
        assert any(closed in each for each in store.conditions)
    finally:
        (ssh.path / closed).chmod(0o700)


# ---- errors ----


def test_a_folder_that_is_not_there_is_no_empty_store(ssh):
    store = ssh.open()
    store.put(segment(), b"x")
    ssh.path.rename(ssh.path.with_name("away"))
    for call in (
        lambda: list(store.list("m/")),
        lambda: store.get(segment(), 10),
        lambda: store.put(segment(1), b"x"),
        lambda: store.delete(segment()),
    ):
        with pytest.raises(NotMounted, match=f"is not there on {HOST}"):
            call()
    assert not ssh.path.exists()
    ssh.path.with_name("away").rename(ssh.path)
    assert store.get(segment(), 10) == b"x"


def test_a_full_disk_leaves_nothing_behind(ssh):
    with small_disk(ssh.path, "512k"):
        store = ssh.open()
        store.put(segment(1), b"x")
        filler = fill(ssh.path)
        with pytest.raises(Full):
            store.put(segment(2), b"y" * 100_000)
        assert [path.name for path in (ssh.path / segment(1)).parent.iterdir()] == [
            segment(1).rpartition("/")[2]
        ]
        filler.unlink()
        store.put(segment(2), b"y" * 100_000)
        store.close()


def test_a_disk_that_is_read_only_is_told(ssh):
    store = ssh.open()
    store.put(segment(1), b"x")
    with read_only(ssh.path):
        with pytest.raises(ReadOnly):
            store.put(segment(2), b"y")
        assert store.get(segment(1), 10) == b"x"


def test_a_connection_that_is_lost_is_opened_again(ssh):
    store = ssh.open()
    store.put(segment(1), b"x")
    for _ in range(2):
        os.kill(store._session._connection._process.pid, signal.SIGKILL)
        assert store.get(segment(1), 10) == b"x"


def test_a_put_that_is_killed_in_the_middle_shows_no_half_of_an_object(ssh):
    store = ssh.open()
    store.put(segment(1), b"x")
    session = store._session
    sent = 0

    def send(kind, body, original=session._sftp.send):
        nonlocal sent
        sent += 1
        if sent == 20:
            os.kill(session._connection._process.pid, signal.SIGKILL)
        return original(kind, body)

    session._sftp.send = send
    data = os.urandom(2_000_000)
    store.put(segment(2), data)  # by a new connection
    assert store.get(segment(2), 3_000_000) == data
    assert [each.key for each in store.list("o/")] == [segment(1), segment(2)]
    assert list(store.foreign_files()) == []  # what the lost connection has left was removed


def test_a_server_without_flush_is_told(ssh):
    store = ssh.open()
    store.put(segment(), b"x")
    assert WEAK_DURABILITY not in store.conditions
    pretend(ssh, f"exec {sftp_server()} -P fsync")
    store = ssh.open()
    store.put(segment(2), b"x")
    assert WEAK_DURABILITY in store.conditions


def refusal(place, kind):
    with pytest.raises(kind) as caught:
        list(place.open().list("m/"))
    return f"{caught.value.message} | {caught.value.hint}"


def test_a_host_key_that_has_changed_is_told(ssh):
    key = ssh.server.folder / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    known = ssh.server.folder / "known"
    before = known.read_text()
    try:
        known.write_text(f"[127.0.0.1]:{ssh.server.port} {key.with_suffix('.pub').read_text()}")
        assert "is not the one that `ssh` knows" in refusal(ssh, Denied)
        known.write_text("")
        said = refusal(ssh, Denied)
        assert "does not know the key" in said
        assert f"run `ssh {HOST}` once" in said
    finally:
        known.write_text(before)
        key.unlink()
        key.with_suffix(".pub").unlink()


def test_a_login_that_is_refused_is_told(ssh):
    key = ssh.server.folder / "user.pub"
    before = key.read_text()
    try:
        key.write_text("")
        assert f"{HOST} does not let this user in" in refusal(ssh, Denied)
    finally:
        key.write_text(before)


@pytest.mark.parametrize(
    ("script", "kind", "words"),
    [
        ("echo 'subsystem request failed on channel 0' >&2; exit 1", Denied, "offers no SFTP"),
        ("echo 'Welcome to box!'; exec cat", Denied, "it begins with 'Welco'"),
        (
            "echo 'ssh: connect to host x port 22: No route to host' >&2; exit 255",
            Transient,
            "route",
        ),
        ("printf 'a\\033[2Jb\\nthe end\\n' >&2; exit 255", Transient, "has ended: the end"),
        ("exit 255", Transient, "has ended |"),
        ("head -c 99999999 /dev/zero >&2; exit 1", Transient, "has ended"),
        (
            "printf '\\000\\000\\000\\005\\002\\000\\000\\000\\002'; exec cat",
            Denied,
            "else than SFTP",
        ),
        ("printf '\\377\\377\\377\\377\\002'; exec cat", Denied, "else than SFTP"),
    ],
)
def test_what_ssh_says_becomes_a_sentence(ssh, script, kind, words):
    pretend(ssh, script)
    said = refusal(ssh, kind)
    assert words in said
    assert "\033" not in said
    assert "\n" not in said


def test_a_machine_without_ssh_is_told(ssh, monkeypatch):
    monkeypatch.setenv("PATH", str(ssh.path))
    assert "`ssh`, which is not installed" in refusal(ssh, NotMounted)


def test_a_server_that_falls_silent_is_given_up(ssh, monkeypatch):
    monkeypatch.setattr(connection, "_ANSWER_S", 0.2)
    monkeypatch.setattr(connection, "_END_S", 0.2)
    pretend(ssh, "exec sleep 100")
    assert "has not answered for" in refusal(ssh, Transient)


def test_a_shared_connection_that_goes_on_holds_nothing_up(ssh):
    socket = ssh.server.folder / "shared"
    ssh.server.more.write_text(f"ControlMaster auto\nControlPath {socket}\nControlPersist 30\n")
    store = ssh.open()
    store.put(segment(), b"x")
    store.close()
    assert ssh.open().get(segment(), 10) == b"x"
    program = ssh.server.programs / "ssh"
    subprocess.run([program, "-O", "exit", HOST], check=True, capture_output=True)
