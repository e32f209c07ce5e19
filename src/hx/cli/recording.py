"""Whether shells can record now."""

from __future__ import annotations

import os

from hx.capture import pause
from hx.cli.commands.pause import said

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.config import Paths


def paused(paths: Paths, now_us: int) -> str | None:
    """Why nothing is recorded although it could be."""
    standing = pause.active(paths.pause, now_us)
    return said(standing) if standing is not None else None


def prevented(paths: Paths) -> str | None:
    """Why nothing can be recorded; None where it can, and before the first shell."""
    folder = paths.spool
    try:
        owner = os.stat(folder).st_uid
    except FileNotFoundError:
        return None
    except OSError:
        return f"the spool folder {folder} cannot be reached"
    if not os.path.isdir(folder):
        return f"{folder} is no folder"
    if owner != os.geteuid():
        return f"the spool folder {folder} belongs to another user (uid {owner})"
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"the spool folder {folder} is not writable"
    return None if os.statvfs(folder).f_bavail else f"the disk that holds {folder} is full"
