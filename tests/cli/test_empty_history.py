"""Where nothing is recorded yet, what looks for events says what to do; elsewhere it is silent."""

import pytest

LOOKS = [("find",), ("find", "make"), ("search", "make"), ("last",), ("stats",)]


@pytest.mark.parametrize("look", LOOKS)
def test_an_empty_history_leads_to_setup(machine, look):
    code, out, err = machine.hx(*look)
    assert (code, out) == (1, "")
    *_, said, hint = err.splitlines()
    assert said == "hx: nothing is recorded yet"
    assert hint.startswith("hx: hint: `hx setup`")


@pytest.mark.parametrize("look", LOOKS)
def test_in_a_shell_with_a_hook_it_leads_to_doctor(machine, look):
    err = machine.hx(*look, env={"HX_SESSION": "0" * 32}).err
    assert "`hx doctor`" in err
    assert "hx setup" not in err


@pytest.mark.parametrize("look", LOOKS[1:3])
def test_a_history_without_a_match_is_not_empty(machine, look):
    machine.record("ls")
    assert machine.hx(*look) == (1, "", "")


@pytest.mark.parametrize("look", [*LOOKS[:4], ("search", "--format", "null", "make")])
def test_scripts_are_not_told(machine, look):
    options = () if "--format" in look else ("--json",)
    assert "nothing is recorded" not in machine.hx(*look, *options).err
