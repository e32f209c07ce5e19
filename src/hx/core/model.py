"""What hx remembers: events, artifacts, pins, and the tombstones that end them.

All records are immutable and compare by value. Ids are 16 bytes. Times are integer microseconds
since the Unix epoch (UTC) by the clock of the device that recorded them. Text is bytes, as the
shell gave it; None means unknown. Source: sync contract v1, section 2 (docs/design.md).
"""

from __future__ import annotations

from hx.core.record import NamedTuple

# Event.flags
FINISHED = 1  # the command ended, as far as the recorder could tell
REDACTED = 2  # a secret in the command was masked
STATUS_UNKNOWN = 4  # it ran, but nobody saw its exit status (lines pasted together)

# Event.origin
LIVE = 0
IMPORTED = 1

KNOWN_SINCE_US = 1_000_000_000  # an earlier start is a place in a file: the time is unknown

MAX_COMMAND_BYTES = 1 << 20
MAX_TIME_US = 1 << 62  # either side of the epoch: one more never leaves 64 bits
MAX_KEYS_IN_TOMBSTONE = 65_536


class EventKey(NamedTuple):
    """Identity of an event, and the total order of events.

    It holds every field that a tombstone may test: two versions of one event are forgotten
    together, or the order of arrival would show in the result.
    """

    started_at_us: int
    device_id: bytes
    session_id: bytes
    seq: int  # 1, 2, 3 … within the session


class Event(NamedTuple):
    """One command line that ran: when, where, how it ended."""

    key: EventKey
    command: bytes
    cwd: bytes  # before the command ran
    exit_status: int | None = None
    pipestatus: tuple[int, ...] | None = None
    duration_us: int | None = None
    repo: bytes | None = None  # URL of the remote, else the root of the work tree
    branch: bytes | None = None
    host: bytes | None = None
    user: bytes | None = None
    shell: bytes | None = None
    tty: bytes | None = None
    flags: int = 0
    origin: int = LIVE
    revision: int = 0  # + 1 for each redaction

    @property
    def finished(self) -> bool:
        return bool(self.flags & FINISHED)


class ArtifactKey(NamedTuple):
    """Identity of an artifact; with `event`, it belongs to that event and goes with it."""

    created_at_us: int
    device_id: bytes
    session_id: bytes
    artifact_id: bytes
    event: EventKey | None = None


class Part(NamedTuple):
    """One sealed blob that holds a part of an artifact's bytes."""

    author: bytes  # device id
    object_id: bytes
    size: int  # bytes of the object
    sha256: bytes  # of the object


class Evidence(NamedTuple):
    """What correlation keeps of an artifact's text."""

    version: int
    line_hashes: tuple[int, ...]  # 64 bits each, at most 400
    error_lines: tuple[bytes, ...]  # redacted, at most 20


class Artifact(NamedTuple):
    """A file or an output that the user kept."""

    key: ArtifactKey
    name: bytes
    kind: str
    size: int  # bytes of the plaintext
    sha256: bytes  # of the plaintext
    parts: tuple[Part, ...] = ()
    revision: int = 0  # + 1 for each redaction or new place of blobs
    evidence: Evidence | None = None


class Pin(NamedTuple):
    """Spares a session from local retention (or no longer); never from a tombstone."""

    session_id: bytes
    pinned: bool
    changed_at_us: int
    device_id: bytes


class Window(NamedTuple):
    """Scope: what began in [since_us, until_us), on one device or (None) on all."""

    since_us: int
    until_us: int
    device_id: bytes | None = None


class WholeSession(NamedTuple):
    """Scope: everything of one session."""

    session_id: bytes


class Keys(NamedTuple):
    """Scope: these events and artifacts; at most MAX_KEYS_IN_TOMBSTONE together."""

    events: frozenset[EventKey]
    artifacts: frozenset[ArtifactKey] = frozenset()


class Tombstone(NamedTuple):
    """A standing order to forget; never expires. Its identity is the whole record."""

    tombstone_id: bytes
    created_at_us: int
    device_id: bytes
    scope: Window | WholeSession | Keys
