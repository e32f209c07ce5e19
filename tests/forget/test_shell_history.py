"""Cleaning a shell's history file: entries with the text are removed, all other bytes stay."""

from __future__ import annotations

import os
import stat
import subprocess
import sys

import pytest

from hx.core.shell_files.history_files import Wanted
from hx.forget import shell_history
from hx.forget.shell_history import HistoryMatch, clean, matches

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
def test_entries_with_the_text_are_removed_and_every_other_byte_stays(tmp_path, name):
    path = tmp_path / name
    before, after = FILES[name]
    path.write_bytes(before)
    assert matches({str(path): None}, WANTED) == [HistoryMatch(str(path), 1)]
    assert clean(str(path), WANTED) == 1
    assert path.read_bytes() == after
    assert matches({str(path): None}, WANTED) == []


def test_a_file_without_the_text_is_not_written(tmp_path):
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


def test_a_file_with_a_hard_link_is_not_changed(tmp_path):
    path = tmp_path / ".bash_history"
    path.write_bytes(b"CANARY\n")
    os.link(path, tmp_path / "second")
    with pytest.raises(OSError, match="more than one name"):
        clean(str(path), WANTED)
    assert path.read_bytes() == b"CANARY\n"


def test_a_pipe_and_a_folder_are_neither_read_nor_changed(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    paths = [str(tmp_path / name) for name in ("pipe", "folder", "missing")]
    assert matches(dict.fromkeys(paths), WANTED) == []
    for path in paths:
        with pytest.raises(OSError, match=r"regular file|directory"):
            clean(path, WANTED)


def before_the_replacement(monkeypatch, act, times=1):
    """Call `act` between the reading and the replacing of the file, as a shell that writes then."""
    real, remaining = os.stat, [times]

    def stat_after_a_write(target, *rest, **keywords):
        if remaining[0]:
            remaining[0] -= 1
            act()
        return real(target, *rest, **keywords)

    monkeypatch.setattr(shell_history.os, "stat", stat_after_a_write)


def append(path, data):
    with open(path, "ab") as file:
        file.write(data)


def test_lines_that_a_shell_appends_meanwhile_are_not_lost(tmp_path, monkeypatch):
    path = tmp_path / ".bash_history"
    path.write_bytes(b"ls\nCANARY\n")
    before_the_replacement(monkeypatch, lambda: append(path, b"late\n"))
    assert clean(str(path), WANTED) == 1
    assert path.read_bytes() == b"ls\nlate\n"


def test_a_file_that_a_shell_rewrites_meanwhile_is_cleaned_again(tmp_path, monkeypatch):
    path = tmp_path / ".zsh_history"
    path.write_bytes(b"ls\nCANARY\n")

    def rewrite():
        (tmp_path / "new").write_bytes(b"CANARY\nCANARY 2\nother\n")
        os.rename(tmp_path / "new", path)

    before_the_replacement(monkeypatch, rewrite)
    assert clean(str(path), WANTED) == 2
    assert path.read_bytes() == b"other\n"


def test_lines_written_between_the_last_check_and_the_rename_are_copied(tmp_path, monkeypatch):
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
    # two lines written during the rename may change places
    assert sorted(lines[2_000:]) == sorted(b"new %d" % n for n in range(4_000))
    assert cleaned <= 201  # entries written during the rename are not counted


def test_a_file_that_is_written_without_pause_is_not_changed(tmp_path, monkeypatch):
    path = tmp_path / ".bash_history"
    path.write_bytes(b"CANARY\n")
    before_the_replacement(monkeypatch, lambda: append(path, b"x\n"), times=1_000)
    with pytest.raises(OSError, match="keep writing"):
        clean(str(path), WANTED)
    assert path.read_bytes().startswith(b"CANARY\nx\n")
    assert os.listdir(tmp_path) == [".bash_history"]
