"""The page of all messages (docs/messages.md), collected from the source of hx."""

# ruff: noqa: E501  (the lines of a page are as long as they are)
from __future__ import annotations

import ast
import os
from typing import NamedTuple

from hx.cli.commands.sync.reasons import MEANINGS
from hx.core import errors

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PAGE = os.path.join(ROOT, "docs", "messages.md")
_SOURCE = os.path.join(ROOT, "src", "hx")

# The folders and modules of hx -> the heading; the longest match counts
AREAS = {
    "cli": "The command line",
    "cli/commands/forget": "Forget",
    "cli/commands/import_": "Import",
    "cli/commands/sync": "Sync",
    "cli/forget_report": "Forget",
    "cli/forgotten_copies": "Sync",
    "cli/health": "Doctor",
    "cli/hook_checks": "Doctor",
    "cli/this_shell": "Doctor",
    "cli/commands/doctor": "Doctor",
    "cli/commands/init": "Setup and recording",
    "cli/commands/setup": "Setup and recording",
    "cli/keys": "Keys",
    "cli/machine": "Setup and recording",
    "cli/prompts": "Keys",
    "capture": "Setup and recording",
    "config": "Settings",
    "config_rules": "Settings",
    "core": "Formats and values",
    "custody": "Keys",
    "database": "The database",
    "device": "Keys",
    "device_handover": "Keys",
    "files": "The database",
    "forget": "Forget",
    "importers": "Import",
    "picker": "Search and picker",
    "cli/commands/pick": "Search and picker",
    "cli/commands/search": "Search and picker",
    "setup": "Setup and recording",
    "shells": "Setup and recording",
    "stores": "Stores",
    "sync": "Sync",
}

_HEAD = """\
# Every message

<!-- Written by `make docs` from the source; edit that. -->

An error is printed as `hx: error: …`, its hint as `hx: hint: …`; the process ends with the exit code beside it ([cli.md](cli.md#exit-codes)).
Words in capitals stand for values, `(a/b)` for one of the two, `[a]` for a text that may be missing. A note has no exit code of its own: it is printed and the command goes on. `hx doctor` prints its findings with `ok`, `warning` or `fault`, and the fix.
"""


class Message(NamedTuple):
    """One message of hx."""

    area: str
    kind: str  # one of _COLUMNS
    text: str
    hint: str
    code: str  # exit code, level of a finding; empty for a note


def messages() -> list[Message]:
    """Return every message, sorted, each once."""
    trees = {path: _tree(path) for path in _paths()}
    shared = _constants(trees.values())
    classes = _exit_codes(trees.values())
    found = {Message("Sync", "reason", reason, text, "") for reason, text in MEANINGS.items()}
    for path, tree in trees.items():
        constants = shared | _constants([tree])
        found |= set(_Collector(_area(path), classes, constants).of(tree))
    return sorted(found)


def messages_page() -> str:
    """Return the text of docs/messages.md."""
    everything = messages()
    chapters = []
    for area in dict.fromkeys(AREAS.values()):
        of_area = [message for message in everything if message.area == area]
        parts = [_table(kind, [m for m in of_area if m.kind == kind]) for kind in _COLUMNS]
        if any(parts):
            chapters.append(f"\n## {area}\n{''.join(parts)}")
    return _HEAD + "".join(chapters)


_COLUMNS = {
    "error": ("error", "what to do", "exit code"),
    "finding": ("finding", "fix", "level"),
    "note": ("note",),
    "reason": ("why an object is not read, or a file ignored", "what it means and what to do"),
}


def _table(kind: str, rows: list[Message]) -> str:
    if not rows:
        return ""
    columns = _COLUMNS[kind]
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    for row in rows:
        cells = (row.text, row.hint, row.code)[: len(columns)]
        lines.append(f"| {' | '.join(_escaped(cell) for cell in cells)} |")
    return "\n" + "\n".join(lines) + "\n"


def _escaped(cell: str) -> str:
    """A cell of a table in Markdown."""
    return cell.replace("|", "\\|").replace("\n", "<br>").replace("<redacted", "\\<redacted")


def _paths() -> list[str]:
    return sorted(
        os.path.join(folder, name)
        for folder, _, names in os.walk(_SOURCE)
        for name in names
        if name.endswith(".py")
    )


def _tree(path: str) -> ast.Module:
    with open(path, encoding="utf-8") as file:
        return ast.parse(file.read())


def _area(path: str) -> str:
    place = os.path.relpath(path, _SOURCE).removesuffix(".py").replace(os.sep, "/")
    places = [key for key in AREAS if place == key or place.startswith(f"{key}/")]
    return AREAS[max(places, key=len)] if places else AREAS["cli"]


def _constants(trees) -> dict[str, ast.expr]:
    """Constants of modules whose name is used once; the others are left as names."""
    values: dict[str, list[ast.expr]] = {}
    for tree in trees:
        for node in tree.body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
                values.setdefault(node.target.id, []).append(node.value)
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                values.setdefault(node.targets[0].id, []).append(node.value)
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
                value = node.value
                if isinstance(value, ast.Tuple) and len(value.elts) == len(node.targets[0].elts):
                    for name, each in zip(node.targets[0].elts, value.elts, strict=True):
                        values.setdefault(name.id, []).append(each)
    return {
        name: each[0]
        for name, each in values.items()
        if len({ast.dump(value) for value in each}) == 1
    }


def _exit_codes(trees) -> dict[str, int]:
    """Class name -> exit code, of every subclass of HxError in hx."""
    codes = {
        name: each.exit_code
        for name, each in vars(errors).items()
        if isinstance(each, type) and issubclass(each, errors.HxError)
    }
    bases = {
        node.name: [base.id for base in node.bases if isinstance(base, ast.Name)]
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    for _ in bases:  # as often as a chain of subclasses can be long
        new = {
            name: codes[base]
            for name, names in bases.items()
            for base in names
            if base in codes and name not in codes
        }
        if not new:
            break
        codes |= new
    return codes | {"kind": errors.StoreError.exit_code}  # hx.stores.os_errors raises kind(…)


class _Collector(ast.NodeVisitor):
    """Collects the messages of one module."""

    def __init__(self, area: str, classes: dict[str, int], constants: dict[str, ast.expr]) -> None:
        self._area, self._classes, self._constants = area, classes, constants
        self._locals: list[list[tuple[str, int, ast.expr]]] = []  # name, line, value
        self._found: list[Message] = []

    def of(self, tree: ast.Module) -> list[Message]:
        self.visit(tree)
        return self._found

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._locals.append(
            [
                (each.targets[0].id, each.lineno, each.value)
                for each in ast.walk(node)
                if isinstance(each, ast.Assign) and isinstance(each.targets[0], ast.Name)
            ]
        )
        self.generic_visit(node)
        self._locals.pop()

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        values = self._arguments(node)
        if name in self._classes:
            for text, *hint in self._alternatives(node) or ([values] if values else []):
                self._add("error", text, hint[0] if hint else None, str(self._classes[name]))
        elif name == "Finding":
            _, level, text, *fix = values
            word = ast.unparse(level).lower()
            code = word if word in ("ok", "warning", "fault") else "warning or fault"
            self._add("finding", text, fix[0] if fix else None, code)
        elif name == "print" and values:
            self._add_note(values[0])
        elif ast.unparse(node.func).endswith("warnings.append"):
            self._add("note", values[0], None, "")
        self.generic_visit(node)

    def _alternatives(self, node: ast.Call) -> list[list[ast.expr]]:
        """The arguments for each value of a dictionary, as in NotInVault(*OUTSIDE[place])."""
        first = node.args[0] if node.args else None
        if isinstance(first, ast.Starred) and isinstance(first.value, ast.Subscript):
            whole = self._known(first.value.value)
            if isinstance(whole, ast.Dict):
                return [each.elts for each in whole.values if isinstance(each, ast.Tuple)]
        return []

    def _arguments(self, node: ast.Call) -> list[ast.expr]:
        """The arguments; a constant of several parts, as in NotInVault(*WAITS), is taken apart."""
        values: list[ast.expr] = []
        for each in node.args:
            if isinstance(each, ast.Starred):
                value = self._known(each.value)
                values += value.elts if isinstance(value, ast.Tuple) else []
            else:
                values.append(each)
        return values + [keyword.value for keyword in node.keywords if keyword.arg == "hint"]

    def _add(self, kind: str, text: ast.expr, hint: ast.expr | None, code: str) -> None:
        shown = self._text(text)
        hints = [""] if hint is None else [self._text(each) for each in self._values(hint)]
        self._found += [Message(self._area, kind, shown, each, code) for each in hints]

    def _values(self, node: ast.expr) -> list[ast.expr]:
        """The values of a dictionary that the key may give; else the expression itself."""
        whole = self._known(node.value) if isinstance(node, ast.Subscript) else None
        if not isinstance(whole, ast.Dict):
            return [node]
        key = ast.dump(node.slice)
        same = [
            value
            for each, value in zip(whole.keys, whole.values, strict=True)
            if ast.dump(each) == key
        ]
        return same or list(whole.values)

    def _add_note(self, value: ast.expr) -> None:
        shown = self._text(value).strip()
        if shown.startswith("hx: ") and not shown.startswith(
            ("hx: error: MESSAGE", "hx: hint: HINT")
        ):
            self._found.append(Message(self._area, "note", shown, "", ""))

    def _known(self, node: ast.expr) -> ast.expr | None:
        """The value of a name: of a variable of the function, as assigned last, or a constant."""
        if not isinstance(node, ast.Name):
            return None
        for assigned in reversed(self._locals):
            before = [each for each in assigned if each[0] == node.id and each[1] <= node.lineno]
            if before:
                return max(before, key=lambda each: each[1])[2]
        return self._constants.get(node.id)

    def _text(self, node: ast.expr, depth: int = 0) -> str:  # noqa: PLR0911  (one for each kind)
        """An expression as text: literals as they are, values in capitals."""
        if isinstance(node, ast.Constant):
            return f"{node.value:,}" if isinstance(node.value, int) else str(node.value)
        if isinstance(node, ast.JoinedStr):
            return "".join(self._text(each, depth) for each in node.values)
        if isinstance(node, ast.FormattedValue):
            return self._text(node.value, depth + 1)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return self._text(node.left, depth) + self._text(node.right, depth)
        if isinstance(node, ast.IfExp):
            parts = [self._text(node.body, depth), self._text(node.orelse, depth)]
            return f"({'/'.join(parts)})" if all(parts) else f"[{''.join(parts)}]"
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "count":
            return f"NUMBER {self._text(node.args[1])}s"
        known = self._known(node)
        if known is not None and depth < 4 and isinstance(known, _TEXTS):
            return self._text(known, depth + 1)
        return _label(node)


_TEXTS = (ast.Constant, ast.JoinedStr, ast.IfExp, ast.BinOp)


def _label(node: ast.expr) -> str:  # noqa: C901, PLR0911  (one for each kind of expression)
    """A value in capitals, after its name."""
    if isinstance(node, ast.Name):
        return node.id.strip("_").upper()
    if isinstance(node, ast.Attribute):
        return node.attr.strip("_").upper()
    if isinstance(node, ast.Subscript):
        inner = node.slice
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            return inner.value.strip("-").upper()
        return _label(node.value)
    if isinstance(node, ast.Call):
        arguments = [each for each in node.args if not isinstance(each, ast.Constant)]
        if arguments:
            return _label(arguments[0])
        return _label(node.func.value if isinstance(node.func, ast.Attribute) else node.func)
    if isinstance(node, (ast.GeneratorExp, ast.ListComp)):
        return _label(node.generators[0].iter)
    if isinstance(node, ast.BinOp):
        return _label(node.left)
    if isinstance(node, ast.Starred):
        return _label(node.value)
    if isinstance(node, ast.BoolOp):
        return _label(node.values[0])
    return "VALUE"
