"""A history whose stamps came or went: its lines are known by their texts."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hx.core.model import KNOWN_SINCE_US
from importers.desk import AT_S, SECOND_US, Desk, zsh
from strategies import share

OLD = ["ls -la", "make test", "curl -H secret x", "git push", "true"]
SECRET = b"curl -H secret x"


def plain(*texts):
    return b"".join(text.encode() + b"\n" for text in texts)


def restamped(at, *texts):
    """As zsh writes lines that it has read without a time."""
    return zsh(*((at, text) for text in texts))


def stamped(*texts):
    return zsh(*((60 * at, text) for at, text in enumerate(texts)))


FORMS = {
    "plain": plain,
    "stamped": stamped,
    "restamped": lambda *texts: restamped(9_000, *texts),
    "restamped later": lambda *texts: restamped(99_000, *texts),
}
CHANGES = [(one, other) for one in FORMS for other in FORMS if one != other]
NEWER = zsh((100_000, "true newcmd"), (100_007, "exit"))


@pytest.mark.parametrize(("first", "then"), CHANGES)
def test_lines_in_another_form_are_known_and_what_came_since_is_new(desk, first, then):
    desk.take(FORMS[first](*OLD), "zsh")
    more = plain("true newcmd", "exit") if then == "plain" else NEWER
    counts = desk.take(FORMS[then](*OLD) + more, "zsh")
    assert (counts.new, counts.known) == (2, len(OLD))
    assert Counter(desk.commands()) == Counter(map(str.encode, [*OLD, "true newcmd", "exit"]))
    again = desk.take(FORMS[then](*OLD) + more, "zsh")
    assert again.new == 0


@pytest.mark.parametrize("place", range(len(OLD)))
@pytest.mark.parametrize(("first", "then"), CHANGES)
def test_a_forgotten_line_does_not_come_back_in_another_form(desk, first, then, place):
    desk.take(FORMS[first](*OLD), "zsh")
    gone = OLD[place].encode()
    desk.forget_text(gone, now_us=(AT_S + 50_000) * SECOND_US)
    more = plain("true newcmd", "exit") if then == "plain" else NEWER
    for _ in range(2):
        desk.take(FORMS[then](*OLD) + more, "zsh")
        left = [text for text in map(str.encode, OLD) if text != gone]
        assert Counter(desk.commands()) == Counter([*left, b"true newcmd", b"exit"])


@pytest.mark.parametrize("cut", range(1, 4))
@pytest.mark.parametrize(("first", "then"), CHANGES)
def test_a_file_that_was_trimmed_as_its_form_changed_keeps_the_forgotten_away(
    desk, first, then, cut
):
    desk.take(FORMS[first](*OLD), "zsh")
    desk.forget_text(SECRET, now_us=(AT_S + 50_000) * SECOND_US)
    more = plain("true newcmd", "exit") if then == "plain" else NEWER
    kept = zsh(*((60 * at, text) for at, text in enumerate(OLD) if at >= cut))
    desk.take((kept if then == "stamped" else FORMS[then](*OLD[cut:])) + more, "zsh")
    assert SECRET not in desk.commands()
    assert desk.commands().count(b"true newcmd") == 1


def test_to_and_fro_brings_nothing_twice(desk):
    for form in ("plain", "restamped", "plain", "restamped later", "plain"):
        desk.take(FORMS[form](*OLD[:3]), "zsh")
    assert Counter(desk.commands()) == Counter(map(str.encode, OLD[:3]))


@share(0.1)
@given(
    texts=st.lists(st.sampled_from(["ls", "make", "cd", "vi"]), min_size=3, max_size=12),
    forms=st.lists(st.sampled_from(["plain", "restamped", "restamped later"]), max_size=4),
)
def test_a_file_in_any_forms_comes_once(tmp_path_factory, texts, forms):
    desk = Desk(tmp_path_factory.mktemp("desk"))
    for form in forms:
        desk.take(FORMS[form](*texts), "zsh")
    assert Counter(desk.commands()) == Counter(map(str.encode, texts if forms else []))
    desk.close()


def test_the_times_of_a_restamped_file_are_none(desk):
    counts = desk.take(restamped(0, *OLD) + NEWER, "zsh")
    assert (counts.new, counts.untimed) == (len(OLD) + 2, len(OLD))
    known = [event.command for event in desk.events() if event.key.started_at_us > KNOWN_SINCE_US]
    assert known == [b"true newcmd", b"exit"]


def test_lines_of_one_second_that_do_not_begin_the_file_keep_their_time(desk):
    counts = desk.take(zsh((0, "one"), (5, "two"), (5, "three"), (5, "four")), "zsh")
    assert (counts.new, counts.untimed) == (4, 0)


def test_a_command_that_took_its_time_was_typed(desk):
    data = b"".join(b": %d:2;%s\n" % (AT_S, text) for text in (b"a", b"b", b"c"))
    assert desk.take(data, "zsh").untimed == 0


def test_new_commands_in_a_file_that_has_lost_its_plain_lines_are_no_old_ones(desk):
    desk.take(plain(*(f"{text} {at}" for at in range(200) for text in ("ls", "cd")), "ls"), "zsh")
    counts = desk.take(zsh((0, "ls 7"), (60, "vi"), (90, "ls"), (120, "cd 3"), (150, "ls 4")))
    assert counts.new >= 4  # of the first the file cannot say whether zsh has stamped it
    more = [(0, "ls 7"), (60, "vi"), (90, "ls"), (120, "cd 3"), (150, "ls 4"), (180, "cd 9")]
    assert desk.take(zsh(*more)).new == 1


def test_a_plain_bash_history_that_goes_on_with_stamps_brings_what_is_new(desk):
    desk.take(plain("ls", "make", "ls"), "bash")
    counts = desk.take(plain("ls", "make", "ls") + b"#%d\nls\n" % AT_S, "bash")
    assert (counts.new, counts.known, counts.untimed) == (1, 3, 0)


def test_a_plain_bash_history_that_was_written_anew_with_stamps_is_known(desk):
    desk.take(plain(*OLD), "bash")
    desk.forget_text(SECRET)
    data = b"".join(b"#%d\n%s\n" % (AT_S, text.encode()) for text in OLD)
    counts = desk.take(data, "bash")
    assert (counts.new, counts.known, counts.forgotten) == (0, 4, 1)


def test_an_older_copy_stands_before_what_is_there(desk):
    desk.take(plain("three", "four", "five"), "bash")
    desk.take(plain("two", "three", "four"), "bash")
    desk.take(plain("one", "two", "three"), "bash")
    assert desk.commands() == [b"one", b"two", b"three", b"four", b"five"]
    desk.take(plain("four", "five", "six"), "bash")
    assert desk.commands()[-2:] == [b"five", b"six"]


def test_a_plain_line_whose_recorded_event_was_forgotten_stays_away(desk):
    texts = [b"make", b"secret", b"git push"]
    for at, text in enumerate(texts):
        desk.live(text, (AT_S + 60 * at) * SECOND_US, seq=at + 1)
    desk.forget_text(b"secret")
    counts = desk.take(plain("old one", "old two", "make", "secret", "git push", "unseen"), "zsh")
    assert (counts.duplicates, counts.forgotten) == (2, 1)
    assert b"secret" not in desk.commands()
    assert {b"old one", b"old two", b"unseen"} <= set(desk.commands())


def test_what_was_forgotten_elsewhere_takes_no_line_of_a_file_that_shares_nothing(desk):
    desk.live(b"secret", AT_S * SECOND_US)
    desk.forget_text(b"secret")
    assert desk.take(plain("old one", "old two"), "zsh").new == 2
