"""The pages of the documentation agree with the program."""

from __future__ import annotations

import glob
import json
import os
import re
import shutil
import subprocess

import pytest

from cli.forks import run_hx
from docs.generate import CLI_PAGE, EXIT_CODES, OBJECTS, ROOT, generated
from hx import config
from hx.cli.parsers import parser_of
from hx.cli.table import COMMANDS
from hx.core import errors
from hx.core.model import Tombstone, Window
from hx.database.connection import open_database
from hx.database.sync import held
from hx.importers.registry import importers
from hx.scheduler import note
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
def test_generated_files_are_current(place):
    assert read(place) == generated()[place](), "run `make docs`"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_argument_has_a_help_text(name):
    for action in parser_of(name)._actions:
        assert action.help, f"hx {name}: {action.option_strings or action.dest}"


EVENTS = {"find", "search", "show", "last"}  # described with the event, or in their help


@pytest.mark.parametrize("name", COMMANDS)
def test_the_names_in_the_json_of_every_command_are_described(name):
    has_json = any("--json" in action.option_strings for action in parser_of(name)._actions)
    assert not has_json or name in OBJECTS.keys() | EVENTS


@pytest.mark.parametrize("name", COMMANDS)
def test_a_test_runs_every_command(name):
    tests = glob.glob(os.path.join(ROOT, "tests", "**", "test_*.py"), recursive=True)
    runs = re.compile(rf"""(\bhx\(|HX,)[^()]*["']{name}["']""")
    assert any(runs.search(read(path)) for path in tests if "docs" not in path.split(os.sep))


def test_the_help_of_import_names_every_tool():
    about = parser_of("import").description
    assert [tool for tool in importers() if tool.KIND.decode() not in about] == []


def test_every_setting_and_variable_is_documented():
    page = read(os.path.join(ROOT, "docs", "config.md"))
    for name in [*(setting.name for setting in config.SETTINGS), *config.VARIABLES]:
        assert f"`{name}`" in page


def test_every_exit_code_of_an_error_is_documented():
    def classes(base):
        return [base, *(found for child in base.__subclasses__() for found in classes(child))]

    assert {found.exit_code for found in classes(errors.HxError)} <= EXIT_CODES.keys()
    assert all(f"| {code} |" in read(CLI_PAGE) for code in EXIT_CODES)


def names_in(value, prefix=""):
    """Return every name in a JSON value, such as `a.b` and `[].c`."""
    if isinstance(value, list):
        return {name for item in value for name in names_in(item, f"{prefix}[]")} or {prefix}
    if isinstance(value, dict):
        return {
            name
            for key, item in value.items()
            for name in names_in(item, f"{prefix}.{key}".strip("."))
        }
    return {prefix}


def is_same(printed, documented):
    """Return whether the names are equal or one is within the other, which may be null or a map."""
    names = sorted((printed, documented), key=len)
    return names[0] == names[1] or names[1].startswith((f"{names[0]}.", f"{names[0]}["))


def hx_at(home, *words, stdin=None):
    usual = {"HOME": str(home.parent), "LANG": "C.UTF-8", "PATH": os.environ["PATH"]}
    return run_hx(*words, env=usual | {"HX_HOME": str(home)}, stdin=stdin)


def run_with_json(name, folder):
    """Run a command with --json on a machine where it has something to print."""
    home, other_home, store = folder / "home", folder / "other", folder / "store"
    entry = ["--store", f"folder:{store}", "--custody", "file", "--json"]
    store.mkdir()
    lines = {"forget": [name, "--since", "1h", "--yes"], "sync init": ["sync", "init", *entry]}
    if name == "import --list":
        (folder / "history").write_text("ls\n")
        hx_at(home, "import", str(folder / "history"))
        return hx_at(home, *name.split(), "--json")
    if not name.startswith("sync") or name == "sync init":
        return hx_at(home, *lines.get(name, [name]), "--json")
    made = json.loads(hx_at(home, "sync", "init", *entry).stdout)
    if name == "sync recover":
        words = made["recovery_words"]
        return hx_at(other_home, "sync", "recover", *entry, "--words-file", "-", stdin=words)
    if name in ("sync join", "sync revoke"):
        code = json.loads(hx_at(home, "sync", "invite", "--json").stdout)["code"]
        joined = hx_at(other_home, "sync", "join", *entry, "--code-file", "-", stdin=code)
        if name == "sync join":
            return joined
        other_id = json.loads(joined.stdout)["device_id"]
        return hx_at(home, "sync", "revoke", other_id, "--yes", "--json")
    if name == "sync status":  # with something pending
        (manifest,) = store.glob("m/*")
        later = manifest.with_name(f"{manifest.name[:33]}000000000009-{'0' * 16}.hx")
        later.write_bytes(b"")
        hx_at(home, "sync", "pull")
    more = ["--yes"] if name in ("sync leave", "sync rotate") else []
    if name == "sync auto":
        note.write(str(home), note.Note(note.SYSTEMD, 5, "/usr/bin/hx"))
        hx_at(home, "sync")
        more = ["status"]
    if name in ("sync move", "sync renew"):
        (folder / "new").mkdir()
        more = ["--store", f"folder:{folder / 'new'}", "--yes"]
    if name == "sync refuse":
        more = [held_at(home), "--yes"]
    return hx_at(home, *name.split(), *more, "--json")


def held_at(home):
    """Hold a tombstone of another device; return its id."""
    database = open_database(str(home / "hx.db"))
    tombstone = Tombstone(b"\x01" * 16, 1, b"\x02" * 16, Window(0, 1))
    with database.transaction():
        held.put(database, [tombstone], b"\x03" * 16, None)
    database.close()
    return tombstone.tombstone_id.hex()


@pytest.mark.parametrize("name", OBJECTS)
def test_the_printed_and_the_documented_json_names_are_the_same(name, tmp_path):
    process = run_with_json(name, tmp_path)
    printed_names = names_in(json.loads(process.stdout))
    documented_names = {part for names in OBJECTS[name] for part in names.split(", ")}
    for printed in printed_names:
        is_documented = any(is_same(printed, documented) for documented in documented_names)
        assert is_documented, f"{printed} is not documented"
    for documented in documented_names:
        is_printed = any(is_same(printed, documented) for printed in printed_names)
        assert is_printed, f"{documented} is not printed"


@pytest.mark.parametrize("place", PAGES, ids=os.path.basename)
def test_the_target_of_every_link_exists(place):
    for target in re.findall(r"\]\(([^)#]+)\)", read(place)):
        if "://" not in target:
            assert os.path.exists(os.path.join(os.path.dirname(place), target)), target


@pytest.mark.parametrize("place", PAGES, ids=os.path.basename)
def test_commands_that_a_page_names_exist(place):
    for name in re.findall(r"`hx ([a-z][a-z-]+)", read(place)):
        assert name in COMMANDS or name in {"redact", "help"}, name


BASH_COMPLETION = "COMP_WORDS=(hx fin) COMP_CWORD=1; _shtab_hx; echo ${COMPREPLY[@]}"
ZSH_COMPLETION = "[[ $_comps[hx] && $_comps[history-extended] ]] && print find"
LOAD = {  # shell -> (options, a script that loads the completions and prints `find`)
    "bash": (
        ["--norc"],
        f". {path('bash')} && complete -p hx history-extended; {BASH_COMPLETION}",
    ),
    "zsh": (
        ["-f"],
        f"autoload -Uz compinit; compinit -u -D; . {path('zsh')}; {ZSH_COMPLETION}",
    ),
    "fish": (
        ["--no-config"],
        f"source {path('fish')}; complete -C 'history-extended fin'",
    ),
}


@pytest.mark.parametrize("shell", SHELLS)
def test_completions_load_in_the_real_shell_without_output(shell):
    program = shutil.which(shell)
    if not program:
        pytest.skip(f"{shell} is not installed (tests/shells/install.sh)")
    options, load = LOAD[shell]
    process = subprocess.run(
        [program, *options, "-c", load], capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    assert not process.stderr
    assert "find" in process.stdout.split()
