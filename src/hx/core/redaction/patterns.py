"""The user's own patterns: globs of whole commands, and expressions that find a secret."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Mapping

Span = tuple[int, int, str]  # of a secret: from, to, kind

MAX_PATTERNS = 64
MAX_LENGTH = 500  # characters of one
MAX_CHOICES = 1_000  # ways in which an expression may match from one place

_globs: dict[tuple[str, ...], re.Pattern[str]] = {}
_expressions: dict[str, re.Pattern[bytes]] = {}


def matches_any(globs: tuple[str, ...], command: bytes) -> bool:
    """Whether one is the whole command: `*` any text, `?` a character, `[…]` one of some."""
    if not globs:
        return False
    if globs not in _globs:
        import re
        from fnmatch import translate

        _globs[globs] = re.compile("|".join(map(translate, globs)))
    text = command.decode(errors="surrogateescape").strip()
    return _globs[globs].match(text) is not None


def own_spans(own: Mapping[str, str], text: bytes) -> list[Span]:
    """What the user's expressions find; of one with a group only the group is the secret."""
    found: list[Span] = []
    for name, expression in own.items():
        if expression not in _expressions:
            _expressions[expression] = compiled(expression)
        for match in _expressions[expression].finditer(text):
            start, end = match.span(match.lastindex or 0)
            if start < end:
                found.append((start, end, name))
    return found


def compiled(expression: str) -> re.Pattern[bytes]:
    """Raises ValueError with what is wrong: an expression that could run for ever is refused."""
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
    if len(expression) > MAX_LENGTH:
        return f"it is longer than {MAX_LENGTH} characters"
    if any(f"\\{digit}" in expression for digit in "123456789"):
        return "a reference to a group is not understood"
    return _unbounded(_without_classes(expression))


def _unbounded(plain: str) -> str:
    """Repeats need a bound, groups are not repeated, and the ways to match are counted."""
    choices = 1
    at = 0
    while at < len(plain):
        character, before = plain[at], plain[at - 1] if at else ""
        if character in "*+":
            return f"`{character}` has no bound: write {{0,100}} or {{1,100}}"
        if character == "(" and plain[at + 1 : at + 2] == "?" and plain[at + 2 : at + 3] != ":":
            return "of the groups that begin with `(?` only `(?:` is understood"
        if character in "?|":
            choices *= 2
        width = _width(plain, at)
        if width and before == ")":
            return "a group may not be repeated"
        if width is None:
            return "a repeat is written {N} or {N,M}, up to 1,000"
        choices *= width or 1
        at += 3 if plain.startswith("(?:", at) else 1
    return "it may match in too many ways: narrow its repeats" if choices > MAX_CHOICES else ""


def _without_classes(expression: str) -> str:
    """Each class and each escaped character as one letter."""
    import re

    return re.sub(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", "a", expression, flags=re.DOTALL)


def _width(plain: str, at: int) -> int | None:
    """In how many lengths the repeat here may match; 0 where there is none, None: wrong."""
    if plain[at] != "{":
        return 0
    inside, closed, _ = plain[at + 1 :].partition("}")
    least, comma, most = inside.partition(",")
    if not closed or not least.isdecimal() or (comma and not most.isdecimal()):
        return None
    low, high = int(least), int(most or least)
    return high - low + 1 if low <= high <= 1_000 else None  # noqa: PLR2004
