"""`make mutate FILE=src/hx/...`: which faults in a module do its tests not notice?

One small fault at a time is written into a copy of the tree, and the tests nearest to the module
run there until one fails: first those that run the line of the fault, and of these first those that
have noticed another fault, then the quickest. A fault that no test notices is printed with its
line. The nearest tests are the files that begin with the module's name in the same tree
(tests/database/sync/test_ledger.py), or else the folder; TESTS names more files and folders.
"""

from __future__ import annotations

import argparse
import ast
import gc
import importlib
import json
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from types import CodeType, FunctionType
from typing import TYPE_CHECKING

import pytest

from faults import mutants
from reached import Reaching, Runs, forked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from faults import Mutant

ROOT = Path(__file__).resolve().parents[1]
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".*_cache", ".hypothesis", "__pycache__")
LEAST_LIMIT_S = 10
MOST_S = 100_000
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


# ---- which tests, and in which order ----


def ordered(
    reaching: list[Reaching], lines: Iterable[int], before: list[str], within_s: float
) -> list[Reaching]:
    """Order the tests for a fault in these lines, and leave out what takes longer than `within_s`.

    `before`: tests that have noticed other faults, the last one last.
    """
    places = {*lines}
    rank = {test: place for place, test in enumerate(before, 1)}
    wanted = sorted(
        reaching,
        key=lambda candidate: (
            not places & candidate.lines,
            -rank.get(candidate.test, 0),
            candidate.seconds,
        ),
    )
    return [*_until(wanted, within_s)]


def _until(wanted: list[Reaching], within_s: float) -> Iterator[Reaching]:
    """At least the first of them."""
    took = 0.0
    for candidate in wanted:
        if took and took + candidate.seconds > within_s:
            return
        took += candidate.seconds
        yield candidate


def statement_at(tree: ast.AST, line: int) -> range:
    """Return the lines of the innermost statement in which this line is, without its body."""
    found = range(line, line + 1)
    for node in ast.walk(tree):  # outer ones come first
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or 0):
            body = getattr(node, "body", None)
            last = body[0].lineno - 1 if body else node.end_lineno or 0
            found = range(node.lineno, max(last, node.lineno) + 1)
    return found


# ---- a fault in what is imported ----


def changed_code(path: Path, before: str, after: str) -> list[tuple[CodeType, CodeType]] | None:
    """Return the functions that a fault changes, each as it was and as it is then.

    None when the fault is outside of them, where only another import brings it about.
    """
    old = [*_functions(compile(before, str(path), "exec"))]
    new = [*_functions(compile(after, str(path), "exec"))]
    if len(old) != len(new):
        return None
    pairs = [pair for pair in zip(old, new, strict=True) if _alone(pair[0]) != _alone(pair[1])]
    is_inside = all(was.co_flags & 1 for was, _ in pairs)  # CO_OPTIMIZED: no module and no class
    return pairs if is_inside else None


def _functions(code: CodeType) -> Iterator[CodeType]:
    yield code
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _functions(inner)


def _alone(code: CodeType) -> tuple[object, ...]:
    """What a code object is without those inside it, and without its places in the file."""
    consts = [
        None if isinstance(constant, CodeType) else repr(constant) for constant in code.co_consts
    ]
    return code.co_qualname, code.co_code, consts, code.co_names


def replace_code(path: Path, before: str, after: str) -> None:
    """Let the functions of a module that is imported do what its changed source says."""
    old = _functions(compile(before, str(path), "exec"))
    new = _functions(compile(after, str(path), "exec"))
    becomes = {_place(was): now for was, now in zip(old, new, strict=True)}
    for function in gc.get_objects():
        if isinstance(function, FunctionType) and function.__code__.co_filename == str(path):
            function.__code__ = becomes.get(_place(function.__code__), function.__code__)


def _place(code: CodeType) -> tuple[str, int]:
    return code.co_qualname, code.co_firstlineno


# ---- all faults of a module ----


class Work:
    """A plugin of pytest that runs the tests it has collected for each fault of a module."""

    def __init__(
        self, copied: Path, target: Path, within_s: float, tell: Callable[[dict[str, object]], None]
    ) -> None:
        self._copied, self._target = copied, target
        self._within_s, self._tell = within_s, tell
        self._runs = Runs(copied.parent / "notes")
        self._items: dict[str, pytest.Item] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._runs.pytest_runtest_logreport(report)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self._items = {item.nodeid: item for item in session.items}
        source = self._target.read_text(encoding="utf-8")
        try:
            assert not session.testsfailed, "the tests cannot be collected"
            reaching = self._runs.reaching(session.items, str(self._target), MOST_S)
        except AssertionError as error:
            self._tell({"unfit": str(error)})
            return True
        self._import_target()
        self._tell({"told": f"{len(mutants(source))} mutants, {len(reaching)} tests"})
        self._try_all(source, reaching)
        return True

    def _import_target(self) -> None:
        """Once, for all the processes that are forked."""
        inside = self._target.relative_to(self._copied / "src").with_suffix("")
        importlib.import_module(".".join(inside.parts))

    def _try_all(self, source: str, reaching: list[Reaching]) -> None:
        tree, before = ast.parse(source), []
        for number, mutant in enumerate(mutants(source)):
            lines = statement_at(tree, mutant.line)
            chosen = ordered(reaching, lines, before, self._within_s)
            limit_s = max(LEAST_LIMIT_S, SLOWER * sum(candidate.seconds for candidate in chosen))
            how = self._tried(
                source, mutant.source, [candidate.test for candidate in chosen], limit_s
            )
            first = self._runs.noted()
            before = [*(test for test in before if test != first), first]
            if how != "failed":
                place = f"{self._target.relative_to(self._copied)}:{mutant.line}"
                told = f"{place}: {mutant.old}  ->  {mutant.new}{how and f'  ({how})'}"
                self._tell({"told": told, "alive": None if how else number})
        self._target.write_text(source, encoding="utf-8")

    def _tried(self, source: str, mutant: str, tests: list[str], limit_s: float) -> str:
        self._target.write_text(mutant, encoding="utf-8")
        (self._copied.parent / "notes").unlink(missing_ok=True)

        def run() -> object:
            sys.dont_write_bytecode = True  # two mutants of one length and second would be one
            if changed_code(self._target, source, mutant) is None:
                return in_session(
                    self._copied, [*{_file_of(test): None for test in tests}], Only(tests)
                )
            replace_code(self._target, source, mutant)
            return self._runs.first_to_fail([self._items[test] for test in tests])

        return forked(run, limit_s)


class Only:
    """A plugin of pytest that keeps some of the tests, in this order."""

    def __init__(self, tests: list[str]) -> None:
        self._place = {test: place for place, test in enumerate(tests)}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        kept = [item for item in items if item.nodeid in self._place]
        items[:] = sorted(kept, key=lambda item: self._place[item.nodeid])


def _file_of(test: str) -> str:
    return test.partition("::")[0]


def in_session(copied: Path, tests: list[str], plugin: object) -> int:
    """Run pytest with hx and its tests imported from the copy, whatever is imported by now."""
    os.chdir(copied)
    for name, module in [*sys.modules.items()]:
        if name.partition(".")[0] == "hx" or _is_in(copied, module):
            del sys.modules[name]
    sys.path.insert(0, str(copied / "src"))
    os.environ |= {"PYTHONPATH": sys.path[0], "PYTHONDONTWRITEBYTECODE": "1", "CI": "1"}
    given = ["-x", "-s", "-q", "-p", "no:cacheprovider", "-m", "not long", "--rootdir", "."]
    return int(pytest.main([*given, *tests], plugins=[plugin]))


def _is_in(folder: Path, module: object) -> bool:
    return str(getattr(module, "__file__", None)).startswith(f"{folder}{os.sep}")


def survivors(
    file: Path,
    tests: list[str],
    root: Path,
    told: Callable[[str], object],
    within_s: float = MOST_S,
) -> list[Mutant]:
    """Return the faults in a module that none of the tests notices."""
    found = mutants(file.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(prefix="hx-mutate-") as folder:
        copied = Path(folder) / "tree"
        shutil.copytree(root, copied, ignore=LEFT_OUT)
        target = copied / file.relative_to(root)
        alive, has_run = [], False
        for line in _told_by(
            lambda tell: in_session(copied, tests, Work(copied, target, within_s, tell))
        ):
            if "unfit" in line:
                message = f"{line['unfit']}: {' '.join(tests)}"
                raise SystemExit(message)
            has_run = True
            told(str(line["told"]))
            if line.get("alive") is not None:
                alive.append(found[int(line["alive"])])
        if not has_run:
            raise SystemExit(f"pytest cannot run these tests: {' '.join(tests)}")
        told(f"{len(found) - len(alive)} noticed, {len(alive)} not")
        return alive


def _told_by(run: Callable[[Callable[[dict[str, object]], None]], object]) -> Iterator[dict]:
    """Run this in a process of its own, and yield what it tells."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.close(reader)
            nowhere = os.open(os.devnull, os.O_RDWR)
            for descriptor in range(3):
                os.dup2(nowhere, descriptor)
            run(lambda line: os.write(writer, json.dumps(line).encode() + b"\n") and None)
        finally:
            os._exit(0)
    os.close(writer)
    try:
        with os.fdopen(reader, encoding="utf-8") as lines:
            yield from map(json.loads, lines)
    finally:
        os.kill(child, signal.SIGTERM)
        os.waitpid(child, 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="the module, below src/hx")
    parser.add_argument("tests", nargs="*", help="more files and folders of tests")
    parser.add_argument(
        "--within", type=float, default=MOST_S, metavar="SECONDS", help="of tests for each fault"
    )
    given = parser.parse_intermixed_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the copy is removed all the same
    file = given.file.resolve()
    near = [str(path.relative_to(ROOT)) for path in nearest(file, ROOT)]
    survivors(file, [*near, *given.tests], ROOT, lambda line: print(line, flush=True), given.within)


if __name__ == "__main__":
    main()
