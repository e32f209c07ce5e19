"""Where secrets stand in a command.

A rule rests until its literals are met, and is compiled then, once a process: a command without
them costs a few microseconds and needs no `re`.
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
    """What is looked for first, as str: `in` costs a third of what it does among bytes."""

    shapes: tuple[tuple[str, tuple[str, ...], Shape], ...]  # anchor, one of these, shape
    names: tuple[str, ...]
    keys: tuple[str, ...]
    tokens: tuple[tuple[str, str, bytes], ...] | None = None  # anchor, kind; None: every one
    beside: tuple[tuple[str, tuple[str, ...], bytes], ...] | None = None  # kind, services


ALL = Literals(
    tuple(
        (anchor, tuple(shape.needs.decode().split()), shape)
        for shape in shapes.SHAPES
        for anchor in shape.anchors.decode().split()
    ),
    tuple(shapes.NAME_ANCHORS.decode().split()),
    tuple(shapes.KEY_ANCHORS.decode().split()),
)
MAX_SECRETS = 10_000  # that are looked for by one rule in one command
_BEFORE_BYTES = 64  # that `before` may look at
_PROGRAM_BYTES = 64  # more than the name of a program takes
_SEPARATORS = (b"|", b";", b"&", b"\n", b"(", b"`")
_WORDS = bytes(
    code if (chr(code).isalnum() and code < 128) or code in b"-_+/=.~%$" else 32  # noqa: PLR2004
    for code in range(256)
)  # the bytes that a token is made of; blanks for the others
_NO_SECRETS = frozenset(
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
_LEAST_LITERAL = 4  # characters beside variables that make a value a secret
_compiled: dict[bytes, re.Pattern[bytes]] = {}


def narrowed(texts: Iterable[bytes]) -> Literals:
    """The literals that stand in one of many commands: no others need be looked for in them.

    Most of the two hundred never occur in a thousand commands; this asks for each once, not for
    each command.
    """
    from hx.core.redaction.tokens import ANCHORED, BESIDE

    lowered = b"\n".join(texts).lower().decode("latin-1")
    found = lowered.__contains__
    return Literals(
        tuple(one for one in ALL.shapes if found(one[0])),
        tuple(filter(found, ALL.names)),
        tuple(filter(found, ALL.keys)),
        tuple(one for one in ANCHORED if found(one[0])),
        tuple(one for one in BESIDE if any(map(found, one[1]))),
    )


def spans(text: bytes, literals: Literals = ALL) -> list[Span]:
    """(from, to, kind) of every secret; a kind that says more comes first."""
    lowered = text.lower().decode("latin-1")  # one character a byte
    found: list[Span] = []
    words = [word for word in text.translate(_WORDS).split() if len(word) >= 16]  # noqa: PLR2004
    if words:
        found += islice(_tokens(text, lowered, words, literals), MAX_SECRETS)
    for anchor, needs, shape in literals.shapes:
        if anchor in lowered and (not needs or any(map(lowered.__contains__, needs))):
            found += islice(_shaped(text, lowered, anchor, shape), MAX_SECRETS)
    for anchor in literals.names:
        if anchor in lowered:
            found += islice(_named(text, lowered, anchor), MAX_SECRETS)
    if "key" in lowered:
        for anchor in literals.keys:
            if anchor in lowered:
                found += islice(_named(text, lowered, anchor), MAX_SECRETS)
    return found


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

    behind = 0
    for at in _places(lowered, anchor):
        if at < behind or not _begins_word(text, at, anchor):
            continue
        match = _pattern(expression).match(text, at)
        if match and is_token(kind, match[0]):
            behind = match.end()
            yield (*match.span(match.lastindex or 0), kind)


def _anywhere(text: bytes, kind: str, expression: bytes) -> Iterator[Span]:
    from hx.core.redaction.tokens import is_token

    for match in _pattern(expression).finditer(text):
        if is_token(kind, match[0]):
            yield (*match.span(), kind)


def _begins_word(text: bytes, at: int, anchor: str) -> bool:
    """Not in the middle of a longer word, unless an escape (`%3D`) ends there."""
    before = text[at - 1 : at]
    if not (before.isalnum() or before in (b"_", b"-")) or not anchor[:1].isalnum():
        return True
    return text[at - 2 : at - 1] == b"\\" or text[at - 3 : at - 2] == b"%"


def _shaped(text: bytes, lowered: str, anchor: str, shape: Shape) -> Iterator[Span]:
    behind = 0
    runs = _Runs(shape, text)
    for at in _places(lowered, anchor):
        if at < behind or not _before(shape.before, text, at) or not runs.before(at):
            continue
        match = _pattern(shape.expression).match(text, at)
        if match:
            behind = match.end()
            span = match.span(match.lastindex or 0)
            if is_secret(text, *span):
                yield (*span, shape.kind)


def _named(text: bytes, lowered: str, anchor: str) -> Iterator[Span]:
    behind = 0
    for at in _places(lowered, anchor):
        if at < behind:
            continue
        match = _pattern(shapes.NAMED).match(text, at)
        if not match or match.lastindex is None:
            continue
        if match["blank"] is not None and not _is_set(text, at):
            continue
        behind = match.end()
        span = match.span(match.lastindex)
        if is_secret(text, *span):
            yield (*span, _kind(anchor))


def _is_set(text: bytes, at: int) -> bool:
    """Whether a name with its value a blank behind it is an option, or set by a command."""
    before = text[max(0, at - _BEFORE_BYTES) : at]
    told = b"-" in before or b"set" in before or b"config" in before
    return told and _pattern(shapes.SETTER).search(before) is not None


def _kind(anchor: str) -> str:
    if anchor in ("pass", "pwd"):
        return "password"
    return anchor if anchor in ("token", "secret", "credential") else "key"


def _places(lowered: str, anchor: str) -> Iterator[int]:
    at = lowered.find(anchor)
    while at >= 0:
        yield at
        at = lowered.find(anchor, at + 1)


def _before(expression: bytes, text: bytes, at: int) -> bool:
    if not expression:
        return True
    return _pattern(expression).search(text[max(0, at - _BEFORE_BYTES) : at]) is not None


class _Runs:
    """Whether the program of a shape stands in front of a place, in the same simple command.

    Places are asked for in ascending order; no byte is read more than twice.
    """

    def __init__(self, shape: Shape, text: bytes) -> None:
        named = shape.needs.replace(b" ", b"|") if shape.program is None else shape.program
        self._expression = rb"(?:^|[\s/\"'])(?:" + named + rb")(?=[\s\"'.])" if named else b""
        self._text, self._seen, self._found = text, 0, False

    def before(self, at: int) -> bool:
        if not self._expression:
            return True
        start = max(self._text.rfind(mark, self._seen, at) for mark in _SEPARATORS) + 1
        if start:
            self._found = False
        if not self._found:
            piece = self._text[start or max(0, self._seen - _PROGRAM_BYTES) : at]
            self._found = _pattern(self._expression).search(piece) is not None
        self._seen = at
        return self._found


def _pattern(expression: bytes) -> re.Pattern[bytes]:
    if expression not in _compiled:
        import re

        _compiled[expression] = re.compile(expression, re.DOTALL)
    return _compiled[expression]


def is_secret(text: bytes, start: int, end: int) -> bool:
    """Not a variable, a placeholder or a path."""
    value = text[start:end].strip()
    if not value or (value.isdigit() and len(value) <= 2):  # noqa: PLR2004
        return False
    if value.startswith((b"$", b"`")) or b"${" in value or b"$(" in value:
        return _has_literal(value, in_single=text[start - 1 : start] == b"'")
    return not (_is_placeholder(value.lower()) or value.startswith(_FOLDERS))


def _has_literal(value: bytes, *, in_single: bool) -> bool:
    """Whether something stays when what the shell puts in is taken away."""
    import re

    left = re.sub(rb"\$\{[^}]*+\}|\$\([^)]*+\)?|`[^`]*+`?|\$\w++|\$[@*#?$!-]", b"", value)
    if in_single and left == value:
        return True
    return len(left.strip(b"-_:./@ ")) >= _LEAST_LITERAL


def _is_placeholder(lowered: bytes) -> bool:
    if lowered in _NO_SECRETS or lowered.startswith(_BEGINNINGS):
        return True
    if lowered[:1] + lowered[-1:] in (b"[]", b"%%", b"{}"):
        return True
    if lowered.startswith((b"your", b"my-", b"my_", b"some-", b"some_", b"insert")):
        return not any(digit in lowered for digit in b"0123456789")
    return is_filler(lowered)


def is_filler(value: bytes) -> bool:
    """`xxxx`, `****`, `...`: one character again and again."""
    return len(value) > 1 and len(set(value)) == 1 and not value.isdigit()
