"""Two real Syncthing processes on loopback that keep two folders equal; nothing else is reached."""

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
_NEVER_OUTSIDE = """
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
    """One Syncthing with one folder, `path`."""

    def __init__(self, home: Path, ports: tuple[int, int]) -> None:
        self.path = home / "folder"
        self.home = home / "syncthing"
        self.path.mkdir(parents=True)
        self.port, self.api = ports
        self._seen = 0  # the number of its last event that was read
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

    def ask(self, method: str, path: str, body: object = None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.api}{path}", data, method=method)
        request.add_header("X-API-Key", _API_KEY)
        with _direct.open(request, timeout=PATIENCE_S) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def scan(self) -> None:
        """Syncthing looks what has changed in the folder; back when it has seen all."""
        self.ask("POST", f"/rest/db/scan?folder={FOLDER}")

    def ignore(self, *patterns: str) -> None:
        """What does not come in (from an empty list on: everything does again)."""
        self.ask("POST", f"/rest/db/ignores?folder={FOLDER}", {"ignore": patterns})

    def is_connected(self, other: Peer) -> bool:
        connections = self.ask("GET", "/rest/system/connections")["connections"]
        return connections.get(other.device_id, {}).get("connected", False)

    def wait_for_news(self) -> None:
        """Until something happens in this Syncthing, a second at most."""
        events = self.ask("GET", f"/rest/events?since={self._seen}&timeout=1") or []
        self._seen = max([self._seen, *(event["id"] for event in events)])

    def files(self) -> dict[str, int]:
        """Name -> size of what Syncthing carries: no names of its own."""
        found = {}
        for folder, inner, names in os.walk(self.path):
            inner[:] = [name for name in inner if not name.startswith(".st")]
            for name in names:
                if not name.startswith((".st", ".syncthing.")):
                    path = os.path.join(folder, name)
                    found[os.path.relpath(path, self.path)] = os.path.getsize(path)
        return found


class Pair:
    """Two folders that Syncthing keeps equal."""

    def __init__(self, one: Peer, other: Peer) -> None:
        self.one = one
        self.other = other

    def carry(self) -> None:
        """Until each has what the other has, deletions too."""
        for peer in (self.one, self.other):
            peer.scan()
        self.until(lambda: self.one.files() == self.other.files())

    def until(self, condition) -> None:
        """Look again after each thing that happens in a Syncthing."""
        deadline = time.monotonic() + PATIENCE_S
        while not _is_true(condition):
            assert time.monotonic() < deadline, (self.one.files(), self.other.files())
            for peer in (self.one, self.other):
                peer.wait_for_news()


def _is_true(condition) -> bool:
    try:
        return condition()
    except FileNotFoundError:  # a file was renamed while we looked
        return False


@contextmanager
def two_folders(scratch: Path) -> Iterator[Pair]:
    """Both Syncthings run and are connected; at the end they are gone."""
    ports = _free_ports(4)
    one, other = Peer(scratch / "one", ports[:2]), Peer(scratch / "other", ports[2:])
    try:
        one.start(other)
        other.start(one)
        _until_up(one, other)
        yield Pair(one, other)
    finally:
        one.stop()
        other.stop()


def program() -> str:
    found = shutil.which("syncthing")
    if not found:
        pytest.skip("syncthing is not installed (tests/shells/install.sh)")
    return found


def _until_up(one: Peer, other: Peer) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not (_listens(one) and _listens(other)):
        assert time.monotonic() < deadline, [(p.home / "log").read_text() for p in (one, other)]
    while not (one.is_connected(other) and other.is_connected(one)):
        assert time.monotonic() < deadline, [(p.home / "log").read_text() for p in (one, other)]
        one.wait_for_news()


def _listens(peer: Peer) -> bool:
    """The answer is waited for by the connection itself, or refused at once."""
    try:
        peer.ask("GET", "/rest/system/ping")
    except OSError:
        time.sleep(0.02)  # there is nothing yet that could wake us
        return False
    return True


def _free_ports(count: int) -> tuple[int, ...]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = tuple(one.getsockname()[1] for one in sockets)
    for one in sockets:
        one.close()
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
    <reconnectionIntervalS>1</reconnectionIntervalS>{_NEVER_OUTSIDE}</options>
</configuration>
"""
