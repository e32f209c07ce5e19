"""How events look: rows for people, objects for scripts. Nothing printed can move the cursor."""

from __future__ import annotations

import os
import sys

from hx.cli.events_output import device_names, short_name
from hx.cli.times import age, short_duration
from hx.core.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hx.cli.context import Context
    from hx.config import Config
    from hx.core.model import Event
    from hx.database.find import Found

RED, GREEN, DIM, BOLD, PLAIN = "\033[31m", "\033[32m", "\033[2m", "\033[1m", "\033[0m"


class Paint:
    """Colour where it is wanted; never the only bearer of a meaning."""

    def __init__(self, options: dict[str, str], config: Config) -> None:
        choice = options.get("--color", str(config.values["color"]))
        if choice not in ("auto", "always", "never"):
            raise UsageError("--color is one of auto, always, never")
        on_terminal = sys.stdout.isatty() and not config.no_color
        self.on = choice == "always" or (choice == "auto" and on_terminal)

    def __call__(self, style: str, text: str) -> str:
        return f"{style}{text}{PLAIN}" if self.on and text.strip() else text


def visible(text: bytes, *, one_line: bool = True) -> str:
    """A command as text that is safe on a terminal: controls and stray bytes are spelled out."""
    shown = text.decode(errors="surrogateescape")
    if shown.isprintable() and shown.isascii():
        return shown
    return "".join(_visible(character, one_line=one_line) for character in shown)


def _visible(character: str, *, one_line: bool) -> str:
    code = ord(character)
    if character == "\n":
        return " ⏎ " if one_line else "\n"
    if character == "\t":
        return "\\t" if one_line else "\t"
    if 0xDC80 <= code <= 0xDCFF:  # noqa: PLR2004  (a byte that is not UTF-8)
        return f"\\x{code - 0xDC00:02x}"
    if character.isprintable() or character == "\u200d":  # the joiner inside emoji
        return character
    return ascii(character)[1:-1]


def width(character: str) -> int:
    """Columns that a character takes on a terminal."""
    if character.isascii():
        return 1
    from unicodedata import combining, east_asian_width

    return 0 if combining(character) else 2 if east_asian_width(character) in "WF" else 1


def fitted(text: str, columns: int) -> str:
    """Cut to so many columns of a terminal."""
    if sum(map(width, text)) <= columns:
        return text
    used, shown = 0, ""
    for character in text:
        used += width(character)
        if used >= columns:
            break
        shown += character
    return shown + "…"


def padded(text: str, columns: int) -> str:
    """Cut or filled with blanks to exactly so many columns."""
    shown = fitted(text, columns)
    return shown + " " * (columns - sum(map(width, shown)))


def columns() -> int:
    """Of the terminal; 80 where there is none."""
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or 80
    except (OSError, ValueError):
        return 80


def mark(event: Event) -> str:
    """How it ended, in few characters."""
    if not event.finished:
        return "…"
    if event.exit_status is None:
        return "?"
    return "" if event.exit_status == 0 else f"✗{event.exit_status}"


def event_line(found: Found, short: str, now_us: int, paint: Paint, device: str = "") -> str:
    event = found.event
    ending = f"{mark(event):<5}"
    place = f"{visible(device.encode())}: " if device else ""
    runs = "" if found.runs is None else f"{found.runs:>5}x "
    return (
        f"{paint(DIM, short)} {age(event.key.started_at_us, now_us):>4} "
        f"{runs}{paint(RED if event.exit_status else DIM, ending)}"
        f"{paint(DIM, f'{short_duration(event.duration_us):>6}')}  "
        f"{paint(DIM, place)}{visible(event.command)}"
    )


def foreign_names(context: Context) -> dict[bytes, str]:
    """Device id -> what to call it in a line; nothing for this one and for what it imported."""
    names = device_names(context)
    own = names.get(context.who.device_id)
    return {device: "" if name == own else name for device, name in names.items()}


def answer(context: Context, found: Iterable[Found], options: dict[str, str]) -> int:
    """Print events as the options ask; gives the exit code."""
    if "--json" in options:
        from hx.cli.json_output import print_events as print_objects

        return 0 if print_objects(context, found) else 1
    return 0 if print_events(context, found, Paint(options, context.config)) else 1


def print_events(context: Context, found: Iterable[Found], paint: Paint) -> int:
    """One line each; gives how many."""
    names = foreign_names(context)
    count = 0
    for one in found:
        short = short_name(context, one.ident)
        device = names[one.event.key.device_id]
        sys.stdout.write(event_line(one, short, context.now_us, paint, device) + "\n")
        count += 1
    return count
