"""The values in the settings: whether they are valid, and a copy of the last good rules.

An invalid settings file must not switch rules off: the copy is used until the file is valid.
"""

from __future__ import annotations

import os

from hx.files import replace_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

FIELDS = ("ignore", "allow", "redact", "redact_rules")
_MAX_BYTES = 256 << 10
_NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")
_MAX_NAME = 40
_MAX_NUMBER = (1 << 63) - 1  # the largest integer of SQLite
_WANTED: dict[type, str] = {bool: "true or false", int: "a number", str: "a word in quotes"}


def fault(name: str, value: object) -> str:
    """Return what is wrong with the value of one of FIELDS; empty when it is valid."""
    if name == "redact":
        return "" if isinstance(value, bool) else "redact must be true or false"
    if name == "redact_rules":
        return _fault_of_expressions(value)
    if not isinstance(value, list) or not all(
        isinstance(pattern, str) and pattern for pattern in value
    ):
        return f"{name} must be a list of patterns in quotes"
    from hx.core.redaction.patterns import MAX_LENGTH, MAX_PATTERNS

    if len(value) > MAX_PATTERNS:
        return f"{name} has more than {MAX_PATTERNS} patterns"
    long = any(len(pattern) > MAX_LENGTH for pattern in value)
    return f"{name}: a pattern is longer than {MAX_LENGTH} characters" if long else ""


def fault_of_value(
    name: str, value: object, default: object, choices: tuple[str, ...], least: int
) -> str:
    """Return what is wrong with the value of another setting; empty when it is valid.

    It must have the type of the default, be one of `choices` if there are any, and not be less
    than `least`.
    """
    if type(value) is not type(default):
        return f"{name} must be {_WANTED[type(default)]}"
    if choices and value not in choices:
        return f"{name} must be one of {', '.join(choices)}"
    if isinstance(value, int) and value < least:
        return f"{name} must be at least {least}"
    if isinstance(value, int) and value > _MAX_NUMBER:
        return f"{name} must be at most {_MAX_NUMBER}"
    return ""


def _fault_of_expressions(value: object) -> str:
    from hx.core.redaction.patterns import MAX_PATTERNS, compiled

    if not isinstance(value, dict):
        return 'redact_rules must be a table of name = "expression"'
    if len(value) > MAX_PATTERNS:
        return f"redact_rules has more than {MAX_PATTERNS} expressions"
    for name, expression in value.items():
        if not name or len(name) > _MAX_NAME or set(name) - _NAME_CHARACTERS:
            return f"redact_rules: {name!r} is not a name: use small letters, digits and -"
        if not isinstance(expression, str):
            return f"redact_rules: {name} must be an expression in quotes"
        try:
            compiled(expression)
        except ValueError as error:
            return f"redact_rules: {name}: {error}"
    return ""


def last_good(path: str) -> dict[str, object] | None:
    """Return the last good values of FIELDS; None when there is no copy of them."""
    import json

    try:
        with open(path, "rb") as file:
            values = json.loads(file.read(_MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(values, dict) or set(values) != set(FIELDS):
        return None
    return None if any(fault(name, values[name]) for name in FIELDS) else values


def keep(path: str, values: Mapping[str, object], defaults: Mapping[str, object]) -> None:
    """Update the copy; there is none while the rules are the defaults. Raises OSError."""
    wanted = {name: values[name] for name in FIELDS}
    if wanted == {name: defaults[name] for name in FIELDS}:
        if os.path.exists(path):
            os.unlink(path)
    elif last_good(path) != wanted:
        import json

        replace_file(path, json.dumps(wanted, indent=1).encode())
