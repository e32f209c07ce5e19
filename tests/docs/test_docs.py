"""The documentation says what the program does, in pages that are generated and in the others."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest

from docs.generate import CLI_PAGE, EXIT_CODES, ROOT, generated
from hx import config
from hx.cli.commands import COMMANDS
from hx.cli.completions import SHELLS, path
from hx.cli.usage import parser_of
from hx.core import errors

PAGES = [
    os.path.join(folder, name)
    for folder in (ROOT, os.path.join(ROOT, "docs"))
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


@pytest.mark.parametrize("place", PAGES, ids=os.path.basename)
def test_links_lead_somewhere(place):
    for target in re.findall(r"\]\(([^)#]+)\)", read(place)):
        if "://" not in target:
            assert os.path.exists(os.path.join(os.path.dirname(place), target)), target


@pytest.mark.parametrize("place", PAGES, ids=os.path.basename)
def test_commands_that_a_page_names_exist(place):
    for name in re.findall(r"`hx ([a-z-]+)", read(place)):
        assert name in COMMANDS or name in {"redact", "help"}, name


BASH_COMPLETES = "COMP_WORDS=(hx fin) COMP_CWORD=1; _shtab_hx; echo ${COMPREPLY[@]}"


@pytest.mark.parametrize("shell", SHELLS)
def test_completions_load_in_the_real_shell_without_a_word(shell):
    program = shutil.which(shell)
    if not program:
        pytest.skip(f"{shell} is not installed (tests/shell/install.sh)")
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
