"""Get the passphrase from a program that the user names in HX_PASSPHRASE_COMMAND.

It runs without a shell and without input. The first line that it prints is the passphrase.
"""

from __future__ import annotations

import os
import select
import shlex
import subprocess
import time

from hx.core.errors import KeyMissing
from hx.files import reason

_MAX_BYTES = 4096
PATIENCE_S = 120  # seconds; the program may ask a person


def passphrase(command: str, patience_s: float = PATIENCE_S) -> bytes:
    """Run a program and return the passphrase, its first line of output. Raises KeyMissing.

    Its stderr goes to the terminal. A program that takes longer than `patience_s` seconds is ended.
    """
    process = _started(command)
    try:
        output = _output(process, time.monotonic() + patience_s)
        code = process.wait(patience_s)
    except subprocess.TimeoutExpired:
        raise _fault(f"did not end in {patience_s:g} seconds") from None
    finally:
        # also after an error here: the program must not wait for a reader that is gone
        process.kill()
        process.wait()
    if code:
        raise _fault(f"ended with exit code {code}")
    line = output.split(b"\n", 1)[0].removesuffix(b"\r")
    if not line:
        raise _fault("printed no passphrase")
    return line


def _started(command: str) -> subprocess.Popen[bytes]:
    try:
        # no shell runs it: a variable with `;` or `$(` in it starts nothing else
        words = shlex.split(command)
    except ValueError as error:
        raise _fault(f"cannot be read: {str(error)[:1].lower()}{str(error)[1:]}") from None
    if not words:
        raise _fault("is empty")
    try:
        return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)  # noqa: S603  (the user's own command)
    except OSError as error:
        raise _fault(f"cannot be run: {words[0]}: {reason(error)}") from None
    except ValueError:  # a NUL in a word
        raise _fault("cannot be run") from None


def _output(process: subprocess.Popen[bytes], until_s: float) -> bytes:
    """Return everything that the program prints, within the limits of size and time."""
    assert process.stdout is not None
    output = b""
    with process.stdout as pipe:
        while True:
            left_s = until_s - time.monotonic()
            if left_s <= 0 or not select.select([pipe], [], [], left_s)[0]:
                raise _fault("did not end in time")
            part = os.read(pipe.fileno(), _MAX_BYTES)
            output += part
            # a program such as `yes` would fill the memory
            if len(output) > _MAX_BYTES:
                raise _fault(f"printed more than {_MAX_BYTES >> 10} KiB")
            if not part:
                return output


def _fault(what: str) -> KeyMissing:
    return KeyMissing(
        f"HX_PASSPHRASE_COMMAND {what}",
        "run that command by hand: it must print the passphrase as its first line",
    )
