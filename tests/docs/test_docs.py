"""The documentation says what the program does, in pages that are generated and in the others."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from docs.generate import CLI_PAGE, EXIT_CODES, OBJECTS, ROOT, generated
from hx import config
from hx.cli.parsers import parser_of
from hx.cli.table import COMMANDS
from hx.core import errors
from hx.shells import SHELLS
from hx.shells import completions_path as path

PAGES = [
    os.path.join(folder, name)
    for folder in (ROOT, os.path.join(ROOT, "docs"), os.path.join(ROOT, "docs", "howto"))
    for name in sorted(os.listdir(folder))
    if name.endswith(".md")
]


def read(place: str) -> str:
    with open(place, encoding="utf-8") as file:
        return file.read()


@pytest.mark.parametrize("place", generated(), ids=os.path.basename)
def test_generated_files_are_what_the_parsers_say_now(place):
    assert read(place) == generated()[place], "run `make docs`"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_argument_says_what_it_means(name):
    for action in parser_of(name)._actions:
        assert action.help, f"hx {name}: {action.option_strings or action.dest}"


def test_every_setting_and_variable_is_documented():
    page = read(os.path.join(ROOT, "docs", "config.md"))
    for name in [*(setting.name for setting in config.SETTINGS), *config.VARIABLES]:
        assert f"`{name}`" in page


def test_every_exit_code_of_an_error_is_documented():
    def classes(base):
        return [base, *(one for child in base.__subclasses__() for one in classes(child))]

    assert {one.exit_code for one in classes(errors.HxError)} <= EXIT_CODES.keys()
    assert all(f"| {code} |" in read(CLI_PAGE) for code in EXIT_CODES)


def names_in(value, prefix=""):
    """Every name in a JSON value: `a.b`, `[].c`."""
    if isinstance(value, list):
        return {name for one in value for name in names_in(one, f"{prefix}[]")} or {prefix}
    if isinstance(value, dict):
        return {
            n for key, one in value.items() for n in names_in(one, f"{prefix}.{key}".strip("."))
        }
    return {prefix}


def is_same(printed, documented):
    """Or one lies in the other: what is null or empty shows nothing inside, maps have any names."""
    names = sorted((printed, documented), key=len)
    return names[0] == names[1] or names[1].startswith((f"{names[0]}.", f"{names[0]}["))


def hx_at(home, *words, stdin=None):
    hx = os.path.join(os.path.dirname(sys.executable), "hx")
    environment = os.environ | {"HX_HOME": str(home)}
    return subprocess.run(
        [hx, *words], env=environment, input=stdin, capture_output=True, text=True, check=False
    )


def answer_of(name, folder):
    """What a command prints with --json, on a machine where it has something to say."""
    home, other, store = folder / "home", folder / "other", folder / "store"
    entry = ["--store", f"folder:{store}", "--custody", "file", "--json"]
    store.mkdir()
    lines = {"forget": [name, "--since", "1h", "--yes"], "sync init": ["sync", "init", *entry]}
    if not name.startswith("sync") or name == "sync init":
        return hx_at(home, *lines.get(name, [name]), "--json")
    made = json.loads(hx_at(home, "sync", "init", *entry).stdout)
    if name == "sync recover":
        words = made["recovery_words"]
        return hx_at(other, "sync", "recover", *entry, "--words-file", "-", stdin=words)
    if name == "sync join":
        code = json.loads(hx_at(home, "sync", "invite", "--json").stdout)["code"]
        return hx_at(other, "sync", "join", *entry, "--code-file", "-", stdin=code)
    if name == "sync status":  # with something pending
        (listed,) = store.glob("m/*")
        (
            store
            / listed.relative_to(store).parent
            / f"{listed.name[:33]}000000000009-{'0' * 16}.hx"
        ).write_bytes(b"")
        hx_at(home, "sync", "pull")
    if name == "sync leave":
        return hx_at(home, "sync", "leave", "--yes", "--json")
    return hx_at(home, *name.split(), "--json")


@pytest.mark.parametrize("name", OBJECTS)
def test_the_names_in_json_are_documented_and_there_are_no_others(name, tmp_path):
    answer = answer_of(name, tmp_path)
    printed = names_in(json.loads(answer.stdout))
    documented = {one for names in OBJECTS[name] for one in names.split(", ")}
    for one in printed:
        assert any(is_same(one, other) for other in documented), f"{one} is not documented"
    for one in documented:
        assert any(is_same(other, one) for other in printed), f"{one} is not printed"


@pytest.mark.parametrize("place", PAGES, ids=os.path.basename)
def test_links_lead_somewhere(place):
    for target in re.findall(r"\]\(([^)#]+)\)", read(place)):
        if "://" not in target:
            assert os.path.exists(os.path.join(os.path.dirname(place), target)), target


@pytest.mark.parametrize("place", PAGES, ids=os.path.basename)
def test_commands_that_a_page_names_exist(place):
    for name in re.findall(r"`hx ([a-z][a-z-]+)", read(place)):
        assert name in COMMANDS or name in {"redact", "help"}, name


BASH_COMPLETES = "COMP_WORDS=(hx fin) COMP_CWORD=1; _shtab_hx; echo ${COMPREPLY[@]}"


@pytest.mark.parametrize("shell", SHELLS)
def test_completions_load_in_the_real_shell_without_a_word(shell):
    program = shutil.which(shell)
    if not program:
        pytest.skip(f"{shell} is not installed (tests/shells/install.sh)")
    load = {
        "bash": f". {path('bash')} && complete -p hx history-extended; {BASH_COMPLETES}",
        "zsh": f"autoload -Uz compinit; compinit -u -D; . {path('zsh')};"
        " [[ $_comps[hx] && $_comps[history-extended] ]] && print find",
        "fish": f"source {path('fish')}; complete -C 'history-extended fin'",
    }[shell]
    flags = {"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}[shell]
    answer = subprocess.run(
        [program, *flags, "-c", load], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    assert not answer.stderr
    assert "find" in answer.stdout.split()
