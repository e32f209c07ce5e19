"""A real sshd on loopback with its own keys, and a program `ssh` that finds it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "box"  # by the configuration of ssh
_SFTP = (
    "/usr/lib/openssh/sftp-server",
    "/usr/libexec/sftp-server",
    "/usr/libexec/openssh/sftp-server",
)
_SERVER = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
AuthorizedKeysFile {folder}/user.pub
StrictModes no
UsePAM no
PermitRootLogin yes
PidFile none
MaxStartups 100
MaxSessions 100
Subsystem sftp {sftp}
"""
_CLIENT = """
Host {host}
  HostName 127.0.0.1
  Port {port}
  IdentityFile {folder}/user
  IdentitiesOnly yes
  UserKnownHostsFile {folder}/known
  GlobalKnownHostsFile none
Include {folder}/more
"""
_START_S = 10


class Sshd:
    """A running server. `programs` goes in front of PATH; `more`: further lines for `ssh`."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self.programs = folder / "bin"
        self.more = folder / "more"

    def url(self, path: Path) -> str:
        return f"ssh://{HOST}{path}"

    def environment(self) -> dict[str, str]:
        return {"PATH": f"{self.programs}{os.pathsep}{os.environ['PATH']}"}


def sftp_server() -> str | None:
    """Return the program that serves SFTP on its input and output; None: it is not here."""
    return next((path for path in _SFTP if os.path.exists(path)), None)


@contextmanager
def sshd() -> Iterator[Sshd]:
    """Run a server until the end of the block; skip the test where there is none."""
    program = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    sftp = sftp_server()
    if program is None or sftp is None or shutil.which("ssh") is None:
        pytest.skip("openssh-server is not installed (tests/shells/install.sh)")
    if os.geteuid() == 0:
        os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="hx-sshd-") as name:
        server = _written(Path(name), sftp)
        line = [program, "-D", "-e", "-f", f"{name}/sshd_config"]
        with subprocess.Popen(line, stderr=subprocess.DEVNULL) as process:
            try:
                _wait_for(server.port, process)
                yield server
            finally:
                process.terminate()


def _written(folder: Path, sftp: str) -> Sshd:
    """Write keys and configuration; return the server, which does not run yet."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server = Sshd(folder, free.getsockname()[1])
    for name in ("host", "user"):
        keygen = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(folder / name)]
        subprocess.run(keygen, check=True)
    values = {"port": server.port, "folder": folder, "sftp": sftp, "host": HOST}
    (folder / "sshd_config").write_text(_SERVER.format_map(values))
    (folder / "config").write_text(_CLIENT.format_map(values))
    server.more.touch()
    key = (folder / "host.pub").read_text()
    (folder / "known").write_text(f"[127.0.0.1]:{server.port} {key}")
    server.programs.mkdir()
    ssh = server.programs / "ssh"
    ssh.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {folder}/config "$@"\n')
    ssh.chmod(0o755)
    return server


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    pytest.skip("sshd does not start here")
