"""How each history format is read, byte by byte; damage is counted and never raised."""

from __future__ import annotations

import os
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hx.core.errors import InputError
from hx.importers import CUT, TOO_LONG, Reading
from hx.importers.registry import detected, importer, importers
from importers.import_target import entries

PIECES = [
    *(b"\n", b"\\", b"\\\n", b"\x83", b"\0", b": ", b"#"),
    *(b": 1700000000:5;", b"#1700000000\n", b"- cmd: ", b"  when: 1700000000\n", b"  paths:\n"),
]
TIME_US = 1_700_000_000_000_000
FORMS = {  # of each text history: one command as its tool writes it
    "bash": b"%s\n",
    "zsh": b": 1700000000:0;%s\n",
    "fish": b"- cmd: %s\n  when: 1700000000\n",
}


def test_each_text_history_has_a_form_here():
    texts = {tool.KIND.decode() for tool in importers() if tool.IS_TEXT}
    assert texts == FORMS.keys()


def read(data, kind, folder):
    result, faults = entries(data, kind, folder)
    assert not faults
    return [(entry.at_us, entry.command) for entry in result]


def test_a_plain_bash_file_has_one_command_per_line(tmp_path):
    assert read(b"ls -l\n\n  \n#comment\necho $'\xff'\n", "bash", tmp_path) == [
        (None, b"ls -l"),
        (None, b"#comment"),
        (None, b"echo $'\xff'"),
    ]


def test_a_bash_command_of_several_lines_ends_at_the_next_stamp(tmp_path):
    data = b"before\n#1700000000\nfor i in 1\ndo :\n\ndone\n#1700000001\nls\n"
    assert read(data, "bash", tmp_path) == [
        (None, b"before"),
        (TIME_US, b"for i in 1\ndo :\n\ndone"),
        (TIME_US + 1_000_000, b"ls"),
    ]


def test_zsh_lines_have_a_time_and_a_duration_in_whole_seconds(tmp_path):
    read_entries, faults = entries(
        b": 1700000000:12;make\n: 1700000001:0;ls\nplain\n", "zsh", tmp_path
    )
    assert not faults
    assert [(e.at_us, e.duration_us, e.command) for e in read_entries] == [
        (TIME_US, 12_000_000, b"make"),
        (TIME_US + 1_000_000, None, b"ls"),  # zsh writes 0 where it does not know
        (None, None, b"plain"),
    ]


def test_the_escapes_of_zsh_are_undone(tmp_path):
    data = (
        b": 1700000000:0;docker run \\\\\n  -it x\n"
        b": 1700000000:0;two\\\nlines\n"
        b": 1700000000:0;meta \x83\xa3\x83\x20\xc3\xa9\n"
        b": 1700000000:0;ends \\ \n"
        b"\\: colon\n"
    )
    assert [command for _, command in read(data, "zsh", tmp_path)] == [
        b"docker run \\\n  -it x",
        b"two\nlines",
        b"meta \x83\x00\xc3\xa9",
        b"ends \\",
        b": colon",
    ]


def test_in_fish_only_escaped_line_ends_and_backslashes_are_undone(tmp_path):
    data = (
        b"- cmd: echo a\\nb \\\\n \\t: x\n  when: 1700000000\n  paths:\n    - x\n"
        b"- cmd: no time\n- cmd: ls\n  when: 1700000001\n"
    )
    assert read(data, "fish", tmp_path) == [
        (TIME_US, b"echo a\nb \\n \\t: x"),
        (None, b"no time"),
        (TIME_US + 1_000_000, b"ls"),
    ]


@pytest.mark.parametrize(
    ("kind", "data", "commands"),
    [
        ("bash", b"#1700000000\nls\n#1700000001\n", [b"ls"]),
        ("zsh", b": 1700000000:0;ls\n: 17000", [b"ls"]),
        ("zsh", b": 1700000000:0;ls\n: 1700000000:0;", [b"ls"]),
        ("zsh", b": 1700000000:0;ls\n: 1700000000:0;two\\\n", [b"ls"]),
        ("fish", b"- cmd: ls\n  when: 1700000000\n- cmd: x\n  when: 17", [b"ls"]),
    ],
)
def test_a_truncated_last_entry_is_counted(kind, data, commands, tmp_path):
    read_entries, faults = entries(data, kind, tmp_path)
    assert [entry.command for entry in read_entries] == commands
    assert faults == {CUT: 1}


@pytest.mark.parametrize("kind", ["bash", "zsh"])
def test_a_last_line_without_a_newline_is_a_command(kind, tmp_path):
    assert read(b"ls\nmake", kind, tmp_path) == [(None, b"ls"), (None, b"make")]


@pytest.mark.parametrize(("kind", "form"), FORMS.items(), ids=FORMS)
def test_commands_up_to_one_mebibyte_are_read_and_longer_ones_counted(kind, form, tmp_path):
    fits, too_long = b"x" * (1 << 20), b"y" * ((1 << 20) + 1)
    data = (
        form % b"first" + form % fits + form % too_long + form % (b"z" * 3_000_000) + form % b"last"
    )
    read_entries, faults = entries(data, kind, tmp_path)
    assert [entry.command for entry in read_entries] == [b"first", fits, b"last"]
    assert faults == {TOO_LONG: 2}


def test_a_multi_line_command_over_one_mebibyte_is_counted(tmp_path):
    line = b"x" * 1000
    for kind, data in (
        ("bash", b"#1700000000\n'" + (line + b"\n") * 2000 + b"'\n#1700000001\nls\n"),
        ("zsh", b": 1700000000:0;" + (line + b"\\\n") * 2000 + b"end\n: 1700000001:0;ls\n"),
    ):
        read_entries, faults = entries(data, kind, tmp_path)
        assert [entry.command for entry in read_entries] == [b"ls"]
        assert faults == {TOO_LONG: 1}


def test_no_line_of_a_long_session_without_stamps_is_lost(tmp_path):
    session = b"".join(b"run %d\n" % number for number in range(150_000))
    for first in (b"make", b"echo it's"):
        data = b"old\n#1700000000\n" + first + b"\n" + session
        commands = [command for _, command in read(data, "bash", tmp_path)]
        assert commands == [b"old", first, *session.split(b"\n")[:-1]]


def test_an_impossible_time_is_unknown(tmp_path):
    data = b": 0:0;epoch\n: 999999999999:0;far\n: 1700000000:0;now\n"
    assert read(data, "zsh", tmp_path) == [(None, b"epoch"), (None, b"far"), (TIME_US, b"now")]


@pytest.mark.parametrize("kind", FORMS)
@given(
    pieces=st.lists(
        st.one_of(
            st.binary(max_size=8),
            st.sampled_from(PIECES),
        ),
        max_size=20,
    )
)
def test_any_bytes_give_nonempty_commands(kind, pieces, tmp_path_factory):
    folder = tmp_path_factory.getbasetemp()
    read_entries, _ = entries(b"".join(pieces), kind, folder)
    assert all(len(entry.command) > 0 for entry in read_entries)


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("a", b"ls\n: 1700000000:0;ls\n", b"zsh"),
        ("b", b"ls\n#1700000000\nls\n", b"bash"),
        ("c", b"- cmd: ls\n  when: 1\n", b"fish"),
        (".zsh_history", b"ls\n", b"zsh"),
        (".bash_history", b"ls\n", b"bash"),
        ("copy", b"ls\n", b"bash"),
    ],
)
def test_the_format_is_detected_from_the_content_and_then_from_the_name(name, data, kind, tmp_path):
    (tmp_path / name).write_bytes(data)
    assert kind == detected(str(tmp_path / name)).KIND


def test_any_other_path_is_an_error(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty").touch()
    for name, word in (
        ("", "directory"),
        ("pipe", "regular"),
        ("empty", "empty"),
        ("no", "no such"),
    ):
        with pytest.raises(InputError, match=word):
            detected(str(tmp_path / name))


def test_reading_reports_its_progress_in_bytes(tmp_path):
    path = tmp_path / "h"
    path.write_bytes(b"ls\n" * 1000)
    reading = Reading(str(path))
    for _ in importer("bash").read(reading):
        assert reading.done <= reading.size == 3000
    assert reading.done == 3000


def test_a_block_of_nuls_takes_bounded_memory(tmp_path):
    path = tmp_path / "h"
    path.write_bytes(b"ls\n")
    os.truncate(path, 16 << 20)  # NULs, as a crash leaves them
    tracemalloc.start()
    reading = Reading(str(path))
    assert [entry.command for entry in importer("bash").read(reading)] == [b"ls"]
    assert tracemalloc.get_traced_memory()[1] < 6 << 20
    tracemalloc.stop()
    assert not reading.faults
