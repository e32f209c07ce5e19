"""Names between people and events: the few characters that people see and type."""

from __future__ import annotations

from hx.core.errors import UsageError
from hx.core.event_name import LENGTH, spelled
from hx.database import event_detail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.cli.context import Context
    from hx.core.model import ArtifactKey
    from hx.database.find import Found

_LEAST = 4
_ID_DIGITS = 32
_FEW = 6


def short_name(context: Context, number: int) -> str:
    """The shortest name, of 8 characters or more, that no other event begins with."""
    return spelled(number, event_detail.name_length(context.database, number))


def device_names(context: Context) -> dict[bytes, str]:
    """Device id -> name, or the first digits of its id."""
    return event_detail.device_names(context.database)


def named_event(context: Context, text: str) -> Found | None:
    """The one event that a person means; None when there is none.

    Raises UsageError for what is no name, and for one that several events share.
    """
    if not _LEAST <= len(text) <= LENGTH:
        raise UsageError(
            f"{text!r} is no name of an event", f"it has {_LEAST} to {LENGTH} characters"
        )
    found = event_detail.named(context.database, text)
    if len(found) > 1:
        raise _ambiguous(context, text, found)
    return found[0] if found else None


def named_artifact(context: Context, text: str) -> ArtifactKey | None:
    """The one artifact whose id begins so; None when there is none. Raises UsageError."""
    from hx.database.queries.forget_selection import named_artifacts

    prefix = text.lower()
    if not _LEAST <= len(prefix) <= _ID_DIGITS or prefix.strip("0123456789abcdef"):
        raise UsageError(
            f"{text!r} is no id of an artifact", f"it has {_LEAST} to {_ID_DIGITS} digits, 0 to f"
        )
    found = named_artifacts(context.database, prefix, _FEW)
    if len(found) > 1:
        ids = ", ".join(one.artifact_id.hex() for one in found[: _FEW - 1])
        raise UsageError(f"several artifacts begin with {text!r}", f"say more digits: {ids} …")
    return found[0] if found else None


def _ambiguous(context: Context, text: str, found: list[Found]) -> UsageError:
    from hx.cli.output import Paint, event_line

    plain = Paint({"--color": "never"}, context.config)
    lines = [
        "  " + event_line(one, short_name(context, one.ident), context.now_us, plain)
        for one in found[: event_detail.MANY]
    ]
    if len(found) > event_detail.MANY:
        lines.append("  …")
    return UsageError(f"several events are called {text!r}", "\n".join(["one of these:", *lines]))
