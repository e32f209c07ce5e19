"""A machine with its own hx: the command line as a process, and a spool that the test fills."""

from __future__ import annotations

import json
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import spooled
from cli.forks import HX, run_to_its_end
from hx.core.merge import History
from hx.core.model import FINISHED, Event, EventKey
from hx.database.connection import open_database
from hx.database.join import join

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from hx.database.connection import Database

SESSION = "0006400000000000" + "a" * 16
OTHER_SESSION = "0006400000000001" + "b" * 16
OTHER_DEVICE = bytes.fromhex("7b2c" + "00" * 13 + "42")
CWD = "/home/ann"
HOST = "box"
SECOND_US = 1_000_000
HOUR_US = 3_600 * SECOND_US
DAY_US = 24 * HOUR_US


class Result(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def commands(self) -> list[str]:
        """Return the commands of an array of events."""
        return [event["command"] for event in self.json]


class Machine:
    """`hx(*args)` runs the console script; `record(command, …)` does what a shell's hook does."""

    timeout_s = 60  # of one command

    def __init__(self, path: Path) -> None:
        self.home = path / "hx"
        self.spool = self.home / "spool"
        self.cwd = path
        self.executable = HX
        # hx would find the keychain of whoever runs the tests
        self._no_bus = {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={path}/no-bus"}
        self.variables: dict[str, str] = {}  # of the environment, for each run
        self.begin_us = time.time_ns() // 1000 - HOUR_US  # of the first event without a given time
        self._seqs: dict[str, int] = {}
        self._count = 0

    def hx(
        self,
        *arguments: str | bytes,
        stdin: str | bytes | None = None,
        env: dict[str, str] | None = None,
        cwd: Path | str | None = None,
    ) -> Result:
        """Run hx. Without `stdin` its input is empty; `env` is added to a minimal environment."""
        return self.run([HX, *arguments], stdin=stdin, env=env, cwd=cwd)

    def bash(self, script: str) -> Result:
        """Run a script in bash."""
        return self.run(["bash", "-c", script])

    def run(
        self,
        line: list[str | bytes],
        *,
        stdin: str | bytes | None = None,
        env: dict[str, str] | None = None,
        cwd: Path | str | None = None,
    ) -> Result:
        environment = {
            "HOME": str(self.cwd),
            "HX_HOME": str(self.home),
            "LANG": "C.UTF-8",
            "PATH": os.environ["PATH"],
            **self._no_bus,
        }
        process = run_to_its_end(
            line,
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            env=environment | self.variables | (env or {}),
            cwd=cwd or self.cwd,
            timeout=self.timeout_s,
        )
        out = process.stdout.decode(errors="surrogateescape")
        return Result(process.returncode, out, process.stderr.decode(errors="surrogateescape"))

    def on_terminal(
        self, *line: str, timeout: float = 60, before: Sequence[str] = (), **variables: str
    ) -> Any:
        """Start hx on a terminal and return it as a child of pexpect, which the caller answers.

        `before`: the beginning of a command line that runs hx.
        """
        import pexpect  # most tests need no terminal

        environment = {
            "HOME": str(self.cwd),
            "HX_HOME": str(self.home),
            "LANG": "C.UTF-8",
            "PATH": os.environ["PATH"],
            "TERM": "dumb",
            **self._no_bus,
        }
        program, *arguments = (*before, HX, *line)
        child = pexpect.spawn(program, arguments, env=environment | variables, timeout=timeout)
        child.delaybeforesend = None
        return child

    def record(  # noqa: PLR0913  (what a record may hold)
        self,
        command: str | bytes,
        exit: int | None = 0,  # noqa: A002  (None: unknown)
        *,
        at: int | None = None,  # microseconds; each event a second after the one before
        cwd: str | bytes | Path = CWD,
        session: str = SESSION,
        duration_ms: int = 5,
        finished: bool = True,
        pipestatus: str = "",
        host: str | bytes = HOST,  # host and shell are those of the first record of a session
        shell: str = "zsh",
    ) -> EventKey:
        """Append a command to the spool; return its key, with zeros as the device id."""
        self._count += 1
        begin_us = self.begin_us + self._count * SECOND_US if at is None else at
        seq = self._seqs[session] = self._seqs.get(session, 0) + 1
        text = command if isinstance(command, bytes) else os.fsencode(command)
        directory = os.fsencode(cwd)
        data = spooled.record("S", n=seq, b=begin_us, d=directory, c=text)
        end_fields = {"n": seq, "b": begin_us, "e": begin_us + duration_ms * 1000}
        if exit is not None:
            end_fields |= {"x": exit, "p": pipestatus or exit}
        if finished:
            data += spooled.record("E", **end_fields)
        self._append(session, self._header(session, host, shell), data)
        return EventKey(begin_us, bytes(16), bytes.fromhex(session), seq)

    def _header(self, session: str, host: str | bytes, shell: str) -> bytes:
        begin_us = time.time_ns() // 1000
        facts = {"S": shell, "V": "5.9", "h": host, "u": "ann", "T": "/dev/pts/3", "L": 1, "d": CWD}
        return spooled.header(s=session, P=os.getpid(), Q=os.getppid(), b=begin_us, **facts)

    def _append(self, session: str, header: bytes, data: bytes) -> None:
        self.spool.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.spool / f"{session}.0"
        with open(path, "ab", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(data if path.stat().st_size else header + data)

    @contextmanager
    def database(self) -> Iterator[Database]:
        """Open the database of this machine; make it if there is none."""
        database = open_database(str(self.home / "hx.db"))
        try:
            yield database
        finally:
            database.close()

    def receive(self, *events: Event, name: str = "laptop") -> None:
        """Add events of OTHER_DEVICE, as a pull does, and give that device a name."""
        with self.database() as database, database.transaction():
            join(database, History(frozenset(events)))
            database.execute("UPDATE device SET name = ? WHERE device_id = ?", (name, OTHER_DEVICE))


def foreign(command: str | bytes, at_us: int, seq: int = 1, **fields: Any) -> Event:
    """Return an event of OTHER_DEVICE."""
    key = EventKey(at_us, OTHER_DEVICE, bytes.fromhex(OTHER_SESSION), seq)
    text = command.encode() if isinstance(command, str) else command
    facts = {"exit_status": 0, "duration_us": 5_000, "host": b"lap", "flags": FINISHED} | fields
    return Event(key, text, b"/home/ann", **facts)
