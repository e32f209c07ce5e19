"""The program that a command line runs, as statistics name it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hx.core.program import program, program_by_head

CASES = {
    "ls -la": "ls",
    "/usr/bin/ls": "ls",
    "./configure --prefix=/usr": "configure",
    "git": "git",
    "git commit -m 'x y'": "git commit",
    "git -C /srv/x --no-pager log": "git log",
    "git --version": "git",
    "kubectl -n web logs -f pod": "kubectl logs",
    "docker compose up -d": "docker compose",
    "cargo build": "cargo build",
    "npm run-script x": "npm run-script",
    "make -C sub test:unit": "make test:unit",
    "make CC=gcc": "make",
    "sudo apt-get install x": "apt-get install",
    "sudo -u ann -E git pull": "git pull",
    "A=1 B='two words' C=\"3 4\" python x.py": "python",
    "env A=1 python x.py": "python",
    "time sudo nice -n 5 tar xf x": "tar",
    "\\ls": "ls",
    "(cd x && make)": "cd",
    "{ ls; }": "ls",
    "! grep x y": "grep",
    "for i in 1 2; do": "for",
    "A=1": "",
    "sudo": "",
    "": "",
    "  \n\t ls\n-la": "ls",
    "ls\npwd": "ls",
    "/": "/",
    "# a note": "#",
    "жуть x": "жуть",
    "hx find x": "hx find",
}


@pytest.mark.parametrize("line", CASES, ids=str)
def test_the_program_is_named_without_prefixes_and_options(line):
    assert program(line) == CASES[line]


@given(st.text(), st.sampled_from([" ", "git ", "sudo ", "A='", "git -C "]))
def test_any_text_gives_a_short_name_without_surrounding_blanks(text, before):
    name = program(before + text)
    assert len(name) <= 64
    assert name == name.strip()


def test_a_text_of_a_mebibyte_gives_a_name():
    assert program("git " + "-" * (1 << 20)) == "git"
    assert program("A='" + "x " * (1 << 19)) == ""


@given(st.lists(st.sampled_from([*CASES]), max_size=8))
def test_cached_names_are_the_same(texts):
    named = program_by_head()
    assert [named(text) for text in texts] == [program(text) for text in texts]
