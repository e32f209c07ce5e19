"""Rules of the settings, and those that hold while the file is broken: each command says so."""

from __future__ import annotations

import pytest

TOKEN = "acme_" + "0f" * 16
RULE = "[redact_rules]\nacme = 'acme_[0-9a-f]{32}'\n"
GOOD = 'ignore = ["vault *"]\n' + RULE
BROKEN = {
    "no TOML": "ignore = [",
    "no regular expression": "[redact_rules]\nacme = 'acme_('\n",
    "an expression that could run for ever": "[redact_rules]\nacme = '(a+)+$'\n",
    "no list": 'ignore = "vault *"\n' + RULE,
    "no name": "[redact_rules]\n'Acme Inc' = 'acme'\n",
}


@pytest.fixture
def settings(machine):
    """Writes the settings file."""

    def write(text):
        machine.home.mkdir(mode=0o700, exist_ok=True)
        (machine.home / "config.toml").write_text(text)

    return write


def found(hx):
    return hx("find", "--all", "--json").commands


def test_rules_of_the_settings_hold(hx, record, settings):
    settings(GOOD)
    for command in (f"deploy {TOKEN}", "vault read x", "make"):
        record(command)
    assert sorted(found(hx)) == ["deploy <redacted:acme>", "make"]
    status = hx("status", "--json").json
    assert (status["ignored"], status["lost"]) == (1, [])
    assert "ignored   1 x command that the rules in the settings exclude" in hx("status").out


@pytest.mark.parametrize("fault", BROKEN)
def test_while_the_file_is_broken_the_last_good_rules_hold_and_each_command_says_so(
    machine, hx, record, settings, fault
):
    settings(GOOD)
    hx("status")
    copy = machine.home / "rules.json"
    assert copy.stat().st_mode & 0o777 == 0o600
    kept = copy.read_bytes()
    settings(BROKEN[fault])
    record(f"deploy {TOKEN}")
    record("vault read x")
    assert hx("find", "--json", "deploy").commands == ["deploy <redacted:acme>"]
    for command in ("find", "status", "config", "doctor", "last"):
        told = hx(command)
        assert "hx: warning: the last good rules for what is kept and masked are active" in told.err
    assert "last good rules" in hx("doctor").out
    assert found(hx) == ["deploy <redacted:acme>"]
    assert copy.read_bytes() == kept


def test_a_broken_rule_is_named(hx, settings):
    settings("[redact_rules]\ndoor = 'x+'\n")
    assert "redact_rules: door: `+` has no bound" in hx("find", "x").err


def test_where_there_never_was_a_good_file_the_defaults_hold(hx, record, settings):
    settings("redact = false\nignore = [")
    record("export A_TOKEN=hunter2")
    answer = hx("find", "--json")
    assert answer.commands == ["export A_TOKEN=<redacted:token>"]
    assert answer.json[0]["redacted"]
    assert "the default rules for what is kept and masked are active" in answer.err


def test_when_the_rules_are_taken_out_of_the_file_no_copy_brings_them_back(
    machine, hx, record, settings
):
    settings(GOOD)
    hx("status")
    settings("")
    hx("status")
    assert not (machine.home / "rules.json").exists()
    settings("ignore = [")
    record("vault read x")
    assert found(hx) == ["vault read x"]


@pytest.mark.parametrize("copy", [b"", b"[]", b'{"ignore": 1}', b"\xff", b"[" * 100_000])
def test_a_copy_that_cannot_be_understood_counts_as_none(machine, hx, record, settings, copy):
    settings(GOOD)
    hx("status")
    (machine.home / "rules.json").write_bytes(copy)
    settings("ignore = [")
    record("export A_TOKEN=hunter2")
    assert found(hx) == ["export A_TOKEN=<redacted:token>"]


def test_masking_can_be_switched_off(hx, record, settings):
    settings("redact = false\n")
    record("export A_TOKEN=hunter2")
    assert found(hx) == ["export A_TOKEN=hunter2"]


def test_show_says_that_a_secret_was_masked(hx, record):
    record("export A_TOKEN=hunter2")
    [event] = hx("find", "--json", "A_TOKEN").json
    shown = hx("show", event["id"]).out
    assert shown.startswith("export A_TOKEN=<redacted:token>\n")
    assert "a secret in it was masked" in shown


def test_an_old_secret_masked_is_found_by_what_stayed(hx, record):
    record("mysql -u root -phunter2 shop")
    assert hx("find", "--json", "shop").commands == ["mysql -u root -p<redacted:password> shop"]
    assert hx("find", "hunter2").code == 1


def test_many_commands_at_once_are_masked_as_one_by_one(hx, record, settings):
    settings(GOOD)
    for number in range(150):  # so many are judged together
        record(f"echo {number}")
    record(f"deploy {TOKEN}")
    record("vault read x")
    status = hx("status", "--json").json
    assert (status["database"]["events"], status["ignored"]) == (151, 1)
    assert hx("find", "--json", "deploy").commands == ["deploy <redacted:acme>"]
