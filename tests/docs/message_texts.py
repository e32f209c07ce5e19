"""What texts an expression of hx can have, read from the source without running it.

A constant, a variable, a parameter, a part of a tuple, a value of a dictionary and the result of a
function are followed to the texts that they can have, where those have several words. Anything else
is a value in capitals, after its name. A text is followed over six names at most, and has forty
alternatives at most.
"""

from __future__ import annotations

import ast
import functools
import itertools
import re
from typing import TYPE_CHECKING, NamedTuple

from docs.message_labels import label

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEPTH, _MOST = 6, 40
_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
_ENDS = (ast.Return, ast.Raise, ast.Continue, ast.Break)
Block = tuple[ast.AST, str]  # a statement, and which of its lists of statements


@functools.cache
def nodes(tree: ast.AST) -> tuple[ast.AST, ...]:
    """Return all nodes of a tree, as ast.walk yields them. A function is read many times."""
    return (*ast.walk(tree),)


class Scope(NamedTuple):
    """Where a name is looked up: a module, and the values of the names that are bound already."""

    module: Module
    bound: dict[str, tuple[ast.expr, Scope]]


class Module:
    """A module of hx: its tree, with the block of each node."""

    def __init__(self, name: str, tree: ast.Module) -> None:
        self.name = name
        self.tree = tree
        self.blocks: dict[ast.AST, Block] = {}  # node -> the block that it is in
        for node in nodes(tree):
            for field, value in ast.iter_fields(node):
                children = value if isinstance(value, list) else [value]
                for child in (child for child in children if isinstance(child, ast.AST)):
                    self.blocks[child] = (node, field)
        self.constants = constants([tree])
        self.functions = {node.name: node for node in tree.body if isinstance(node, _FUNCTION)}

    def chain(self, node: ast.AST) -> list[Block]:
        """Return the blocks around a node, the innermost first."""
        blocks = []
        while node in self.blocks:
            blocks.append(self.blocks[node])
            node = self.blocks[node][0]
        return blocks

    def function_of(self, node: ast.AST) -> ast.FunctionDef | None:
        return next((outer for outer, _ in self.chain(node) if isinstance(outer, _FUNCTION)), None)


def constants(trees) -> dict[str, ast.expr]:
    """Return the constants of modules whose name has one value; the others are left as names."""
    values: dict[str, list[ast.expr]] = {}
    for tree in trees:
        for node in tree.body:
            if isinstance(node, (ast.Assign, ast.AnnAssign)):
                for name, value in _parts(node):
                    values.setdefault(name, []).append(value)
    return {
        name: each[0]
        for name, each in values.items()
        if len({ast.dump(value) for value in each}) == 1
    }


def _parts(node: ast.Assign | ast.AnnAssign) -> Iterator[tuple[str, ast.expr]]:
    """Yield each name that an assignment gives a value, and this value."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    for target in targets:
        if isinstance(target, ast.Name) and node.value is not None:
            yield target.id, node.value
        elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            for each, value in zip(target.elts, node.value.elts, strict=False):
                if isinstance(each, ast.Name):
                    yield each.id, value


class Texts:
    """The texts of the expressions of all modules of hx."""

    def __init__(self, modules: list[Module]) -> None:
        self._modules = modules
        self._constants = constants(module.tree for module in modules)
        self._calls: dict[str, list[tuple[ast.Call, Module]]] = {}
        for module in modules:
            for node in nodes(module.tree):
                if isinstance(node, ast.Call):
                    name = ast.unparse(node.func).split(".")[-1]
                    self._calls.setdefault(name, []).append((node, module))

    # ---- names that get their values together ----

    def scopes(self, call: ast.Call, module: Module) -> list[Scope]:
        """Return a scope for each call of the function around, and for each tuple it unpacks."""
        names = {node.id for node in nodes(call) if isinstance(node, ast.Name)}
        function = module.function_of(call)
        if function is None:
            return [Scope(module, {})]
        scopes = self._of_callers(function, module, names) or [Scope(module, {})]
        for node in nodes(function):
            target, whole = _unpacked(node)
            if names & set(target):
                values = self._rows(whole, scopes[0])
                scopes = [
                    scope._replace(bound={**scope.bound, **_zipped(target, each)})
                    for scope in scopes
                    for each in (values or [None])
                ]
                scopes = [each._replace(bound=self._binds(each)) for each in scopes]
        return scopes

    def _of_callers(self, function, module: Module, names: set[str]) -> list[Scope]:
        arguments = [each.arg for each in function.args.args if each.arg not in ("self", "cls")]
        assigned = {
            each.id
            for each in nodes(function)
            if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
        }
        if not names.intersection(arguments) - assigned:
            return []
        found = self._calls.get(function.name, [])
        if module.functions.get(function.name) is not function or function.name.startswith("_"):
            found = [(call, other) for call, other in found if other is module]
        scopes = []
        for call, other in found:
            values = dict(zip(arguments, call.args, strict=False))
            values |= {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
            outer = Scope(other, {})
            scope = Scope(module, {name: (value, outer) for name, value in values.items()})
            scopes.append(scope._replace(bound=self._binds(scope)))
        return scopes

    def _rows(self, node: ast.expr, scope: Scope) -> list[tuple]:
        """Return the tuples that an assignment or a loop takes apart."""
        rows = self._constant(node.id, scope) if isinstance(node, ast.Name) else None
        if isinstance(rows, ast.Tuple) and all(isinstance(e, ast.Tuple) for e in rows.elts):
            return [(row.elts, scope) for row in rows.elts]
        return self.tuples(node, scope)

    def tuples(self, node: ast.expr, scope: Scope, depth: int = 0) -> list[tuple]:
        """Return the tuples that an expression can be: (elements, their scope)."""
        if depth > _DEPTH:
            return []
        if isinstance(node, ast.Tuple):
            return [(node.elts, scope)]
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
            whole = self._constant(node.value.id, scope)
            if isinstance(whole, ast.Dict):
                return [each for v in whole.values for each in self.tuples(v, scope, depth + 1)]
        values = [(value, scope) for value in _branches(node)]
        if len(values) == 1:
            values = self._values(node, scope)
        return [each for v, where in values for each in self.tuples(v, where, depth + 1)]

    # ---- texts ----

    def of(self, node: ast.expr, scope: Scope, depth: int = 0) -> list[str]:  # noqa: PLR0911  (one for each kind)
        """Return the texts that an expression can have; values in them are in capitals."""
        if isinstance(node, ast.Constant):
            return [f"{node.value:,}" if isinstance(node.value, int) else str(node.value)]
        if isinstance(node, ast.JoinedStr):
            return self._joined(node.values, scope, depth)
        if isinstance(node, ast.FormattedValue):
            return self.of(node.value, scope, depth)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return self._joined([node.left, node.right], scope, depth)
        if isinstance(node, (ast.IfExp, ast.BoolOp)):
            return self._either(_branches(node), scope, depth)
        called = ast.unparse(node.func).split(".")[-1] if isinstance(node, ast.Call) else ""
        if called == "count":
            return [f"NUMBER {self.of(node.args[1], scope)[0]}s"]
        if called == "format":
            return [
                re.sub(r"\{(\w+)\}", lambda name: name[1].upper(), text)
                for text in self.of(node.func.value, scope, depth)
            ]
        if depth < _DEPTH:
            texts = [
                text
                for value, where in self._values(node, scope)
                for text in self.of(value, where, depth + 1)
            ]
            texts = list(dict.fromkeys(texts))
            if len(texts) <= _MOST and (
                (texts and all(map(_is_phrase, texts))) or self._is_constant(node, scope)
            ):
                return texts
        return [label(node)]

    def _is_constant(self, node: ast.expr, scope: Scope) -> bool:
        """Return whether a name stands for a number or a word that never changes."""
        known = self._constant(node.id, scope) if isinstance(node, ast.Name) else None
        return isinstance(known, ast.Constant) and not self.assigned(node, scope.module)

    def _joined(self, parts: list[ast.expr], scope: Scope, depth: int) -> list[str]:
        texts = [self.of(part, scope, depth) for part in parts]
        product = list(itertools.islice(itertools.product(*texts), _MOST + 1))
        if len(product) > _MOST:
            texts = [
                each if len(each) == 1 else [label(p)] for each, p in zip(texts, parts, strict=True)
            ]
            product = list(itertools.product(*texts))
        return [re.sub(r"([A-Z_]{3,})\1", r"\1", "".join(each)) for each in product]

    def _either(self, values: list[ast.expr], scope: Scope, depth: int) -> list[str]:
        """Return both branches: in one text where each branch is one, else as alternatives."""
        texts = [self.of(value, scope, depth) for value in values]
        if len(texts) == 2 and [len(each) for each in texts] == [1, 1]:
            (first,), (other,) = texts
            if first != other:
                return [f"({first}/{other})" if first and other else f"[{first}{other}]"]
        return [text for each in texts for text in each]

    # ---- values of a name, a call or a key ----

    def _values(self, node: ast.expr, scope: Scope) -> list[tuple[ast.expr, Scope]]:
        if isinstance(node, ast.Name):
            if node.id in scope.bound:
                return [scope.bound[node.id]]
            local = self.assigned(node, scope.module)
            constant = self._constant(node.id, scope)
            values = local or ([constant] if constant is not None else [])
            return [(value, scope) for value in values if _is_text(value) or value is constant]
        if isinstance(node, ast.Subscript):
            return [(value, scope) for value in self._entries(node, scope) if _is_text(value)]
        if isinstance(node, ast.Call):
            return self._returned(node, scope)
        if isinstance(node, ast.Attribute):
            return self._attribute(node, scope)
        return []

    def _constant(self, name: str, scope: Scope) -> ast.expr | None:
        return scope.module.constants.get(name) or self._constants.get(name)

    def assigned(self, node: ast.Name, module: Module) -> list[ast.expr]:
        """Return what a local variable can be at this place: its assignments that reach it."""
        function = module.function_of(node)
        if function is None:
            return []
        around = module.chain(node)
        reaching: list[ast.expr] = []
        before = [
            (each, value)
            for each in nodes(function)
            if isinstance(each, ast.Assign) and each.lineno < node.lineno
            for name, value in _parts(each)
            if name == node.id
        ]
        for each, value in sorted(before, key=lambda pair: -pair[0].lineno):
            outer, field = module.blocks[each]
            if (outer, field) in around:
                return [*reaching, value]
            other = {"body": "orelse", "orelse": "body"}.get(field)
            ended = isinstance(getattr(outer, field)[-1], _ENDS)
            if (outer, other) not in around and not ended:
                reaching.append(value)
        return reaching

    def _binds(self, scope: Scope) -> dict:
        """Return the names of a scope that stand for texts; the others keep their names."""
        return {
            name: value
            for name, value in scope.bound.items()
            if all(map(_is_phrase, self.of(*value, 1)))
        }

    def _entries(self, node: ast.Subscript, scope: Scope) -> list[ast.expr]:
        """Return the values of a dictionary that the key may give."""
        whole = self._constant(node.value.id, scope) if isinstance(node.value, ast.Name) else None
        if not isinstance(whole, ast.Dict):
            index = node.slice.value if isinstance(node.slice, ast.Constant) else None
            is_part = isinstance(whole, ast.Tuple) and isinstance(index, int)
            return [whole.elts[index]] if is_part else []
        key = ast.dump(node.slice)
        pairs = list(zip(whole.keys, whole.values, strict=True))
        return [value for each, value in pairs if ast.dump(each) == key] or [v for _, v in pairs]

    def _returned(self, node: ast.Call, scope: Scope) -> list[tuple[ast.expr, Scope]]:
        """Return the texts and tuples that a function of hx can return."""
        called = ast.unparse(node.func).split(".")
        name = called[-1]
        own = [scope.module] if name in scope.module.functions else []
        owners = own or [module for module in self._modules if name in module.functions]
        owners = [module for module in owners if len(called) == 1 or module.name == called[0]]
        if len(owners) != 1 or len(called) > 2:
            return []
        module = owners[0]
        values = [
            each.value
            for each in nodes(module.functions[name])
            if isinstance(each, ast.Return) and each.value is not None
        ]
        values = [part for value in values for part in _branches(value)]
        texts = [value for value in values if not _is_empty(value)]
        return (
            [(each, Scope(module, {})) for each in texts if _is_text(each)]
            if all(_is_text(each) or isinstance(each, (ast.Tuple, ast.Name)) for each in texts)
            else []
        )

    def _caught(self, node: ast.Name, scope: Scope) -> list[tuple[ast.expr, Scope]]:
        """Return the messages of a caught error, where only few places raise its class."""
        handlers = [
            each for each, _ in scope.module.chain(node) if isinstance(each, ast.ExceptHandler)
        ]
        handlers = [each for each in handlers if each.name == node.id and each.type is not None]
        name = ast.unparse(handlers[0].type).split(".")[-1] if handlers else ""
        calls = [pair for pair in self._calls.get(name, []) if pair[0].args]
        few = calls if len(calls) <= 2 else []
        return [(call.args[0], Scope(module, {})) for call, module in few]

    def _attribute(self, node: ast.Attribute, scope: Scope) -> list[tuple[ast.expr, Scope]]:
        """Return what a class stores in an attribute of its own, or the message of an error."""
        if node.attr == "message" and isinstance(node.value, ast.Name):
            return self._caught(node.value, scope)
        outer = [each for each, _ in scope.module.chain(node) if isinstance(each, ast.ClassDef)]
        if not outer or ast.unparse(node.value) != "self":
            return []
        values = [
            each.value
            for each in nodes(outer[0])
            if isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == ast.unparse(node)
        ]
        return [(value, scope) for value in values if isinstance(value, ast.JoinedStr)]


def _unpacked(node: ast.AST) -> tuple[list[str], ast.expr | None]:
    """Return the names that an assignment or a loop gives values together, and their value."""
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
        return [getattr(each, "id", "") for each in node.targets[0].elts], node.value
    if isinstance(node, ast.For) and isinstance(node.target, ast.Tuple):
        return [getattr(each, "id", "") for each in node.target.elts], node.iter
    return [], None


def _zipped(names: list[str], values) -> dict:
    if values is None:
        return {}
    elements, scope = values
    return {name: (value, scope) for name, value in zip(names, elements, strict=False)}


def _branches(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.IfExp):
        return [node.body, node.orelse]
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
        return node.values
    return [node]


def _is_phrase(text: str) -> bool:
    """Return whether a text has words of its own, more than one, and not only values."""
    return re.search("[a-z]{2}", text) is not None and " " in text


def _is_empty(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value in ("", None)


def _is_text(node: ast.expr) -> bool:
    """Return whether an expression can be followed to a text."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str)
    if isinstance(node, ast.IfExp):
        return _is_text(node.body) and _is_text(node.orelse)
    return isinstance(
        node, (ast.JoinedStr, ast.BinOp, ast.Name, ast.Subscript, ast.Call, ast.BoolOp, ast.Tuple)
    )
