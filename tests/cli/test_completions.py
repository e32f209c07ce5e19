"""`hx completions` prints the file that the hook of a shell loads."""

from __future__ import annotations

import pytest

from hx.shells import SHELLS, completions_path


@pytest.mark.parametrize("shell", SHELLS)
def test_the_completions_of_a_shell_are_printed_as_the_hook_loads_them(hx, shell):
    with open(completions_path(shell), encoding="utf-8") as file:
        assert hx("completions", shell).out == file.read()


def test_a_shell_without_completions_is_refused(hx):
    result = hx("completions", "tcsh")
    assert result.code == 2
    assert "tcsh" in result.err
