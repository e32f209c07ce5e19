"""A line that is nothing but one look-up of hx is not recorded; every other line is."""

from __future__ import annotations

import shlex
import subprocess

import pytest
from hypothesis import given, seed
from hypothesis import strategies as st

from capture.ingestion import ended_pid
from dump import dump
from hx.capture.policy import is_lookup
from spooled import complete, end, start

LOOKUPS = [
    b"hx find",
    b"hx find docker run",
    b"hx find 'a | b' --limit 5",
    b'hx find "$HOME/x; y"',
    b"hx search git re\\;base",
    b"hx search -i",
    b"hx show 7k3q9x2m",
    b"hx last --session",
    b"hx why 7k3q9x2m",
    b"hx stats --by dir",
    b"hx status --json",
    b"history-extended find x",
    b"~/.local/bin/hx find x",
    b"/opt/hx/bin/history-extended find x",
    b"HX_HOME=/tmp/x NO_COLOR=1 hx find x",
    b"HX_HOME='/tmp/a b' hx find x",
    b"  hx\tfind  x \n",
    b"'hx' \"find\" x",
    b"hx find a#b",
]
OTHERS = [
    b"hx",
    b"hx --help",
    b"hx doctor",
    b"hx pause",
    b"hx sync status",
    b"hx config",
    b"hx import ~/old",
    b"hx import --list",  # it shows no command
    b"hx finder",
    b"hx last.txt",
    b"ahx find x",
    b"echo hx find x",
    b"sudo hx find x",
    b"! hx find x",
    b"hx show x; make",
    b"hx show x && make",
    b"hx find x | less",
    b"hx find x --json > list",
    b"hx find x &",
    b"id=$(hx find x)",
    b"hx find $(make)",
    b"hx find (make)",
    b"hx find `make`",
    b'hx find "$(make)"',
    b'hx find "`make`"',
    b'hx find "${ make;}"',
    b'hx find "${| make;}"',
    b"hx find <(make)",
    b"hx find x\nmake",
    b"hx find x \\\nmake",
    b"hx find x # of last week",
    b"hx find 'x",
    b'hx find "x',
    b"hx find x\\",
    b"hx find 'it\\'s; make'",
    b"hx find $'it\\'s'; make",
    b"1=x hx find x",
    b"=x hx find x",
    b"x=hx find x",
    b"hx find " + b"x" * 10_000,
]


@pytest.mark.parametrize("line", LOOKUPS)
def test_one_lookup_and_nothing_else_is_a_lookup(line):
    assert is_lookup(line)


@pytest.mark.parametrize("line", OTHERS)
def test_a_line_that_does_more_is_none(line):
    assert not is_lookup(line)


texts = st.text(st.characters(exclude_characters="\0\\", codec="utf-8"), max_size=30)


@given(st.sampled_from(["find", "search", "show", "last", "stats", "status"]), st.lists(texts))
def test_whatever_is_quoted_belongs_to_the_lookup(name, words):
    assert is_lookup(shlex.join(["hx", name, *words]).encode())


@given(
    st.lists(texts, max_size=3),
    st.sampled_from([";", "|", "&", "&&", "||", ">", "<", "\n", "`make`", "(make)", "$(make)"]),
    st.lists(texts, max_size=3),
)
def test_an_operator_between_quoted_words_makes_it_another_line(before, operator, after):
    line = f"{shlex.join(['hx', 'find', *before])} {operator} {shlex.join(['make', *after])}"
    assert not is_lookup(line.encode())


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_any_bytes_can_be_asked_about(before, after):
    assert is_lookup(before + b"hx find " + after) in (True, False)


# few characters, so that many lines are commands; none of these can harm the folder of the test
crooked = st.text(st.sampled_from(" a'\"\\;|&$(){}`#\n"), max_size=10)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_what_is_taken_for_a_lookup_runs_nothing_else_in_that_shell(shell, tmp_path):
    lines: dict[str, None] = {}

    @seed(1)
    @given(crooked)
    def collect(tail):
        if is_lookup(f"hx find {tail}".encode()):
            lines[f"hx find {tail}"] = None

    collect()
    for name in ("hx", "a"):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\necho {name} >> {tmp_path}/ran\n")
        program.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "HOME": str(tmp_path)}
    tried = list(lines)[:20]
    for line in tried:
        words = [shell, "-c", line]
        subprocess.run(words, env=environment, cwd=tmp_path, capture_output=True, check=False)
    ran = (tmp_path / "ran").read_text().split()
    assert set(ran) == {"hx"}
    assert len(ran) <= len(tried)  # some are faults in one shell or another, and run nothing


def test_a_lookup_is_not_recorded_and_nothing_is_lost(ingestion):
    ingestion.begin()
    ingestion.write(start(1, "make") + end(1) + start(2, "hx find make") + end(2) + start(3, "ls"))
    ingestion.ingest()
    assert ingestion.commands() == ["make", "ls"]
    assert ingestion.faults() == {}


def test_its_end_may_come_in_a_later_drain(ingestion):
    """As it always does: `hx find` drains while its own line runs."""
    ingestion.begin()
    ingestion.write(start(1, "hx find make"))
    ingestion.ingest()
    assert ingestion.events() == []
    ingestion.ingest()
    ingestion.write(end(1) + start(2, "hx show x; make"))
    ingestion.ingest()
    ingestion.write(end(2, 3))
    ingestion.ingest()
    [event] = ingestion.events()
    assert (event.command, event.exit_status) == (b"hx show x; make", 3)
    assert ingestion.faults() == {}
    assert ingestion.database.meta_keys("ignored.") == []


def test_a_complete_record_of_bash_is_left_out_too(ingestion):
    ingestion.begin()
    ingestion.write(complete(1, "hx find make", x=1) + complete(2, "id=$(hx find make)", x=0))
    ingestion.ingest()
    assert ingestion.commands() == ["id=$(hx find make)"]
    assert ingestion.faults() == {}


def test_with_the_setting_lookups_are_recorded(ingestion):
    ingestion.source = ingestion.source._replace(lookups=True)
    ingestion.begin()
    ingestion.write(start(1, "hx find make"))
    ingestion.ingest()
    ingestion.write(end(1, 1))
    ingestion.ingest()
    [event] = ingestion.events()
    assert (event.command, event.exit_status) == (b"hx find make", 1)


def test_a_lookup_that_never_ended_goes_with_the_files_of_its_session(ingestion):
    ingestion.begin(P=ended_pid())
    ingestion.write(start(1, "hx find x"))
    ingestion.ingest(tidy=True)
    ingestion.ingest(tidy=True)
    assert ingestion.database.meta_keys("ignored.") == []
    assert not dump(ingestion.database).events
