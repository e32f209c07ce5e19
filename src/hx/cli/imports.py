"""`hx import`: what other tools remember, found by itself or named."""

from __future__ import annotations

from hx.core.record import NamedTuple
from hx.importing import Counts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.cli.recorder import Recorder


class Imported(NamedTuple):
    """One history, and what became of it."""

    path: str
    kind: str  # bash, zsh, fish or atuin; empty when it could not be told
    counts: Counts
    error: str = ""  # why it could not be read (to its end): one sentence


def import_found(
    recorder: Recorder, *, everything: bool = False, dry_run: bool = False
) -> list[Imported]:
    """Import every history in the usual places; what each of them gave, none when nothing is there.

    A file that cannot be read becomes an `error` and stops no other. `everything` takes also what
    ran after hx began to record that shell; `dry_run` counts and writes nothing. Progress goes to
    stderr when it is a terminal. Raises DatabaseError, Busy (another import runs) and
    KeyboardInterrupt, which leaves whole batches: running it again goes on.
    """
    raise NotImplementedError


def summary(imported: Imported) -> str:
    """One line for a person: `~/.zsh_history: 41,247 new, 3 known, 2 unreadable (cut off)`."""
    raise NotImplementedError
