"""hx is replaced, incomplete or gone while a real user manager of systemd starts it by a link."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

import pytest

import hx
import user_manager
from cli.machine import HX
from hx.database.sync import runs
from user_manager import Scheduled

PATIENCE_S = 60  # far less than the period of the timer
_SCRIPT = """#!{python} -B
import sys
sys.path.insert(0, {package!r})
from hx.cli import main
open({log!r}, "a").write({name!r} + " ")
sys.exit(main())
"""


class Installed:
    """Two programs, and the link by which both are called."""

    def __init__(self, folder):
        self.folder = folder
        self.link = folder / "hx"
        self._log = folder / "log"

    def install(self, name, package):
        """Write a program that notes that it ran, and let the link lead to it."""
        program = self.folder / f"hx of {name}"
        values = {"python": sys.executable, "package": str(package), "log": str(self._log)}
        program.write_text(_SCRIPT.format(**values, name=name))
        program.chmod(0o755)
        self.link.unlink(missing_ok=True)
        self.link.symlink_to(program)
        return program

    @property
    def ran(self):
        """Return which programs have run, the last one last."""
        return self._log.read_text().split()


@pytest.fixture(scope="module")
def laptop(tmp_path_factory):
    manager = user_manager.started(tmp_path_factory.mktemp("manager") / "home")
    made = Scheduled(manager, manager.home / "data", manager.home / "store", "laptop")
    made.init("--no-auto")
    yield made
    manager.end()


@pytest.fixture
def installed(laptop, tmp_path):
    """Return the programs; the first one has turned sync by itself on."""
    made = Installed(tmp_path)
    made.install("first", Path(hx.__file__).parents[1])
    result = laptop.run([str(made.link), "sync", "auto", "on"])
    assert result.code == 0, result
    yield made
    laptop.hx("sync", "auto", "off")


def start(laptop):
    laptop.manager.systemctl("start", "hx-sync.service")


def newest(laptop):
    with laptop.database() as database:
        return runs.newest(database)


def status(laptop):
    auto = laptop.hx("status", "--json").json["sync"]["auto"]
    return auto["missing_program"], auto["error"]


def schedule(laptop, program):
    findings = laptop.run([str(program), "doctor", "--json"]).json
    return next(finding for finding in findings if finding["check"] == "schedule")


def test_another_version_behind_the_link_runs_from_then_on(laptop, installed):
    installed.install("second", Path(hx.__file__).parents[1])
    start(laptop)
    assert installed.ran[-1] == "second"
    assert status(laptop) == (None, None)
    assert schedule(laptop, installed.link)["level"] == "ok"


def test_a_part_that_is_gone_is_told_and_the_next_version_goes_on(laptop, installed, tmp_path):
    """As of a version that is removed while it runs: each part is loaded when it is needed."""
    package = tmp_path / "package"
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(hx.__file__).parent, package / "hx", ignore=ignore)
    (package / "hx" / "stores" / "folder.py").unlink()
    installed.install("incomplete", package)
    start(laptop)
    missing, error = status(laptop)
    assert installed.ran[-1] == "incomplete"
    assert (missing, error) == (
        None,
        "a part of hx cannot be loaded: No module named 'hx.stores.folder'",
    )
    installed.install("second", Path(hx.__file__).parents[1])
    start(laptop)
    assert installed.ran[-1] == "second"
    assert status(laptop) == (None, None)


def test_without_the_program_status_says_so_and_runs_go_on_when_it_is_back(laptop, installed):
    installed.link.unlink()
    for _ in range(3):
        start(laptop)
    assert status(laptop)[0] == str(installed.link)
    assert f"stopped, as {installed.link} no longer exists" in laptop.hx("status").out
    assert schedule(laptop, HX)["fix"] == "hx sync auto on"
    installed.install("again", Path(hx.__file__).parents[1])
    until_watched(laptop)
    (laptop.folder / "m" / "news").write_bytes(b"")
    end_s = time.monotonic() + PATIENCE_S
    while installed.ran[-1] != "again" or newest(laptop).trigger != runs.WATCH:
        assert time.monotonic() < end_s
    assert laptop.manager.systemctl("is-active", "hx-sync.timer") == "active\n"
    assert status(laptop) == (None, None)


def test_a_program_that_has_moved_is_named_by_turning_it_on_again(laptop, installed):
    installed.link.rename(installed.folder / "moved")
    assert status(laptop)[0] == str(installed.link)
    moved = str(installed.folder / "moved")
    assert laptop.run([moved, "sync", "auto", "on"]).code == 0
    assert status(laptop) == (None, None)
    assert schedule(laptop, moved)["level"] == "ok"


def until_watched(laptop):
    """Wait until systemd watches the folder again: it does not while the service runs."""
    end_s = time.monotonic() + PATIENCE_S
    while "waiting" not in laptop.manager.systemctl("show", "hx-sync.path", "-p", "SubState"):
        assert time.monotonic() < end_s
