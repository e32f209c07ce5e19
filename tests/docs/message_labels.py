"""The names in capitals that stand for values on the page of messages."""

from __future__ import annotations

import ast

_LABELS = {"os.geteuid()": "UID", "error": "ERROR"}


def label(node: ast.expr) -> str:  # noqa: C901, PLR0911  (one for each kind of expression)
    """Return a value in capitals, after its name."""
    if ast.unparse(node) in _LABELS:
        return _LABELS[ast.unparse(node)]
    if isinstance(node, ast.Name):
        return node.id.strip("_").upper()
    if isinstance(node, ast.Attribute):
        return node.attr.strip("_").upper()
    if isinstance(node, ast.Subscript):
        inner = node.slice
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            return inner.value.strip("-").upper()
        return label(node.value)
    if isinstance(node, ast.Call):
        if ast.unparse(node.func) == "reason":
            return "REASON"
        arguments = [each for each in node.args if not isinstance(each, ast.Constant)]
        if arguments:
            return label(arguments[0])
        return label(node.func.value if isinstance(node.func, ast.Attribute) else node.func)
    if isinstance(node, (ast.GeneratorExp, ast.ListComp)):
        return label(node.generators[0].iter)
    if isinstance(node, (ast.BinOp, ast.Starred, ast.BoolOp)):
        first = {"BinOp": "left", "Starred": "value", "BoolOp": "values"}[type(node).__name__]
        child = getattr(node, first)
        return label(child[0] if isinstance(child, list) else child)
    return "VALUE"
