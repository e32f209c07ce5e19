"""Events as lines for people and as JSON, and the short names by which people mean them.

docs/cli.md lists the names in the JSON. They are stable; unknown values are null, never missing.
"""

from __future__ import annotations

import sys

from hx.cli.context import tell_if_empty
from hx.cli.text import DIM, RED, Paint, visible
from hx.cli.times import age, rfc3339_or_none, short_duration
from hx.core.errors import UsageError
from hx.core.event_name import LENGTH, spelled
from hx.core.model import IMPORTED, REDACTED
from hx.database import event_detail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hx.cli.context import Context
    from hx.core.model import ArtifactKey, Event
    from hx.database.event_detail import Fix
    from hx.database.find import Found

_LEAST = 4
_ID_DIGITS = 32
_FEW = 6


# ---- names ----


def short_name(context: Context, number: int) -> str:
    """Return the shortest name, of 8 characters or more, that no other event begins with."""
    return spelled(number, event_detail.name_length(context.database, number))


def device_names(context: Context) -> dict[bytes, str]:
    """Return device id -> name; a device without a name gets the first digits of its id."""
    return event_detail.device_names(context.database)


def named_event(context: Context, text: str) -> Found | None:
    """Return the event whose name begins with `text`; None when there is none.

    Raises UsageError for text that cannot be a name, and when several events match.
    """
    if not _LEAST <= len(text) <= LENGTH:
        raise UsageError(
            f"{text!r} is not the name of an event",
            f"a name has {_LEAST} to {LENGTH} characters: `hx find` prints it before each command",
        )
    matches = event_detail.named(context.database, text)
    if len(matches) > 1:
        raise _ambiguous(context, text, matches)
    return matches[0] if matches else None


def named_artifact(context: Context, text: str) -> ArtifactKey | None:
    """Return the artifact whose id begins with `text`; None when there is none.

    Raises UsageError for text that cannot be an id, and when several artifacts match.
    """
    from hx.database.queries.forget_selection import named_artifacts

    prefix = text.lower()
    if not _LEAST <= len(prefix) <= _ID_DIGITS or prefix.strip("0123456789abcdef"):
        raise UsageError(
            f"{text!r} is not the id of an artifact",
            f"an id has {_LEAST} to {_ID_DIGITS} hexadecimal digits",
        )
    keys = named_artifacts(context.database, prefix, _FEW)
    if len(keys) > 1:
        ids = ", ".join(key.artifact_id.hex() for key in keys[: _FEW - 1])
        raise UsageError(f"several artifacts begin with {text!r}", f"give more digits: {ids} …")
    return keys[0] if keys else None


def _ambiguous(context: Context, text: str, matches: list[Found]) -> UsageError:
    # a hint goes to stderr, and --color is about stdout
    plain = Paint({"--color": "never"}, context.config)
    lines = [
        "  " + event_line(match, short_name(context, match.ident), context.now_us, plain)
        for match in matches[: event_detail.MANY]
    ]
    if len(matches) > event_detail.MANY:
        lines.append("  …")
    names = "\n".join(lines)
    return UsageError(
        f"the names of several events begin with {text!r}",
        f"give more characters, or the name of one of these:\n{names}",
    )


# ---- lines ----


def answer(context: Context, events: Iterable[Found], options: dict[str, str]) -> int:
    """Print events as lines or as JSON; return the exit code, 1 when there is no event."""
    if "--json" in options:
        return 0 if print_event_objects(context, events) else 1
    if print_events(context, events, Paint(options, context.config)):
        return 0
    tell_if_empty(context)
    return 1


def print_events(context: Context, events: Iterable[Found], paint: Paint) -> int:
    """Print one line for each event; return how many there were."""
    names = foreign_names(context)
    number = 0
    for event in events:
        short = short_name(context, event.ident)
        device = names[event.event.key.device_id]
        sys.stdout.write(event_line(event, short, context.now_us, paint, device) + "\n")
        number += 1
    return number


def event_line(found: Found, short: str, now_us: int, paint: Paint, device: str = "") -> str:
    """Return the line of an event: name, age, runs, exit status, duration, device, command."""
    event = found.event
    ending = f"{mark(event):<5}"
    place = f"{visible(device.encode())}: " if device else ""
    runs = "" if found.runs is None or found.folded else f"{found.runs:>5}x "
    many = found.folded and found.runs != 1
    when = f"{found.runs}x" if many else age(event.key.started_at_us, now_us)
    return (
        f"{paint(DIM, short)} {when:>4} "
        f"{runs}{paint(RED if event.exit_status else DIM, ending)}"
        f"{paint(DIM, f'{short_duration(event.duration_us):>6}')}  "
        f"{paint(DIM, place)}{visible(event.command)}"
    )


def mark(event: Event) -> str:
    """Return how an event ended, in few characters; empty when it succeeded."""
    if not event.finished:
        return "…"
    if event.exit_status is None:
        return "?"
    return "" if event.exit_status == 0 else f"✗{event.exit_status}"


def foreign_names(context: Context) -> dict[bytes, str]:
    """Return device id -> name; empty for this device and for what was imported on it."""
    names = device_names(context)
    # an import has a device id of its own, with the name of the machine that it is from
    own = names.get(context.who.device_id)
    return {device: "" if name == own else name for device, name in names.items()}


# ---- JSON ----


def print_json(value: object) -> None:
    """Print one JSON value, indented."""
    _write(value, indent=1)
    sys.stdout.write("\n")


def print_event_objects(context: Context, events: Iterable[Found]) -> int:
    """Print events as one JSON array, an event a line; return how many there were."""
    devices = device_names(context)
    number = 0
    sys.stdout.write("[")
    for event in events:
        sys.stdout.write(",\n " if number else "\n ")
        _write(event_object(event, devices))
        number += 1
    sys.stdout.write("\n]\n" if number else "]\n")
    return number


def event_object(found: Found, devices: dict[bytes, str]) -> dict[str, object]:
    """Return an event as JSON holds it; `devices` is device id -> name."""
    event = found.event
    values: dict[str, object] = {
        "id": spelled(found.ident),
        "command": decoded(event.command),
        "exit_status": event.exit_status,
        "pipestatus": event.pipestatus,
        "started_at": rfc3339_or_none(event.key.started_at_us),
        "duration_us": event.duration_us,
        "cwd": decoded(event.cwd),
        "repo": decoded(event.repo),
        "branch": decoded(event.branch),
        "session_id": event.key.session_id.hex(),
        "device_id": event.key.device_id.hex(),
        "device": devices[event.key.device_id],
        "host": decoded(event.host),
        "user": decoded(event.user),
        "shell": decoded(event.shell),
        "origin": "import" if event.origin == IMPORTED else "live",
        "redacted": bool(event.flags & REDACTED),
        "artifacts": [],
    }
    # the replacement character may also be in the command itself
    if "\ufffd" in str(values["command"]) and not _is_utf8(event.command):
        values["command_b64"] = _base64(event.command)
    if found.runs is not None:
        values["runs"] = found.runs
        values["failures"] = found.failures
        values["last_started_at"] = values["started_at"]
    return values


def fix_object(fix: Fix | None, devices: dict[bytes, str]) -> dict[str, object]:
    """Return the JSON fields that `hx show` and `hx last` add about the fix of a failure."""
    return {
        "fixed_by": event_object(fix.event, devices) if fix else None,
        "between": [event_object(event, devices) for event in fix.between] if fix else [],
        "between_count": fix.between_count if fix else 0,
    }


def decoded(value: bytes | None) -> str | None:
    """Return bytes as text, with bytes outside UTF-8 replaced; None stays None."""
    return None if value is None else value.decode(errors="replace")


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _base64(data: bytes) -> str:
    from binascii import b2a_base64

    return b2a_base64(data, newline=False).decode()


def _write(value: object, indent: int | None = None) -> None:
    """Write JSON; letters outside ASCII are escaped where stdout cannot encode them.

    So is what a terminal would obey or what would change the order of letters on it: JSON is also
    read on terminals, and other devices choose the texts.
    """
    import json  # costs more than a search: only where JSON is asked for

    is_unicode = sys.stdout.encoding.lower() in ("utf-8", "utf8")
    text = json.dumps(value, ensure_ascii=not is_unicode, indent=indent)
    if not text.replace("\n", "").isprintable():
        text = "".join(map(_as_json, text))
    sys.stdout.write(text)


def _as_json(character: str) -> str:
    """Return a character of a JSON text as it is written."""
    # line breaks stand only between values; the joiner is inside emoji
    if character.isprintable() or character in "\n\u200d":
        return character
    import json

    return json.dumps(character)[1:-1] if character != "\x7f" else "\\u007f"
