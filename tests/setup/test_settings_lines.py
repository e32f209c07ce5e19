"""The lines of setup in config.toml stand before everything else, and only they are changed."""

from __future__ import annotations

import tomllib

import pytest

from hx.core.shell_files.rc_file import MARK
from hx.setup.settings_lines import with_values, without, written

USERS = b'# mine\npicker_up = "no"\n[table]\na = 1\n'


def test_settings_stand_at_the_top_and_every_other_byte_stays():
    text = with_values(USERS, {"picker_enter": "run", "picker_hint": False})
    assert text.endswith(USERS)
    top = tomllib.loads(text.decode())
    assert (top["picker_enter"], top["picker_hint"], top["table"]) == ("run", False, {"a": 1})
    assert written(text) == {"picker_enter": '"run"', "picker_hint": "false"}
    assert without(text) == USERS


def test_a_setting_is_replaced_and_the_others_of_setup_are_kept():
    text = with_values(USERS, {"picker_a": True, "picker_b": "x"})
    text = with_values(text, {"picker_b": "y"})
    assert written(text) == {"picker_a": "true", "picker_b": '"y"'}
    assert without(text) == USERS


def test_without_settings_nothing_is_changed():
    assert with_values(USERS, {}) == USERS
    assert written(USERS) == {}


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
def test_a_line_of_setup_is_removed_with_its_line_end(end):
    assert without(b"a = 1\npicker_up = true  " + MARK + end) == b"a = 1\n"


def test_a_line_of_the_user_that_ends_as_one_of_setup_stays():
    text = b"other = true  " + MARK + b"\n"
    assert without(text) == text
