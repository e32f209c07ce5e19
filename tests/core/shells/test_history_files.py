"""History files of shells are parsed without losing a byte; each entry is what the shell ran."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hx.core.shells.history_files import BASH, FISH, ZSH, Wanted, entries, forms, kind_of, matching

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
    return [one.command for one in entries(data, kind)]


@given(files, st.sampled_from(KINDS))
def test_the_entries_joined_are_the_file(data, kind):
    found = list(entries(data, kind))
    assert b"".join(one.data for one in found) == data
    assert all(one.data for one in found)


@given(files, texts, st.sampled_from(KINDS))
def test_only_entries_that_hold_the_text_are_meant(data, part, kind):
    found = list(entries(data, kind))
    held = matching(found, Wanted(part=part), kind)
    for at, one in enumerate(found):
        inside = part in one.command or part in one.paths
        assert inside <= (at in held)
        if b"\n" not in part:
            assert inside == (at in held)


@given(st.lists(st.text("ab\\\n: ;#é\x83", min_size=1, max_size=6), min_size=1, max_size=4))
def test_what_a_shell_writes_comes_back(some):
    wrote = [text.encode() for text in some]
    zsh = b"".join(b": 1700000000:0;" + in_zsh(one) + b"\n" for one in wrote)
    fish = b"".join(b"- cmd: " + in_fish(one) + b"\n  when: 1\n" for one in wrote)
    stamped = b"".join(b"#1700000000\n" + one + b"\n" for one in wrote)
    assert [one.rstrip(b" ") for one in commands(zsh, ZSH)] == [one.rstrip(b" ") for one in wrote]
    assert commands(fish, FISH) == wrote
    if not any(b"\n#" in b"\n" + one for one in wrote):
        assert commands(stamped, BASH) == wrote


def in_zsh(text):
    hidden = {0, *range(0x83, 0xA3)}
    made = b"".join(bytes((0x83, b ^ 32)) if b in hidden else bytes((b,)) for b in text)
    made = made.replace(b"\n", b"\\\n")
    return made + b" " if made.endswith(b"\\") else made


def in_fish(text):
    return text.replace(b"\\", b"\\\\").replace(b"\n", b"\\n")


def test_bash_without_stamps_has_a_command_a_line():
    assert commands(b"one\n\ntwo\nthree", BASH) == [b"one", b"", b"two", b"three"]


def test_bash_goes_on_to_the_next_stamp_only_where_the_file_begins_with_one():
    assert commands(b"#1\none\nmore\n#2\ntwo\n", BASH) == [b"one\nmore", b"two"]
    assert commands(b"old\n#1\none\nmore\n#2\ntwo\n", BASH) == [b"old", b"one", b"more", b"two"]


def test_a_comment_that_a_person_typed_is_no_stamp():
    assert commands(b"# note\n#!x\nls\n", BASH) == [b"# note", b"#!x", b"ls"]


def test_the_paths_of_fish_belong_to_its_command():
    data = b"- cmd: cat x\n  when: 1\n  paths:\n    - /srv/CANARY\n- cmd: ls\n  when: 2\n"
    found = list(entries(data, FISH))
    assert matching(found, Wanted(part=b"CANARY"), FISH) == {0}
    assert matching(found, Wanted(part=b"when"), FISH) == set()


def test_times_are_no_text():
    data = b": 1700000000:0;ls\n: 1700000001:0;echo 1700000000\n"
    assert matching(list(entries(data, ZSH)), Wanted(part=b"1700000000"), ZSH) == {1}


def test_a_whole_command_is_looked_for_not_a_part_of_one():
    found = list(entries(b"ls\nls -l\n ls \nlsof\n", BASH))
    assert matching(found, Wanted(frozenset({b"ls"})), BASH) == {0, 2}
    assert matching(found, Wanted(frozenset({b""})), BASH) == set()


def test_a_masked_command_is_found_by_what_masking_leaves_of_an_entry():
    found = list(entries(b"login hunter2\nlogin x\n", BASH))
    wanted = Wanted(frozenset({b"login ***"}), masked=lambda text: text.replace(b"hunter2", b"***"))
    assert matching(found, wanted, BASH) == {0}


def test_a_command_of_several_lines_is_found_in_bash_without_stamps():
    found = list(entries(b"a\nfor x in y\ndo z\ndone\nb\n", BASH))
    whole = Wanted(frozenset({b"for x in y\ndo z\ndone"}))
    assert matching(found, whole, BASH) == {1, 2, 3}
    assert matching(found, Wanted(part=b"y\ndo"), BASH) == {1, 2}
    assert matching(found, Wanted(frozenset({b"x in y\ndo z"})), BASH) == set()


@given(texts)
def test_each_form_stands_in_what_its_shell_writes(text):
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
        ("fish_history", b"", FISH),
        ("mine", b"- cmd: ls\n  when: 1\n", FISH),
    ],
)
def test_the_kind_is_told_by_the_content_then_by_the_name(name, data, kind):
    assert kind_of(name, data) == kind
