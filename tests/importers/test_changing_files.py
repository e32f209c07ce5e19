"""A history that another program writes while hx reads it."""

from __future__ import annotations

import os

import pytest

from hx.core.errors import InputError
from hx.core.redaction.rules import Rules
from hx.importers.registry import importer
from hx.importers.run import Import, Job
from importers.import_target import DEVICE, HOST

PLAIN = b"".join(b"run %d\n" % number for number in range(20_000))


class Changing:
    """An importer that calls a function once, after the first entry."""

    def __init__(self, kind, change):
        self._importer, self._change = importer(kind), change

    def __getattr__(self, name):
        return getattr(self._importer, name)

    def read(self, reading):
        for entry in self._importer.read(reading):
            change, self._change = self._change, None
            if change is not None:
                change()
            yield entry


def imported(target, path, change):
    """Import a file that `change` changes when its first line was read; return the counts."""
    source = Changing("bash", change)
    return Import(target.database, path, source, Job(DEVICE, HOST, Rules())).run()


def test_lines_that_are_added_meanwhile_are_left_for_the_next_import(target):
    path = target.write(PLAIN)

    def grow():
        with open(path, "ab") as file:
            file.write(PLAIN)

    assert imported(target, path, grow).new == 20_000
    assert target.import_file(path, "bash").new == 20_000


@pytest.mark.parametrize("size", [0, 100, len(PLAIN) - 1])
def test_a_file_that_becomes_shorter_is_an_error(target, size):
    path = target.write(PLAIN)
    with pytest.raises(InputError, match="changed while hx read it"):
        imported(target, path, lambda: os.truncate(path, size))
    target.write(PLAIN)
    target.import_file(path, "bash")
    assert len(target.events()) == 20_000


def test_a_file_that_is_replaced_between_two_readings_is_an_error(target):
    path = target.write(b"#1700000000\nls\n" * 10_000 + PLAIN)

    def replace():
        os.rename(target.write(b"#1700000000\nls\n" * 10_000 + PLAIN, "new"), path)

    with pytest.raises(InputError, match="changed while hx read it"):
        imported(target, path, replace)


def test_a_file_that_is_rewritten_with_fewer_lines_is_an_error(target):
    path = target.write(PLAIN)

    def rewrite():
        with open(path, "r+b") as file:
            file.write(b"x" * len(PLAIN))

    with pytest.raises(InputError, match="changed while hx read it"):
        imported(target, path, rewrite)
    assert not target.events()
