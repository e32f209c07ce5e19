"""Devices that sync through a folder which a real sshd serves."""

from __future__ import annotations

from functools import partial

import pytest

from cli.vaults import KEYS, Member, is_error, vault
from hx.core.format import object_names
from stores.sshd import HOST, sshd


class SshMember(Member):
    """A machine that reaches the folder by ssh."""

    def __init__(self, server, path, folder, name):
        super().__init__(path, folder, name)
        self.server = server
        self.at = ("--store", server.url(folder), *KEYS, "--name", name)
        self.variables = server.environment()


@pytest.fixture(scope="module")
def server():
    with sshd() as running:
        yield running


@pytest.fixture
def pair(tmp_path, server):
    before = (server.programs / "ssh").read_bytes()
    yield vault(tmp_path, "laptop", "desktop", member=partial(SshMember, server))
    (server.programs / "ssh").write_bytes(before)


def test_devices_become_equal_and_forget_together(pair):
    laptop, desktop = pair
    laptop.record("make laptop")
    laptop.record("mysql -p hunter2")
    desktop.record("make desktop")
    for member in (laptop, desktop, laptop):
        member.sync()
    assert laptop.commands == desktop.commands
    assert len(laptop.commands) == 3
    segments = set((laptop.folder / "o").rglob("*.hx"))
    assert desktop.hx("forget", "--match", "hunter2", "--yes").code == 0
    for member in (desktop, laptop, desktop):
        member.sync()
    assert laptop.commands == desktop.commands == ["make desktop", "make laptop"]
    # the segment that held it was replaced, that of the other device was not
    assert len(segments - set((laptop.folder / "o").rglob("*.hx"))) == 1
    names = {str(path.relative_to(laptop.folder)) for path in laptop.folder.rglob("*.*")}
    assert all(object_names.parsed(name) for name in names), names


def test_a_vault_moves_from_ssh_to_a_folder_and_back(pair, tmp_path):
    laptop, desktop = pair
    laptop.record("make laptop")
    laptop.sync()
    place = tmp_path / "usb"
    place.mkdir()
    assert laptop.hx("sync", "move", "--store", f"folder:{place}", "--yes").code == 0
    desktop.record("make desktop")
    moved = desktop.hx("sync", "move", "--store", f"folder:{place}", "--yes")
    assert moved.code == 0, moved
    laptop.sync()
    assert laptop.commands == desktop.commands == ["make desktop", "make laptop"]
    back = tmp_path / "back"
    back.mkdir()
    for member in pair:
        result = member.hx("sync", "move", "--store", member.server.url(back), "--yes")
        assert result.code == 0, result
    assert {path.name for path in back.iterdir()} >= {"hx-vault.hx", "m", "o", "k"}
    for member in (laptop, desktop):
        member.sync()
    assert laptop.commands == desktop.commands == ["make desktop", "make laptop"]


def test_a_host_that_is_away_is_told_and_tried_later(pair):
    laptop, _ = pair
    program = laptop.server.programs / "ssh"
    program.write_text(
        "#!/bin/sh\necho 'ssh: connect to host x port 22: No route to host' >&2\nexit 255\n"
    )
    laptop.record("make")
    result = laptop.hx("sync")
    assert is_error(
        result, 5, f"{HOST} cannot be reached", "No route to host", "run `hx sync` again"
    )
    assert "cannot be reached" in laptop.hx("sync", "status").out


def test_a_push_whose_connection_is_cut_anywhere_is_completed_by_the_next(pair):
    laptop, desktop = pair
    program = laptop.server.programs / "ssh"
    real = program.read_text().replace("exec ", "")
    call, codes = real.splitlines()[1], []
    for number, cut in enumerate((1, 40, 400, 900, 1_500, 2_500)):
        laptop.record(f"make {number}")
        # what is sent to the server ends after so many bytes, in each connection
        program.write_text(f"#!/bin/sh\ndd bs=1 count={cut} status=none | {call}\n")
        result = laptop.hx("sync", "--json")
        assert "Traceback" not in result.err
        codes.append(result.code)
    assert codes[:3] == [5, 5, 5], codes
    assert set(codes) <= {0, 5}
    program.write_text(real)
    laptop.sync()
    desktop.sync()
    assert desktop.commands == [f"make {number}" for number in range(6)]
    names = {str(path.relative_to(laptop.folder)) for path in laptop.folder.rglob("*.*")}
    assert all(object_names.parsed(name) for name in names), names
