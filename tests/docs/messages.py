"""The page of all messages (docs/messages.md), collected from the source of hx."""

# ruff: noqa: E501  (the lines of a page are as long as they are)
from __future__ import annotations

import ast
import functools
import os
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from docs.message_texts import Module, Scope, Texts, nodes
from hx.cli.commands.sync.reasons import MEANINGS
from hx.core.errors import HxError

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PAGE = os.path.join(ROOT, "docs", "messages.md")
_SOURCE = os.path.join(ROOT, "src", "hx")

# The folders and modules of hx -> the heading; the longest match counts
AREAS = {
    "cli": "The command line",
    "cli/commands/forget": "Forget",
    "cli/commands/import_": "Import",
    "cli/commands/sync": "Sync",
    "cli/auto_sync": "Sync by itself",
    "cli/commands/sync/auto": "Sync by itself",
    "cli/auto_output": "Sync by itself",
    "cli/schedule_check": "Doctor",
    "cli/forget_report": "Forget",
    "cli/forgotten_copies": "Sync",
    "cli/health": "Doctor",
    "cli/hook_checks": "Doctor",
    "cli/this_shell": "Doctor",
    "cli/commands/doctor": "Doctor",
    "cli/commands/init": "Setup and recording",
    "cli/commands/setup": "Setup and recording",
    "cli/setup_screen": "Setup and recording",
    "cli/setup_answers": "Setup and recording",
    "cli/setup_shells": "Setup and recording",
    "cli/setup_undo": "Setup and recording",
    "cli/keys": "Keys",
    "cli/machine": "Setup and recording",
    "cli/prompts": "Keys",
    "capture": "Setup and recording",
    "config": "Settings",
    "config_background": "Settings",
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
    "scheduler": "Sync by itself",
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


@functools.cache
def messages() -> tuple[Message, ...]:
    """Return every message, sorted, each once."""
    modules = {
        path: Module(os.path.basename(path).removesuffix(".py"), _tree(path)) for path in _paths()
    }
    classes = _error_classes()
    texts = Texts(list(modules.values()))
    found = {Message("Sync", "reason", reason, text, "") for reason, text in MEANINGS.items()}
    for path, module in modules.items():
        found |= set(_Collector(_area(path), module, texts, classes).messages())
    return (*sorted(found),)


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


def _error_classes() -> dict[str, type[HxError]]:
    """Return the classes of errors by their names, with those of hx.stores and hx.custody."""
    import_module("hx.stores")
    import_module("hx.custody.keychain")
    classes = {HxError.__name__: HxError}
    waiting = [HxError]
    while waiting:
        new = waiting.pop().__subclasses__()
        classes |= {each.__name__: each for each in new}
        waiting += new
    return classes


class _Collector(ast.NodeVisitor):
    """Collects the messages of one module."""

    def __init__(
        self, area: str, module: Module, texts: Texts, classes: dict[str, type[HxError]]
    ) -> None:
        self._area, self._module, self._texts, self._classes = area, module, texts, classes
        self._found: list[Message] = []

    def messages(self) -> list[Message]:
        self.visit(self._module.tree)
        return self._found

    def visit_Call(self, node: ast.Call) -> None:
        name = self._class_of(node.func) or ast.unparse(node.func)
        if name in self._classes:
            for values, scope in self._arguments(node):
                made = self._classes[name]
                self._add("error", values, scope, str(made.exit_code), made.advice)
        elif name == "type(error)":  # the same error with another hint
            for values, scope in self._arguments(node):
                self._add("error", values, scope, "as the error")
        elif name == "Finding":
            for (_, level, *values), scope in self._arguments(node):
                word = ast.unparse(level).lower()
                code = word if word in ("ok", "warning", "fault") else "warning or fault"
                self._add("finding", values, scope, code)
        elif name == "print" and node.args:
            self._add_notes(node)
        elif name.endswith("warnings.append"):
            for scope in self._texts.scopes(node, self._module):
                self._found += [
                    Message(self._area, "note", text, "", "")
                    for text in self._texts.of(node.args[0], scope)
                ]
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        if node.name != "_print_error":  # it prints what `explained` returns
            self.generic_visit(node)

    def visit_Return(self, node: ast.Return) -> None:
        """Collect the errors that `hx.cli.explained` returns: message, hint and exit code."""
        self.generic_visit(node)
        value, scope = node.value, Scope(self._module, {})
        if isinstance(value, ast.Tuple) and len(value.elts) == 3:
            text, hint, code = value.elts
            if isinstance(code, ast.Name) and self._texts.of(code, scope)[0].isdigit():
                self._add("error", [text, hint], scope, self._texts.of(code, scope)[0])

    def _class_of(self, node: ast.expr) -> str:
        """Return the class of an error that is raised through a variable, such as `made(…)`."""
        if not isinstance(node, ast.Name):
            return ""
        values = self._texts.assigned(node, self._module)
        names = [each.id for value in values for each in nodes(value) if isinstance(each, ast.Name)]
        return next((name for name in reversed(names) if name in self._classes), "")

    def _arguments(self, node: ast.Call) -> Iterator[tuple[list[ast.expr], Scope]]:
        """Yield (message, hint) for each pair of values; `*WAITS` is taken apart."""
        for scope in self._texts.scopes(node, self._module):
            values = [each for each in node.args if not isinstance(each, ast.Starred)]
            values += [keyword.value for keyword in node.keywords if keyword.arg == "hint"]
            starred = [each.value for each in node.args if isinstance(each, ast.Starred)]
            if not starred and values:
                yield values, scope
            for each in starred:
                for elements, where in self._texts.tuples(each, scope):
                    yield [*values, *elements], where

    def _add(
        self, kind: str, values: list[ast.expr], scope: Scope, code: str, advice: str = ""
    ) -> None:
        text, *hint = values
        hints = self._texts.of(hint[0], scope) if hint else [advice]
        for shown in self._texts.of(text, scope):
            for each in hints:
                if (shown, each) not in _PASSED_ON:
                    self._found.append(Message(self._area, kind, shown, each, code))

    def _add_notes(self, node: ast.Call) -> None:
        for scope in self._texts.scopes(node, self._module):
            for text in self._texts.of(node.args[0], scope):
                shown = text.strip()
                if shown.startswith("hx: ") and not shown.startswith(_PASSED_ON_NOTES):
                    self._found.append(Message(self._area, "note", shown, "", ""))


# an error that is caught and printed again: the page has it where it is raised
_PASSED_ON = (("MESSAGE", "HINT"),)
_PASSED_ON_NOTES = (
    "hx: error: MESSAGE",
    "hx: hint: HINT",
    "hx: hint: (HINT",
    "hx: MESSAGE: HINT",
    "hx: warning: WARNING",
)
