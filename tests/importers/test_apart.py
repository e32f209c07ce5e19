"""A large history is read by a process of its own: what comes of it is the same."""

from __future__ import annotations

import os

import pytest

from hx.core.errors import InputError
from hx.core.redaction.rules import Rules
from hx.importers import Reading, importer
from hx.importers import run as importing
from hx.importers.rules import AHEAD, judged
from hx.importers.subprocess import judged_apart
from importers.desk import zsh

SECRET = "ghp_" + "x" * 3 + "Y7" * 16 + "z"


@pytest.fixture
def history(tmp_path):
    path = tmp_path / "history"
    lines = [(at // 3, f"run {at % 700} é") for at in range(2 * AHEAD + 5)]
    lines += [(9_000, f"export TOKEN={SECRET}"), (9_001, "ignored line")]
    path.write_bytes(zsh(*lines) + b": 17")
    return str(path)


def children():
    with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
        return file.read().split()


def read(history, how, rules):
    reading = Reading(history)
    return list(how(importer("zsh"), reading, rules)), (reading.size, reading.done, reading.faults)


def test_it_gives_what_reading_here_gives(history):
    rules = Rules(ignore=("ignored*",))
    apart, here = read(history, judged_apart, rules), read(history, judged, rules)
    assert apart == here
    assert {kept for _, kept in apart[0]} >= {None, b"run 1 \xc3\xa9"}
    assert SECRET.encode() not in b"".join(kept or b"" for _, kept in apart[0])


def test_what_reading_raises_is_raised_here(tmp_path):
    with pytest.raises(InputError):
        read(str(tmp_path / "none"), judged_apart, Rules())
    assert not children()


def test_who_stops_early_leaves_no_process_behind(history):
    entries = judged_apart(importer("zsh"), Reading(history), Rules())
    next(entries)
    assert children()
    entries.close()
    assert not children()


def test_an_import_is_the_same_either_way(desk, history, monkeypatch):
    monkeypatch.setattr(importing, "LEAST_BYTES", 0)
    first = desk.take_file(history)
    monkeypatch.undo()
    again = desk.take_file(history)
    assert first.new == 2 * AHEAD + 7
    assert (again.new, again.known) == (0, first.new)
    assert first.unreadable == again.unreadable
