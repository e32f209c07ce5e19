"""The picker of hx and atuin's, each on a terminal of its own; both homes are looking.py's.

First row: from exec until a command that answers the query stands on the terminal. Key to repaint:
from a letter until the first byte of the frame that it makes. The peak of memory is over all that.

python bench/picking.py FOLDER      figures of the homes FOLDER/hx and FOLDER/atuin alone
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

from machine import Row, print_table, program

if TYPE_CHECKING:
    from collections.abc import Iterator

_TIMES = 9
_QUERIES = {"common": "kubectl", "rare": "zyxquux", "absent": "nosuchth"}
_ANSWERS = {  # query -> what stands in a row, and is not the query
    "kubectl get p": "kubectl get pods",
    "zyxquux": "--needle",
}
_QUIET_S = 0.25
_PATIENCE_S = 30.0
_AT_MOST_MS, _AT_MOST_MIB = 16, 150
_ESCAPE = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|[()].|[=>78]|\][^\x07]*\x07)|\s")
_ASKED = {b"\x1b[6n": b"\x1b[1;1R", b"\x1b[c": b"\x1b[?1;2c", b"\x1b[?u": b"\x1b[?0u"}


class Glass:
    """A program on a terminal of 24 x 80."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self.started = time.perf_counter()
        self.pid, self._terminal = pty.fork()
        if not self.pid:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
            os.execve(command[0], command, environment)
        self._seen = b""

    def until_ms(self, text: str) -> float:
        """From exec until the text is there; blanks do not count, as they may be jumped over."""
        wanted = text.encode().replace(b" ", b"")
        while wanted not in _ESCAPE.sub(b"", self._seen):
            if not self._read(_PATIENCE_S):
                raise SystemExit(f"{text!r} never came: {self._seen[-2000:]!r}")
        return (time.perf_counter() - self.started) * 1e3

    def settle(self) -> None:
        while self._read(_QUIET_S):
            pass

    def repaint_ms(self, letter: str) -> float:
        pressed = time.perf_counter()
        os.write(self._terminal, letter.encode())
        self._read(_PATIENCE_S)
        return (time.perf_counter() - pressed) * 1e3

    def close(self) -> float:
        """The peak of memory in MiB."""
        os.kill(self.pid, signal.SIGKILL)
        _, _, usage = os.wait4(self.pid, 0)
        os.close(self._terminal)
        return usage.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)

    def _read(self, patience_s: float) -> bool:
        if not select.select([self._terminal], [], [], patience_s)[0]:
            return False
        try:
            data = os.read(self._terminal, 65_536)
        except OSError:
            return False
        for asked, answer in _ASKED.items():
            if asked in data:
                os.write(self._terminal, answer)
        self._seen += data
        return bool(data)


def rows(folder: str, count: int) -> Iterator[Row]:
    hx, atuin = hx_picker(folder), _atuin(folder)
    programs = [hx, atuin] if atuin else [hx]
    for query in ("", *_ANSWERS):
        taken = first_row_ms(programs, query)
        peer = taken[1] if atuin else None
        name = f"picker, first row, query {query!r}" if query else "picker, first row"
        yield _beside(f"{name}, {count:,} events", taken[0], peer)
    figures = [_keys(one) for one in programs]
    for name in _QUERIES:
        mine, *theirs = [figure[0][name] for figure in figures]
        peer_ms = f"{theirs[0]:.1f} ms" if theirs else "not installed"
        figure = f"picker, key to repaint (95 %), {name} query"
        goal, reached = f"<= {_AT_MOST_MS} ms", mine <= _AT_MOST_MS
        ratio = f"{mine / theirs[0]:.3g}" if theirs else ""
        yield Row(figure, f"{mine:.1f} ms", peer_ms, ratio, goal, reached)
    mine_mib, *others = [figure[1] for figure in figures]
    peer_mib = f"{others[0]:.0f} MiB" if others else "not installed"
    goal, reached = f"<= {_AT_MOST_MIB} MiB", mine_mib <= _AT_MOST_MIB
    yield Row("picker, memory at most", f"{mine_mib:.0f} MiB", peer_mib, "", goal, reached)


class Picker:
    def __init__(self, command: list[str], environment: dict[str, str], newest: str) -> None:
        self.command = command
        self.environment = environment | {"TERM": "xterm-256color", "LANG": "C.UTF-8"}
        self.newest = newest

    def open(self, query: str) -> Glass:
        return Glass([*self.command, *([query] if query else [])], self.environment)


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
    """Medians, in turns."""
    taken: list[list[float]] = [[] for _ in programs]
    for _ in range(_TIMES):
        for at, one in enumerate(programs):
            glass = one.open(query)
            taken[at].append(glass.until_ms(_ANSWERS.get(query, one.newest)))
            glass.close()
    return [statistics.median(one) for one in taken]


def _keys(one: Picker) -> tuple[dict[str, float], float]:
    """(the slowest 5 % of the keys begin so, in milliseconds, by query; MiB)."""
    glass = one.open("")
    glass.until_ms(one.newest)
    glass.settle()
    slow = {}
    for name, query in _QUERIES.items():
        taken = []
        for _ in range(3):
            for letter in query:
                taken.append(glass.repaint_ms(letter))
                glass.settle()
            glass.repaint_ms("\x15")  # Ctrl-U
            glass.settle()
        slow[name] = statistics.quantiles(taken, n=20)[-1]
    return slow, glass.close()


def _beside(figure: str, mine: float, peer: float | None) -> Row:
    if peer is None:
        return Row(figure, f"{mine:.1f} ms", "not installed", "", "<= atuin", None)
    ratio = mine / peer
    return Row(figure, f"{mine:.1f} ms", f"{peer:.1f} ms", f"{ratio:.3g}", "<= atuin", ratio <= 1)


if __name__ == "__main__":
    print_table(rows(sys.argv[1], 1_000_000))
