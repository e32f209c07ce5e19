"""Timing beside a peer: whole processes, in turns, medians; and the table that shows them."""

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
    """A program of this virtual environment, else of PATH."""
    own = os.path.join(BIN, name)
    return own if os.path.exists(own) else shutil.which(name)


def run_ms(command: list[str], environment: dict[str, str]) -> float:
    """One whole process, output thrown away: milliseconds from exec to exit."""
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


def in_turns_ms(commands: list[tuple[list[str], dict[str, str]]], times: int) -> list[float]:
    """Medians; a, b, a, b … so that a busy moment of the machine meets all alike."""
    taken: list[list[float]] = [[] for _ in commands]
    for _ in range(times):
        for at, (command, environment) in enumerate(commands):
            taken[at].append(run_ms(command, environment))
    return [statistics.median(one) for one in taken]


_WIDTHS = (53, 20, 22, 20, 24)


def print_table(rows: Iterable[Row]) -> None:
    """Each row as soon as it is measured: a run takes many minutes, and may be cut short."""
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
