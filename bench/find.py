"""Time `hx find` on a large history with one pending event against atuin, as whole processes."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from histories import write_spool, write_zsh
from timing import Row, medians_ms, program, ratio_row, run_ms

if TYPE_CHECKING:
    from collections.abc import Iterator

_TIMES = 15
_GOALS = {
    "kubectl get pods": ("common", 2.5, "<= 2.5 x atuin"),
    "zyxquux": ("rare", 1 / 8, "<= 1/8 of atuin"),
    "nosuchthing": ("absent", 1 / 8, "<= 1/8 of atuin"),
}


def rows(folder: str, count: int) -> Iterator[Row]:
    home = os.path.join(folder, "hx")
    environment = {"HX_HOME": home, "HOME": folder, "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    write_spool(os.path.join(home, "spool"), count)
    hx = program("hx") or "hx"
    ingest_ms = run_ms([hx, "find", "nosuchthing"], environment)
    rate = count / ingest_ms * 1e3
    goal, reached = ">= 20,000 events/s", rate >= 20_000
    yield Row(f"ingest of {count:,} events", f"{rate:,.0f} events/s", "", "", goal, reached)
    yield size_row(home, count)
    atuin = _atuin(folder, count)
    for text, (name, at_most, goal) in _GOALS.items():
        commands = [([hx, "find", text], environment)]
        if atuin:
            # atuin has no limit by default; hx prints 50 rows
            commands.append(([*atuin[0], "search", "--limit", "50", text], atuin[1]))
        times_ms = _with_one_pending(commands, os.path.join(home, "spool"))
        peer = times_ms[1] if atuin else None
        yield ratio_row(f"find, {name} text, {count:,} events", times_ms[0], peer, at_most, goal)


def size_row(home: str, count: int) -> Row:
    size = sum(os.path.getsize(os.path.join(home, f"hx.db{end}")) for end in ("", "-wal")) / count
    figure, goal = f"database of {count:,} events", "<= 210 bytes an event"
    return Row(figure, f"{size:.0f} bytes an event", "", "", goal, size <= 210)


def _with_one_pending(commands: list[tuple[list[str], dict[str, str]]], spool: str) -> list[float]:
    """Return the median milliseconds; before each turn one more event is written to the spool."""
    import statistics

    turns_ms: list[list[float]] = [[] for _ in commands]
    session = f"{time.time_ns() // 1000:016x}{os.getpid():016x}"
    path = os.path.join(spool, f"{session}.0")
    with open(path, "ab") as file:
        begin_us = time.time_ns() // 1000
        file.write(f"\0HX1H\0s{session}\0g0\0P{os.getpid()}\0b{begin_us}\0Szsh\0\0".encode())
    for seq in range(1, _TIMES + 1):
        with open(path, "ab") as file:
            at_us = time.time_ns() // 1000
            file.write(f"\0HX1C\0n{seq}\0b{at_us}\0e{at_us}\0x0\0d/tmp\0ctrue {seq}\0\0".encode())
        for index, (command, environment) in enumerate(commands):
            turns_ms[index].append(run_ms(command, environment))
    return [statistics.median(times_ms) for times_ms in turns_ms]


def _atuin(folder: str, count: int) -> tuple[list[str], dict[str, str]] | None:
    """Import the history into atuin; return its command and its environment, None without atuin."""
    atuin = program("atuin")
    if not atuin:
        return None
    home = os.path.join(folder, "atuin")
    os.makedirs(home, exist_ok=True)
    history = os.path.join(home, "history")
    write_zsh(history, count)
    environment = {
        "HOME": home,
        "HISTFILE": history,
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "ATUIN_SESSION": "0" * 32,
        "SHELL": "/bin/zsh",
    }
    run_ms([atuin, "import", "zsh"], environment)
    return [atuin], environment


def startup_rows(folder: str) -> Iterator[Row]:
    import sys

    environment = {"HX_HOME": os.path.join(folder, "none"), "HOME": folder, "PATH": "/usr/bin:/bin"}
    hx = program("hx") or "hx"
    bare, help_ms = medians_ms(
        [([sys.executable, "-c", "pass"], environment), ([hx, "--help"], environment)], 31
    )
    yield Row(
        "hx --help",
        f"{help_ms:.1f} ms",
        f"{bare:.1f} ms (bare Python)",
        f"+{help_ms - bare:.1f} ms",
        "<= bare Python + 10 ms",
        help_ms - bare <= 10,
    )
