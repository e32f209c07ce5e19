"""The bus of the session without its variable, as under cron, and in the settings of a run."""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path

import pytest

from hx.config import find_session_bus
from hx.custody.session_bus import NAME, variables


@pytest.fixture
def short():
    """Return a folder with a short name, as the name of a socket may have 107 bytes at most."""
    with tempfile.TemporaryDirectory(prefix="hx-") as made:
        yield Path(made)


@pytest.fixture
def folder(short):
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(short / "bus"))
        yield str(short)


def test_the_first_socket_is_the_bus(folder, tmp_path):
    address = f"unix:path={folder}/bus"
    assert variables("", ["", str(tmp_path / "none"), folder]) == {NAME: address}


def test_a_bus_that_is_named_stays(folder):
    assert variables("unix:path=/else/where", [folder]) == {}


def test_a_file_and_a_relative_folder_are_no_bus(tmp_path, folder, monkeypatch):
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "bus").touch()
    monkeypatch.chdir(folder)
    assert variables("", ["", str(tmp_path / "files"), str(tmp_path / "none")]) == {}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files of other users")
def test_a_socket_of_another_user_is_no_bus(folder):
    os.chown(f"{folder}/bus", 12345, 12345)
    assert variables("", [folder]) == {}


def test_the_path_is_escaped_as_an_address_wants_it(short):
    from jeepney.bus import get_bus

    folder = short / "a b,c=d;é%"
    folder.mkdir()
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(folder / "bus"))
        address = variables("", [str(folder)])[NAME]
    assert ";" not in address
    # jeepney reads bytes above 127 as Latin-1
    assert get_bus(address).encode("latin-1") == os.fsencode(folder / "bus")


def test_the_folder_of_the_session_comes_first(folder):
    environment = {"XDG_RUNTIME_DIR": folder}
    find_session_bus(environment)
    assert environment[NAME] == f"unix:path={folder}/bus"
