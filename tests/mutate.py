"""`make mutate FILE=src/hx/...`: which faults in a module do its tests not notice?

One small fault at a time is written into a copy of the tree, and the tests nearest to the module
run there. A fault that no test notices is printed with its line. The nearest tests are the files
that begin with the module's name in the same tree (tests/database/sync/test_ledger.py), or else
the folder; TESTS names more files and folders.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from faults import mutants

if TYPE_CHECKING:
    from collections.abc import Callable

    from faults import Mutant

ROOT = Path(__file__).resolve().parents[1]
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".*_cache", ".hypothesis", "__pycache__")
LEAST_LIMIT_S = 10
SLOWER = 5  # a mutant that takes so many times as long as the tests did has been noticed


def nearest(file: Path, root: Path) -> list[Path]:
    """Return the tests of a module: its files in the tree of the tests, or the nearest folder."""
    inside = file.relative_to(root / "src" / "hx")
    folder = root / "tests" / inside.parent
    named = [*folder.glob(f"test_{inside.stem}.py"), *folder.glob(f"test_{inside.stem}_*.py")]
    if named:
        return sorted(named)
    while not folder.exists():
        folder = folder.parent
    return [folder]


def noticed(copied: Path, tests: list[str], limit_s: float) -> str:
    """Run the tests in the copy, in a process of its own; return "" when all of them pass."""
    child = os.fork()
    if not child:
        _run(copied, tests)
    ends = time.monotonic() + limit_s
    try:
        while time.monotonic() < ends:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                return "" if status == 0 else "failed"
            time.sleep(0.02)
        return "took too long"
    finally:
        with suppress(ProcessLookupError):  # and what its tests have started
            os.killpg(child, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(child, 0)


def _run(copied: Path, tests: list[str]) -> None:
    """Never returns."""
    import pytest

    try:
        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in range(3):
            os.dup2(nowhere, descriptor)
        os.chdir(copied)
        sys.path.insert(0, str(copied / "src"))
        for name in [name for name in sys.modules if name.partition(".")[0] == "hx"]:
            del sys.modules[name]  # a test of this script runs where others have imported it
        sys.dont_write_bytecode = True  # two mutants of one length and second would be one
        os.environ |= {"PYTHONPATH": sys.path[0], "PYTHONDONTWRITEBYTECODE": "1", "CI": "1"}
        given = ["-x", "-q", "-p", "no:cacheprovider", "-m", "not long", "--rootdir", "."]
        os._exit(int(pytest.main([*given, *tests])))
    finally:
        os._exit(1)


def survivors(
    file: Path, tests: list[str], root: Path, told: Callable[[str], None]
) -> list[Mutant]:
    """Return the faults in a module that none of the tests notices."""
    for heavy in ("pytest", "hypothesis", "apsw", "msgspec", "nacl.bindings"):
        with suppress(ImportError):
            __import__(heavy)  # once, for all the processes that are forked
    with tempfile.TemporaryDirectory(prefix="hx-mutate-") as folder:
        copied = Path(folder) / "tree"
        shutil.copytree(root, copied, ignore=LEFT_OUT)
        began = time.monotonic()
        if noticed(copied, tests, 3600):
            message = f"the tests do not pass without any fault: {' '.join(tests)}"
            raise SystemExit(message)
        limit_s = max(LEAST_LIMIT_S, SLOWER * (time.monotonic() - began))
        target = copied / file.relative_to(root)
        found = mutants(file.read_text(encoding="utf-8"))
        told(f"{len(found)} mutants, at most {limit_s:.0f} s each, with {' '.join(tests)}")
        alive = []
        for mutant in found:
            target.write_text(mutant.source, encoding="utf-8")
            how = noticed(copied, tests, limit_s)
            if how != "failed":
                place = f"{file.relative_to(root)}:{mutant.line}"
                told(f"{place}: {mutant.old}  ->  {mutant.new}{how and f'  ({how})'}")
            if not how:
                alive.append(mutant)
        told(f"{len(found) - len(alive)} noticed, {len(alive)} not")
        return alive


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="the module, below src/hx")
    parser.add_argument("tests", nargs="*", help="more files and folders of tests")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the copy is removed all the same
    file = given.file.resolve()
    near = [str(path.relative_to(ROOT)) for path in nearest(file, ROOT)]
    survivors(file, [*near, *given.tests], ROOT, lambda line: print(line, flush=True))


if __name__ == "__main__":
    main()
