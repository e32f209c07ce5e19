"""Time from Enter to the next prompt on a pseudo-terminal: without a hook, with hx, with atuin."""

from __future__ import annotations

import os
import pty
import select
import statistics
import subprocess
import tempfile
import time
from typing import TYPE_CHECKING

from timing import BIN, Row, program, ratio_row

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROMPT = b"@@>"
_ROUNDS = 150
# tools that bash loads at its start
_BASH_TOOLS = {
    "direnv": 'eval "$(direnv hook bash)"',
    "zoxide": 'eval "$(zoxide init bash)"',
    "fzf": ". /usr/share/doc/fzf/examples/key-bindings.bash",
}


class Shell:
    """An interactive shell with one rc file."""

    def __init__(self, folder: str, name: str, rc: str) -> None:
        home = tempfile.mkdtemp(dir=folder)
        with open(os.path.join(home, f".{name}rc"), "w", encoding="utf-8") as file:
            file.write(f"PS1='@@>'; unset zle_bracketed_paste; HISTFILE=~/h; SAVEHIST=9; {rc}\n")
        environment = {
            "HOME": home,
            "HX_HOME": os.path.join(home, "hx"),
            "TERM": "xterm",
            "PATH": BIN + ":" + os.environ["PATH"],
            "LANG": "C.UTF-8",
        }
        self._process, self._master = _on_pty([name, "-i"], environment)
        self._read_until(_PROMPT)

    def enter_ms(self) -> float:
        os.write(self._master, b"true")
        self._read_until(b"true")
        started = time.perf_counter()
        os.write(self._master, b"\r")
        self._read_until(_PROMPT)
        return (time.perf_counter() - started) * 1e3

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._master)

    def _read_until(self, mark: bytes, timeout_s: float = 20) -> None:
        output = b""
        while mark not in output:
            ready, _, _ = select.select([self._master], [], [], timeout_s)
            if not ready:
                raise SystemExit(f"bench: the shell fell silent after {output[-200:]!r}")
            output += os.read(self._master, 65_536)
            if b"\x1b[6n" in output:  # the shell asks for the position of the cursor
                os.write(self._master, b"\x1b[1;1R")
                output = output.replace(b"\x1b[6n", b"")


def _on_pty(command: list[str], environment: dict[str, str]) -> tuple[subprocess.Popen[bytes], int]:
    master, slave = pty.openpty()
    process = subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True
    )
    os.close(slave)
    return process, master


def rows(folder: str) -> Iterator[Row]:
    hx, atuin = program("hx"), program("atuin")
    for name in ("bash", "zsh"):
        if not program(name):
            yield Row(f"hook, Enter to prompt ({name})", "not here", "", "", "<= 0.5 ms", None)
            continue
        rcs = {"bare": "", "hx": f'eval "$({hx} init {name})"'}
        if atuin and name == "zsh":  # in bash atuin also needs a preexec library
            rcs["atuin"] = f'eval "$({atuin} init zsh --disable-up-arrow)"'
        yield from _rows(name, _medians_ms(folder, name, rcs))
    for tool, rc in _BASH_TOOLS.items():
        if program("bash") and program(tool):
            yield _beside(folder, tool, rc, f'eval "$({hx} init bash)"')


def _beside(folder: str, tool: str, rc: str, load: str) -> Row:
    medians = _medians_ms(folder, "bash", {"bare": rc, "hx": f"{rc}\n{load}"})
    added = medians["hx"] - medians["bare"]
    figure = f"hook, added from Enter to prompt (bash, {tool})"
    return Row(figure, f"{added:.2f} ms", "", "", "<= 0.5 ms", added <= 0.5)


def _medians_ms(folder: str, name: str, rcs: dict[str, str]) -> dict[str, float]:
    """Return the median milliseconds from Enter to the prompt; the shells take turns."""
    shells = {kind: Shell(folder, name, rc) for kind, rc in rcs.items()}
    times_ms: dict[str, list[float]] = {kind: [] for kind in shells}
    for _ in range(_ROUNDS):
        for kind, shell in shells.items():
            times_ms[kind].append(shell.enter_ms())
    for shell in shells.values():
        shell.close()
    return {kind: statistics.median(shell_times_ms) for kind, shell_times_ms in times_ms.items()}


def _rows(name: str, median: dict[str, float]) -> Iterator[Row]:
    added = max(median["hx"] - median["bare"], 0.001)
    figure = f"hook, added from Enter to prompt ({name})"
    yield Row(figure, f"{added:.2f} ms", "", "", "<= 0.5 ms", added <= 0.5)
    if "atuin" in median:
        peer = median["atuin"] - median["bare"]
        yield ratio_row("hook beside atuin", added, peer, 1 / 50, "<= 1/50 of atuin")
