"""A real Secret Service for one test: gnome-keyring on a bus that no other program sees."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "org.freedesktop.secrets"
# It starts no service: one that has ended stays away, and is not followed by a locked one.
BUS = """<busconfig>
  <type>session</type>
  <listen>unix:dir=FOLDER</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""
TIMEOUT_S = 30
ADDRESS = "DBUS_SESSION_BUS_ADDRESS"


@contextmanager
def session_bus(home: Path) -> Iterator[dict[str, str]]:
    """Run a bus without any service; yield the environment of its session."""
    if shutil.which("dbus-daemon") is None:
        pytest.skip("dbus-daemon is not installed (tests/shells/install.sh)")
    home.mkdir(parents=True, exist_ok=True)
    # the name of a socket has 99 bytes at most, and that of a test may be long
    sockets = tempfile.mkdtemp(prefix="hx-bus-")
    environment = {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "XDG_RUNTIME_DIR": sockets,
    }
    (home / "bus.conf").write_text(BUS.replace("FOLDER", sockets))
    bus = ["dbus-daemon", f"--config-file={home}/bus.conf", "--nofork", "--nopidfile"]
    bus.append("--print-address")
    try:
        with _running(bus, environment) as bus_process:
            environment[ADDRESS] = bus_process.stdout.readline().decode().strip()
            yield environment
    finally:
        shutil.rmtree(sockets)


@contextmanager
def secret_service(home: Path) -> Iterator[dict[str, str]]:
    """Run an unlocked Secret Service without a display; yield the variables that lead to it."""
    with session_bus(home) as environment, open_keyring(environment):
        yield {ADDRESS: environment[ADDRESS]}


@contextmanager
def open_keyring(environment: dict[str, str], *, is_locked: bool = False) -> Iterator[None]:
    """Run the keyring of a login on a session bus; it is locked if nobody gives its password."""
    if shutil.which("gnome-keyring-daemon") is None:
        pytest.skip("gnome-keyring-daemon is not installed (tests/shells/install.sh)")
    keyring = ["gnome-keyring-daemon", "--foreground", "--components=secrets"]
    if not is_locked:
        keyring.append("--unlock")
    with _running(keyring, environment) as daemon:
        if not is_locked:
            daemon.stdin.write(b"of the login")
        daemon.stdin.close()
        _wait_for_name(environment[ADDRESS])
        yield


@contextmanager
def _running(line: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen]:
    pipe, null = subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen(line, env=environment, stdin=pipe, stdout=pipe, stderr=null) as process:
        try:
            yield process
        finally:
            process.kill()


def _wait_for_name(address: str) -> None:
    """Wait for the signal of the bus that the service has its name there."""
    from jeepney import MatchRule, message_bus
    from jeepney.io.blocking import Proxy, open_dbus_connection

    with closing(open_dbus_connection(address)) as connection:
        bus = Proxy(message_bus, connection)
        rule = MatchRule(type="signal", interface=message_bus.interface, member="NameOwnerChanged")
        rule.add_arg_condition(0, NAME)
        with connection.filter(rule) as signals:
            bus.AddMatch(rule)
            if not bus.NameHasOwner(NAME)[0]:
                connection.recv_until_filtered(signals, timeout=TIMEOUT_S)
