"""What the commands that people wait for may cost: modules and processes are counted, not time."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec

import pexpect
import pytest

HX = os.path.join(os.path.dirname(sys.executable), "hx")

# Each costs more than a search; what needs one imports it where it is needed.
FORBIDDEN = {
    "argparse",
    "ast",
    "contextlib",
    "dataclasses",
    "datetime",
    "difflib",
    "enum",
    "functools",
    "hashlib",
    "inspect",
    "json",
    "locale",
    "logging",
    "msgspec",
    "nacl",
    "pathlib",
    "random",
    "re",
    "shutil",
    "socket",
    "sqlite3",
    "string",
    "subprocess",
    "tempfile",
    "threading",
    "tomllib",
    "traceback",
    "typing",
    "uuid",
    "warnings",
    "importlib",
}
MOST_MODULES = 28  # of hx, not counting empty ones
# What a search needs beyond a bare Python; one more is a decision to be taken here.

ALLOWED = {
    "__future__",
    "_blake2",
    "apsw",
    "apsw.__init__",
    "collections",
    "collections.abc",
    "fcntl",
    "gc",
    "itertools",
    "keyword",
    "operator",
    "_operator",
    "reprlib",
    "_collections",
}


def modules(*command: str, home: str) -> set[str]:
    """Modules that a command imports beyond those of a bare Python in this environment."""
    environment = os.environ | {"HX_HOME": home, "PYTHONPATH": ""}

    def imported(*line: str) -> set[str]:
        answer = subprocess.run(
            [sys.executable, "-X", "importtime", *line],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return names(answer.stderr)

    return imported(HX, *command) - imported("-c", "pass")


def names(told: str) -> set[str]:
    return set(re.findall(r"^import time:.*\| +(\S+)\r*$", told, re.MULTILINE))


@pytest.fixture
def recorded_home(machine):
    """A machine past its first run, with one event pending."""
    machine.record("git status")
    assert machine.hx("find", "git").code == 0
    machine.record("git push")
    return str(machine.home)


def foreign(found: set[str]) -> set[str]:
    return {name for name in found if name.partition(".")[0] != "hx"}


def with_code(found: set[str]) -> set[str]:
    """Modules of hx that are not empty."""
    specs = {name: find_spec(name) for name in found if name.partition(".")[0] == "hx"}
    return {name for name, spec in specs.items() if os.path.getsize(spec.origin)}


def test_find_with_an_event_pending_imports_only_what_it_needs(recorded_home):
    found = modules("find", "git", home=recorded_home)
    assert "hx.capture.ingest" in found
    assert not found & FORBIDDEN
    assert foreign(found) <= ALLOWED


def test_find_with_nothing_pending_imports_few_modules(machine):
    machine.record("git status")
    machine.hx("find", "git")
    assert len(with_code(modules("find", "git", home=str(machine.home)))) <= MOST_MODULES


def test_a_pending_command_with_a_secret_is_masked_and_costs_re_only(machine):
    machine.record("git status")
    machine.hx("find", "git")
    machine.record("export A_TOKEN=hunter2")
    found = modules("find", "git", home=str(machine.home))
    assert "re" in found
    assert not found & (FORBIDDEN - {"re", "enum", "functools"})


def test_the_first_page_of_help_imports_no_parser_and_no_database(tmp_path):
    found = modules("--help", home=str(tmp_path))
    assert {name for name in found if name.startswith("hx.")} <= {
        "hx.cli",
        "hx.cli.table",
        "hx.core",
        "hx.core.errors",
        "hx.core.record",
    }
    assert not found & (FORBIDDEN | {"apsw"})


def test_init_opens_no_database(tmp_path):
    found = modules("init", "bash", home=str(tmp_path))
    assert not found & (FORBIDDEN | {"apsw", "hx.database.connection"})


def test_a_sync_with_nothing_new_imports_no_crypto_and_no_formats(tmp_path):
    home, store = tmp_path / "home", tmp_path / "store"
    store.mkdir()
    entry = ["--store", f"folder:{store}", "--custody", "file", "--json"]
    for line in (["sync", "init", *entry], ["sync"]):
        done = subprocess.run(
            [HX, *line], env=os.environ | {"HX_HOME": str(home)}, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr
    imported = modules("sync", home=str(home))
    heavy = {
        "msgspec",
        "nacl",
        "keyring",
        "uuid",
        "hashlib",
        "hx.core.format.envelope",
        "hx.core.format.roster",
    }
    assert not imported & heavy
    assert "hx.sync.pull" in imported


def test_the_first_frame_of_the_picker_imports_only_what_it_needs(recorded_home):
    found = picked(recorded_home)
    assert "hx.picker.view.view" in found
    assert not found & FORBIDDEN
    assert foreign(found) <= ALLOWED | {"math", "select", "termios"}


def picked(home):
    """Modules imported until the first frame is seen."""
    environment = os.environ | {"HX_HOME": home, "PYTHONPATH": "", "TERM": "xterm"}
    words = [sys.executable, "-X", "importtime", HX, "search", "-i"]
    child = pexpect.spawn(words[0], words[1:], env=environment, timeout=20)
    child.expect("F1 help")
    found = child.before.decode()
    child.close()
    bare = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "pass"],
        env=environment, capture_output=True, text=True, check=False,
    ).stderr  # fmt: skip
    return names(found) - names(bare)
