"""The source keeps the figures of its layout: no circles of imports, short modules, comments.

Imports count wherever they stand: at the top, inside functions, and for types only.
"""

from __future__ import annotations

import ast
import glob
import os
import re
import tokenize
from collections import Counter, defaultdict
from graphlib import CycleError, TopologicalSorter
from itertools import takewhile

import pytest

from docs.generate import ROOT

SOURCE = os.path.join(ROOT, "src", "hx")
MOST_LINES = 400
LEAST_COMMENTS, MOST_COMMENTS, LEAST_IN_A_FOLDER = 0.03, 0.10, 0.025  # of the lines
FOR_TOOLS = re.compile(r"#\s*(noqa|type:|fmt:|pragma)[^(]*$")


def modules(source):
    """Return name -> path of each module below a folder that is the package hx."""
    paths = glob.glob(os.path.join(source, "**", "*.py"), recursive=True)
    parent = os.path.dirname(source)
    return {
        os.path.relpath(path, parent)[:-3].replace(os.sep, "."): path
        for path in paths
    }  # fmt: skip


def imported(path, names):
    """Yield the modules among these names that a file imports; a package is its __init__."""
    with open(path, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            candidates = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: a relative import"
            inside = [f"{node.module}.{alias.name}" for alias in node.names]
            candidates = [
                name if name in names or f"{name}.__init__" in names else node.module
                for name in inside
            ]
        else:
            continue
        for name in candidates:
            yield from ({name, f"{name}.__init__"} & names.keys())


def circle(source):
    """Return a circle of modules or folders that stand side by side, or None.

    A folder counts as one: all that is in it together. Its __init__ stands inside it.
    """
    names = modules(source)
    beside = defaultdict(lambda: defaultdict(set))  # folder -> part of it -> parts it imports
    for name, path in names.items():
        for other in imported(path, names):
            ours, theirs = name.split("."), other.split(".")
            equal = takewhile(lambda pair: pair[0] == pair[1], zip(ours, theirs, strict=False))
            depth = len(list(equal))  # of the folder that both are in
            if ours != theirs:
                beside[".".join(ours[:depth])][ours[depth]].add(theirs[depth])
    for folder, graph in beside.items():
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            return folder, error.args[1]
    return None


def test_no_modules_and_no_folders_import_each_other_in_a_circle():
    assert circle(SOURCE) is None


CIRCLES = {
    "in a function": {"a": "def f():\n    from hx import b\n", "b": "import hx.a\n"},
    "for types": {
        "a": "from hx.b import B\n",
        "b": "if TYPE_CHECKING:\n    from hx.a import A\n",
    },
    "of a package": {"p/__init__": "from hx.p.b import B\n", "p/b": "from hx.p import A\n"},
    "of folders": {"a": "import hx.p.b\n", "p/b": "", "p/c": "import hx.a\n"},
}


@pytest.mark.parametrize("files", CIRCLES.values(), ids=CIRCLES)
def test_a_circle_is_found_wherever_the_imports_stand(tmp_path, files):
    for name, text in files.items():
        path = tmp_path / "hx" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert circle(str(tmp_path / "hx")) is not None


def test_no_module_is_longer_than_400_lines():
    lengths = {}
    for name, path in modules(SOURCE).items():
        with open(path, encoding="utf-8") as file:
            lengths[name] = sum(1 for _ in file)
    assert {name: length for name, length in lengths.items() if length > MOST_LINES} == {}


def commented(path):
    """Return how many lines a file has, and how many of them have a comment for people."""
    with open(path, encoding="utf-8") as file:
        tokens = list(tokenize.generate_tokens(file.readline))
    comments = {
        token.start[0]
        for token in tokens
        if token.type == tokenize.COMMENT and not FOR_TOOLS.match(token.string)
    }
    return tokens[-1].start[0] - 1, len(comments)


def test_three_to_ten_of_a_hundred_lines_have_a_comment_and_no_folder_lacks_them():
    """A line counts if it has a comment, alone or behind code, that not only a tool reads."""
    lines, comments = Counter(), Counter()
    for name, path in modules(SOURCE).items():
        folder = name.split(".")[1] if name.count(".") > 1 else "hx"
        in_file, with_comment = commented(path)
        lines[folder] += in_file
        comments[folder] += with_comment
    assert LEAST_COMMENTS <= comments.total() / lines.total() <= MOST_COMMENTS
    shares = {folder: comments[folder] / lines[folder] for folder in lines if lines[folder]}
    assert [folder for folder, share in shares.items() if share < LEAST_IN_A_FOLDER] == []
