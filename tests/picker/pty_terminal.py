"""A program on a pseudo-terminal, and what a person sees of it."""

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

PATIENCE_S = 20
_PRIVATE = 5  # pyte keeps private modes shifted by so many bits
CURSOR, WRAP, PASTE = 25 << _PRIVATE, 7 << _PRIVATE, 2004 << _PRIVATE


class Glass:
    """Reads all that is written; the terminal outlives the program."""

    def __init__(self, argv, *, env, cwd, columns=80, rows=24):
        self.screen = pyte.Screen(columns, rows)
        self.raw = b""
        self._stream = pyte.ByteStream(self.screen)
        self.master, self._slave = pty.openpty()
        self._set_size(columns, rows)
        self.before = termios.tcgetattr(self._slave)
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

    def until(self, seen):
        """Waits until the lines of the screen are as `seen` wants, or hold it as a text."""
        fits = seen if callable(seen) else lambda lines: seen in "\n".join(lines)
        deadline = time.monotonic() + PATIENCE_S
        while not fits(self.lines()):
            left = deadline - time.monotonic()
            assert left > 0, "\n".join(["this never came:", str(seen), *self.lines()])
            self._read(min(left, 0.05))
        return self.lines()

    def wait(self):
        """The exit status; all that was written until then is on the screen."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            done, status = os.waitpid(self.pid, os.WNOHANG)
            self._read(0.005)
            if done:
                self.pid = 0
                while self._read(0):
                    pass
                return os.waitstatus_to_exitcode(status)
            assert time.monotonic() < deadline, "\n".join(["it does not end:", *self.lines()])

    def resize(self, columns, rows):
        """As a terminal that does not fold its lines does it."""
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


def shown(lines):
    """Those that are not empty."""
    return [line for line in lines if line]
