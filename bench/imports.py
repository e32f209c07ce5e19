"""Time `hx import` of a zsh history as a whole process against `atuin import zsh`.

python bench/imports.py      only the databases of hishtory, mcfly and zsh-histdb
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from histories import commands, write_zsh
from timing import Row, print_table, program, ratio_row, run_ms

sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tests"))

from importers.foreign_databases import FIRST_S, Hishtory, Histdb, Mcfly

if TYPE_CHECKING:
    from collections.abc import Iterator

_MIB = 1 << 20
_TIMES = 3
_TOOLS = {"hishtory": Hishtory, "mcfly": Mcfly, "zsh-histdb": Histdb}
_ROWS = 200_000  # of a database
_LEAST = 20_000  # rows in a second


def rows(folder: str, count: int) -> Iterator[Row]:
    folder = os.path.join(folder, "import")
    os.makedirs(folder)
    history = os.path.join(folder, "zsh_history")
    write_zsh(history, count)
    hx = program("hx") or "hx"
    hx_times, atuin_times, peaks = [], [], []
    for turn in range(_TIMES):  # they take turns, so that load affects both alike
        environment = {
            "HX_HOME": os.path.join(folder, f"hx{turn}"),
            "HOME": folder,
            "PATH": os.environ["PATH"],
        }
        run_ms([hx, "status"], environment)
        hx_ms, peak = _measure([hx, "import", history], environment)
        hx_times.append(hx_ms)
        peaks.append(peak)
        atuin_ms = _atuin_ms(os.path.join(folder, f"atuin{turn}"), history)
        if atuin_ms is not None:
            atuin_times.append(atuin_ms)
    hx_ms, peak = statistics.median(hx_times), max(peaks)
    atuin_ms = statistics.median(atuin_times) if atuin_times else None
    figure = f"import of {count:,} zsh lines, median of {_TIMES}"
    yield ratio_row(figure, hx_ms, atuin_ms, 0.3, "<= 0.30 of atuin")
    yield Row("its memory", f"{peak / _MIB:.0f} MB", "", "", "<= 200 MB", peak <= 200 * _MIB)
    again_ms = run_ms([hx, "import", history], environment)
    goal, reached = "<= the first time", again_ms <= hx_ms
    yield Row(f"the same {count:,} lines again", f"{again_ms:.1f} ms", "", "", goal, reached)
    yield from database_rows(folder, min(count, _ROWS))


def database_rows(folder: str, count: int) -> Iterator[Row]:
    """Yield how many rows of the database of each other tool are imported in a second."""
    for name, tool in _TOOLS.items():
        database = tool(Path(folder) / f"{name}.db")
        database.connection.execute("BEGIN")
        for at_s, _, command in commands(count):
            database.add(command, at_s - FIRST_S)
        database.connection.execute("COMMIT")
        database.connection.close()
        environment = {
            "HX_HOME": os.path.join(folder, f"hx-{name}"),
            "HOME": folder,
            "PATH": os.environ["PATH"],
        }
        hx = program("hx") or "hx"
        run_ms([hx, "status"], environment)
        hx_ms, _ = _measure([hx, "import", database.path], environment)
        speed = count / hx_ms * 1e3
        figure, goal = f"import of {count:,} rows of {name}", f">= {_LEAST:,} a second"
        yield Row(figure, f"{speed:,.0f} a second", "", "", goal, speed >= _LEAST)


def _measure(command: list[str], environment: dict[str, str]) -> tuple[float, int]:
    """Run the command; return its milliseconds and its peak memory in bytes."""
    started = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _, _, used = os.wait4(process.pid, 0)
    return (time.perf_counter() - started) * 1e3, _peak_bytes(used)


def _peak_bytes(used) -> int:
    return used.ru_maxrss * (1 if os.uname().sysname == "Darwin" else 1024)


def _atuin_ms(home: str, history: str) -> float | None:
    atuin = program("atuin")
    if not atuin:
        return None
    os.makedirs(home)
    environment = {
        "HOME": home,
        "HISTFILE": history,
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "ATUIN_SESSION": "0" * 32,
        "SHELL": "/bin/zsh",
    }
    return run_ms([atuin, "import", "zsh"], environment)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="hx-bench-", ignore_cleanup_errors=True) as folder:
        print_table(database_rows(folder, _ROWS))
