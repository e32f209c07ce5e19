"""The note of what starts a sync."""

import os

import pytest

from hx.scheduler import note
from hx.scheduler.note import Note


def test_a_note_is_read_as_it_was_written(tmp_path):
    folder = str(tmp_path)
    given = Note("systemd", 5, "/home/ann/b in/hx", "/store/m", ("/a.timer", "/b.path"), True)
    assert note.read(folder) is None
    note.write(folder, given)
    assert note.read(folder) == given
    assert os.stat(note.path(folder)).st_mode & 0o777 == 0o600
    note.remove(folder)
    note.remove(folder)
    assert note.read(folder) is None


@pytest.mark.parametrize(
    "text",
    [b"", b"{}", b"[]", b"\xff", b"[" * 100_000, b'{"by": "moon", "minutes": 5, "executable": ""}'],
)
def test_a_damaged_note_is_none(tmp_path, text):
    (tmp_path / note.NAME).write_bytes(text)
    assert note.read(str(tmp_path)) is None
