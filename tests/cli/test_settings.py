"""`hx config` shows each setting with its value and where that comes from."""

from __future__ import annotations

from hx.config import SETTINGS, VARIABLES


def test_every_setting_and_variable_is_shown(hx):
    shown = hx("config").out
    assert [s.name for s in SETTINGS if f"\n  {s.name} " not in shown] == []
    assert [name for name in VARIABLES if f"\n  {name} " not in shown] == []


def test_a_setting_of_the_file_is_told_from_a_default(machine, hx):
    machine.home.mkdir()
    (machine.home / "config.toml").write_text("limit = 7\n")
    shown = {setting["name"]: setting for setting in hx("config", "--json").json["settings"]}
    assert (shown["limit"]["value"], shown["limit"]["default"]) == (7, 50)
    assert shown["limit"]["source"] == hx("config", "--json").json["places"]["config"]
    assert shown["color"]["source"] == "default"
