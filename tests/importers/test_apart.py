"""A large history is read by a subprocess, with the result of reading it in this process."""

from __future__ import annotations

import os
from itertools import chain

import pytest

from hx.core.errors import InputError
from hx.core.redaction.rules import Rules
from hx.importers import Reading
from hx.importers import run as importing
from hx.importers.masking import AHEAD, batches
from hx.importers.reader_process import batches_apart
from hx.importers.registry import importer
from importers.import_target import zsh_history

SECRET = "ghp_" + "x" * 3 + "Y7" * 16 + "z"


@pytest.fixture
def history(tmp_path):
    path = tmp_path / "history"
    lines = [(index // 3, f"run {index % 700} é") for index in range(2 * AHEAD + 5)]
    lines += [(9_000, f"export TOKEN={SECRET}"), (9_001, "ignored line")]
    path.write_bytes(zsh_history(*lines) + b": 17")
    return str(path)


def child_pids():
    with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
        return {*file.read().split()}


@pytest.fixture
def before():
    """Return the children that other tests have left, such as the one of cli.forks."""
    return child_pids()


def read(history, read_in_batches, rules):
    reading = Reading(history)
    return list(read_in_batches(importer("zsh"), reading, rules)), (
        reading.size,
        reading.done,
        reading.faults,
    )


def test_the_subprocess_gives_the_same_entries_and_faults(history):
    rules = Rules(ignore=("ignored*",))
    from_subprocess, from_this_process = (
        read(history, batches_apart, rules),
        read(history, batches, rules),
    )
    assert from_subprocess == from_this_process
    assert {kept for _, kept in chain(*from_subprocess[0])} >= {None, b"run 1 \xc3\xa9"}
    assert SECRET.encode() not in b"".join(kept or b"" for _, kept in chain(*from_subprocess[0]))


def test_an_error_in_the_subprocess_is_raised_in_this_process(tmp_path, before):
    with pytest.raises(InputError):
        read(str(tmp_path / "none"), batches_apart, Rules())
    assert child_pids() == before


def test_stopping_early_ends_the_subprocess(history, before):
    entries = batches_apart(importer("zsh"), Reading(history), Rules())
    next(entries)
    assert child_pids() > before
    entries.close()
    assert child_pids() == before


def test_an_import_is_the_same_with_and_without_a_subprocess(target, history, monkeypatch):
    monkeypatch.setattr(importing, "LEAST_BYTES", 0)
    first = target.import_file(history)
    monkeypatch.undo()
    again = target.import_file(history)
    assert first.new == 2 * AHEAD + 7
    assert (again.new, again.known) == (0, first.new)
    assert first.unreadable == again.unreadable
