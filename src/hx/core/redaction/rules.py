"""The rules that decide which commands are kept, and what is masked in them.

Masking happens before a row exists. Only the value of a secret is masked and the command stays:
`curl -u ann:<redacted:password> …`. Masking a masked command changes nothing. What the shell
substitutes (`$TOKEN`, `$(pass show x)`) is not a secret, and neither is a placeholder.
"""

from __future__ import annotations

from hx.core.model import MAX_COMMAND_BYTES, REDACTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from hx.core.model import Event
    from hx.core.redaction.finder import Literals
    from hx.core.redaction.patterns import Span

RULES_VERSION = 1  # of the tables in tokens.py and shapes.py
_OPENING = b"<redacted:"
_MAX_KIND = 40  # characters of the name of a kind
_TOO_MANY = b"<redacted:command>"  # the masks do not fit, or there may be more secrets


class Rules:
    """The rules for every command: the user's patterns, and those of hx unless switched off.

    `ignore` and `allow` are globs of whole commands (redaction/patterns.py). `own` maps the name of
    a secret to the expression that finds it. The caller has checked all patterns.
    """

    def __init__(
        self,
        ignore: tuple[str, ...] = (),
        allow: tuple[str, ...] = (),
        own: Mapping[str, str] | None = None,
        *,
        redact: bool = True,
    ) -> None:
        self.ignore, self.allow, self.own, self.redact = ignore, allow, dict(own or {}), redact
        self._literals: Literals | None = None

    def for_these(self, texts: Iterable[bytes]) -> Rules:
        """Return equal rules that work for these commands only, and faster.

        The result must not be used for other commands.
        """
        from hx.core.redaction.finder import narrowed

        same = Rules(self.ignore, self.allow, self.own, redact=self.redact)
        same._literals = narrowed(texts)
        return same

    def judged(self, event: Event) -> Event | None:
        """Return the event as it may be kept, or None if the user's patterns exclude it."""
        if (self.ignore or self.allow) and not self._keeps(event.command):
            return None
        command = self.masked(event.command)
        if command == event.command:
            return event
        return event._replace(command=command, flags=event.flags | REDACTED)

    def masked(self, text: bytes) -> bytes:
        """Return the text with `<redacted:kind>` in place of each secret.

        If there are too many secrets, or the result were longer than a command may be, the whole
        text becomes one mask.
        """
        if not self.redact:
            return text
        from hx.core.redaction.finder import MAX_SECRETS

        while spans := self._spans(text):  # a new mask may make the text next to it a secret
            text = _with_masks(text, spans)
            if len(spans) >= MAX_SECRETS or len(text) > MAX_COMMAND_BYTES:
                return _TOO_MANY
        return text

    def kinds(self, text: bytes) -> list[str]:
        """Return the kind of each secret in a text that no mask hides, whatever `redact` says."""
        return [kind for _, _, kind in _merged(self._spans(text))]

    def _spans(self, text: bytes) -> list[Span]:
        from hx.core.redaction.finder import ALL, spans

        secrets = spans(text, self._literals or ALL)
        if self.own:
            from hx.core.redaction.patterns import own_spans

            secrets += own_spans(self.own, text)
        return _outside_masks(secrets, text) if _OPENING in text else secrets

    def _keeps(self, command: bytes) -> bool:
        from hx.core.redaction.patterns import matches_any

        if self.allow and not matches_any(self.allow, command):
            return False
        return not matches_any(self.ignore, command)


def _outside_masks(spans: list[Span], text: bytes) -> list[Span]:
    """Return the spans that do not touch a mask.

    Text inside a mask is not a secret; otherwise masking would never end.
    """
    masks = list(_masks(text))
    outside: set[Span] = set()
    passed = 0  # masks that end before the span begins
    for span in sorted(spans):
        while passed < len(masks) and masks[passed][1] <= span[0]:
            passed += 1
        if passed == len(masks) or masks[passed][0] >= span[1]:
            outside.add(span)
    return [span for span in spans if span in outside]


def _masks(text: bytes) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of each mask; a mask has a name and an end."""
    index = text.find(_OPENING)
    while index >= 0:
        start = index + len(_OPENING)
        end = text.find(b">", start, start + _MAX_KIND + 1)
        if text[start:end].replace(b"-", b"").isalnum():
            yield index, end + 1
        index = text.find(_OPENING, start)


def _with_masks(text: bytes, spans: Iterable[Span]) -> bytes:
    """Return the text with one mask for each group of overlapping spans.

    The span that was found first names the mask.
    """
    pieces: list[bytes] = []
    done = 0
    for start, end, kind in _merged(spans):
        pieces += (text[done:start], b"<redacted:%s>" % kind.encode())
        done = end
    return b"".join((*pieces, text[done:]))


def _merged(spans: Iterable[Span]) -> list[Span]:
    """Return disjoint spans in ascending order, each named by its earliest span in the list."""
    order = {span: position for position, span in enumerate(spans)}
    merged: list[Span] = []
    first = 0  # position in the list of the span that names the last merged span
    for span in sorted(order):
        if merged and span[0] < merged[-1][1]:
            start, end, kind = merged[-1]
            if order[span] < first:
                first, kind = order[span], span[2]
            merged[-1] = (start, max(end, span[1]), kind)
        else:
            first = order[span]
            merged.append(span)
    return merged
