"""Own rules of the user: ignore, allow and redact; no expression can run without a bound."""

from __future__ import annotations

import re

import pytest

from hx.core.model import Event, EventKey
from hx.core.redaction.patterns import compiled
from hx.core.redaction.rules import Rules


def keeps(rules: Rules, command: str) -> bool:
    return rules.judged(Event(EventKey(1, b"", b"", 1), command.encode(), b"/")) is not None


@pytest.mark.parametrize(
    ("pattern", "command", "is_kept"),
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
def test_an_ignored_command_is_not_kept(pattern, command, is_kept):
    assert keeps(Rules(ignore=(pattern,)), command) is is_kept


def test_with_an_allow_list_only_matching_commands_are_kept():
    rules = Rules(allow=("git *", "make*"), ignore=("git push*",))
    commands = ["git log", "make all", "git push", "ls"]
    assert [command for command in commands if keeps(rules, command)] == ["git log", "make all"]


def test_the_group_of_an_expression_is_masked_or_else_the_whole_match():
    rules = Rules(own={"door": "door ([0-9]{4,8})", "acme": "acme_[a-z]{3,9}"})
    assert rules.masked(b"door 12345 acme_xyz") == b"door <redacted:door> <redacted:acme>"


@pytest.mark.parametrize(
    ("expression", "reason"),
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
def test_an_invalid_or_unbounded_expression_is_refused(expression, reason):
    with pytest.raises(ValueError, match=re.escape(reason)):
        compiled(expression)


@pytest.mark.parametrize(
    "expression", ["acme_[*+)]{1,30}", r"a\*b\+", "(?:ab|cd)-[0-9]{4}", "x{3}y?"]
)
def test_a_bounded_expression_is_accepted(expression):
    assert compiled(expression)


@pytest.mark.parametrize(
    "expression", ["acme", "redacted", "a", "<[a-z]{1,9}", ":[a-z]{1,9}>", "."]
)
def test_a_mask_is_not_masked_again_by_any_expression(expression):
    rules = Rules(own={"acme": expression})
    once = rules.masked(b"run acme a <redacted:token> <redacted: :b>")
    assert rules.masked(once) == once
    assert b"<redacted:token>" in once
