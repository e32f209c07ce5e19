"""Real shells on a pseudo-terminal: a test types keys, waits for prompts and reads the output."""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import signal
import subprocess
import termios
import time

import pexpect
import pyte
import pytest

from cli.forks import HX, run_hx

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

# From bash 5.3 on the hook works in another way. A machine has one or the other as `bash`.
SHELLS = ("bash", "bash 5.3", "zsh", "fish")
POSIX_SHELLS = SHELLS[:3]
BASH53 = os.environ.get("HX_TEST_BASH53") or os.path.join(
    os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "hx-tests/bash-5.3"
)
ROWS, COLUMNS = 40, 160
TIMEOUT_S = 30
CTRL_C, CTRL_D, CTRL_U, CTRL_Z, ENTER = b"\x03", b"\x04", b"\x15", b"\x1a", b"\r"
PASTE, PASTED = b"\x1b[200~", b"\x1b[201~"

# <pid:count>: a prompt that is drawn again is told from a new one, a nested shell from its parent.
# The process id has 7 digits, the most that Linux gives: what a shell draws depends on the width of
# its prompt (fish indents the other lines of a command by it), so two shells need the same width.
MARKER = re.compile(rb"<(\d{7}:\d+)>")
# (a process id elsewhere in the output may be a part of another number)
PID_IN_PROMPT = re.compile(rb"(?<=<)\d+(?=:\d+>)")
PROMPT = {
    "bash": """
printf -v hx_test_pid %07d $$
PS1='<$hx_test_pid:$((hx_test_n=${hx_test_n-0}+1))> ' PS2='> '
""",
    "zsh": """
setopt prompt_subst no_prompt_sp
printf -v hx_test_pid %07d $$
PS1='<$hx_test_pid:$((hx_test_n=${hx_test_n-0}+1))> ' PS2='> ' RPS1=
""",
    "fish": """
set -q hx_test_n; or set -g hx_test_n 0
set -g hx_test_pid (printf %07d $fish_pid)
set -g fish_greeting
function hx_test_count --on-event fish_prompt; set -g hx_test_n (math $hx_test_n + 1); end
function fish_prompt; echo -n "<$hx_test_pid:$hx_test_n> "; end
function fish_right_prompt; end
function fish_mode_prompt; end
function fish_title; end
""",
}
RC_FILE = {"bash": ".bashrc", "zsh": ".zshrc", "fish": ".config/fish/config.fish"}


def family(shell: str) -> str:
    return shell.split(maxsplit=1)[0]


def program(name: str) -> str:
    """Return the path of a shell or a tool; skip the test if it is not installed."""
    path = _bash(name) if family(name) == "bash" else shutil.which(name)
    if not path:
        pytest.skip(f"{name} is not installed (tests/shells/install.sh)")
    return path


@functools.cache
def bash_version(path: str) -> tuple[int, ...]:
    """Return the version of a bash as (5, 2), or () if it is none."""
    words = [path, "-c", "echo ${BASH_VERSINFO[0]} ${BASH_VERSINFO[1]}"]
    output = subprocess.run(words, capture_output=True, text=True, check=False).stdout
    return tuple(int(word) for word in output.split())


def has_list(shell: str) -> bool:
    """Return whether PROMPT_COMMAND may be a list: from bash 5.1 on."""
    return family(shell) != "bash" or bash_version(program(shell)) >= (5, 1)


def need_list(shell: str) -> None:
    """Skip the test in bash 5.0, where PROMPT_COMMAND is one string."""
    if not has_list(shell):
        pytest.skip("in bash 5.0 PROMPT_COMMAND is one string (docs/compatibility.md)")


@functools.cache
def _bash(name: str) -> str | None:
    """Return the path of a bash: `bash` means version 5.0 to 5.2, `bash 5.3` means 5.3 or later.

    HX_TEST_BASH names another one for `bash`: with that of bash 5.0 the tests are those of 5.0.
    """
    for path in (os.environ.get("HX_TEST_BASH"), shutil.which("bash"), shutil.which(BASH53)):
        version = bash_version(path or "false")
        if version >= (5, 0) and (version >= (5, 3)) == (name == "bash 5.3"):
            return path
    return None


@functools.cache
def _hook(shell: str, placeholder: str = "/hx-home-of-a-test") -> str:
    process = subprocess.run(
        [HX, "init", shell],
        env=os.environ | {"HX_HOME": placeholder},
        check=True,
        capture_output=True,
        text=True,
    )
    return process.stdout


def hook(shell: str, hx_home: str) -> str:
    """Return the output of `hx init SHELL`, which runs once per shell because it is slow."""
    return _hook(family(shell)).replace("/hx-home-of-a-test", hx_home)


class Home:
    """A home folder, with the shells that run in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.hx_home = path / "hx"
        self.spool = self.hx_home / "spool"
        self.runtime = path / "run"
        self.runtime.mkdir(mode=0o700)
        self.terminals: list[Terminal] = []

    def environment(self, **variables: str) -> dict[str, str]:
        return {
            "HOME": str(self.path),
            "HX_HOME": str(self.hx_home),
            "LANG": "C.UTF-8",
            "PATH": os.environ["PATH"],
            "SHELL": "/bin/sh",
            "TERM": "screen",  # it has no `repeat a character`, which pyte does not know
            "USER": "ann",
            "XDG_RUNTIME_DIR": str(self.runtime),
        } | variables

    def write_rc(self, shell: str, before: str = "", after: str = "", load: str = "") -> None:
        """Write the rc file: `before`, the hook (or `load` in its place), `after`."""
        rc_file = self.path / RC_FILE[family(shell)]
        rc_file.parent.mkdir(parents=True, exist_ok=True)
        # fish would otherwise parse every manual page in the background
        (self.path / ".local/share/fish/generated_completions").mkdir(parents=True, exist_ok=True)
        load = load or hook(shell, str(self.hx_home))
        rc_file.write_text("\n".join([PROMPT[family(shell)], before, load, after, ""]))

    def open(
        self,
        shell: str,
        *arguments: str,
        before: str = "",
        after: str = "",
        load: str = "",
        env: dict[str, str] | None = None,
    ) -> Terminal:
        """Start a shell and wait for its first prompt."""
        self.write_rc(shell, before, after, load)
        terminal = self.start([program(shell), *arguments, "-i"], **(env or {}))
        terminal.prompt()
        return terminal

    def start(self, argv: list[str], **env: str) -> Terminal:
        terminal = Terminal(argv, self.path, self.environment(**env))
        self.terminals.append(terminal)
        return terminal

    def close(self) -> None:
        for terminal in self.terminals:
            terminal.close()

    def hx(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run_hx(*arguments, env=self.environment())

    def events(self) -> list[dict]:
        """Return every event as `hx find --json` prints it, oldest first."""
        process = self.hx("find", "--all", "--reverse", "--json")
        assert process.returncode in {0, 1}, process.stderr
        return json.loads(process.stdout)

    def commands(self) -> list[str]:
        return [event["command"] for event in self.events()]

    def statuses(self) -> list[tuple[str, int | None]]:
        return [(event["command"], event["exit_status"]) for event in self.events()]

    def spool_files(self) -> list[Path]:
        return sorted(self.spool.iterdir()) if self.spool.is_dir() else []

    def spool_bytes(self) -> bytes:
        return b"".join(file.read_bytes() for file in self.spool_files())

    def files_with(self, text: bytes) -> list[str]:
        """Return the files of hx (data, spool, the text file of bash) that contain `text`."""
        ours = [*self.hx_home.rglob("*"), *self.runtime.rglob("*")]
        return [str(file) for file in ours if file.is_file() and text in file.read_bytes()]


class Terminal:
    """One program on one pseudo-terminal."""

    def __init__(self, argv: list[str], cwd: Path, env: dict[str, str]) -> None:
        self.child = pexpect.spawn(
            argv[0],
            argv[1:],
            cwd=str(cwd),
            env=env,
            dimensions=(ROWS, COLUMNS),
            timeout=TIMEOUT_S,
            maxread=1 << 16,
            searchwindowsize=1 << 12,  # the output before was searched already
        )
        self.child.delaybeforesend = None
        self.pid = self.child.pid
        self.is_zsh = os.path.basename(argv[0]) == "zsh"
        self.prompts: set[bytes] = set()
        # from the last keys to each prompt: no command between them can have taken longer
        self.waits_us: list[float] = []
        self._typed_at_s = time.monotonic()
        self.output = b""

    def type(self, keys: str | bytes) -> None:
        self._typed_at_s = time.monotonic()
        self.child.send(keys)

    def run(self, *lines: str | bytes) -> str:
        """Type the lines of one command, each with Enter; return the output to the next prompt."""
        for line in lines:
            self.type((line.encode() if isinstance(line, str) else line) + ENTER)
        return self.prompt()

    def prompt(self) -> str:
        """Wait for a new prompt; return the output up to it."""
        passed = b""
        while True:
            passed += self.until(MARKER)
            marker = self.child.match.group(1)
            if marker not in self.prompts:
                self.prompts.add(marker)
                self.waits_us.append((time.monotonic() - self._typed_at_s) * 1e6)
                self._until_zle_reads()
                return passed.decode(errors="replace")

    def continuation(self) -> None:
        """Wait for the prompt of the next line of a command, in bash and zsh.

        Each line has an editor of its own; between two, the terminal echoes keys too early.
        """
        self.until(rb"(?<!\d)> ")  # (a digit stands before it in a first prompt)
        self._until_zle_reads()

    def _until_zle_reads(self) -> None:
        """Wait for the line editor of zsh: a key between its prompt and its editor is drawn twice.

        The editor sets the terminal before it draws the prompt, and turns bracketed paste on last.
        Without the editor (unsetopt zle) the terminal keeps the mode that hands over whole lines.
        """
        if self.is_zsh and not termios.tcgetattr(self.child.child_fd)[3] & termios.ICANON:
            self.until(rb"\x1b\[\?2004h")

    def until(self, pattern: bytes | re.Pattern[bytes]) -> bytes:
        """Wait for `pattern` in the output; return the output up to its end."""
        self.child.expect(pattern)
        passed = self.child.before + self.child.after
        self.output += passed
        return passed

    def leave(self, line: str = "exit") -> None:
        """Type a line that ends the program, and wait for its end."""
        self.type(line.encode() + ENTER)
        self.wait()

    def wait(self) -> None:
        self.child.expect(pexpect.EOF)
        self.output += self.child.before
        self.child.close()

    def close(self) -> None:
        """Hang up, and kill the program if it does not end then."""
        if self.child.closed:
            return
        self.child.ptyproc.fileobj.close()
        self.child.closed = self.child.ptyproc.closed = True
        self.child.child_fd = self.child.ptyproc.fd = -1
        deadline = time.monotonic() + 2
        while self.child.isalive():
            if time.monotonic() > deadline:
                os.kill(self.pid, signal.SIGKILL)
            time.sleep(0.005)

    def screen(self) -> list[str]:
        """Return the lines on the screen of a person, without the empty ones."""
        screen = pyte.Screen(COLUMNS, ROWS)
        pyte.ByteStream(screen).feed(self.output + (self.child.buffer or b""))
        return [line.rstrip() for line in screen.display if line.strip()]
