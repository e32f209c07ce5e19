"""The rules in the settings, and the rules that are used while the settings file is broken."""

from __future__ import annotations

import pytest

TOKEN = "acme_" + "0f" * 16
VALID_RULE = "[redact_rules]\nacme = 'acme_[0-9a-f]{32}'\n"
VALID_SETTINGS = 'ignore = ["vault *"]\n' + VALID_RULE
BROKEN_SETTINGS = {
    "no TOML": "ignore = [",
    "no regular expression": "[redact_rules]\nacme = 'acme_('\n",
    "an expression that could run for ever": "[redact_rules]\nacme = '(a+)+$'\n",
    "no list": 'ignore = "vault *"\n' + VALID_RULE,
    "no name": "[redact_rules]\n'Acme Inc' = 'acme'\n",
}


@pytest.fixture
def settings(machine):
    """Return a function that writes the settings file."""

    def write(text):
        machine.home.mkdir(mode=0o700, exist_ok=True)
        (machine.home / "config.toml").write_text(text)

    return write


def found_commands(hx):
    return hx("find", "--all", "--json").commands


def test_the_rules_in_the_settings_are_applied(hx, record, settings):
    settings(VALID_SETTINGS)
    for command in (f"deploy {TOKEN}", "vault read x", "make"):
        record(command)
    assert sorted(found_commands(hx)) == ["deploy <redacted:acme>", "make"]
    status = hx("status", "--json").json
    assert (status["ignored"], status["lost"]) == (1, [])
    assert "ignored   1 x command that the rules in the settings exclude" in hx("status").out


@pytest.mark.parametrize("fault", BROKEN_SETTINGS)
def test_with_a_broken_file_the_last_good_rules_are_used_with_a_warning(
    machine, hx, record, settings, fault
):
    settings(VALID_SETTINGS)
    hx("status")
    copy = machine.home / "rules.json"
    assert copy.stat().st_mode & 0o777 == 0o600
    saved_rules = copy.read_bytes()
    settings(BROKEN_SETTINGS[fault])
    record(f"deploy {TOKEN}")
    record("vault read x")
    assert hx("find", "--json", "deploy").commands == ["deploy <redacted:acme>"]
    for command in ("find", "status", "config", "doctor", "last"):
        result = hx(command)
        assert (
            "hx: warning: the last good rules for what is kept and masked are active" in result.err
        )
    assert "last good rules" in hx("doctor").out
    assert found_commands(hx) == ["deploy <redacted:acme>"]
    assert copy.read_bytes() == saved_rules


def test_a_broken_rule_is_named(hx, settings):
    settings("[redact_rules]\ndoor = 'x+'\n")
    assert "redact_rules: door: `+` has no bound" in hx("find", "x").err


def test_a_broken_file_without_a_former_good_one_uses_the_default_rules(hx, record, settings):
    settings("redact = false\nignore = [")
    record("export A_TOKEN=hunter2")
    result = hx("find", "--json")
    assert result.commands == ["export A_TOKEN=<redacted:token>"]
    assert result.json[0]["redacted"]
    assert "the default rules for what is kept and masked are active" in result.err


def test_rules_that_were_removed_from_the_file_are_not_restored_from_the_copy(
    machine, hx, record, settings
):
    settings(VALID_SETTINGS)
    hx("status")
    settings("")
    hx("status")
    assert not (machine.home / "rules.json").exists()
    settings("ignore = [")
    record("vault read x")
    assert found_commands(hx) == ["vault read x"]


@pytest.mark.parametrize("copy", [b"", b"[]", b'{"ignore": 1}', b"\xff", b"[" * 100_000])
def test_an_unreadable_copy_of_the_rules_is_ignored(machine, hx, record, settings, copy):
    settings(VALID_SETTINGS)
    hx("status")
    (machine.home / "rules.json").write_bytes(copy)
    settings("ignore = [")
    record("export A_TOKEN=hunter2")
    assert found_commands(hx) == ["export A_TOKEN=<redacted:token>"]


def test_masking_can_be_switched_off(hx, record, settings):
    settings("redact = false\n")
    record("export A_TOKEN=hunter2")
    assert found_commands(hx) == ["export A_TOKEN=hunter2"]


def test_show_says_that_a_secret_was_masked(hx, record):
    record("export A_TOKEN=hunter2")
    [event] = hx("find", "--json", "A_TOKEN").json
    shown = hx("show", event["id"]).out
    assert shown.startswith("export A_TOKEN=<redacted:token>\n")
    assert "a secret in it was masked" in shown


def test_a_masked_command_is_found_by_its_other_words(hx, record):
    record("mysql -u root -phunter2 shop")
    assert hx("find", "--json", "shop").commands == ["mysql -u root -p<redacted:password> shop"]
    assert hx("find", "hunter2").code == 1


def test_a_batch_of_commands_is_masked_like_single_ones(hx, record, settings):
    settings(VALID_SETTINGS)
    for number in range(150):  # many commands are masked in one batch
        record(f"echo {number}")
    record(f"deploy {TOKEN}")
    record("vault read x")
    status = hx("status", "--json").json
    assert (status["database"]["events"], status["ignored"]) == (151, 1)
    assert hx("find", "--json", "deploy").commands == ["deploy <redacted:acme>"]
