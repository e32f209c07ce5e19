"""A push that is cut short finds the same names and the same bytes again, or none."""

from __future__ import annotations

import os

import pytest

from hx.core.errors import DatabaseError
from hx.core.format import object_names
from hx.files import replace_file
from hx.sync.outbox import Outbox

DEVICE = b"\x01" * 16
OBJECTS = [(object_names.segment(DEVICE, bytes([n]) * 16), b"%d" % n * n) for n in range(1, 4)]


@pytest.fixture
def outbox(tmp_path):
    return Outbox(str(tmp_path / "outbox"))


def files(tmp_path):
    return sorted(path.name for path in (tmp_path / "outbox").iterdir())


def test_what_was_written_is_read_in_its_order(outbox):
    outbox.write(7, OBJECTS)
    journal = outbox.read()
    assert (journal.seq, journal.keys) == (7, tuple(key for key, _ in OBJECTS))
    assert list(outbox.objects(journal)) == OBJECTS


def test_only_the_owner_may_read_it(outbox, tmp_path):
    outbox.write(7, OBJECTS)
    assert (tmp_path / "outbox").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "outbox").iterdir()} == {0o600}


def test_before_the_first_push_there_is_none_and_nothing_to_clear(outbox, tmp_path):
    assert outbox.read() is None
    outbox.clear()
    assert not (tmp_path / "outbox").exists()


def test_what_is_cleared_is_gone(outbox, tmp_path):
    outbox.write(7, OBJECTS)
    outbox.clear()
    assert outbox.read() is None
    assert files(tmp_path) == []


def test_of_the_push_before_nothing_is_left(outbox, tmp_path):
    outbox.write(7, OBJECTS)
    outbox.write(8, OBJECTS[:1])
    assert outbox.read().seq == 8
    assert len(files(tmp_path)) == 2


@pytest.mark.parametrize("steps", range(5))
def test_a_clearing_that_is_cut_short_leaves_no_journal(outbox, tmp_path, monkeypatch, steps):
    """A journal whose objects are gone would stand for a push that nobody can complete."""
    outbox.write(7, OBJECTS)
    unlink, done = os.unlink, []

    def cut(path):
        if len(done) == steps:
            raise KeyboardInterrupt
        done.append(path)
        unlink(path)

    monkeypatch.setattr(os, "unlink", cut)
    if steps <= len(OBJECTS):
        with pytest.raises(KeyboardInterrupt):
            outbox.clear()
    else:
        outbox.clear()
    assert len(files(tmp_path)) == len(OBJECTS) + 1 - len(done)
    assert ("journal" in files(tmp_path)) == (steps == 0)
    assert (outbox.read() is None) == (steps > 0)


@pytest.mark.parametrize("steps", range(len(OBJECTS) + 1))
def test_a_writing_that_is_cut_short_leaves_no_journal(outbox, monkeypatch, steps):
    monkeypatch.setattr("hx.sync.outbox.replace_file", _replaced(steps))
    with pytest.raises(KeyboardInterrupt):
        outbox.write(7, OBJECTS)
    assert outbox.read() is None


def _replaced(steps):
    done = []

    def replace(path, data):
        if len(done) == steps:
            raise KeyboardInterrupt
        done.append(path)
        replace_file(path, data)

    return replace


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x92\x07", b"\x92\x07\x91\xa1\xff", b"\x80"])
def test_a_journal_that_is_damaged_counts_as_none(outbox, tmp_path, data):
    outbox.write(7, OBJECTS)
    (tmp_path / "outbox" / "journal").write_bytes(data)
    assert outbox.read() is None


@pytest.mark.parametrize("name", ["notes.txt", "o/../../x.hx"])
def test_a_journal_with_a_name_that_no_object_has_counts_as_none(outbox, name):
    outbox.write(7, [*OBJECTS, (name, b"?")])
    assert outbox.read() is None


def test_a_journal_of_which_a_file_is_lost_counts_as_none(outbox, tmp_path):
    outbox.write(7, OBJECTS)
    for number in range(len(OBJECTS)):
        kept = tmp_path / "outbox" / f"{number:06d}.hx"
        data = kept.read_bytes()
        kept.unlink()
        assert outbox.read() is None
        kept.write_bytes(data)
    assert outbox.read() is not None


def test_where_nothing_can_be_written_it_says_where_and_why(outbox, tmp_path):
    (tmp_path / "outbox").write_bytes(b"a file in the way")
    with pytest.raises(DatabaseError, match="cannot write to") as caught:
        outbox.write(7, OBJECTS)
    assert str(tmp_path / "outbox") in str(caught.value)
