"""Command lines of hx as processes that are forked from one that has imported hx already.

Python's start and the imports take half of the time of most command lines. A forked process has all
else of a process of its own: arguments, environment, folder, umask, streams, end. One runs at a
time; what runs meanwhile, in another thread, and what changes how Python starts is started anew.
`HX_TESTS_START=anew` starts every process anew.
"""

from __future__ import annotations

import marshal
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from cli.fork_server import LENGTH, REPLY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HX = os.path.join(os.path.dirname(sys.executable), "hx")
_SERVER = os.path.join(os.path.dirname(__file__), "fork_server.py")
_OF_THE_START = ("PYTHON", "LD_", "DYLD_", "LC_", "LANGUAGE", "COVERAGE")  # variables of it
_LANG = "C.UTF-8"
_BLOCK = 1 << 16
_PATIENCE = 120  # seconds


class Ended(NamedTuple):
    """The end of a process, as subprocess.run tells it."""

    returncode: int
    stdout: bytes
    stderr: bytes


class _Server:
    """The process that has imported hx."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self.channel, end = socket.socketpair()
        self.channel.settimeout(_PATIENCE)
        variables = {"LANG": _LANG, "PATH": os.environ["PATH"]}
        with end:
            self.process = subprocess.Popen(
                [sys.executable, _SERVER, str(end.fileno())],
                env=variables,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[end.fileno()],
            )

    def start(self, request: bytes, streams: Sequence[int]) -> int:
        """Fork, and return the process id."""
        socket.send_fds(self.channel, [LENGTH.pack(len(request))], streams)
        self.channel.sendall(request)
        return self._reply()

    def wait(self) -> int:
        """Return the exit code of the process that was forked last."""
        return self._reply()

    def _reply(self) -> int:
        data = self.channel.recv(REPLY.size)
        assert len(data) == REPLY.size, "the process that forks has ended"
        return REPLY.unpack(data)[0]


_lock = threading.Lock()
_servers: list[_Server] = []


def run_to_its_end(
    line: Sequence[str | bytes],
    *,
    input: bytes | None,  # noqa: A002  (as of subprocess.run)
    env: Mapping[str, str],
    cwd: str | os.PathLike[str],
    timeout: float,
) -> Ended | subprocess.CompletedProcess[bytes]:
    """Run a program to its end; hx, under the path `HX`, is forked where that makes no difference.

    Raises subprocess.TimeoutExpired.
    """
    if _may_fork(line, env) and _lock.acquire(blocking=False):
        try:
            return _forked(line, input, env, cwd, timeout)
        finally:
            _lock.release()
    return subprocess.run(
        line,
        input=input,
        stdin=subprocess.DEVNULL if input is None else None,
        env=env,
        cwd=cwd,
        capture_output=True,
        timeout=timeout,
        check=False,
    )


def run_hx(
    *arguments: str, env: Mapping[str, str], stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run hx in the folder of this process; its input and output are text."""
    line = [HX, *arguments]
    given = None if stdin is None else stdin.encode()
    ended = run_to_its_end(line, input=given, env=env, cwd=os.getcwd(), timeout=60)
    return subprocess.CompletedProcess(
        line, ended.returncode, ended.stdout.decode(), ended.stderr.decode()
    )


def _may_fork(line: Sequence[str | bytes], env: Mapping[str, str]) -> bool:
    if line[0] != HX or os.environ.get("HX_TESTS_START") == "anew":
        return False
    return env.get("LANG") == _LANG and not any(name.startswith(_OF_THE_START) for name in env)


def _forked(
    line: Sequence[str | bytes],
    given: bytes | None,
    env: Mapping[str, str],
    cwd: str | os.PathLike[str],
    timeout: float,
) -> Ended:
    if not (_servers and _servers[0].owner == os.getpid()):
        _servers[:] = [_Server()]
    (server,) = _servers
    umask = os.umask(0o077)
    os.umask(umask)
    variables = {os.fsencode(name): os.fsencode(value) for name, value in env.items()}
    words = [os.fsencode(word) for word in line]
    request = marshal.dumps((words, variables, os.fsencode(cwd), umask))
    reads, writes = zip(os.pipe(), os.pipe(), strict=True)
    stdin, source = (os.open(os.devnull, os.O_RDONLY), -1) if given is None else os.pipe()
    process = server.start(request, [stdin, *writes])
    for stream in (stdin, *writes):
        os.close(stream)
    deadline = time.monotonic() + timeout
    try:
        out, err = _exchange(source, given or b"", reads, deadline)
    except TimeoutError:
        os.kill(process, signal.SIGKILL)
        server.wait()
        raise subprocess.TimeoutExpired(line, timeout) from None
    return Ended(server.wait(), out, err)


def _exchange(
    source: int, given: bytes, reads: Sequence[int], deadline: float
) -> tuple[bytes, ...]:
    """Write into a pipe while two others are read to their ends; close all. -1: none to write."""
    found: dict[int, list[bytes]] = {stream: [] for stream in reads}
    with selectors.DefaultSelector() as selector:
        for stream in reads:
            selector.register(stream, selectors.EVENT_READ)
        if source >= 0:
            os.set_blocking(source, False)
            selector.register(source, selectors.EVENT_WRITE)
        try:
            while selector.get_map():
                ready = selector.select(deadline - time.monotonic())
                if not ready:
                    raise TimeoutError
                for key, _ in ready:
                    if key.fd == source:
                        given = _written(source, given)
                        is_over = not given
                    else:
                        block = os.read(key.fd, _BLOCK)
                        found[key.fd].append(block)
                        is_over = not block
                    if is_over:
                        selector.unregister(key.fd)
                        os.close(key.fd)
        finally:
            for stream in [*selector.get_map()]:
                os.close(stream)
    return tuple(b"".join(blocks) for blocks in found.values())


def _written(stream: int, data: bytes) -> bytes:
    """Write what fits; return what is left, nothing if nobody reads it."""
    try:
        return data[os.write(stream, data) :] if data else data
    except BrokenPipeError:
        return b""
