"""Histories that were rewritten with or without times: their lines are recognised by text."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hx.core.model import KNOWN_SINCE_US
from importers.import_target import FIRST_S, SECOND_US, ImportTarget, zsh_history
from strategies import share

OLD_COMMANDS = ["ls -la", "make test", "curl -H secret x", "git push", "true"]
SECRET = b"curl -H secret x"


def plain(*texts):
    return b"".join(text.encode() + b"\n" for text in texts)


def restamped(offset_s, *texts):
    """Return lines as zsh writes them after it has read them without a time: all have one time."""
    return zsh_history(*((offset_s, text) for text in texts))


def stamped(*texts):
    return zsh_history(*((60 * index, text) for index, text in enumerate(texts)))


FORMS = {
    "plain": plain,
    "stamped": stamped,
    "restamped": lambda *texts: restamped(9_000, *texts),
    "restamped later": lambda *texts: restamped(99_000, *texts),
}
CHANGES = [(first, then) for first in FORMS for then in FORMS if first != then]
NEW_LINES = zsh_history((100_000, "true newcmd"), (100_007, "exit"))


@pytest.mark.parametrize(("first", "then"), CHANGES)
def test_lines_in_another_form_are_recognised_and_added_lines_are_new(target, first, then):
    target.import_bytes(FORMS[first](*OLD_COMMANDS), "zsh")
    new_lines = plain("true newcmd", "exit") if then == "plain" else NEW_LINES
    counts = target.import_bytes(FORMS[then](*OLD_COMMANDS) + new_lines, "zsh")
    assert (counts.new, counts.known) == (2, len(OLD_COMMANDS))
    assert Counter(target.commands()) == Counter(
        map(str.encode, [*OLD_COMMANDS, "true newcmd", "exit"])
    )
    again = target.import_bytes(FORMS[then](*OLD_COMMANDS) + new_lines, "zsh")
    assert again.new == 0


@pytest.mark.parametrize("place", range(len(OLD_COMMANDS)))
@pytest.mark.parametrize(("first", "then"), CHANGES)
def test_a_forgotten_line_in_another_form_is_not_imported(target, first, then, place):
    target.import_bytes(FORMS[first](*OLD_COMMANDS), "zsh")
    forgotten = OLD_COMMANDS[place].encode()
    target.forget_text(forgotten, now_us=(FIRST_S + 50_000) * SECOND_US)
    new_lines = plain("true newcmd", "exit") if then == "plain" else NEW_LINES
    for _ in range(2):
        target.import_bytes(FORMS[then](*OLD_COMMANDS) + new_lines, "zsh")
        remaining = [text for text in map(str.encode, OLD_COMMANDS) if text != forgotten]
        assert Counter(target.commands()) == Counter([*remaining, b"true newcmd", b"exit"])


@pytest.mark.parametrize("cut", range(1, 4))
@pytest.mark.parametrize(("first", "then"), CHANGES)
def test_a_forgotten_line_is_not_imported_from_a_trimmed_file_in_another_form(
    target, first, then, cut
):
    target.import_bytes(FORMS[first](*OLD_COMMANDS), "zsh")
    target.forget_text(SECRET, now_us=(FIRST_S + 50_000) * SECOND_US)
    new_lines = plain("true newcmd", "exit") if then == "plain" else NEW_LINES
    remaining = zsh_history(
        *((60 * index, text) for index, text in enumerate(OLD_COMMANDS) if index >= cut)
    )
    target.import_bytes(
        (remaining if then == "stamped" else FORMS[then](*OLD_COMMANDS[cut:])) + new_lines, "zsh"
    )
    assert SECRET not in target.commands()
    assert target.commands().count(b"true newcmd") == 1


def test_changing_the_form_again_and_again_adds_nothing(target):
    for form in ("plain", "restamped", "plain", "restamped later", "plain"):
        target.import_bytes(FORMS[form](*OLD_COMMANDS[:3]), "zsh")
    assert Counter(target.commands()) == Counter(map(str.encode, OLD_COMMANDS[:3]))


@share(0.1)
@given(
    texts=st.lists(st.sampled_from(["ls", "make", "cd", "vi"]), min_size=3, max_size=12),
    forms=st.lists(st.sampled_from(["plain", "restamped", "restamped later"]), max_size=4),
)
def test_a_file_in_any_sequence_of_forms_is_imported_once(tmp_path_factory, texts, forms):
    target = ImportTarget(tmp_path_factory.mktemp("target"))
    for form in forms:
        target.import_bytes(FORMS[form](*texts), "zsh")
    assert Counter(target.commands()) == Counter(map(str.encode, texts if forms else []))
    target.close()


def test_the_times_of_a_restamped_file_are_unknown(target):
    counts = target.import_bytes(restamped(0, *OLD_COMMANDS) + NEW_LINES, "zsh")
    assert (counts.new, counts.untimed) == (len(OLD_COMMANDS) + 2, len(OLD_COMMANDS))
    known = [event.command for event in target.events() if event.key.started_at_us > KNOWN_SINCE_US]
    assert known == [b"true newcmd", b"exit"]


def test_lines_of_one_second_that_do_not_begin_the_file_keep_their_time(target):
    counts = target.import_bytes(
        zsh_history((0, "one"), (5, "two"), (5, "three"), (5, "four")), "zsh"
    )
    assert (counts.new, counts.untimed) == (4, 0)


def test_lines_with_a_duration_are_not_taken_for_restamped_ones(target):
    data = b"".join(b": %d:2;%s\n" % (FIRST_S, text) for text in (b"a", b"b", b"c"))
    assert target.import_bytes(data, "zsh").untimed == 0


def test_new_commands_in_a_file_without_its_former_lines_are_not_taken_for_former_ones(target):
    target.import_bytes(
        plain(*(f"{text} {number}" for number in range(200) for text in ("ls", "cd")), "ls"), "zsh"
    )
    counts = target.import_bytes(
        zsh_history((0, "ls 7"), (60, "vi"), (90, "ls"), (120, "cd 3"), (150, "ls 4"))
    )
    assert counts.new >= 4  # whether zsh has restamped the first line is not in the file
    new_lines = [(0, "ls 7"), (60, "vi"), (90, "ls"), (120, "cd 3"), (150, "ls 4"), (180, "cd 9")]
    assert target.import_bytes(zsh_history(*new_lines)).new == 1


def test_a_plain_bash_history_that_continues_with_stamps_adds_its_new_lines(target):
    target.import_bytes(plain("ls", "make", "ls"), "bash")
    counts = target.import_bytes(plain("ls", "make", "ls") + b"#%d\nls\n" % FIRST_S, "bash")
    assert (counts.new, counts.known, counts.untimed) == (1, 3, 0)


def test_a_plain_bash_history_rewritten_with_stamps_is_recognised(target):
    target.import_bytes(plain(*OLD_COMMANDS), "bash")
    target.forget_text(SECRET)
    data = b"".join(b"#%d\n%s\n" % (FIRST_S, text.encode()) for text in OLD_COMMANDS)
    counts = target.import_bytes(data, "bash")
    assert (counts.new, counts.known, counts.forgotten) == (0, 4, 1)


def test_the_lines_of_an_older_copy_get_a_place_before_the_known_lines(target):
    target.import_bytes(plain("three", "four", "five"), "bash")
    target.import_bytes(plain("two", "three", "four"), "bash")
    target.import_bytes(plain("one", "two", "three"), "bash")
    assert target.commands() == [b"one", b"two", b"three", b"four", b"five"]
    target.import_bytes(plain("four", "five", "six"), "bash")
    assert target.commands()[-2:] == [b"five", b"six"]


def test_a_plain_line_whose_recorded_event_was_forgotten_is_not_imported(target):
    texts = [b"make", b"secret", b"git push"]
    for index, text in enumerate(texts):
        target.record_live(text, (FIRST_S + 60 * index) * SECOND_US, seq=index + 1)
    target.forget_text(b"secret")
    counts = target.import_bytes(
        plain("old one", "old two", "make", "secret", "git push", "unseen"), "zsh"
    )
    assert (counts.duplicates, counts.forgotten) == (2, 1)
    assert b"secret" not in target.commands()
    assert {b"old one", b"old two", b"unseen"} <= set(target.commands())


def test_a_forgotten_event_removes_no_line_from_an_unrelated_file(target):
    target.record_live(b"secret", FIRST_S * SECOND_US)
    target.forget_text(b"secret")
    assert target.import_bytes(plain("old one", "old two"), "zsh").new == 2
