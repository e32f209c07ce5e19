"""A program on a pseudo-terminal, and the screen that a person would see."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time

import pyte

TIMEOUT_S = 20
_PRIVATE = 5  # pyte keeps private modes shifted by so many bits
CURSOR, WRAP, PASTE = 25 << _PRIVATE, 7 << _PRIVATE, 2004 << _PRIVATE


class PtyTerminal:
    """A program on a pseudo-terminal that stays open after the program has ended."""

    def __init__(self, argv, *, env, cwd, columns=80, rows=24):
        self.screen = pyte.Screen(columns, rows)
        self.raw = b""
        self._stream = pyte.ByteStream(self.screen)
        self.master, self._slave = pty.openpty()
        self._set_size(columns, rows)
        self.initial_attributes = termios.tcgetattr(self._slave)
        self.pid = self._start([os.fspath(word) for word in argv], env, os.fspath(cwd))

    def _start(self, argv, env, cwd):
        pid = os.fork()
        if pid:
            return pid
        try:
            os.setsid()
            fcntl.ioctl(self._slave, termios.TIOCSCTTY, 0)
            for descriptor in range(3):
                os.dup2(self._slave, descriptor)
            os.chdir(cwd)
            os.closerange(3, 256)
            os.execve(argv[0], argv, env)
        finally:
            os._exit(127)

    def type(self, keys):
        os.write(self.master, keys if isinstance(keys, bytes) else keys.encode())

    def until(self, expected):
        """Wait until the screen has this text, or `expected(lines)` is true; return the lines."""
        fits = expected if callable(expected) else lambda lines: expected in "\n".join(lines)
        deadline = time.monotonic() + TIMEOUT_S
        while not fits(self.lines()):
            remaining_s = deadline - time.monotonic()
            assert remaining_s > 0, "\n".join(["this never came:", str(expected), *self.lines()])
            self._read(min(remaining_s, 0.05))
        return self.lines()

    def wait(self):
        """Wait for the end of the program and of its output; return its exit status."""
        deadline = time.monotonic() + TIMEOUT_S
        while True:
            ended_pid, status = os.waitpid(self.pid, os.WNOHANG)
            self._read(0.005)
            if ended_pid:
                self.pid = 0
                while self._read(0):
                    pass
                return os.waitstatus_to_exitcode(status)
            assert time.monotonic() < deadline, "\n".join(["it does not end:", *self.lines()])

    def resize(self, columns, rows):
        """Change the size, as a terminal does that does not wrap its lines again."""
        self.screen.resize(rows, columns)
        self._set_size(columns, rows)

    def kill(self, number):
        os.kill(self.pid, number)

    def hang_up(self):
        os.close(self._slave)
        os.close(self.master)
        self.master = self._slave = -1

    def close(self):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        if self.master >= 0:
            self.hang_up()

    def lines(self):
        return [line.rstrip() for line in self.screen.display]

    @property
    def attributes(self):
        return termios.tcgetattr(self._slave)

    def _read(self, patience_s):
        if not select.select([self.master], [], [], patience_s)[0]:
            return False
        data = os.read(self.master, 1 << 16)
        self.raw += data
        self._stream.feed(data)
        return True

    def _set_size(self, columns, rows):
        size = struct.pack("HHHH", rows, columns, 0, 0)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, size)


def nonempty(lines):
    """Return the lines that are not empty."""
    return [line for line in lines if line]
