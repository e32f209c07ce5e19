"""Only hx.database contains SQL on the tables of hx, so that a table is changed in one folder."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import hx

SOURCE = Path(hx.__file__).parent


def tables(database):
    sql = "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')"
    return {name for (name,) in database.execute(sql)}


def statements(tree):
    """Return all string constants, and the constant parts of f-strings."""
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


def test_no_other_folder_has_sql_on_a_table_of_hx(database):
    pattern = re.compile(rf"\b(FROM|JOIN|INTO|UPDATE)\s+({'|'.join(tables(database))})\b")
    others = [path for path in SOURCE.rglob("*.py") if "database" not in path.parts]
    assert len(others) > 150
    offenders = {
        str(path.relative_to(SOURCE))
        for path in others
        for text in statements(ast.parse(path.read_text(encoding="utf-8")))
        if pattern.search(text)
    }
    assert offenders == set()
