"""The user's own rules do what they say, and none can run without a bound."""

from __future__ import annotations

import re

import pytest

from hx.core.model import Event, EventKey
from hx.core.redaction.patterns import compiled
from hx.core.redaction.rules import Rules


def keeps(rules: Rules, command: str) -> bool:
    return rules.judged(Event(EventKey(1, b"", b"", 1), command.encode(), b"/")) is not None


@pytest.mark.parametrize(
    ("pattern", "command", "kept"),
    [
        ("vault *", "vault read x", False),
        ("vault *", "vault", True),
        ("vault *", "my vault x", True),
        ("*secret*", "a\nsecret\nb", False),
        ("ls", "ls ", False),
        ("ls", "lsof", True),
        ("LS", "ls", True),
        ("[lm]s", "ms", False),
        ("caf?", "café", False),
        ("a.b", "axb", True),
    ],
)
def test_an_ignored_command_is_not_kept(pattern, command, kept):
    assert keeps(Rules(ignore=(pattern,)), command) is kept


def test_in_allow_list_mode_only_what_matches_is_kept():
    rules = Rules(allow=("git *", "make*"), ignore=("git push*",))
    told = ["git log", "make all", "git push", "ls"]
    assert [command for command in told if keeps(rules, command)] == ["git log", "make all"]


def test_of_an_expression_the_group_is_masked_or_all():
    rules = Rules(own={"door": "door ([0-9]{4,8})", "acme": "acme_[a-z]{3,9}"})
    assert rules.masked(b"door 12345 acme_xyz") == b"door <redacted:door> <redacted:acme>"


@pytest.mark.parametrize(
    ("expression", "wrong"),
    [
        ("(a+)+b", "no bound"),
        ("a*", "no bound"),
        ("(a{1,9}){1,9}", "a group may not be repeated"),
        ("a{2,}", "a repeat is written"),
        ("a{0,99999}", "a repeat is written"),
        ("a{0,99}b{0,99}", "too many ways"),
        ("(?=a)b", "is supported"),
        (r"(a)\1", "references to groups"),
        ("a{0,3}", "matches the empty text"),
        ("(a", "missing )"),
        ("[a", "unterminated"),
        ("x" * 501, "longer than 500"),
        ("|".join("abcdefghijkl"), "too many ways"),
    ],
)
def test_an_expression_that_is_wrong_or_could_run_for_ever_is_refused(expression, wrong):
    with pytest.raises(ValueError, match=re.escape(wrong)):
        compiled(expression)


@pytest.mark.parametrize(
    "expression", ["acme_[*+)]{1,30}", r"a\*b\+", "(?:ab|cd)-[0-9]{4}", "x{3}y?"]
)
def test_a_sound_expression_is_taken(expression):
    assert compiled(expression)


@pytest.mark.parametrize(
    "expression", ["acme", "redacted", "a", "<[a-z]{1,9}", ":[a-z]{1,9}>", "."]
)
def test_a_mask_is_not_masked_again_whatever_an_expression_says(expression):
    rules = Rules(own={"acme": expression})
    once = rules.masked(b"run acme a <redacted:token> <redacted: :b>")
    assert rules.masked(once) == once
    assert b"<redacted:token>" in once
