"""The records of hx: events, artifacts, pins, and the tombstones that delete them.

All records are immutable and compare by value. Ids are 16 bytes. Times are integer microseconds
since the Unix epoch (UTC) by the clock of the device that recorded them. Text is bytes, as the
shell gave it; None means unknown. Source: docs/format.md, "The merge".
"""

from __future__ import annotations

from hx.core.record import NamedTuple

# Event.flags
FINISHED = 1  # the end of the command was recorded
REDACTED = 2  # a secret in the command was masked
STATUS_UNKNOWN = 4  # the exit status was not seen, as for several lines that were pasted together

# Event.origin
LIVE = 0
IMPORTED = 1

# An imported event without a time has its position in the file as its start, below this value
KNOWN_SINCE_US = 1_000_000_000
AHEAD_US = 86_400_000_000  # a time so far ahead of the clock is wrong: a day, as zones differ by

MAX_COMMAND_BYTES = 1 << 20
MAX_LABEL_BYTES = 64  # of the name of a device that people see, as UTF-8
MAX_TIME_US = 1 << 62  # on either side of the epoch; any time plus 1 fits into 64 bits
MAX_KEYS_IN_TOMBSTONE = 65_536
MAX_SPARED = 1_024  # tombstones that one record is spared of
MAX_DIGESTS = 1_024  # texts that one text order names
DIGEST_BYTES = 16


class EventKey(NamedTuple):
    """The identity of an event; keys also define the total order of events.

    The key holds every field that a tombstone may test. So a tombstone covers either all versions
    of an event or none, and the result of a merge does not depend on the order of arrival.
    """

    started_at_us: int
    device_id: bytes
    session_id: bytes
    seq: int  # 1, 2, 3 … within the session
    spared: tuple[bytes, ...] = ()  # ids, ascending, of tombstones that do not cover the event


class Event(NamedTuple):
    """An event is one command line that ran: when, where, and how it ended."""

    key: EventKey
    command: bytes
    cwd: bytes  # the directory before the command ran
    exit_status: int | None = None
    pipestatus: tuple[int, ...] | None = None
    duration_us: int | None = None
    repo: bytes | None = None  # URL of the remote, else the path of the work tree
    branch: bytes | None = None
    host: bytes | None = None
    user: bytes | None = None
    shell: bytes | None = None
    tty: bytes | None = None
    flags: int = 0
    origin: int = LIVE
    revision: int = 0  # increases by 1 with each redaction

    @property
    def finished(self) -> bool:
        """Return whether the end of the command was recorded."""
        return bool(self.flags & FINISHED)


class ArtifactKey(NamedTuple):
    """The identity of an artifact; if it has an `event`, it is deleted together with that event."""

    created_at_us: int
    device_id: bytes
    session_id: bytes
    artifact_id: bytes
    event: EventKey | None = None
    spared: tuple[bytes, ...] = ()  # as in EventKey


def bare_key(key: EventKey) -> EventKey:
    """Return an event key as a tombstone names it: without the tombstones that it is spared of."""
    return EventKey(*key[:4]) if key.spared else key


def bare_artifact_key(key: ArtifactKey) -> ArtifactKey:
    """Return an artifact key as a tombstone names it, as `bare_key` does for an event."""
    return ArtifactKey(*key[:4], None if key.event is None else bare_key(key.event))


class Part(NamedTuple):
    """One sealed blob that holds a part of the bytes of an artifact."""

    author: bytes  # device id
    object_id: bytes
    size: int  # bytes of the object
    sha256: bytes  # of the object


class Evidence(NamedTuple):
    """The part of an artifact's text that is kept to find the cause of a failure."""

    version: int
    line_hashes: tuple[int, ...]  # 64 bits each, at most 400
    error_lines: tuple[bytes, ...]  # redacted, at most 20


class Artifact(NamedTuple):
    """An artifact is a file or an output that the user kept."""

    key: ArtifactKey
    name: bytes
    kind: str
    size: int  # bytes of the plaintext
    sha256: bytes  # of the plaintext
    parts: tuple[Part, ...] = ()
    revision: int = 0  # increases by 1 with each redaction and each move of its blobs
    evidence: Evidence | None = None


class Pin(NamedTuple):
    """A pin exempts a session from local retention, or ends the exemption.

    A pinned session is still covered by tombstones.
    """

    session_id: bytes
    pinned: bool
    changed_at_us: int
    device_id: bytes


class Window(NamedTuple):
    """A scope: all records in [since_us, until_us), of one device or (None) of all devices."""

    since_us: int
    until_us: int
    device_id: bytes | None = None


class WholeSession(NamedTuple):
    """A scope: all records of one session."""

    session_id: bytes


class Keys(NamedTuple):
    """A scope: these events and artifacts, at most MAX_KEYS_IN_TOMBSTONE in total.

    The keys are bare: a tombstone tests the other fields of a key, whatever the key is spared of.
    """

    events: frozenset[EventKey]
    artifacts: frozenset[ArtifactKey] = frozenset()
    undone: bool = False  # a later import may bring the same lines again, under other keys


class Texts(NamedTuple):
    """A scope that covers nothing by itself; a tombstone with it is a text order.

    A device that knows the order compares the texts of the events that it holds or takes. What
    matches and is not spared of the order goes by a tombstone of its own, whose scope is `Keys`.
    """

    secret: bytes  # 32 random bytes, the key of the digests
    digests: tuple[bytes, ...]  # of whole texts, ascending, at most MAX_DIGESTS
    until_us: int  # from then on the order is not compared and not published any more


class Tombstone(NamedTuple):
    """A tombstone deletes all records in its scope, now and whenever they arrive.

    A record is spared whose key contains the id of the tombstone: a device had read the tombstone
    when it recorded it. A tombstone never expires. Its identity is the whole record.
    """

    tombstone_id: bytes
    created_at_us: int
    device_id: bytes
    scope: Window | WholeSession | Keys | Texts


def cut_label(name: bytes) -> str:
    """Return the label of a device for a name of any bytes.

    Bytes that are not UTF-8 are replaced, and what exceeds MAX_LABEL_BYTES is cut off.
    """
    text = name.decode(errors="replace").encode()
    return text[:MAX_LABEL_BYTES].decode(errors="ignore")
