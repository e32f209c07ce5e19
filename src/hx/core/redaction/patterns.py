"""The user's own patterns: globs of whole commands, and expressions that find a secret.

Expressions whose matching could take very long are refused.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Mapping

Span = tuple[int, int, str]  # of a secret: start, end, kind

MAX_PATTERNS = 64
MAX_LENGTH = 500  # characters of a pattern
MAX_CHOICES = 1_000  # ways in which an expression may match from one index

_globs: dict[tuple[str, ...], re.Pattern[str]] = {}
_expressions: dict[str, re.Pattern[bytes]] = {}


def matches_any(globs: tuple[str, ...], command: bytes) -> bool:
    """Return whether one of the globs matches the whole command.

    `*` matches any text, `?` one character, `[…]` one of several characters.
    """
    if not globs:
        return False
    if globs not in _globs:
        import re
        from fnmatch import translate

        _globs[globs] = re.compile("|".join(map(translate, globs)))
    text = command.decode(errors="surrogateescape").strip()
    return _globs[globs].match(text) is not None


def own_spans(own: Mapping[str, str], text: bytes) -> list[Span]:
    """Return (start, end, name) of what the user's expressions find in a text, in bytes.

    If an expression has a group, only the group is the secret.
    """
    secrets: list[Span] = []
    for name, expression in own.items():
        if expression not in _expressions:
            _expressions[expression] = compiled(expression)
        for match in _expressions[expression].finditer(text):
            start, end = match.span(match.lastindex or 0)
            if start < end:
                secrets.append((start, end, name))
    return secrets


def compiled(expression: str) -> re.Pattern[bytes]:
    """Compile an expression. Raises ValueError with the reason if it is refused or invalid."""
    import re

    wrong = _wrong(expression)
    if wrong:
        raise ValueError(wrong)
    try:
        pattern = re.compile(expression.encode(errors="surrogateescape"))
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(str(error)) from None
    if pattern.match(b""):
        raise ValueError("it matches the empty text")
    return pattern


def _wrong(expression: str) -> str:
    """Return why an expression is refused, or the empty text."""
    if len(expression) > MAX_LENGTH:
        return f"it is longer than {MAX_LENGTH} characters"
    if any(f"\\{digit}" in expression for digit in "123456789"):
        return "references to groups are not supported"
    return _unbounded(_without_classes(expression))


def _unbounded(plain: str) -> str:
    """Return why an expression could run for too long, or the empty text.

    Repeats need a bound, groups may not be repeated, and the ways to match are limited.
    """
    choices = 1
    index = 0
    while index < len(plain):
        character, before = plain[index], plain[index - 1] if index else ""
        if character in "*+":
            return f"`{character}` has no bound: write {{0,100}} or {{1,100}}"
        if (
            character == "("
            and plain[index + 1 : index + 2] == "?"
            and plain[index + 2 : index + 3] != ":"
        ):
            return "of the groups that begin with `(?` only `(?:` is supported"
        if character in "?|":
            choices *= 2
        width = _width(plain, index)
        if width and before == ")":
            return "a group may not be repeated"
        if width is None:
            return "a repeat is written {N} or {N,M}, up to 1,000"
        choices *= width or 1
        index += 3 if plain.startswith("(?:", index) else 1
    return "it may match in too many ways: narrow its repeats" if choices > MAX_CHOICES else ""


def _without_classes(expression: str) -> str:
    """Return the expression with each class and each escaped character as one letter."""
    import re

    return re.sub(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", "a", expression, flags=re.DOTALL)


def _width(plain: str, index: int) -> int | None:
    """Return how many lengths the repeat at an index may match.

    Return 0 if there is no repeat, None if it is invalid.
    """
    if plain[index] != "{":
        return 0
    inside, closed, _ = plain[index + 1 :].partition("}")
    least, comma, most = inside.partition(",")
    if not closed or not least.isdecimal() or (comma and not most.isdecimal()):
        return None
    low, high = int(least), int(most or least)
    return high - low + 1 if low <= high <= 1_000 else None  # noqa: PLR2004
