"""What a scheduler has to set so that hx finds its files."""

from __future__ import annotations

from hx.config_background import background_variables, is_graphical, user_name_and_home

HOME = user_name_and_home()[1]


def test_nothing_is_set_where_all_places_are_the_usual_ones():
    assert background_variables({"HOME": HOME, "PATH": "/bin", "HX_SESSION": "x"}) == ()


def test_folders_and_another_home_are_set_and_relative_ones_as_hx_reads_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    environment = {
        "HOME": "/elsewhere",
        "HX_HOME": "hx",
        "XDG_DATA_HOME": "/data",
        "XDG_STATE_HOME": "relative",
        "XDG_CONFIG_HOME": "",
    }
    assert dict(background_variables(environment)) == {
        "HOME": "/elsewhere",
        "HX_HOME": f"{tmp_path}/hx",
        "XDG_DATA_HOME": "/data",
    }


def test_the_program_that_prints_the_passphrase_is_found_as_now():
    environment = {"HOME": HOME, "PATH": "/opt/bin", "HX_PASSPHRASE_COMMAND": "pass hx"}
    assert dict(background_variables(environment)) == {
        "HX_PASSPHRASE_COMMAND": "pass hx",
        "PATH": "/opt/bin",
    }


def test_a_session_on_a_screen_is_graphical_and_ssh_is_not():
    assert is_graphical({"XDG_SESSION_TYPE": "wayland"})
    assert not is_graphical({"XDG_SESSION_TYPE": "tty"})
    assert not is_graphical({})
