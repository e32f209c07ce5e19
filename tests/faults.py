"""Mutants of a Python module: each has one small fault in its code or its SQL."""

from __future__ import annotations

import ast
import copy
import io
import re
import tokenize
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Mutant(NamedTuple):
    """A module with one fault: `old` is replaced by `new` in a line."""

    line: int
    old: str
    new: str
    source: str  # of the whole module


COMPARED = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
REMOVED = (ast.Expr, ast.AugAssign, ast.Raise, ast.Continue, ast.Break, ast.Delete)
CALLED = {"any": "all", "all": "any", "max": "min", "min": "max"}
SQL = re.compile(r"\b(SELECT|INSERT|UPDATE|DELETE|WHERE|AND|OR|SET|ORDER|FROM|CASE)\b| [=<>]+ ")
SQL_FAULTS = [
    (re.compile(pattern), new)
    for pattern, new in (
        (r"\bAND\b", "OR"),
        (r"(?<!INSERT )\bOR\b", "AND"),
        (r"\bOR IGNORE\b", "OR REPLACE"),
        (r"= 1\b", "= 0"),
        (r"= 0\b", "= 1"),
        (r"(?<== )\?\d*", "NULL"),
        (r"<=", "<"),
        (r">=", ">"),
        (r"<(?![=>])", "<="),
        (r"(?<!<)>(?!=)", ">="),
        (r"<>", "="),
        (r"\bIS NULL\b", "IS NOT NULL"),
        (r"\bIS NOT NULL\b", "IS NULL"),
        (r"\bNOT (?=IN\b|EXISTS\b)", ""),
        (r"(?<!NOT )\bIN(?= \()", "NOT IN"),
        (r"\bmax\(", "min("),
        (r"\bmin\(", "max("),
        (r" DESC\b", " ASC"),
        (r"\+ 1\b", "+ 2"),
    )
]


def mutants(source: str) -> list[Mutant]:
    """Return all mutants that are valid Python, in the order of their lines."""
    made = (*_in_code(source), *_in_sql(source))
    distinct = {mutant.source: mutant for mutant in made if mutant.source != source}
    valid = (mutant for mutant in distinct.values() if _compiles(mutant.source))
    return sorted(valid, key=lambda mutant: mutant.line)


def _compiles(source: str) -> bool:
    try:
        compile(source, "mutant", "exec")
    except SyntaxError:
        return False
    return True


def _in_code(source: str) -> Iterator[Mutant]:
    offsets = _offsets(source)
    tree = ast.parse(source)
    skipped = _not_run(tree)
    for node in ast.walk(tree):
        if node in skipped:
            continue
        for part, new in _changed(node):
            start = offsets(part.lineno, part.col_offset)
            end = offsets(part.end_lineno or 0, part.end_col_offset or 0)
            whole = source[:start] + new + source[end:]
            yield Mutant(part.lineno, _short(source[start:end]), _short(new), whole)


def _not_run(tree: ast.AST) -> set[ast.AST]:
    """Return the nodes that only a type checker reads, and those inside f-strings.

    Python 3.11 gives the parts of an f-string the position of the whole.
    """
    return {
        inner
        for node in ast.walk(tree)
        for part in _parts_not_run(node)
        if part is not None
        for inner in ast.walk(part)
    }


def _parts_not_run(node: ast.AST) -> list[ast.AST | None]:
    if isinstance(node, ast.FunctionDef):
        return [node.returns, *(argument.annotation for argument in node.args.args)]
    if isinstance(node, ast.AnnAssign):
        return [node.annotation]
    if isinstance(node, ast.JoinedStr):
        return [*node.values]
    head = node.test if isinstance(node, ast.If) else None
    head = node.targets[0] if isinstance(node, ast.Assign) else head
    return [node] if isinstance(head, ast.Name) and head.id == "TYPE_CHECKING" else []


def _changed(node: ast.AST) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
    """Yield a node, or a part of it, with the text that replaces it."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        yield node, _with(node, ops=[COMPARED[type(node.ops[0])]()])
    elif isinstance(node, ast.BoolOp):
        yield node, _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node, f"({ast.unparse(node.operand)})"
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield node, str(not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int):
        yield node, str(node.value + 1)
        yield node, f"({node.value - 1})"
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if node.func.id in CALLED:
            yield node.func, CALLED[node.func.id]
    elif isinstance(node, (ast.If, ast.IfExp)) and not isinstance(
        node.test, (ast.Compare, ast.UnaryOp)
    ):
        yield node.test, f"(not ({ast.unparse(node.test)}))"
    elif isinstance(node, REMOVED) and not _says_nothing(node):
        yield node, "pass"


def _says_nothing(node: ast.AST) -> bool:
    """Return whether a statement is a docstring, or a yield, without which nothing is yielded."""
    return isinstance(node, ast.Expr) and isinstance(node.value, (ast.Constant, ast.Yield))


def _with(node: ast.expr, **changes: object) -> str:
    made = copy.copy(node)
    for name, value in changes.items():
        setattr(made, name, value)
    return f"({ast.unparse(made)})"


def _in_sql(source: str) -> Iterator[Mutant]:
    offsets = _offsets(source, in_bytes=False)
    prose = _docstrings(ast.parse(source))
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        is_text = tokenize.tok_name[token.type] in ("STRING", "FSTRING_MIDDLE")
        if not is_text or token.start[0] in prose or not SQL.search(token.string):
            continue
        start = offsets(*token.start)
        for pattern, new in SQL_FAULTS:
            for hit in pattern.finditer(token.string):
                first, last = start + hit.start(), start + hit.end()
                line = source.count("\n", 0, first) + 1
                after = source[last : last + 25].split("\n", maxsplit=1)[0]
                around = source[max(0, first - 25) : first].rsplit("\n", maxsplit=1)[-1]
                whole = source[:first] + new + source[last:]
                yield Mutant(line, f"{around}{hit[0]}{after}", f"{around}{new}{after}", whole)


def _docstrings(tree: ast.AST) -> set[int]:
    """Return the first line number of each string that is a statement, such as a docstring."""
    alone = (node for node in ast.walk(tree) if isinstance(node, ast.Expr))
    return {node.lineno for node in alone if isinstance(node.value, ast.Constant)}


def _offsets(source: str, *, in_bytes: bool = True) -> Callable[[int, int], int]:
    """Return a function that maps line and column to an offset in the text.

    ast counts columns in bytes, tokenize in characters.
    """
    lines = source.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))

    def place(line: int, column: int) -> int:
        if in_bytes:
            column = len(lines[line - 1].encode()[:column].decode())
        return starts[line - 1] + column

    return place


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 60 else flat[:57] + "..."
