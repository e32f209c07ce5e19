"""Histories that real bash, zsh and fish write."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from shells.terminal import Home

UNUSUAL_COMMANDS = [
    b"plain",
    b"docker run \\\n  -it x",
    b"echo 'two\nlines'",
    b"ends with a backslash \\",
    b"ends with two \\\\",
    b": colon",
    b"tab\tand \xc3\xa9 and \xe2\x82\xac",
    b"#1700000000 is no stamp",
]
NOT_UTF8 = [b"byte \xff and \x83\xa0\x9f"]


def run(shell, script, folder, *arguments):
    program = shutil.which(shell)
    if not program:
        pytest.skip(f"{shell} is not installed (tests/shells/install.sh)")
    path = folder / f"script.{shell}"
    path.write_bytes(script)
    environment = {
        "HOME": str(folder),
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "TERM": "dumb",
    }
    subprocess.run([program, *arguments, str(path)], env=environment, cwd=folder, check=True,
                   capture_output=True, stdin=subprocess.DEVNULL)  # fmt: skip


def quoted(text):
    """Return the text quoted as $'…' for bash and zsh."""
    return b"$'" + b"".join(b"\\x%02x" % byte for byte in text) + b"'"


def commands_after_import(target, path, kind):
    target.import_file(str(path), kind)
    return target.commands()


@pytest.mark.parametrize("option", ["setopt", "unsetopt"])
def test_every_command_that_zsh_writes_is_imported(target, tmp_path, option):
    texts = [*UNUSUAL_COMMANDS, *NOT_UTF8, b"trailing newline\n", b"nul \0 inside"]
    script = b"HISTFILE=%b/h; HISTSIZE=99; SAVEHIST=99; %b extended_history\n" % (
        os.fsencode(tmp_path),
        option.encode(),
    )
    script += b"".join(b"print -rs -- %b\n" % quoted(text) for text in texts) + b"fc -W\n"
    run("zsh", script, tmp_path, "-f", "-i")
    assert sorted(commands_after_import(target, tmp_path / "h", "zsh")) == sorted(texts)


def test_a_history_that_zsh_rewrites_with_and_without_times_is_imported_once(target, tmp_path):
    path = tmp_path / "h"
    path.write_bytes(b"ls -la\nmake test\ncurl secret\ngit push\n")
    target.import_file(str(path), "zsh")
    target.forget_text(b"curl secret")
    script = b"HISTFILE=%b; HISTSIZE=99; SAVEHIST=99; %b extended_history\nfc -R; fc -W\n"
    for option, mark in ((b"setopt", b": "), (b"unsetopt", b"ls"), (b"setopt", b": ")):
        run("zsh", script % (os.fsencode(path), option), tmp_path, "-f", "-i")
        assert path.read_bytes().startswith(mark)
        counts = target.import_file(str(path), "zsh")
        assert (counts.new, counts.known, counts.forgotten) == (0, 3, 1)
    assert target.commands() == [b"ls -la", b"make test", b"git push"]


@pytest.mark.parametrize("stamped", [True, False])
def test_every_command_that_bash_writes_is_imported(target, tmp_path, stamped):
    texts = [text for text in UNUSUAL_COMMANDS + NOT_UTF8 if stamped or b"\n" not in text]
    script = b"set -o history; HISTFILE=%b/h; HISTSIZE=99\n" % os.fsencode(tmp_path)
    script += b"HISTTIMEFORMAT=%s\n" if stamped else b"unset HISTTIMEFORMAT\n"
    script += b"history -c\n"
    script += b"".join(b"history -s -- %b\n" % quoted(text) for text in texts)
    script += b"set +o history; history -w\n"
    run("bash", script, tmp_path, "--norc")
    written = (tmp_path / "h").read_bytes()
    # bash stamps lines without a time with one second at the head of a file; this prevents that
    first = b"#1700000000\nfirst\n" if stamped else b""
    (tmp_path / "h").write_bytes(first + written)
    commands = commands_after_import(target, tmp_path / "h", "bash")
    assert [text for text in texts if text not in commands] == []
    assert all(event.key.started_at_us > 10**15 for event in target.events()) == stamped


def test_every_command_that_fish_writes_is_imported(target, tmp_path):
    (tmp_path / "home").mkdir()
    home = Home(tmp_path / "home")
    try:
        shell = home.open("fish", load="# no hook")
        typed = ["echo 'back\\slash' \\\\n", "echo é€ ; # comment: x", "echo - cmd: x"]
        for line in typed:
            shell.run(line)
        shell.run("begin", "echo inside", "end")
        shell.run("builtin history save")
        commands = commands_after_import(
            target, home.path / ".local/share/fish/fish_history", "fish"
        )
    finally:
        home.close()
    assert {line.encode() for line in typed} <= set(commands)
    assert any(b"begin\n" in text and text.endswith(b"end") for text in commands)
    assert all(event.key.started_at_us > 10**15 for event in target.events())
