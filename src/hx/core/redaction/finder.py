"""Find the secrets in a command.

A rule is tried only if one of its literals occurs in the command. Its expression is compiled once
in a process, when it is tried first. A command without such literals takes a few microseconds and
needs no `re`.
"""

from __future__ import annotations

from itertools import islice

from hx.core.record import NamedTuple
from hx.core.redaction import shapes

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Iterator

    from hx.core.redaction.patterns import Span
    from hx.core.redaction.shapes import Shape


class Literals(NamedTuple):
    """The literals that are searched for first, with their rules.

    They are str, because `in` takes a third of the time that it takes for bytes.
    """

    shapes: tuple[tuple[str, tuple[str, ...], Shape], ...]  # (anchor, needs, shape)
    names: tuple[str, ...]
    keys: tuple[str, ...]
    # (anchor, kind, expression); None: all tokens
    tokens: tuple[tuple[str, str, bytes], ...] | None = None
    # (kind, services, expression); None: all tokens
    beside: tuple[tuple[str, tuple[str, ...], bytes], ...] | None = None


ALL = Literals(
    tuple(
        (anchor, tuple(shape.needs.decode().split()), shape)
        for shape in shapes.SHAPES
        for anchor in shape.anchors.decode().split()
    ),
    tuple(shapes.NAME_ANCHORS.decode().split()),
    tuple(shapes.KEY_ANCHORS.decode().split()),
)
MAX_SECRETS = 10_000  # that one rule finds in one command
_BEFORE_BYTES = 64  # that the expression `before` is matched with
_PROGRAM_BYTES = 64  # more than the length of the name of any program
_SEPARATORS = (b"|", b";", b"&", b"\n", b"(", b"`")
# maps all bytes that no token contains to blanks
_WORDS = bytes(
    code if (chr(code).isalnum() and code < 128) or code in b"-_+/=.~%$" else 32  # noqa: PLR2004
    for code in range(256)
)
_PLACEHOLDERS = frozenset(
    b"password passwd pass passphrase secret token key apikey api_key your mypassword none null"
    b" nil true false yes no undefined example required optional string str bool int stdin prompt"
    b" file env ask basic bearer digest".split()
)
_BEGINNINGS = (b"<", b"{{", b"...", b"***", b".*", b".+", b"[^", b"\\", b"(", b"^", b"@/", b"@./")
_FOLDERS = (
    *(b"~/", b"./", b"../", b"/etc/", b"/run/", b"/var/", b"/home/", b"/root/", b"/tmp/"),
    *(b"/usr/", b"/opt/", b"/dev/", b"/proc/", b"/mnt/", b"/srv/", b"/secrets/", b"/Users/"),
    *(b"file:", b"env:", b"id=", b"type=", b"fd:"),
)
_LEAST_LITERAL = 4  # characters besides variables that make a value a secret
_compiled: dict[bytes, re.Pattern[bytes]] = {}


def narrowed(texts: Iterable[bytes]) -> Literals:
    """Return the literals that occur in at least one of these commands.

    The search of these commands needs no others. Most of the two hundred literals do not occur in a
    thousand commands; this searches for each of them once, not once for each command.
    """
    from hx.core.redaction.tokens import ANCHORED, BESIDE

    lowered = b"\n".join(texts).lower().decode("latin-1")
    occurs = lowered.__contains__
    return Literals(
        tuple(shape for shape in ALL.shapes if occurs(shape[0])),
        tuple(filter(occurs, ALL.names)),
        tuple(filter(occurs, ALL.keys)),
        tuple(token for token in ANCHORED if occurs(token[0])),
        tuple(token for token in BESIDE if any(map(occurs, token[1]))),
    )


def spans(text: bytes, literals: Literals = ALL) -> list[Span]:
    """Return (start, end, kind) of every secret, in bytes; more specific kinds come first."""
    lowered = text.lower().decode("latin-1")  # one character for each byte
    secrets: list[Span] = []
    words = [word for word in text.translate(_WORDS).split() if len(word) >= 16]  # noqa: PLR2004
    if words:
        secrets += islice(_tokens(text, lowered, words, literals), MAX_SECRETS)
    for anchor, needs, shape in literals.shapes:
        if anchor in lowered and (not needs or any(map(lowered.__contains__, needs))):
            secrets += islice(_shaped(text, lowered, anchor, shape), MAX_SECRETS)
    for anchor in literals.names:
        if anchor in lowered:
            secrets += islice(_named(text, lowered, anchor), MAX_SECRETS)
    if "key" in lowered:
        for anchor in literals.keys:
            if anchor in lowered:
                secrets += islice(_named(text, lowered, anchor), MAX_SECRETS)
    return secrets


def _tokens(text: bytes, lowered: str, words: list[bytes], literals: Literals) -> Iterator[Span]:
    from hx.core.redaction.tokens import ANCHORED, BESIDE, MIXED, is_mixed

    for anchor, kind, expression in ANCHORED if literals.tokens is None else literals.tokens:
        if anchor in lowered:
            yield from _anchored(text, lowered, anchor, kind, expression)
    if any(map(is_mixed, words)):
        for kind, expression in MIXED:
            yield from _anywhere(text, kind, expression)
    for kind, services, expression in BESIDE if literals.beside is None else literals.beside:
        if any(map(lowered.__contains__, services)):
            yield from _anywhere(text, kind, expression)


def _anchored(
    text: bytes, lowered: str, anchor: str, kind: str, expression: bytes
) -> Iterator[Span]:
    from hx.core.redaction.tokens import is_token

    end = 0
    for index in _occurrences(lowered, anchor):
        if index < end or not _begins_word(text, index, anchor):
            continue
        match = _pattern(expression).match(text, index)
        if match and is_token(kind, match[0]):
            end = match.end()
            yield (*match.span(match.lastindex or 0), kind)


def _anywhere(text: bytes, kind: str, expression: bytes) -> Iterator[Span]:
    from hx.core.redaction.tokens import is_token

    for match in _pattern(expression).finditer(text):
        if is_token(kind, match[0]):
            yield (*match.span(), kind)


def _begins_word(text: bytes, index: int, anchor: str) -> bool:
    r"""Return whether a token may begin at an index.

    It may not begin in the middle of a longer word, except after an escape such as `%3D` or `\n`.
    """
    before = text[index - 1 : index]
    if not (before.isalnum() or before in (b"_", b"-")) or not anchor[:1].isalnum():
        return True
    return text[index - 2 : index - 1] == b"\\" or text[index - 3 : index - 2] == b"%"


def _shaped(text: bytes, lowered: str, anchor: str, shape: Shape) -> Iterator[Span]:
    end = 0
    runs = _Runs(shape, text)
    for index in _occurrences(lowered, anchor):
        if index < end or not _before(shape.before, text, index) or not runs.before(index):
            continue
        match = _pattern(shape.expression).match(text, index)
        if match:
            end = match.end()
            span = match.span(match.lastindex or 0)
            if is_secret(text, *span):
                yield (*span, shape.kind)


def _named(text: bytes, lowered: str, anchor: str) -> Iterator[Span]:
    end = 0
    for index in _occurrences(lowered, anchor):
        if index < end:
            continue
        match = _pattern(shapes.NAMED).match(text, index)
        if not match or match.lastindex is None:
            continue
        if match["blank"] is not None and not _is_set(text, index):
            continue
        end = match.end()
        span = match.span(match.lastindex)
        if is_secret(text, *span):
            yield (*span, _kind(anchor))


def _is_set(text: bytes, index: int) -> bool:
    """Return whether the name at an index is set by an option or a command.

    This decides whether a value after a blank belongs to the name.
    """
    before = text[max(0, index - _BEFORE_BYTES) : index]
    is_likely = b"-" in before or b"set" in before or b"config" in before
    return is_likely and _pattern(shapes.SETTER).search(before) is not None


def _kind(anchor: str) -> str:
    if anchor in ("pass", "pwd"):
        return "password"
    return anchor if anchor in ("token", "secret", "credential") else "key"


def _occurrences(lowered: str, anchor: str) -> Iterator[int]:
    index = lowered.find(anchor)
    while index >= 0:
        yield index
        index = lowered.find(anchor, index + 1)


def _before(expression: bytes, text: bytes, index: int) -> bool:
    if not expression:
        return True
    return _pattern(expression).search(text[max(0, index - _BEFORE_BYTES) : index]) is not None


class _Runs:
    """Tells whether the program of a shape precedes an index, in the same simple command.

    Indexes must be asked for in ascending order. No byte is searched more than twice.
    """

    def __init__(self, shape: Shape, text: bytes) -> None:
        named = shape.needs.replace(b" ", b"|") if shape.program is None else shape.program
        self._expression = rb"(?:^|[\s/\"'])(?:" + named + rb")(?=[\s\"'.])" if named else b""
        self._text, self._seen, self._found = text, 0, False

    def before(self, index: int) -> bool:
        if not self._expression:
            return True
        start = max(self._text.rfind(mark, self._seen, index) for mark in _SEPARATORS) + 1
        if start:
            self._found = False
        if not self._found:
            piece = self._text[start or max(0, self._seen - _PROGRAM_BYTES) : index]
            self._found = _pattern(self._expression).search(piece) is not None
        self._seen = index
        return self._found


def _pattern(expression: bytes) -> re.Pattern[bytes]:
    if expression not in _compiled:
        import re

        _compiled[expression] = re.compile(expression, re.DOTALL)
    return _compiled[expression]


def is_secret(text: bytes, start: int, end: int) -> bool:
    """Return whether a value may be a secret: it is not a variable, a placeholder or a path."""
    value = text[start:end].strip()
    if not value or (value.isdigit() and len(value) <= 2):  # noqa: PLR2004
        return False
    if value.startswith((b"$", b"`")) or b"${" in value or b"$(" in value:
        return _has_literal(value, in_single=text[start - 1 : start] == b"'")
    return not (_is_placeholder(value.lower()) or value.startswith(_FOLDERS))


def _has_literal(value: bytes, *, in_single: bool) -> bool:
    """Return whether text remains after removing all that the shell substitutes."""
    import re

    remaining = re.sub(rb"\$\{[^}]*+\}|\$\([^)]*+\)?|`[^`]*+`?|\$\w++|\$[@*#?$!-]", b"", value)
    if in_single and remaining == value:
        return True
    return len(remaining.strip(b"-_:./@ ")) >= _LEAST_LITERAL


def _is_placeholder(lowered: bytes) -> bool:
    if lowered in _PLACEHOLDERS or lowered.startswith(_BEGINNINGS):
        return True
    if lowered[:1] + lowered[-1:] in (b"[]", b"%%", b"{}"):
        return True
    if lowered.startswith((b"your", b"my-", b"my_", b"some-", b"some_", b"insert")):
        return not any(digit in lowered for digit in b"0123456789")
    return is_filler(lowered)


def is_filler(value: bytes) -> bool:
    """Return whether a value is one character repeated, such as `xxxx`, `****` or `...`."""
    return len(value) > 1 and len(set(value)) == 1 and not value.isdigit()
