"""From Enter to the next prompt on a pty: a bare zsh, one with hx, one with atuin."""

from __future__ import annotations

import os
import pty
import select
import statistics
import subprocess
import tempfile
import time

from machine import BIN, Row, program, ratio_row

_PROMPT = b"@@>"
_ROUNDS = 150


class Shell:
    """An interactive zsh with one rc file."""

    def __init__(self, folder: str, rc: str) -> None:
        home = tempfile.mkdtemp(dir=folder)
        with open(os.path.join(home, ".zshrc"), "w", encoding="utf-8") as file:
            file.write(f"PS1='@@>'; unset zle_bracketed_paste; HISTFILE=~/h; SAVEHIST=9; {rc}\n")
        environment = {
            "HOME": home, "ZDOTDIR": home, "HX_HOME": os.path.join(home, "hx"), "TERM": "xterm",
            "PATH": BIN + ":" + os.environ["PATH"], "LANG": "C.UTF-8",
        }
        self._process, self._master = _on_pty(["zsh", "-i"], environment)
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
        seen = b""
        while mark not in seen:
            ready, _, _ = select.select([self._master], [], [], timeout_s)
            if not ready:
                raise SystemExit(f"bench: the shell fell silent after {seen[-200:]!r}")
            seen += os.read(self._master, 65_536)
            if b"\x1b[6n" in seen:  # it asks where the cursor is
                os.write(self._master, b"\x1b[1;1R")
                seen = seen.replace(b"\x1b[6n", b"")


def _on_pty(command: list[str], environment: dict[str, str]) -> tuple[subprocess.Popen[bytes], int]:
    master, slave = pty.openpty()
    process = subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True
    )
    os.close(slave)
    return process, master


def rows(folder: str) -> list[Row]:
    if not program("zsh"):
        return [Row("hook, Enter to prompt", "no zsh here", "", "", "<= 0.5 ms", None)]
    hx, atuin = program("hx"), program("atuin")
    shells = {"bare": Shell(folder, ""), "hx": Shell(folder, f'eval "$({hx} init zsh)"')}
    if atuin:
        shells["atuin"] = Shell(folder, f'eval "$({atuin} init zsh --disable-up-arrow)"')
    taken: dict[str, list[float]] = {name: [] for name in shells}
    for _ in range(_ROUNDS):
        for name, shell in shells.items():
            taken[name].append(shell.enter_ms())
    for shell in shells.values():
        shell.close()
    median = {name: statistics.median(times) for name, times in taken.items()}
    added = max(median["hx"] - median["bare"], 0.001)
    peer = median["atuin"] - median["bare"] if atuin else None
    absolute = Row("hook, added from Enter to prompt (zsh)", f"{added:.2f} ms",
                   "", "", "<= 0.5 ms", added <= 0.5)
    return [absolute, ratio_row("hook beside atuin", added, peer, 1 / 50, "<= 1/50 of atuin")]
