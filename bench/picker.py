"""Time the pickers of hx and atuin, each on its own terminal; both homes are made by find.py.

First row: from exec until a matching command is on the terminal. Key to repaint: from a letter to
the first byte of the next frame. The peak of the memory is that of the whole time.

python bench/picker.py FOLDER      measures only the homes FOLDER/hx and FOLDER/atuin
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import statistics
import struct
import sys
import termios
import time
from typing import TYPE_CHECKING

from timing import Row, print_table, program

if TYPE_CHECKING:
    from collections.abc import Iterator

_TIMES = 9
_QUERIES = {"common": "kubectl", "rare": "zyxquux", "absent": "nosuchth"}
_ANSWERS = {  # query -> a text that is in the row and not in the query
    "kubectl get p": "kubectl get pods",
    "zyxquux": "--needle",
}
_QUIET_S = 0.25
_TIMEOUT_S = 30.0
_AT_MOST_MS, _AT_MOST_MIB = 16, 150
_ESCAPE = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|[()].|[=>78]|\][^\x07]*\x07)|\s")
_TERMINAL_REPLIES = {b"\x1b[6n": b"\x1b[1;1R", b"\x1b[c": b"\x1b[?1;2c", b"\x1b[?u": b"\x1b[?0u"}


class PickerProcess:
    """A program on a terminal of 24 lines and 80 columns."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self.started = time.perf_counter()
        self.pid, self._terminal = pty.fork()
        if not self.pid:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
            os.execve(command[0], command, environment)
        self._seen = b""

    def until_ms(self, text: str) -> float:
        """Return the milliseconds from exec until the text is in the output, ignoring blanks."""
        wanted = text.encode().replace(b" ", b"")
        while wanted not in _ESCAPE.sub(b"", self._seen):
            if not self._read(_TIMEOUT_S):
                raise SystemExit(f"{text!r} never came: {self._seen[-2000:]!r}")
        return (time.perf_counter() - self.started) * 1e3

    def settle(self) -> None:
        while self._read(_QUIET_S):
            pass

    def repaint_ms(self, letter: str) -> float:
        pressed = time.perf_counter()
        os.write(self._terminal, letter.encode())
        self._read(_TIMEOUT_S)
        return (time.perf_counter() - pressed) * 1e3

    def close(self) -> float:
        """Kill the program; return its peak memory in MiB."""
        os.kill(self.pid, signal.SIGKILL)
        _, _, usage = os.wait4(self.pid, 0)
        os.close(self._terminal)
        return usage.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)

    def _read(self, timeout_s: float) -> bool:
        if not select.select([self._terminal], [], [], timeout_s)[0]:
            return False
        try:
            data = os.read(self._terminal, 65_536)
        except OSError:
            return False
        for question, answer in _TERMINAL_REPLIES.items():
            if question in data:
                os.write(self._terminal, answer)
        self._seen += data
        return bool(data)


def rows(folder: str, count: int) -> Iterator[Row]:
    hx, atuin = hx_picker(folder), _atuin(folder)
    programs = [hx, atuin] if atuin else [hx]
    for query in ("", *_ANSWERS):
        times_ms = first_row_ms(programs, query)
        peer = times_ms[1] if atuin else None
        name = f"picker, first row, query {query!r}" if query else "picker, first row"
        yield _compared_row(f"{name}, {count:,} events", times_ms[0], peer)
    figures = [_keys(picker) for picker in programs]
    for name in _QUERIES:
        own_ms, *peer_times_ms = [figure[0][name] for figure in figures]
        peer_ms = f"{peer_times_ms[0]:.1f} ms" if peer_times_ms else "not installed"
        figure = f"picker, key to repaint (95 %), {name} query"
        goal, reached = f"<= {_AT_MOST_MS} ms", own_ms <= _AT_MOST_MS
        ratio = f"{own_ms / peer_times_ms[0]:.3g}" if peer_times_ms else ""
        yield Row(figure, f"{own_ms:.1f} ms", peer_ms, ratio, goal, reached)
    own_mib, *peer_figures_mib = [figure[1] for figure in figures]
    peer_mib = f"{peer_figures_mib[0]:.0f} MiB" if peer_figures_mib else "not installed"
    goal, reached = f"<= {_AT_MOST_MIB} MiB", own_mib <= _AT_MOST_MIB
    yield Row("picker, memory at most", f"{own_mib:.0f} MiB", peer_mib, "", goal, reached)


class Picker:
    def __init__(self, command: list[str], environment: dict[str, str], newest: str) -> None:
        self.command = command
        self.environment = environment | {"TERM": "xterm-256color", "LANG": "C.UTF-8"}
        self.newest = newest

    def open(self, query: str) -> PickerProcess:
        return PickerProcess([*self.command, *([query] if query else [])], self.environment)


def hx_picker(folder: str) -> Picker:
    import apsw

    home = os.path.join(folder, "hx")
    environment = {"HX_HOME": home, "HOME": folder, "PATH": os.environ["PATH"]}
    database = apsw.Connection(os.path.join(home, "hx.db"), flags=apsw.SQLITE_OPEN_READONLY)
    sql = "SELECT text FROM command ORDER BY last_us DESC LIMIT 1"
    ((newest,),) = database.execute(sql)
    database.close()
    return Picker([program("hx") or "hx", "search", "-i"], environment, newest)


def _atuin(folder: str) -> Picker | None:
    atuin, home = program("atuin"), os.path.join(folder, "atuin")
    if not atuin or not os.path.isdir(home):
        return None
    with open(os.path.join(home, "history"), "rb") as file:
        file.seek(-1_000, os.SEEK_END)
        newest = file.read().splitlines()[-1].decode().split(";", 1)[1]
    environment = {"HOME": home, "PATH": os.environ["PATH"], "ATUIN_SESSION": "0" * 32}
    return Picker([atuin, "search", "-i"], environment, newest)


def first_row_ms(programs: list[Picker], query: str) -> list[float]:
    """Return the median milliseconds of each picker until its first row; they take turns."""
    turns_ms: list[list[float]] = [[] for _ in programs]
    for _ in range(_TIMES):
        for index, picker in enumerate(programs):
            process = picker.open(query)
            turns_ms[index].append(process.until_ms(_ANSWERS.get(query, picker.newest)))
            process.close()
    return [statistics.median(times_ms) for times_ms in turns_ms]


def _keys(picker: Picker) -> tuple[dict[str, float], float]:
    """Return the 95th percentile of the milliseconds of a key by query, and the peak MiB."""
    process = picker.open("")
    process.until_ms(picker.newest)
    process.settle()
    percentiles_ms = {}
    for name, query in _QUERIES.items():
        times_ms = []
        for _ in range(3):
            for letter in query:
                times_ms.append(process.repaint_ms(letter))
                process.settle()
            process.repaint_ms("\x15")  # Ctrl-U
            process.settle()
        percentiles_ms[name] = statistics.quantiles(times_ms, n=20)[-1]
    return percentiles_ms, process.close()


def _compared_row(figure: str, own_ms: float, peer_ms: float | None) -> Row:
    if peer_ms is None:
        return Row(figure, f"{own_ms:.1f} ms", "not installed", "", "<= atuin", None)
    ratio = own_ms / peer_ms
    return Row(
        figure, f"{own_ms:.1f} ms", f"{peer_ms:.1f} ms", f"{ratio:.3g}", "<= atuin", ratio <= 1
    )


if __name__ == "__main__":
    print_table(rows(sys.argv[1], 1_000_000))
