"""Which commands are kept, and what in them is masked before a row exists.

Only values go, the command stays: `curl -u ann:<redacted:password> …`. Masking twice is masking
once. What a shell would put in (`$TOKEN`, `$(pass show x)`) is no secret, nor is a placeholder.
"""

from __future__ import annotations

from hx.core.model import MAX_COMMAND_BYTES, REDACTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from hx.core.model import Event
    from hx.core.redaction.finder import Literals
    from hx.core.redaction.patterns import Span

RULES_VERSION = 1  # of the tables in secrets.py and shapes.py
_OPENING = b"<redacted:"
_MAX_KIND = 40  # characters of the name of a kind
_TOO_MANY = b"<redacted:command>"  # the masks would not fit, or not all secrets were looked for


class Rules:
    """What holds for every command: the user's patterns, and the rules of hx unless switched off.

    `ignore` and `allow` are patterns of whole commands (core/patterns.py); `own` maps the name of
    a secret to the expression that finds it. All are sound: who reads them has checked them.
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
        """The same for these commands and no others, at a fraction of the cost of each."""
        from hx.core.redaction.finder import narrowed

        same = Rules(self.ignore, self.allow, self.own, redact=self.redact)
        same._literals = narrowed(texts)
        return same

    def judged(self, event: Event) -> Event | None:
        """The event as it may be kept; None when the user's patterns keep it out."""
        if (self.ignore or self.allow) and not self._keeps(event.command):
            return None
        command = self.masked(event.command)
        if command == event.command:
            return event
        return event._replace(command=command, flags=event.flags | REDACTED)

    def masked(self, text: bytes) -> bytes:
        """The text with `<redacted:kind>` in place of each secret; at most as long as a command."""
        if not self.redact:
            return text
        from hx.core.redaction.finder import MAX_SECRETS

        while spans := self._spans(text):  # a mask may free what it stood beside
            text = _with_masks(text, spans)
            if len(spans) >= MAX_SECRETS or len(text) > MAX_COMMAND_BYTES:
                return _TOO_MANY
        return text

    def _spans(self, text: bytes) -> list[Span]:
        from hx.core.redaction.finder import ALL, spans

        found = spans(text, self._literals or ALL)
        if self.own:
            from hx.core.redaction.patterns import own_spans

            found += own_spans(self.own, text)
        return _outside_masks(found, text) if _OPENING in text else found

    def _keeps(self, command: bytes) -> bool:
        from hx.core.redaction.patterns import matches_any

        if self.allow and not matches_any(self.allow, command):
            return False
        return not matches_any(self.ignore, command)


def _outside_masks(spans: list[Span], text: bytes) -> list[Span]:
    """Without those that touch a mask: what stands in it is no secret, or masking had no end."""
    masks = list(_masks(text))
    outside: set[Span] = set()
    behind = 0  # masks that end before the span begins
    for span in sorted(spans):
        while behind < len(masks) and masks[behind][1] <= span[0]:
            behind += 1
        if behind == len(masks) or masks[behind][0] >= span[1]:
            outside.add(span)
    return [span for span in spans if span in outside]


def _masks(text: bytes) -> Iterator[tuple[int, int]]:
    """(from, to) of each mask; the same bytes without a name and an end are none."""
    at = text.find(_OPENING)
    while at >= 0:
        start = at + len(_OPENING)
        end = text.find(b">", start, start + _MAX_KIND + 1)
        if text[start:end].replace(b"-", b"").isalnum():
            yield at, end + 1
        at = text.find(_OPENING, start)


def _with_masks(text: bytes, spans: Iterable[Span]) -> bytes:
    """Of secrets that overlap one mask is made, named by the one that was found first."""
    pieces: list[bytes] = []
    done = 0
    for start, end, kind in _merged(spans):
        pieces += (text[done:start], b"<redacted:%s>" % kind.encode())
        done = end
    return b"".join((*pieces, text[done:]))


def _merged(spans: Iterable[Span]) -> list[Span]:
    order = {span: at for at, span in enumerate(spans)}
    merged: list[Span] = []
    first = 0  # place in the order of the one that names the last merged
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
