"""The process of `ssh` that carries SFTP, its pipes, and what it says when it fails.

hx uses the program of the user: configuration, keys, agent, jump hosts and shared connections are
those of `ssh`. It knows no password and stores none.
"""

from __future__ import annotations

import os
import select
import subprocess
import tempfile
import time
from contextlib import suppress

from hx.stores import Denied, NotMounted, Transient

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO

    from hx.core.errors import StoreError
    from hx.stores.ssh.address import Address

_ANSWER_S = 60  # without a byte from the server
_PERSON_S = 600  # who has to type a passphrase first
_END_S = 5
_CHUNK = 1 << 16
_MOST_SAID = 8192  # bytes of what ssh says
_OPTIONS = (
    *("-T", "-x", "-a"),
    *("-o", "ClearAllForwardings=yes"),
    *("-o", "RemoteCommand=none"),
    *("-o", "ConnectTimeout=20"),
    *("-o", "ServerAliveInterval=15"),
    *("-o", "ServerAliveCountMax=3"),
)


def command(address: Address, *, asks: bool) -> list[str]:
    """Return the command line of ssh; `asks`: a person is there who can answer its questions."""
    line = ["ssh", *_OPTIONS]
    if not asks:
        line += ["-o", "BatchMode=yes"]
    if address.port is not None:
        line += ["-p", str(address.port)]
    if address.user:
        line += ["-l", address.user]
    return [*line, "-s", "--", address.host, "sftp"]


class Connection:
    """A running ssh. Every error is a StoreError; after one the connection is of no use."""

    def __init__(self, address: Address, *, asks: bool) -> None:
        self._address = address
        self._patience_s = _PERSON_S if asks else _ANSWER_S
        # not a pipe: a shared connection goes on in the background and keeps it open
        self._said: IO[bytes] = tempfile.TemporaryFile(prefix="hx-ssh-")  # noqa: SIM115
        try:
            self._process = subprocess.Popen(  # noqa: S603  (the address is checked)
                command(address, asks=asks),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                bufsize=0,
            )
        except FileNotFoundError:
            raise NotMounted(
                f"{address.url} needs the program `ssh`, which is not installed here",
                "install the OpenSSH client",
            ) from None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to, self._from = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._to, False)
        os.set_blocking(self._from, False)
        self._unread = bytearray()
        self.is_lost = False

    def write(self, data: bytes) -> None:
        """Send bytes. Raises StoreError."""
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(self._to, rest) :]
            except BlockingIOError:
                self._wait(self._to, select.POLLOUT)
            except OSError:
                raise self._failure() from None

    def read(self, length: int) -> bytes:
        """Return so many bytes. Raises StoreError."""
        while len(self._unread) < length:
            try:
                part = os.read(self._from, _CHUNK)
            except BlockingIOError:
                self._wait(self._from, select.POLLIN)
                continue
            if not part:
                raise self._failure()
            self._patience_s = _ANSWER_S
            self._unread += part
        data = bytes(self._unread[:length])
        del self._unread[:length]
        return data

    def said(self) -> str:
        """Return what ssh has said so far, without characters that a terminal would obey."""
        self._said.seek(0)
        text = self._said.read(_MOST_SAID).decode(errors="replace")
        return "".join(each if each.isprintable() else "\n" for each in text)

    def close(self) -> None:
        """End ssh. What runs on the server ends with the connection."""
        with suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._said.close()

    def _wait(self, descriptor: int, event: int) -> None:
        poll = select.poll()
        poll.register(descriptor, event)
        if not poll.poll(self._patience_s * 1000):
            self.is_lost = True
            raise Transient(
                f"{self._address.host} has not answered for {self._patience_s} s",
                "check the network, then run `hx sync` again: it goes on where it was",
            )

    def _failure(self) -> StoreError:
        """Return why ssh has ended."""
        self.is_lost = True
        deadline = time.monotonic() + _END_S
        while self._process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        return explained(self._address, self.said())


# what ssh says -> the kind of error, what it means and what to do; the first that fits counts
_CAUSES: tuple[tuple[tuple[str, ...], type[StoreError], str, str], ...] = (
    (
        ("REMOTE HOST IDENTIFICATION HAS CHANGED",),
        Denied,
        "the key of {host} is not the one that `ssh` knows",
        (
            "if the server was installed anew, run `ssh-keygen -R {known}` and `ssh {name}` once;"
            " if not, another machine may answer in its place"
        ),
    ),
    (
        ("Host key verification failed",),
        Denied,
        "`ssh` does not know the key of {host} yet",
        "run `ssh {name}` once and compare the key that it shows",
    ),
    (
        ("Could not resolve hostname", "Name or service not known"),
        NotMounted,
        "the host {host} is not known",
        "check the name in the URL of the store, and the network",
    ),
    (
        ("Permission denied",),
        Denied,
        "{host} does not let this user in",
        "check that `ssh {name}` logs in; in the background it cannot ask for a passphrase",
    ),
    (
        ("subsystem request failed",),
        Denied,
        "{host} offers no SFTP",
        "let the SSH server there offer the subsystem sftp",
    ),
    (
        ("Connection refused", "No route to host", "Network is unreachable", "timed out"),
        Transient,
        "{host} cannot be reached",
        "check the network and that the machine is on, then run `hx sync` again",
    ),
)


def explained(address: Address, said: str) -> StoreError:
    """Return the error that the words of ssh mean."""
    name = f"{address.user}@{address.host}" if address.user else address.host
    known = f"[{address.host}]:{address.port}" if address.port else address.host
    if address.port is not None:
        name = f"-p {address.port} {name}"
    values = {"host": address.host, "name": name, "known": known}
    for words, kind, message, hint in _CAUSES:
        if any(word in said for word in words):
            return kind(_with(message.format_map(values), said, words), hint.format_map(values))
    last = next((line for line in reversed(said.split("\n")) if line.strip()), "")
    return Transient(
        f"the connection to {address.host} has ended" + (f": {last.strip()}" if last else ""),
        "run `hx sync` again: it goes on where it was",
    )


def _with(message: str, said: str, words: tuple[str, ...]) -> str:
    """Return a message with the line in which ssh says it."""
    lines = (line.strip(" @\r") for line in said.split("\n"))
    line = next((line for line in lines if any(word in line for word in words)), "")
    return f"{message} ({line[:200]})" if line else message
