"""The note of `hx sync auto on`: who starts the sync of this device, how often, and which files.

It is a small file beside the database: `hx setup --undo` needs it when the database is damaged.
"""

from __future__ import annotations

import os

from hx.core.record import NamedTuple
from hx.files import replace_file, torn

SYSTEMD, LAUNCHD, CRON, SHELL = KINDS = ("systemd", "launchd", "cron", "shell")
NAME = "scheduler.json"
_MAX_BYTES = 64 << 10


class Note(NamedTuple):
    """How the sync of this device is started."""

    by: str  # one of KINDS
    minutes: int  # between two runs
    executable: str  # absolute path of the hx that is started
    watched: str = ""  # folder whose changes start a sync too; empty: none
    files: tuple[str, ...] = ()  # units, jobs, the file of the hooks; none for a crontab
    when_logged_out: bool = False

    @property
    def starter(self) -> str:
        """Return what starts the sync, as the subject of a sentence."""
        return "an open shell" if self.by == SHELL else self.by

    @property
    def command(self) -> str:
        """Return the command that sets it up anew; by itself hx chooses no shell."""
        return "hx sync auto on --by shell" if self.by == SHELL else "hx sync auto on"


def path(folder: str) -> str:
    """Return the path of the note in a data folder."""
    return os.path.join(folder, NAME)


def read(folder: str) -> Note | None:
    """Return the note in a data folder; None when sync by itself is off, or it is damaged."""
    try:
        with open(path(folder), "rb") as file:
            import json  # the picker looks for the note, and mostly there is none

            values = json.loads(file.read(_MAX_BYTES))
        note = Note(
            str(values["by"]),
            int(values["minutes"]),
            str(values["executable"]),
            str(values["watched"]),
            tuple(map(str, values["files"])),
            bool(values["when_logged_out"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return note if note.by in KINDS else None


def write(folder: str, note: Note) -> None:
    """Replace the note. Raises OSError."""
    import json

    replace_file(path(folder), f"{json.dumps(note._asdict(), indent=1)}\n".encode())


def remove(folder: str) -> None:
    """Remove the note, and what an interruption has left of it; it succeeds when there is none."""
    for each in (*torn(path(folder)), path(folder)):
        if os.path.lexists(each):
            os.unlink(each)
