"""Timing beside a peer: whole processes, in turns, medians; and the table that shows them."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
from typing import NamedTuple

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


def print_table(rows: list[Row]) -> None:
    head = Row("figure", "hx", "peer", "ratio", "goal", None)
    widths = [max(len(str(row[at])) for row in [head, *rows]) for at in range(5)]
    for row in [head, *rows]:
        mark = "" if row is head else {True: "reached", False: "MISSED", None: "-"}[row.reached]
        print("  ".join(f"{row[at]:<{widths[at]}}" for at in range(5)), mark)


def ratio_row(figure: str, hx_ms: float, peer_ms: float | None, at_most: float, goal: str) -> Row:
    if peer_ms is None:
        return Row(figure, f"{hx_ms:.1f} ms", "not installed", "", goal, None)
    ratio = hx_ms / peer_ms
    return Row(
        figure, f"{hx_ms:.1f} ms", f"{peer_ms:.1f} ms", f"{ratio:.3g}", goal, ratio <= at_most
    )
