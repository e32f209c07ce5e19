"""Which files are histories of which tool, and which are none."""

from __future__ import annotations

import gzip
import os
import random
import socket
import sqlite3
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hx.importers.registry
from hx.core.errors import InputError, UnmarkedError
from hx.core.shell_files.recognition import likely, marked, other_content
from hx.importers.registry import detected, importer_for

ZSH, BASH = b": 1700000000:0;ls\n: 1700000001:0;make\n", b"#1700000000\nls\n#1700000001\nmake\n"
FISH = b"- cmd: ls\n  when: 1700000000\n- cmd: make\n  when: 1700000001\n"
HISTORIES = {"zsh": ZSH, "bash": BASH, "fish": FISH}
LETTER = b"Dear Ann,\n\nthe garden is fine.\nSee you soon\n"
NO_HISTORIES = {
    "a program": open(sys.executable, "rb").read(70_000),  # noqa: SIM115
    "a compressed file": gzip.compress(ZSH * 100),
    "a PDF document": b"%PDF-1.7\n1 0 obj <<\nendobj\n",
    "an image": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    "a web page": b"\n<!DOCTYPE html>\n<html>\n",
    "JSON": b'{\n  "command": "ls"\n}\n',
    "a key": b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n",
    "UTF-16": "ls\n#1700000000\nmake\n".encode("utf-16"),
    "text in UTF-16": "ls\n#1700000000\nmake\n".encode("utf-16-le"),
    "that of tcsh": b"#+1700000000\nls -la\n#+1700000100\ncd /tmp\n",
    "that of ksh": b"\x81\x01ls -la\n\0cd /tmp\n\0make\n\0",
    "no text": random.Random(4).randbytes(4_000),
}
PLAIN = {
    "a letter": LETTER,
    "a table": b"name,age\nann,4\n",
    "a log": b"2026-01-01 INFO start\n" + b"2026-01-01 INFO " + b"x" * 3_000_000 + b"\n",
    "known_hosts": b"github.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5\n",
    "an rc file": b"alias l=ls\nexport A=b\n",
    "a text about zsh": LETTER * 20 + ZSH,
    "a text about bash": LETTER * 20 + BASH,
    "a workflow": b"steps:\n- cmd: ls\n" + b"name: x\n" * 20,
}


@pytest.fixture
def write(tmp_path):
    def write(data, name="copy"):
        (tmp_path / name).write_bytes(data)
        return str(tmp_path / name)

    return write


@pytest.mark.parametrize("kind", [None, "bash", "zsh", "fish", "atuin"])
@pytest.mark.parametrize("noun", NO_HISTORIES)
def test_what_is_certainly_no_history_is_refused_whatever_tool_is_named(noun, kind, write):
    with pytest.raises(InputError, match="is no history") as refused:
        importer_for(write(NO_HISTORIES[noun], ".bash_history"), kind)
    assert noun in refused.value.message
    assert not isinstance(refused.value, UnmarkedError)


@pytest.mark.parametrize("name", PLAIN)
def test_plain_text_only_may_be_a_history_of_bash_or_zsh(name, write):
    path = write(PLAIN[name])
    with pytest.raises(UnmarkedError, match="plain text"):
        importer_for(path, None)
    for kind in ("bash", "zsh"):
        assert kind.encode() == importer_for(path, kind).KIND
    for kind in ("fish", "atuin"):
        with pytest.raises(InputError, match=f"no history of {kind}: it looks like plain text"):
            importer_for(path, kind)


@pytest.mark.parametrize("kind", HISTORIES)
@pytest.mark.parametrize("other", [*HISTORIES, "atuin"])
def test_the_history_of_another_tool_is_refused(kind, other, write):
    path = write(HISTORIES[kind])
    assert kind.encode() == importer_for(path, None).KIND
    if other == kind:
        assert kind.encode() == importer_for(path, kind).KIND
    else:
        with pytest.raises(InputError, match=f"no history of {other}: it looks like one of {kind}"):
            importer_for(path, other)


def test_a_file_that_two_shells_wrote_is_read_by_either(write):
    path = write(ZSH * 3 + BASH)
    assert importer_for(path, None).KIND == b"zsh"
    assert importer_for(path, "bash").KIND == b"bash"


def test_a_database_is_no_history_of_a_shell(write, tmp_path):
    with sqlite3.connect(tmp_path / "x.db") as connection:
        connection.execute("CREATE TABLE t (x)")
    connection.close()
    for kind in ("bash", "zsh", "fish"):
        with pytest.raises(InputError, match="is a database, but not of"):
            importer_for(str(tmp_path / "x.db"), kind)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (".bash_history", b"bash"),
        ("bash_history.old", b"bash"),
        (".bash_eternal_history", b"bash"),
        (".zsh_history", b"zsh"),
        ("zsh-history-2019", b"zsh"),
        (".zhistory", b"zsh"),
        (".histfile", b"zsh"),
    ],
)
def test_the_name_of_a_plain_file_may_say_which_shell_wrote_it(name, kind, write):
    assert kind == importer_for(write(b"ls\nmake\n", name), None).KIND


def test_the_escapes_of_zsh_tell_a_plain_file_of_zsh(write):
    path = write(b"echo voil\xc3\x83\x80\n", ".history")
    assert importer_for(path, None).KIND == detected(path).KIND == b"zsh"
    assert likely(".history", "echo キャ ムメ\n".encode()) == "bash"


def test_in_a_usual_place_a_plain_file_is_a_history(write):
    assert detected(write(b"ls\n", ".history")).KIND == b"bash"
    assert detected(write(b"for x in y\\\ndo :\\\ndone\n", ".history")).KIND == b"zsh"
    with pytest.raises(InputError, match="is no history that hx reads: it is a compressed file"):
        detected(write(gzip.compress(ZSH), ".zsh_history"))


@pytest.mark.parametrize("data", HISTORIES.values())
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf", b"\0" * 40, b"\0" * 100_000])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_damage_hides_no_history(data, start, end, write):
    path = write(start + data.replace(b"\n", end) + b"\0" * 30 + data)
    assert importer_for(path, None) == importer_for(write(data), None)


def test_a_sparse_file_is_read_without_its_holes(write):
    path = write(ZSH)
    os.truncate(path, 1 << 40)
    assert importer_for(path, None).KIND == b"zsh"
    with open(path, "wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(InputError, match="nothing but NULs"):
        importer_for(path, None)


def test_a_socket_is_no_regular_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the name of a socket must be short
    with socket.socket(socket.AF_UNIX) as end:
        end.bind("socket")
        with pytest.raises(InputError, match="not a regular file"):
            importer_for("socket", None)


@given(st.lists(st.text("ls -la|;'\"é\x1b\t", min_size=1).map(str.encode), min_size=1, max_size=20))
def test_text_is_never_taken_for_another_content(lines):
    assert other_content(b"\n".join(lines)) is None


@given(st.binary(max_size=200))
def test_any_bytes_are_looked_at_without_an_error(head):
    other_content(head)
    assert marked(head) in {None, "bash", "zsh", "fish"}
    assert likely("x", head) in {"bash", "zsh", "fish"}


def test_a_tool_may_keep_its_history_in_a_form_that_no_shell_has(write, monkeypatch):
    class Json:
        KIND = b"toy"

        @staticmethod
        def recognises(head):
            return head.startswith(b'{"toy"')

    monkeypatch.setattr(hx.importers.registry, "importers", lambda: (Json,))
    assert importer_for(write(b'{"toy": ["ls"]}\n'), None) is Json
    with pytest.raises(InputError, match="it is JSON"):
        importer_for(write(b'{"other": ["ls"]}\n'), None)
