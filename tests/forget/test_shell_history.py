"""Cleaning a shell's history file: what holds the text goes, every other byte stays."""

from __future__ import annotations

import os
import stat
import subprocess
import sys

import pytest

from hx.core.shells.history_files import Wanted
from hx.forget import shell_history
from hx.forget.shell_history import HistoryMatch, clean, location

WANTED = Wanted(part=b"CANARY")
FILES = {
    ".bash_history": (b"ls\necho CANARY\ncd\n", b"ls\ncd\n"),
    "stamped": (
        b"#1\nls\n#2\nfor x in CANARY\ndo y\ndone\n#3\ncd\n",
        b"#1\nls\n#3\ncd\n",
    ),
    ".zsh_history": (
        b": 1:0;ls\n: 2:0;echo \\\nCANARY\\\nx\n: 3:0;caf\x83\xe3\n",
        b": 1:0;ls\n: 3:0;caf\x83\xe3\n",
    ),
    "fish_history": (
        (
            b"- cmd: ls\n  when: 1\n- cmd: cat CANARY\n  when: 2\n  paths:\n    - CANARY\n"
            b"- cmd: a\\\\b\n"
        ),
        b"- cmd: ls\n  when: 1\n- cmd: a\\\\b\n",
    ),
    "odd": (
        b"\xff\0\r\n\x0cCANARY\x85\nend \xe2\x80\xa8 without",
        b"\xff\0\r\nend \xe2\x80\xa8 without",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_the_entries_that_hold_it_go_and_every_other_byte_stays(tmp_path, name):
    path = tmp_path / name
    before, after = FILES[name]
    path.write_bytes(before)
    assert location([str(path)], WANTED) == [HistoryMatch(str(path), 1)]
    assert clean(str(path), WANTED) == 1
    assert path.read_bytes() == after
    assert location([str(path)], WANTED) == []


def test_a_file_that_does_not_hold_it_is_not_touched(tmp_path):
    path = tmp_path / ".bash_history"
    path.write_bytes(b"ls\n")
    before = path.stat()
    assert clean(str(path), WANTED) == 0
    after = path.stat()
    assert (after.st_ino, after.st_ctime_ns) == (before.st_ino, before.st_ctime_ns)


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o400])
def test_the_mode_stays(tmp_path, mode):
    path = tmp_path / ".bash_history"
    path.write_bytes(b"CANARY\n")
    path.chmod(mode)
    clean(str(path), WANTED)
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_the_target_of_a_link_is_cleaned_and_the_link_stays(tmp_path):
    (tmp_path / "dotfiles").mkdir()
    target, link = tmp_path / "dotfiles" / "history", tmp_path / ".bash_history"
    target.write_bytes(b"ls\nCANARY\n")
    link.symlink_to(target)
    assert clean(str(link), WANTED) == 1
    assert link.is_symlink()
    assert target.read_bytes() == b"ls\n"
    assert sorted(os.listdir(tmp_path / "dotfiles")) == ["history"]


def test_a_file_with_a_second_name_is_left_as_it_is(tmp_path):
    path = tmp_path / ".bash_history"
    path.write_bytes(b"CANARY\n")
    os.link(path, tmp_path / "second")
    with pytest.raises(OSError, match="more than one name"):
        clean(str(path), WANTED)
    assert path.read_bytes() == b"CANARY\n"


def test_what_is_no_file_is_neither_waited_for_nor_changed(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    paths = [str(tmp_path / name) for name in ("pipe", "folder", "missing")]
    assert location(paths, WANTED) == []
    for path in paths:
        with pytest.raises(OSError, match=r"regular file|directory"):
            clean(path, WANTED)


def at_the_last_moment(monkeypatch, act, times=1):
    """A shell that writes between our reading and our replacing."""
    real, left = os.stat, [times]

    def stat_after_a_write(target, *rest, **more):
        if left[0]:
            left[0] -= 1
            act()
        return real(target, *rest, **more)

    monkeypatch.setattr(shell_history.os, "stat", stat_after_a_write)


def append(path, data):
    with open(path, "ab") as file:
        file.write(data)


def test_what_a_shell_appends_meanwhile_is_not_lost(tmp_path, monkeypatch):
    path = tmp_path / ".bash_history"
    path.write_bytes(b"ls\nCANARY\n")
    at_the_last_moment(monkeypatch, lambda: append(path, b"late\n"))
    assert clean(str(path), WANTED) == 1
    assert path.read_bytes() == b"ls\nlate\n"


def test_what_a_shell_rewrites_meanwhile_is_cleaned_as_it_is_then(tmp_path, monkeypatch):
    path = tmp_path / ".zsh_history"
    path.write_bytes(b"ls\nCANARY\n")

    def rewrite():
        (tmp_path / "new").write_bytes(b"CANARY\nCANARY 2\nother\n")
        os.rename(tmp_path / "new", path)

    at_the_last_moment(monkeypatch, rewrite)
    assert clean(str(path), WANTED) == 2
    assert path.read_bytes() == b"other\n"


def test_what_comes_between_the_last_look_and_the_rename_is_brought_over(tmp_path, monkeypatch):
    path = tmp_path / ".bash_history"
    path.write_bytes(b"ls\nCANARY\n")
    real = os.replace

    def replace_after_a_write(source, target):
        append(path, b"late\nCANARY late\n")
        real(source, target)

    monkeypatch.setattr(os, "replace", replace_after_a_write)
    clean(str(path), WANTED)
    assert path.read_bytes() == b"ls\nlate\n"


def test_no_line_is_lost_while_another_process_appends(tmp_path):
    path = tmp_path / ".bash_history"
    path.write_bytes(b"CANARY\n" + b"old\n" * 2_000)
    script = (
        "for n in range(4_000):\n"
        f"    with open({str(path)!r}, 'ab', buffering=0) as file:\n"
        "        file.write(b'new %d\\n' % n + b'CANARY\\n' * (n % 20 == 0))\n"
    )
    writer = subprocess.Popen([sys.executable, "-c", script])
    cleaned = 0
    while writer.poll() is None:
        cleaned += clean(str(path), WANTED)
    cleaned += clean(str(path), WANTED)
    lines = path.read_bytes().splitlines()
    assert lines[:2_000] == [b"old"] * 2_000
    # two that are written in the moment of the rename may change places
    assert sorted(lines[2_000:]) == sorted(b"new %d" % n for n in range(4_000))
    assert cleaned <= 201  # what came late went uncounted


def test_a_file_that_never_rests_is_left_as_it_is(tmp_path, monkeypatch):
    path = tmp_path / ".bash_history"
    path.write_bytes(b"CANARY\n")
    at_the_last_moment(monkeypatch, lambda: append(path, b"x\n"), times=1_000)
    with pytest.raises(OSError, match="keep writing"):
        clean(str(path), WANTED)
    assert path.read_bytes().startswith(b"CANARY\nx\n")
    assert os.listdir(tmp_path) == [".bash_history"]
