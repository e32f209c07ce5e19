"""Time `hx import` of a zsh history as a whole process against `atuin import zsh`."""

from __future__ import annotations

import os
import subprocess
import time
from typing import TYPE_CHECKING

from histories import write_zsh
from timing import Row, program, ratio_row, run_ms

if TYPE_CHECKING:
    from collections.abc import Iterator

_MIB = 1 << 20


def rows(folder: str, count: int) -> Iterator[Row]:
    folder = os.path.join(folder, "import")
    os.makedirs(folder)
    history = os.path.join(folder, "zsh_history")
    write_zsh(history, count)
    environment = {
        "HX_HOME": os.path.join(folder, "hx"),
        "HOME": folder,
        "PATH": os.environ["PATH"],
    }
    hx = program("hx") or "hx"
    run_ms([hx, "status"], environment)
    hx_ms, peak = _measure([hx, "import", history], environment)
    figure = f"import of {count:,} zsh lines"
    yield ratio_row(figure, hx_ms, _atuin_ms(folder, history), 1 / 3, "<= 1/3 of atuin")
    yield Row("its memory", f"{peak / _MIB:.0f} MB", "", "", "<= 200 MB", peak <= 200 * _MIB)
    again_ms = run_ms([hx, "import", history], environment)
    goal, reached = "<= the first time", again_ms <= hx_ms
    yield Row(f"the same {count:,} lines again", f"{again_ms:.1f} ms", "", "", goal, reached)


def _measure(command: list[str], environment: dict[str, str]) -> tuple[float, int]:
    """Run the command; return its milliseconds and its peak memory in bytes."""
    started = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _, _, used = os.wait4(process.pid, 0)
    return (time.perf_counter() - started) * 1e3, _peak_bytes(used)


def _peak_bytes(used) -> int:
    return used.ru_maxrss * (1 if os.uname().sysname == "Darwin" else 1024)


def _atuin_ms(folder: str, history: str) -> float | None:
    atuin = program("atuin")
    if not atuin:
        return None
    home = os.path.join(folder, "atuin")
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
