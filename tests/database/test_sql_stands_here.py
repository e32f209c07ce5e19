"""SQL on the tables of hx stands in hx.database, so that a table is changed in one folder."""

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
    """Whole strings; of an f-string its constant parts."""
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


def test_no_other_folder_names_a_table_in_sql(database):
    named = re.compile(rf"\b(FROM|JOIN|INTO|UPDATE)\s+({'|'.join(tables(database))})\b")
    others = [path for path in SOURCE.rglob("*.py") if "database" not in path.parts]
    assert len(others) > 150
    found = {
        str(path.relative_to(SOURCE))
        for path in others
        for text in statements(ast.parse(path.read_text(encoding="utf-8")))
        if named.search(text)
    }
    assert found == set()
