"""The modules that the fast commands import; they are counted instead of measuring time."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec

import pexpect
import pytest

HX = os.path.join(os.path.dirname(sys.executable), "hx")

# each takes longer than a search; functions that need one import it themselves
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
MAX_MODULES = 28  # modules of hx, not counting empty ones
# modules that a search needs beyond those of a bare Python

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
    """Return the modules that a command imports beyond those of a bare Python."""
    environment = os.environ | {"HX_HOME": home, "PYTHONPATH": ""}

    def imported(*line: str) -> set[str]:
        process = subprocess.run(
            [sys.executable, "-X", "importtime", *line],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return module_names(process.stderr)

    return imported(HX, *command) - imported("-c", "pass")


def module_names(output: str) -> set[str]:
    return set(re.findall(r"^import time:.*\| +(\S+)\r*$", output, re.MULTILINE))


@pytest.fixture
def recorded_home(machine):
    """Return the HX_HOME of a machine after its first run, with one pending event."""
    machine.record("git status")
    assert machine.hx("find", "git").code == 0
    machine.record("git push")
    return str(machine.home)


def foreign(names_of_modules: set[str]) -> set[str]:
    return {name for name in names_of_modules if name.partition(".")[0] != "hx"}


def with_code(names_of_modules: set[str]) -> set[str]:
    """Return the modules of hx among these that are not empty."""
    specs = {name: find_spec(name) for name in names_of_modules if name.partition(".")[0] == "hx"}
    return {name for name, spec in specs.items() if os.path.getsize(spec.origin)}


def test_find_with_a_pending_event_imports_only_allowed_modules(recorded_home):
    imported = modules("find", "git", home=recorded_home)
    assert "hx.capture.ingest" in imported
    assert not imported & FORBIDDEN
    assert foreign(imported) <= ALLOWED


def test_find_without_pending_events_imports_few_modules(machine):
    machine.record("git status")
    machine.hx("find", "git")
    assert len(with_code(modules("find", "git", home=str(machine.home)))) <= MAX_MODULES


def test_masking_a_pending_command_imports_only_re_in_addition(machine):
    machine.record("git status")
    machine.hx("find", "git")
    machine.record("export A_TOKEN=hunter2")
    imported = modules("find", "git", home=str(machine.home))
    assert "re" in imported
    assert not imported & (FORBIDDEN - {"re", "enum", "functools"})


def test_a_sync_in_the_background_that_is_not_due_imports_next_to_nothing(tmp_path):
    from hx.scheduler.backoff import Failure, write

    write(str(tmp_path), Failure(1, 0, 0, 1 << 60, "", "the store is not there"))
    imported = modules("sync", "--background", home=str(tmp_path))
    assert not foreign(imported) & (FORBIDDEN | {"apsw"})
    assert "hx.database" not in imported
    assert len(with_code(imported)) <= 10


def test_help_imports_no_parser_and_no_database(tmp_path):
    imported = modules("--help", home=str(tmp_path))
    assert {name for name in imported if name.startswith("hx.")} <= {
        "hx.cli",
        "hx.cli.table",
        "hx.core",
        "hx.core.errors",
        "hx.core.record",
    }
    assert not imported & (FORBIDDEN | {"apsw"})


def test_init_opens_no_database(tmp_path):
    imported = modules("init", "bash", home=str(tmp_path))
    assert not imported & (FORBIDDEN | {"apsw", "hx.database.connection"})


def test_a_sync_with_nothing_new_imports_no_crypto_and_no_formats(tmp_path):
    home, store = tmp_path / "home", tmp_path / "store"
    store.mkdir()
    entry = ["--store", f"folder:{store}", "--custody", "file", "--json"]
    for line in (["sync", "init", *entry], ["sync"]):
        result = subprocess.run(
            [HX, *line], env=os.environ | {"HX_HOME": str(home)}, capture_output=True, check=False
        )
        assert result.returncode == 0, result.stderr
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


def test_the_first_frame_of_the_picker_imports_only_allowed_modules(recorded_home):
    imported = modules_of_the_picker(recorded_home)
    assert "hx.picker.view.view" in imported
    assert not imported & FORBIDDEN
    assert foreign(imported) <= ALLOWED | {"math", "select", "termios"}


def modules_of_the_picker(home):
    """Return the modules that the picker imports until its first frame is on the screen."""
    environment = os.environ | {"HX_HOME": home, "PYTHONPATH": "", "TERM": "xterm"}
    words = [sys.executable, "-X", "importtime", HX, "search", "-i"]
    child = pexpect.spawn(words[0], words[1:], env=environment, timeout=20)
    child.expect("F1 help")
    output = child.before.decode()
    child.close()
    bare_output = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "pass"],
        env=environment, capture_output=True, text=True, check=False,
    ).stderr  # fmt: skip
    return module_names(output) - module_names(bare_output)
