"""HX_PASSPHRASE_COMMAND: the program runs without a shell, and each failure is an error."""

from __future__ import annotations

import os
import shlex
import sys

import pytest

from hx.core.errors import KeyMissing
from hx.custody.passphrase_command import passphrase


def script(folder, text):
    path = folder / "a program"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return shlex.quote(str(path))


@pytest.mark.parametrize(
    ("prints", "expected"),
    [
        ("printf 'correct horse\\n'", b"correct horse"),
        ("printf 'correct horse'", b"correct horse"),
        ("printf 'correct horse\\r\\n'", b"correct horse"),
        ("printf ' first \\nuser: ann\\n'", b" first "),
        ("printf '\\303\\244\\377\\n'", b"\xc3\xa4\xff"),
    ],
)
def test_the_first_line_is_the_passphrase(tmp_path, prints, expected):
    assert passphrase(script(tmp_path, prints)) == expected


def test_the_command_does_not_read_the_input_of_hx(tmp_path):
    reader, writer = os.pipe()
    os.write(writer, b"of hx\n")
    os.close(writer)
    saved_stdin = os.dup(0)
    os.dup2(reader, 0)
    try:
        assert passphrase(script(tmp_path, 'read line; echo "none$line"')) == b"none"
    finally:
        os.dup2(saved_stdin, 0)
        os.close(saved_stdin)
        os.close(reader)


def test_no_shell_reads_the_command(tmp_path):
    assert passphrase(f"echo '$HOME' ; touch {tmp_path}/made") == (
        f"$HOME ; touch {tmp_path}/made".encode()
    )
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("command", "what"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        ("echo 'open", "cannot be read: no closing quotation"),
        ("/nowhere/at-all", r"cannot be run: /nowhere/at-all: no such file"),
        ("/etc/passwd", "cannot be run: /etc/passwd: permission denied"),
        ("echo a\0b", "cannot be run"),
        ("true", "printed no passphrase"),
        ("printf '\\nsecond'", "printed no passphrase"),
        ("false", "ended with exit code 1"),
        ("sh -c 'echo nearly; exit 3'", "ended with exit code 3"),
        ("sh -c 'kill -9 $$'", "ended with exit code -9"),
        ("yes", "printed more than 4 KiB"),
    ],
)
def test_a_command_that_fails_is_an_error_with_a_hint(command, what):
    with pytest.raises(KeyMissing, match=f"HX_PASSPHRASE_COMMAND {what}") as caught:
        passphrase(command)
    assert caught.value.hint
    assert caught.value.exit_code == 6


@pytest.mark.parametrize("output", ["", "exec >&-"])
def test_a_command_that_does_not_end_is_killed(tmp_path, output):
    pid = tmp_path / "pid"
    with pytest.raises(KeyMissing, match="did not end"):
        passphrase(script(tmp_path, f"echo $$ > {pid}\n{output}\nexec sleep 100"), 1)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


def test_the_output_of_the_command_is_in_no_error():
    with pytest.raises(KeyMissing) as caught:
        passphrase("sh -c 'echo correct horse; exit 3'")
    assert "horse" not in f"{caught.value.message} {caught.value.hint} {caught.value!r}"


def test_no_process_is_left_behind(tmp_path):
    command = f"{shlex.quote(sys.executable)} -c 'import os; print(os.getpid(), flush=True)'"
    pid = int(passphrase(command))
    assert not os.path.exists(f"/proc/{pid}")
