"""A fresh copy of the tree, and the steps of CONTRIBUTING.md that are followed in it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from typing import TYPE_CHECKING, NamedTuple

from docs.generate import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PAGE = os.path.join(ROOT, "CONTRIBUTING.md")
PARTS = ("src", "tests", "docs", "pyproject.toml", "README.md", "CHANGELOG.md", "CONTRIBUTING.md")
HX = "#!{python}\nimport sys\nfrom hx.cli import main\nsys.exit(main())\n"


class TreeCopy:
    """A copy of the tree with an installation of its own, and an empty home folder."""

    def __init__(self, folder: Path) -> None:
        self.root, self.home = folder / "copy", folder / "home"
        self.programs = folder / "venv" / "bin"
        self.home.mkdir()
        self.root.mkdir()
        for part in PARTS:
            place = os.path.join(ROOT, part)
            if os.path.isdir(place):
                # with the compiled modules: copies keep the times by which these are known
                shutil.copytree(place, self.root / part)
            else:
                shutil.copy(place, self.root)
        self._install(folder / "venv")

    def _install(self, place: Path) -> None:
        """Make a Python that has the packages of this one, but the hx of the copy."""
        purelib = sysconfig.get_path("purelib")
        inside = place / os.path.relpath(purelib, sys.prefix)
        inside.mkdir(parents=True)
        # a .pth file of this folder that names the source is not read there
        (inside / "copy.pth").write_text(f"{self.root / 'src'}\n{purelib}\n")
        self.programs.mkdir()
        base = os.path.realpath(sys.executable)
        (place / "pyvenv.cfg").write_text(f"home = {os.path.dirname(base)}\n")
        (self.programs / "python").symlink_to(base)
        self.program("hx", HX.format(python=self.programs / "python"))

    def program(self, name: str, text: str) -> Path:
        path = self.programs / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    def read(self, name: str) -> str:
        return (self.root / name).read_text()

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        assert not path.exists(), f"{name} is there already"
        path.write_text(text)

    def append(self, name: str, text: str) -> None:
        (self.root / name).write_text(self.read(name) + text)

    def insert(self, name: str, before: str, text: str) -> None:
        """Put a text before another one, which the file has exactly once."""
        old = self.read(name)
        assert old.count(before) == 1, f"{name} has {before!r} {old.count(before)} times"
        (self.root / name).write_text(old.replace(before, text + before))

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        variables = {"HOME": str(self.home), "LANG": "C.UTF-8", "SHELL": "/bin/sh"}
        variables["PATH"] = f"{self.programs}:{os.environ['PATH']}"
        return subprocess.run(
            command, env=variables, cwd=self.root, capture_output=True, text=True, check=False
        )

    def hx(self, *words: str) -> str:
        """Return what the hx of the copy prints; it has to succeed."""
        process = self.run("hx", *words)
        assert process.returncode == 0, process.stdout + process.stderr
        return process.stdout

    def make_docs(self) -> None:
        process = self.run("python", "tests/docs/generate.py")
        assert process.returncode == 0, process.stderr

    def pytest(self, *arguments: str) -> None:
        """Run tests of the copy; at least one has to be there, and all have to pass."""
        process = self.run(
            "python", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *arguments
        )
        assert process.returncode == 0, process.stdout + process.stderr


class Step(NamedTuple):
    """Something that a page says, and how it is done."""

    says: str  # words of the page, which tell of this step alone
    do: Callable[[TreeCopy], None]


class Guide(NamedTuple):
    """A section of the page, and the check of what its reader has made."""

    heading: str
    steps: tuple[Step, ...]
    check: Callable[[TreeCopy], None]


def numbered(heading: str) -> list[str]:
    """Return the numbered paragraphs below a heading of the page."""
    with open(PAGE, encoding="utf-8") as file:
        section = file.read().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\d+\. (.*)$", section, re.MULTILINE)


def follow(guide: Guide, tree: TreeCopy, *, leaving_out: str = "") -> None:
    """Do what the page says, in its order, and nothing else; `leaving_out` is not said."""
    done = set()
    for paragraph in numbered(guide.heading):
        page = paragraph.replace(leaving_out or "\n", "")
        said = [step for step in guide.steps if step.says in page and step not in done]
        for step in sorted(said, key=lambda step: page.index(step.says)):
            step.do(tree)
            done.add(step)


def follow_and_check(guide: Guide, tree: TreeCopy, *, leaving_out: str = "") -> None:
    """Follow a page, then look whether all is done. Raises AssertionError where it is not."""
    follow(guide, tree, leaving_out=leaving_out)  # `make docs` may notice it already
    guide.check(tree)
