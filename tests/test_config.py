"""Settings, the places of files, and the environment variables that name them."""

from __future__ import annotations

import os

import pytest

from hx.config import SETTINGS, find_paths, load
from hx.core.errors import InputError

DEFAULTS = {setting.name: setting.default for setting in SETTINGS}


@pytest.fixture
def configured(tmp_path):
    """Return a function that writes this text as the configuration file and loads it."""

    def load_text(text):
        data = text if isinstance(text, bytes) else text.encode()
        (tmp_path / "config.toml").write_bytes(data)
        return load({"HX_HOME": str(tmp_path)})

    return load_text


def test_without_a_file_every_setting_has_its_default(tmp_path):
    config = load({"HX_HOME": str(tmp_path)})
    assert config.values == DEFAULTS
    assert config.warnings == ()
    assert set(config.sources.values()) == {"default"}
    assert (config.session, config.debug, config.no_color) == (None, False, False)


def test_a_setting_comes_from_the_file(configured, tmp_path):
    config = configured('color = "never"\nlimit = 7\n')
    assert (config.values["color"], config.limit, config.warnings) == ("never", 7, ())
    assert config.sources["limit"] == str(tmp_path / "config.toml")
    assert config.sources["case"] == "default"


@pytest.mark.parametrize(
    ("line", "warning"),
    [
        ("colour = 1", "there is no setting 'colour': `hx config` lists the settings"),
        ("[color]\nx = 1", "color must be a word in quotes"),
        ('color = "blue"', "color must be one of auto, always, never"),
        ('limit = "7"', "limit must be a number"),
        ("limit = true", "limit must be a number"),
        ("limit = 7.0", "limit must be a number"),
        ("limit = 0", "limit must be at least 1"),
        ("limit = 99999999999999999999", "limit must be at most 9223372036854775807"),
    ],
)
def test_a_bad_setting_is_a_warning_and_the_others_are_used(configured, line, warning):
    config = configured('case = "exact"\n' + line + "\n")
    assert [w.partition(": ")[2] for w in config.warnings] == [warning]
    assert config.values == DEFAULTS | {"case": "exact"}


@pytest.mark.parametrize(
    "text",
    [
        "limit = ",
        "limit = 1\nlimit = 2",
        b"\xff\xfe",
        b"\0",
        "x = " + "9" * 5_000,
        "x = " + "[" * 5_000,
        "x = 1\n" * 100_000,
        "d = 2024-13-45",
    ],
    ids=["broken", "doubled", "no text", "NUL", "a long number", "deep", "huge", "no date"],
)
def test_an_unreadable_file_is_a_warning_and_the_defaults_are_used(configured, text):
    config = configured(text)
    assert config.values == DEFAULTS
    [warning, rules] = config.warnings
    assert "config.toml cannot be read, so its settings are not used: " in warning
    assert rules.startswith("the default rules for what is kept and masked are active until ")


def test_a_file_that_every_user_may_write_is_a_warning_and_not_used(configured, tmp_path):
    assert configured("redact = false").values["redact"] is False
    path = tmp_path / "config.toml"
    for mode, is_used in ((0o664, True), (0o602, False)):
        path.chmod(mode)
        config = load({"HX_HOME": str(tmp_path)})
        assert config.values["redact"] is not is_used
    assert "every user of this machine may write to it" in config.warnings[0]


def test_a_folder_in_place_of_the_file_is_a_warning(tmp_path):
    (tmp_path / "config.toml").mkdir()
    assert "not a regular file" in load({"HX_HOME": str(tmp_path)}).warnings[0]


def test_a_pipe_in_place_of_the_file_is_a_warning_and_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "config.toml")
    assert "not a regular file" in load({"HX_HOME": str(tmp_path)}).warnings[0]


def test_with_hx_home_all_files_are_in_one_folder(tmp_path):
    paths = find_paths({"HX_HOME": str(tmp_path), "XDG_DATA_HOME": "/elsewhere", "HOME": "/h"})
    assert {*paths, paths.database, paths.lock} == {
        str(tmp_path),
        *(str(tmp_path / n) for n in ("config.toml", "spool", "pause", "hx.db", "ingest.lock")),
    }


def test_a_relative_hx_home_is_relative_to_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_paths({"HX_HOME": "mine"}).data == str(tmp_path / "mine")


def test_an_empty_hx_home_is_ignored():
    assert find_paths({"HX_HOME": "", "HOME": "/h"}).data == "/h/.local/share/hx"


def test_the_xdg_folders_are_used():
    environment = {
        "XDG_CONFIG_HOME": "/c", "XDG_DATA_HOME": "/d", "XDG_STATE_HOME": "/s", "HOME": "/h",
    }  # fmt: skip
    assert find_paths(environment) == ("/c/hx/config.toml", "/d/hx", "/s/hx/spool", "/s/hx/pause")


@pytest.mark.parametrize("folder", ["", "relative", "./x", "~/x"])
def test_an_xdg_folder_that_is_not_absolute_is_ignored(folder):
    names = ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")
    default_paths = find_paths({"HOME": "/h"})
    assert find_paths(dict.fromkeys(names, folder) | {"HOME": "/h"}) == default_paths
    assert default_paths.data == "/h/.local/share/hx"


def test_without_home_the_home_folder_of_the_user_is_used(monkeypatch):
    import pwd

    monkeypatch.setenv("HOME", "/not/this")
    home = pwd.getpwuid(os.geteuid()).pw_dir
    for environment in ({}, {"HOME": ""}):
        assert find_paths(environment).data == f"{home}/.local/share/hx"


@pytest.mark.parametrize("home", ["relative", "~"])
def test_a_relative_home_is_an_error_unless_hx_home_is_set(home, tmp_path):
    with pytest.raises(InputError, match="there is no home folder") as caught:
        load({"HOME": home})
    assert "HX_HOME" in caught.value.hint
    assert load({"HOME": home, "HX_HOME": str(tmp_path)}).values == DEFAULTS


def test_a_user_without_a_home_folder_gets_an_error(monkeypatch):
    if os.geteuid() != 0:
        pytest.skip("only root may become a user whom nobody knows")
    from capture.kill import forked, outcome

    def nameless():
        os.setuid(54_321)
        with pytest.raises(InputError, match="there is no home folder"):
            load({})

    assert outcome(forked(nameless)) == 0


def test_the_environment_sets_the_session_and_no_setting(tmp_path):
    config = load({"HX_HOME": str(tmp_path), "HX_SESSION": "ab", "HX_DEBUG": "1", "NO_COLOR": "1",
                   "HX_LIMIT": "3", "COLORFGBG": "0;15"})  # fmt: skip
    assert (config.session, config.debug, config.no_color, config.limit) == ("ab", True, True, 50)
    assert config.ground == "0;15"
    assert load({"HX_HOME": str(tmp_path), "TERM": "dumb"}).no_color


def test_a_host_name_that_is_not_utf_8_becomes_text(tmp_path, monkeypatch):
    name = os.fsdecode(b"box\xff")
    monkeypatch.setattr(os, "uname", lambda: os.uname_result(("Linux", name, "6", "1", "x86_64")))
    assert load({"HX_HOME": str(tmp_path)}).host == "box\ufffd"
