"""The steps in CONTRIBUTING.md for a new command, shell, importer and store work for a toy.

Each test changes a copy of the program in the files that the steps name, and in no others.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from docs.generate import ROOT

if TYPE_CHECKING:
    from pathlib import Path

HX = "import sys; from hx.cli import main; sys.argv[0] = 'hx'; sys.exit(main())"


class SourceCopy:
    """A copy of the source, and an empty home folder for it."""

    def __init__(self, folder: Path) -> None:
        self.root, self.home = folder / "copy", folder / "home"
        self.home.mkdir()
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(os.path.join(ROOT, "src"), self.root / "src", ignore=ignored)

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.write_text(text)
        return path

    def insert(self, name: str, before: str, text: str) -> None:
        """Put a text before another one, which the file has exactly once."""
        path = self.root / name
        old = path.read_text()
        assert old.count(before) == 1, f"{name} has {before!r} {old.count(before)} times"
        path.write_text(old.replace(before, text + before))

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        inherited = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        variables = {"HOME": str(self.home), "PYTHONPATH": str(self.root / "src")}
        return subprocess.run(
            command, env=inherited | variables | environment, cwd=self.home,
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    def hx(self, *words: str, **environment: str) -> str:
        process = self.run(sys.executable, "-c", HX, *words, **environment)
        assert process.returncode == 0, process.stderr
        return process.stdout


@pytest.fixture
def source_copy(tmp_path):
    return SourceCopy(tmp_path)


TOY_COMMAND = """
from hx.cli.context import open_context


def run(arguments, config):
    given = parser("toys").parse_args(arguments)
    print(given.word, open_context(config).database.value("SELECT count(*) FROM event"))
    return 0


def parser(name):
    from hx.cli.parsers import Parser

    made = Parser(name, "Counts toys.")
    made.add_argument("word", help="what to print")
    return made
"""


def test_a_command_needs_a_module_and_a_row_in_the_table(source_copy):
    source_copy.write("src/hx/cli/commands/toys.py", TOY_COMMAND)
    row = '"toys": Command("hx.cli.commands.toys", "Look", "count toys"),\n    '
    source_copy.insert("src/hx/cli/table.py", '"completions": Command(', row)
    assert "count toys" in source_copy.hx("--help")
    assert "what to print" in source_copy.hx("toys", "--help")
    assert source_copy.hx("toys", "events") == "events 0\n"


TOY_HOOK = r"""
if [ ! -e @PAUSE@ ] && [ -z "${HX_PRIVATE-}" ]; then
  mkdir -p @SPOOL@
  printf '\0HX1H\0s00000000000000000000000000000001\0g0\0P1\0b1700000000000000\0Stoy\0hbox\0\0' \
    > @SPOOL@/00000000000000000000000000000001.0
  printf '\0HX1C\0n1\0b1700000001000000\0e1700000002000000\0d/w\0x0\0cmake toys\0\0' \
    >> @SPOOL@/00000000000000000000000000000001.0
fi
"""


def test_a_shell_needs_a_record_a_hook_and_completions(source_copy):
    shells = "src/hx/shells"
    record = 'Shell("toy", (2, 0), "{home}/.toyrc", ("{home}/.toy_history",)),\n        '
    source_copy.insert(f"{shells}/__init__.py", "Shell(\n            FISH,", record)
    source_copy.write(f"{shells}/hooks/hx.toy", TOY_HOOK)
    source_copy.write(f"{shells}/completions/hx.toy", "complete hx\n")
    toy = source_copy.home / "toy"
    toy.write_text("#!/bin/sh\necho 'toy, version 2.1'\n")
    toy.chmod(0o755)
    (source_copy.home / ".toyrc").write_text("# mine\n")
    path = f"{source_copy.home}:{os.environ['PATH']}"

    assert source_copy.hx("completions", "toy") == "complete hx\n"
    output = source_copy.hx("setup", "--shell", "toy", "--yes", PATH=path, SHELL=str(toy))
    assert ".toyrc" in output
    assert source_copy.run("sh", ".toyrc").returncode == 0
    assert "make toys" in source_copy.hx("find", "toys")
    assert "toy 2.1" in source_copy.run(
        sys.executable, "-c", HX, "doctor", PATH=path, SHELL=str(toy)
    ).stdout  # fmt: skip
    source_copy.hx("setup", "--undo", "--yes", PATH=path, SHELL=str(toy))
    assert (source_copy.home / ".toyrc").read_text() == "# mine\n"


TOY_IMPORTER = """
from hx.importers import ImportedEntry

KIND = b"toy"
PLACES: tuple[str, ...] = ("{data}/toy/log",)
IS_TEXT = True
RESTAMPS = False


def recognises(head):
    return head.startswith(b"toy log\\n")


def read(reading):
    for number, line in enumerate(reading.lines()):
        seconds, space, command = line.partition(b" ")
        if not number:
            continue
        if not (space and seconds.isdigit()):
            reading.fault("line without a time")
        elif reading.takes(command):
            yield ImportedEntry(command, int(seconds) * 1_000_000)
"""


def test_an_importer_needs_a_module_and_its_name_in_the_registry(source_copy):
    source_copy.write("src/hx/importers/toy.py", TOY_IMPORTER)
    registry = "src/hx/importers/registry.py"
    source_copy.insert(registry, '"fish", "zsh", "bash")', '"toy", ')
    log = source_copy.home / ".local/share/toy/log"
    log.parent.mkdir(parents=True)
    log.write_text("toy log\n1700000000 make toys\nwhat\n1700000001 paint toys\n")

    assert "toy" in source_copy.hx("import", "--help")
    (result,) = json.loads(source_copy.hx("import", "--json"))
    assert (result["kind"], result["new"]) == ("toy", 2)
    assert result["unreadable"] == [{"reason": "line without a time", "count": 1}]
    assert source_copy.hx("import").startswith(f"{log}: 0 new, 2 imported before")
    assert "paint toys" in source_copy.hx("find", "paint")


TOY_STORE = """
from hx.stores import Exists, Missing, Store, StoredObject, not_a_store, require_key


def open_url(url, place, device_id, umask):
    if not place.isalnum():
        raise not_a_store(url)
    return ToyStore(place)


class ToyStore(Store):
    stores = {}

    def __init__(self, place):
        self.objects = self.stores.setdefault(place, {})

    def list(self, prefix):
        objects = [*self.objects.items()]
        return (StoredObject(key, len(data)) for key, data in objects if key.startswith(prefix))

    def get(self, key, max_bytes):
        require_key(key)
        if key not in self.objects:
            raise Missing(f"{key} is not in the store")
        return self.objects[key][: max_bytes + 1]

    def put(self, key, data):
        require_key(key)
        if self.objects.setdefault(key, bytes(data)) != data:
            raise Exists(f"{key} is in the store, with other bytes")

    def delete(self, key):
        require_key(key)
        self.objects.pop(key, None)
"""
TOY_PLACE = """
class ToyPlace:
    def __init__(self):
        self.url = f"toy:store{next(_number)}"

    def open(self, device_id=b"d" * 16):
        from hx.stores import open_store

        return open_store(self.url, device_id)


@pytest.fixture
def in_toy():
    return ToyPlace()


"""
TOY_MODULE = '"toy": "hx.stores.toy", '


def run_contract(source_copy, store):
    """Run the tests of the store contract on a toy store alone; return the process."""
    source_copy.write("src/hx/stores/toy.py", store)
    source_copy.insert("src/hx/stores/__init__.py", '"memory": "hx.', TOY_MODULE)
    tests = source_copy.root / "tests"
    shutil.copytree(os.path.join(ROOT, "tests", "stores"), tests / "stores")
    shutil.copy(os.path.join(ROOT, "tests", "strategies.py"), tests)
    places = '@pytest.fixture(params=["in_memory"'
    source_copy.insert("tests/stores/conftest.py", places, TOY_PLACE)
    source_copy.insert("tests/stores/conftest.py", '"in_memory", "on_disk"', '"in_toy", ')
    source_copy.write(
        "pytest.ini", "[pytest]\npythonpath = tests\naddopts = --import-mode=importlib\n"
    )
    return source_copy.run(
        *(sys.executable, "-m", "pytest", "-q", "-c", str(source_copy.root / "pytest.ini")),
        *("-k", "in_toy", "-p", "no:cacheprovider", str(tests / "stores" / "test_contract.py")),
    )


def test_a_store_needs_a_module_and_its_scheme_and_passes_the_contract(source_copy):
    process = run_contract(source_copy, TOY_STORE)
    assert process.returncode == 0, process.stdout + process.stderr
    assert "passed" in process.stdout


def test_the_contract_detects_a_store_that_overwrites(source_copy):
    broken = TOY_STORE.replace("setdefault(key, bytes(data)) != data", "update({key: data})")
    process = run_contract(source_copy, broken)
    assert process.returncode == 1, process.stdout + process.stderr
    assert "test_other_bytes_are_refused" in process.stdout
