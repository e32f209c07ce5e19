"""Two real Syncthing processes that keep two folders equal; they use only the loopback network."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
import xml.etree.ElementTree as ET
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE_S = 60
FOLDER = "hx"
_API_KEY = "only-for-a-test"
_LOOPBACK_ONLY = """
    <globalAnnounceEnabled>false</globalAnnounceEnabled>
    <localAnnounceEnabled>false</localAnnounceEnabled>
    <relaysEnabled>false</relaysEnabled>
    <natEnabled>false</natEnabled>
    <stunKeepaliveStartS>0</stunKeepaliveStartS>
    <crashReportingEnabled>false</crashReportingEnabled>
    <urAccepted>-1</urAccepted>
    <autoUpgradeIntervalH>0</autoUpgradeIntervalH>
    <startBrowser>false</startBrowser>
"""
_LOCAL = {"NO_PROXY": "127.0.0.1", "STNOUPGRADE": "1", "STNODEFAULTFOLDER": "1"}
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Peer:
    """One Syncthing process with one shared folder, `path`."""

    def __init__(self, home: Path, ports: tuple[int, int]) -> None:
        self.path = home / "folder"
        self.home = home / "syncthing"
        self.path.mkdir(parents=True)
        self.port, self.api = ports
        self._seen = 0  # the number of the last event that was read
        self._process: subprocess.Popen | None = None
        self.device_id = self._make_keys()

    def _make_keys(self) -> str:
        command = [program(), "generate", f"--home={self.home}"]
        subprocess.run(command, env=os.environ | _LOCAL, check=True, capture_output=True)
        return ET.parse(self.home / "config.xml").getroot().find("device").get("id")

    def start(self, other: Peer) -> None:
        (self.home / "config.xml").write_text(_configuration(self, other))
        self._process = subprocess.Popen(
            [program(), "serve", f"--home={self.home}", "--no-browser", "--no-restart"],
            env=os.environ | _LOCAL | {"STNORESTART": "1"},
            stdout=(self.home / "log").open("wb"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def stop(self) -> None:
        if self._process is None:
            return
        os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def request(self, method: str, path: str, body: object = None):
        data = None if body is None else json.dumps(body).encode()
        http_request = urllib.request.Request(
            f"http://127.0.0.1:{self.api}{path}", data, method=method
        )
        http_request.add_header("X-API-Key", _API_KEY)
        with _direct.open(http_request, timeout=PATIENCE_S) as response:
            text = response.read()
        return json.loads(text) if text else None

    def scan(self) -> None:
        """Let Syncthing look for changes in the folder; return when it has seen all."""
        self.request("POST", f"/rest/db/scan?folder={FOLDER}")

    def ignore(self, *patterns: str) -> None:
        """Set the patterns of files that Syncthing does not receive; none: it receives all."""
        self.request("POST", f"/rest/db/ignores?folder={FOLDER}", {"ignore": patterns})

    def is_connected(self, other: Peer) -> bool:
        connections = self.request("GET", "/rest/system/connections")["connections"]
        return connections.get(other.device_id, {}).get("connected", False)

    def wait_for_news(self) -> None:
        """Wait until something happens in this Syncthing, for one second at most."""
        events = self.request("GET", f"/rest/events?since={self._seen}&timeout=1") or []
        self._seen = max([self._seen, *(event["id"] for event in events)])

    def files(self) -> dict[str, int]:
        """Return the sizes of all files by name, without the files of Syncthing itself."""
        sizes = {}
        for folder, inner, names in os.walk(self.path):
            inner[:] = [name for name in inner if not name.startswith(".st")]
            for name in names:
                if not name.startswith((".st", ".syncthing.")):
                    path = os.path.join(folder, name)
                    sizes[os.path.relpath(path, self.path)] = os.path.getsize(path)
        return sizes


class Pair:
    """Two folders that Syncthing keeps equal."""

    def __init__(self, laptop: Peer, desktop: Peer) -> None:
        self.laptop = laptop
        self.desktop = desktop

    def wait_until_equal(self) -> None:
        """Wait until both folders are equal, deletions included."""
        for peer in (self.laptop, self.desktop):
            peer.scan()
        self.wait_until(lambda: self.laptop.files() == self.desktop.files())

    def wait_until(self, condition) -> None:
        """Wait until a condition holds; check it after each event of a Syncthing."""
        deadline = time.monotonic() + PATIENCE_S
        while not _is_true(condition):
            assert time.monotonic() < deadline, (self.laptop.files(), self.desktop.files())
            for peer in (self.laptop, self.desktop):
                peer.wait_for_news()


def _is_true(condition) -> bool:
    try:
        return condition()
    except FileNotFoundError:  # a file was renamed while we looked
        return False


@contextmanager
def two_folders(scratch: Path) -> Iterator[Pair]:
    """Yield two folders whose Syncthing processes run and are connected; stop them at the end."""
    ports = _free_ports(4)
    laptop, desktop = Peer(scratch / "laptop", ports[:2]), Peer(scratch / "desktop", ports[2:])
    try:
        laptop.start(desktop)
        desktop.start(laptop)
        _wait_until_connected(laptop, desktop)
        yield Pair(laptop, desktop)
    finally:
        laptop.stop()
        desktop.stop()


def program() -> str:
    path = shutil.which("syncthing")
    if not path:
        pytest.skip("syncthing is not installed (tests/shells/install.sh)")
    return path


def _wait_until_connected(laptop: Peer, desktop: Peer) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not (_listens(laptop) and _listens(desktop)):
        assert time.monotonic() < deadline, [
            (p.home / "log").read_text() for p in (laptop, desktop)
        ]
    while not (laptop.is_connected(desktop) and desktop.is_connected(laptop)):
        assert time.monotonic() < deadline, [
            (p.home / "log").read_text() for p in (laptop, desktop)
        ]
        laptop.wait_for_news()


def _listens(peer: Peer) -> bool:
    """Return whether the process accepts requests."""
    try:
        peer.request("GET", "/rest/system/ping")
    except OSError:
        time.sleep(0.02)  # nothing runs yet that could notify this process
        return False
    return True


def _free_ports(count: int) -> tuple[int, ...]:
    sockets = [socket.socket() for _ in range(count)]
    for listener in sockets:
        listener.bind(("127.0.0.1", 0))
    ports = tuple(listener.getsockname()[1] for listener in sockets)
    for listener in sockets:
        listener.close()
    return ports


def _configuration(own: Peer, other: Peer) -> str:
    both = "".join(f'<device id="{peer.device_id}"></device>' for peer in (own, other))
    devices = "".join(
        f'<device id="{peer.device_id}" name="x"><address>tcp://127.0.0.1:{peer.port}</address></device>'
        for peer in (own, other)
    )
    return f"""<configuration version="36">
  <folder id="{FOLDER}" path="{own.path}" type="sendreceive" rescanIntervalS="3600"
      fsWatcherEnabled="true" fsWatcherDelayS="1">{both}</folder>
  {devices}
  <gui enabled="true" tls="false">
    <address>127.0.0.1:{own.api}</address><apikey>{_API_KEY}</apikey>
  </gui>
  <options><listenAddress>tcp://127.0.0.1:{own.port}</listenAddress>
    <reconnectionIntervalS>1</reconnectionIntervalS>{_LOOPBACK_ONLY}</options>
</configuration>
"""
