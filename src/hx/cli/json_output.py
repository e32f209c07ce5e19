"""JSON as cli documents it: stable names, unknown values null, never missing."""

from __future__ import annotations

import json
import sys

from hx.cli.events_output import device_names
from hx.cli.times import rfc3339_or_none
from hx.core.event_name import spelled
from hx.core.model import IMPORTED, REDACTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hx.cli.context import Context
    from hx.database.event_detail import Fix
    from hx.database.find import Found


def text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="replace")


def event_object(found: Found, devices: dict[bytes, str]) -> dict[str, object]:
    event = found.event
    made: dict[str, object] = {
        "id": spelled(found.ident),
        "command": text(event.command),
        "exit_status": event.exit_status,
        "pipestatus": event.pipestatus,
        "started_at": rfc3339_or_none(event.key.started_at_us),
        "duration_us": event.duration_us,
        "cwd": text(event.cwd),
        "repo": text(event.repo),
        "branch": text(event.branch),
        "session_id": event.key.session_id.hex(),
        "device_id": event.key.device_id.hex(),
        "device": devices[event.key.device_id],
        "host": text(event.host),
        "user": text(event.user),
        "shell": text(event.shell),
        "origin": "import" if event.origin == IMPORTED else "live",
        "redacted": bool(event.flags & REDACTED),
        "artifacts": [],
    }
    if "\ufffd" in str(made["command"]) and not _is_utf8(event.command):
        made["command_b64"] = _base64(event.command)
    if found.runs is not None:
        made["runs"] = found.runs
        made["failures"] = found.failures
        made["last_started_at"] = made["started_at"]
    return made


def fix_object(fix: Fix | None, devices: dict[bytes, str]) -> dict[str, object]:
    """What fixed a failure, as the names that `show` and `last` add to it."""
    return {
        "fixed_by": event_object(fix.event, devices) if fix else None,
        "between": [event_object(one, devices) for one in fix.between] if fix else [],
        "between_count": fix.between_count if fix else 0,
    }


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
    """Letters beyond ASCII as they are where stdout can carry all of them."""
    unicode = sys.stdout.encoding.lower() in ("utf-8", "utf8")
    sys.stdout.write(json.dumps(value, ensure_ascii=not unicode, indent=indent))


def print_json(value: object) -> None:
    _write(value, indent=1)
    sys.stdout.write("\n")


def print_events(context: Context, found: Iterable[Found]) -> int:
    """One array, an event a line; gives how many."""
    devices = device_names(context)
    count = 0
    sys.stdout.write("[")
    for one in found:
        sys.stdout.write(",\n " if count else "\n ")
        _write(event_object(one, devices))
        count += 1
    sys.stdout.write("\n]\n" if count else "]\n")
    return count
