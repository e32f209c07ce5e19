"""Every message of hx is on its page, says what happened, and says what to do."""

from __future__ import annotations

import ast
import re

import pytest

from docs.message_texts import Module, Texts
from docs.messages import messages

# argparse words this one; `hx sync leave` repeats the error of its last sync with another hint
REPEATED = ("MESSAGE",)


def test_every_error_says_what_to_do():
    assert [each.text for each in messages() if each.kind == "error" and not each.hint] == []


def test_every_finding_that_is_not_ok_has_a_fix():
    bad = [each for each in messages() if each.kind == "finding" and each.code != "ok"]
    assert [each.text for each in bad if not each.hint] == []


def test_no_error_is_a_value_alone():
    errors = {each.text for each in messages() if each.kind == "error"} - {*REPEATED}
    assert [text for text in errors if not re.search("[a-z]{2}", text)] == []


@pytest.mark.parametrize(
    "text",
    [
        "this device waits until another one lets it in",  # a tuple that is a constant
        "this device was taken out of the vault",  # a tuple in a dictionary
        "HX_PASSPHRASE_COMMAND is empty",  # the argument of a function
        "the spool FOLDER is not a folder",  # the result of a function
        "PATH is read-only",  # a variable with one of several results
        "the keychain (TITLE) is locked",  # an attribute
        "DATABASE is busy",  # a row of a table
        "CONFIG: there is no setting NAME: `hx config` lists the settings",  # two functions deep
    ],
)
def test_a_text_behind_a_name_is_on_the_page(text):
    assert any(each.text.startswith(text) or text in each.text for each in messages())


def texts_of(source):
    module = Module("some", ast.parse(source))
    texts = Texts([module])
    (call,) = (
        node
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Fault"
    )
    return [text for scope in texts.scopes(call, module) for text in texts.of(call.args[0], scope)]


def test_a_variable_has_the_values_that_reach_the_place_and_no_others():
    source = """
def fail(path):
    why = "was never there"
    if path:
        why = "is not there"
    else:
        why = "has no name"
        return None
    raise Fault(f"{path} {why}")
"""
    assert texts_of(source) == ["PATH is not there", "PATH was never there"]


def test_what_nobody_can_know_is_a_value_in_capitals():
    assert texts_of("def fail(path):\n    raise Fault(f'{path.name!r}: {ask(path)}')") == [
        "NAME: PATH"
    ]
