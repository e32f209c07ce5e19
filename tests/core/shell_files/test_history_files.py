"""History files of shells: each byte belongs to one entry, and each entry is one command."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hx.core.shell_files.history_files import (
    BASH,
    FISH,
    ZSH,
    Wanted,
    entries,
    forms,
    kind_of,
    matching,
)

KINDS = (BASH, ZSH, FISH)
pieces = st.sampled_from(
    [
        *(b"\n", b"\\", b"#17", b"#1700000000\n", b": 1700000000:0;", b"- cmd: ", b"  when: 1\n"),
        *(b"    - a\n", b"\\n", b"\\\n", b"\x83", b"\xa0", b"ls", b" ", b"\r", b"\0", b"\x0b"),
    ]
)
files = st.lists(pieces | st.binary(max_size=3), max_size=20).map(b"".join)
texts = st.binary(min_size=1, max_size=8)


def commands(data, kind):
    return [entry.command for entry in entries(data, kind)]


@given(files, st.sampled_from(KINDS))
def test_the_concatenated_entries_are_the_file(data, kind):
    all_entries = list(entries(data, kind))
    assert b"".join(entry.data for entry in all_entries) == data
    assert all(entry.data for entry in all_entries)


@given(files, texts, st.sampled_from(KINDS))
def test_exactly_the_entries_with_the_text_match(data, part, kind):
    all_entries = list(entries(data, kind))
    matched = matching(all_entries, Wanted(part=part), kind)
    for number, entry in enumerate(all_entries):
        is_inside = part in entry.command or part in entry.paths
        assert is_inside <= (number in matched)
        if b"\n" not in part:
            assert is_inside == (number in matched)


@given(st.lists(st.text("ab\\\n: ;#é\x83", min_size=1, max_size=6), min_size=1, max_size=4))
def test_commands_are_read_as_the_shell_wrote_them(texts_written):
    written = [text.encode() for text in texts_written]
    zsh = b"".join(b": 1700000000:0;" + in_zsh(text) + b"\n" for text in written)
    fish = b"".join(b"- cmd: " + in_fish(text) + b"\n  when: 1\n" for text in written)
    quoted = [b"echo '" + text + b"'" for text in written]
    stamped = b"".join(b"#1700000000\n" + text + b"\n" for text in quoted)
    assert [text.rstrip(b" ") for text in commands(zsh, ZSH)] == [
        text.rstrip(b" ") for text in written
    ]
    assert commands(fish, FISH) == written
    assert commands(stamped, BASH) == quoted


def in_zsh(text):
    hidden = {0, *range(0x83, 0xA3)}
    line = b"".join(bytes((0x83, byte ^ 32)) if byte in hidden else bytes((byte,)) for byte in text)
    line = line.replace(b"\n", b"\\\n")
    return line + b" " if line.endswith(b"\\") else line


def in_fish(text):
    return text.replace(b"\\", b"\\\\").replace(b"\n", b"\\n")


def test_bash_without_timestamps_has_one_command_per_line():
    assert commands(b"one\n\ntwo\nthree", BASH) == [b"one", b"", b"two", b"three"]


@pytest.mark.parametrize("before", [b"", b"old\n"])
def test_a_command_of_bash_ends_where_it_is_complete(before):
    data = before + b"#1\nfor x in y\n\ndo z\ndone\nls\n#2\ntwo\n"
    expected = [b"for x in y\n\ndo z\ndone", b"ls", b"two"]
    assert commands(data, BASH) == before.split() + expected


def test_a_command_of_bash_that_is_never_complete_ends_where_bash_ends_it():
    data = b"#1\necho it's\nmore\n#2\ntwo\n"
    assert commands(data, BASH) == [b"echo it's\nmore", b"two"]
    assert commands(b"old\n" + data, BASH) == [b"old", b"echo it's", b"more", b"two"]


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (BASH, b"#1\nls\n%b#2\nlogin hunter2\n%bpwd\n"),
        (ZSH, b": 1:0;ls\n%b: 2:0;login hunter2\n%bpwd\n"),
        (FISH, b"- cmd: ls\n  when: 1\n%b- cmd: login hunter2\n  when: 2\n%b- cmd: pwd\n"),
    ],
)
def test_nuls_that_a_crash_left_hide_no_command(kind, data):
    all_entries = list(entries(data.replace(b"%b", b"\0" * 37), kind))
    assert [entry.command for entry in all_entries] == [b"ls", b"login hunter2", b"pwd"]
    assert matching(all_entries, Wanted(frozenset({b"login hunter2"})), kind) == {1}


def test_a_typed_comment_is_no_timestamp():
    data = b"# note\n#!x\n#12 things\nls\n"
    assert commands(data, BASH) == [b"# note", b"#!x", b"#12 things", b"ls"]


def test_the_paths_of_fish_belong_to_its_command():
    data = b"- cmd: cat x\n  when: 1\n  paths:\n    - /srv/CANARY\n- cmd: ls\n  when: 2\n"
    all_entries = list(entries(data, FISH))
    assert matching(all_entries, Wanted(part=b"CANARY"), FISH) == {0}
    assert matching(all_entries, Wanted(part=b"when"), FISH) == set()


def test_timestamps_are_not_searched():
    data = b": 1700000000:0;ls\n: 1700000001:0;echo 1700000000\n"
    assert matching(list(entries(data, ZSH)), Wanted(part=b"1700000000"), ZSH) == {1}


def test_a_wanted_command_matches_whole_entries_only():
    all_entries = list(entries(b"ls\nls -l\n ls \nlsof\n", BASH))
    assert matching(all_entries, Wanted(frozenset({b"ls"})), BASH) == {0, 2}
    assert matching(all_entries, Wanted(frozenset({b""})), BASH) == set()


def test_a_masked_command_matches_entries_after_masking():
    all_entries = list(entries(b"login hunter2\nlogin x\n", BASH))
    wanted = Wanted(frozenset({b"login ***"}), masked=lambda text: text.replace(b"hunter2", b"***"))
    assert matching(all_entries, wanted, BASH) == {0}


def test_a_command_of_several_lines_is_found_without_timestamps():
    all_entries = list(entries(b"a\nfor x in y\ndo z\ndone\nb\n", BASH))
    wanted = Wanted(frozenset({b"for x in y\ndo z\ndone"}))
    assert matching(all_entries, wanted, BASH) == {1, 2, 3}
    assert matching(all_entries, Wanted(part=b"y\ndo"), BASH) == {1, 2}
    assert matching(all_entries, Wanted(frozenset({b"x in y\ndo z"})), BASH) == set()


@given(texts)
def test_forms_include_what_each_shell_writes(text):
    assert {text, in_fish(text)} <= forms(text)
    assert in_zsh(text).removesuffix(b" ") in {form.removesuffix(b" ") for form in forms(text)}


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        (".bash_history", b"ls\n", BASH),
        (".zsh_history", b"ls\n", ZSH),
        (".zhistory", b"", ZSH),
        (".histfile", b"ls\n", ZSH),
        (".history", b"ls\n", BASH),
        (".history", b": 1700000000:0;ls\n", ZSH),
        (".history", b"echo caf\xc3\x83\x89\n", ZSH),
        (".history", b"for i in 1 2\\\ndo :\\\ndone\n", ZSH),
        (".history", "echo キャ\n".encode(), BASH),
        ("fish_history", b"", FISH),
        ("mine", b"- cmd: ls\n  when: 1\n", FISH),
    ],
)
def test_the_kind_follows_from_the_content_then_from_the_name(name, data, kind):
    assert kind_of(name, data) == kind
