"""Timing of whole processes against a peer, and the table of the results."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

BIN = os.path.dirname(sys.executable)


class Row(NamedTuple):
    figure: str
    hx: str
    peer: str
    ratio: str
    goal: str
    reached: bool | None  # None: nothing to compare with


def program(name: str) -> str | None:
    """Return the path of a program in this virtual environment, else in PATH; None without one."""
    own = os.path.join(BIN, name)
    return own if os.path.exists(own) else shutil.which(name)


def run_ms(command: list[str], environment: dict[str, str]) -> float:
    """Run a process with its output discarded; return its milliseconds from start to end."""
    started = time.perf_counter()
    subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return (time.perf_counter() - started) * 1e3


def medians_ms(commands: list[tuple[list[str], dict[str, str]]], times: int) -> list[float]:
    """Return the median time of each command; they take turns, so that load affects all alike."""
    turns_ms: list[list[float]] = [[] for _ in commands]
    for _ in range(times):
        for index, (command, environment) in enumerate(commands):
            turns_ms[index].append(run_ms(command, environment))
    return [statistics.median(times_ms) for times_ms in turns_ms]


_WIDTHS = (53, 20, 22, 20, 24)


def print_table(rows: Iterable[Row]) -> None:
    """Print each row as soon as it is measured, since a run takes many minutes."""
    _print(Row("figure", "hx", "peer", "ratio", "goal", None), "")
    for row in rows:
        _print(row, {True: "reached", False: "MISSED", None: "-"}[row.reached])


def _print(row: Row, mark: str) -> None:
    cells = (f"{text:<{width}}" for text, width in zip(row[:5], _WIDTHS, strict=True))
    print("  ".join(cells), mark, flush=True)


def ratio_row(figure: str, hx_ms: float, peer_ms: float | None, at_most: float, goal: str) -> Row:
    if peer_ms is None:
        return Row(figure, f"{hx_ms:.1f} ms", "not installed", "", goal, None)
    ratio = hx_ms / peer_ms
    return Row(
        figure, f"{hx_ms:.1f} ms", f"{peer_ms:.1f} ms", f"{ratio:.3g}", goal, ratio <= at_most
    )
