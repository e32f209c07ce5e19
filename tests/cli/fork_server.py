"""The process of `cli.forks`: it imports hx, then forks for each command line that it is sent.

A forked process gets the arguments, the environment, the folder, the umask and the three streams of
the command line, and runs what the console script runs; it ends as any process of Python.
"""

from __future__ import annotations

import argparse
import atexit
import contextlib
import gc
import importlib
import io
import marshal
import os
import socket
import struct
import sys
import threading
import time
from typing import NoReturn

import hx
from hx.cli import main

# It imports keyring, which looks for keychains by the environment that it is imported in.
_LEFT_OUT = ("secret_service.py",)
# Modules that functions of hx import, and that none of its modules has imported by then.
_LATER = (
    *("difflib", "glob", "json", "shlex", "shutil", "tomllib", "unicodedata"),
    *("mnemonic", "msgspec", "nacl.public", "nacl.pwhash", "nacl.signing", "segno"),
)
LENGTH = struct.Struct("!I")  # bytes of the request that follows
REPLY = struct.Struct("!i")  # the process id, then the exit code; negative: the signal


def _load() -> None:
    """Import all of hx, and compile the patterns of argparse."""
    root = os.path.dirname(hx.__file__)
    for folder, _, names in os.walk(root):
        package = os.path.relpath(folder, os.path.dirname(root)).replace(os.sep, ".")
        for name in names:
            if name.endswith(".py") and name not in _LEFT_OUT:
                importlib.import_module(f"{package}.{name.removesuffix('.py')}")
    for name in _LATER:
        importlib.import_module(name)
    argparse.ArgumentParser("hx").format_help()


def _serve(channel: socket.socket) -> None:
    """Fork for each request; return in the process of a command line."""
    while True:
        head, streams, *_ = socket.recv_fds(channel, LENGTH.size, 3)
        if not head:
            os._exit(0)  # who asks is gone
        data = b""
        while len(data) < LENGTH.unpack(head)[0]:
            data += channel.recv(1 << 20)
        if (process := os.fork()) == 0:
            channel.close()
            _become(streams, *marshal.loads(data))
            return
        for stream in streams:
            os.close(stream)
        channel.sendall(REPLY.pack(process))
        channel.sendall(REPLY.pack(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])))


def _become(
    streams: list[int], line: list[bytes], variables: dict[bytes, bytes], folder: bytes, umask: int
) -> None:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.umask(umask)
    os.environb.clear()
    os.environb.update(variables)
    time.tzset()
    sys.argv = [os.fsdecode(word) for word in line]
    read, write, tell = sys.stdin, sys.stdout, sys.stderr
    sys.stdin, sys.stdout, sys.stderr = sys.__stdin__, sys.__stdout__, sys.__stderr__ = (
        _stream(0, "rb", read),
        _stream(1, "wb", write),
        _stream(2, "wb", tell, line_buffering=True),
    )


def _stream(number: int, mode: str, like: io.TextIOWrapper, **options: bool) -> io.TextIOWrapper:
    """Return a stream as Python makes it when it starts."""
    file = open(number, mode, closefd=False)  # noqa: SIM115
    return io.TextIOWrapper(file, like.encoding, like.errors, "\n", **options)


def _run() -> int | str | None:
    try:
        return main()
    except SystemExit as end:
        return end.code


def _end(code: int | str | None) -> NoReturn:
    """End as Python does, except that it does not take apart what was loaded before the fork."""
    if isinstance(code, int):
        threading._shutdown()
        atexit._run_exitfuncs()
        gc.collect()
        with contextlib.suppress(OSError, ValueError):  # Python says what it cannot write
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code & 0xFF)
    sys.exit(code)


if __name__ == "__main__":
    _load()
    gc.collect()
    gc.freeze()
    _serve(socket.socket(fileno=int(sys.argv[1])))
    _end(_run())
