"""Strategies of Hypothesis for histories: ids, times and texts come from small sets.

So records collide often: two versions of one event, an event under a tombstone, two pins of one
session. Without collisions the properties of the merge would not be tested.
"""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st

from hx.core.merge import History
from hx.core.model import (
    Artifact,
    ArtifactKey,
    Event,
    EventKey,
    Evidence,
    Keys,
    Part,
    Pin,
    Texts,
    Tombstone,
    WholeSession,
    Window,
)

LAST_US = 5  # times are 0 … 5 µs

times = st.integers(0, LAST_US)
devices = st.sampled_from([b"\x01" * 16, b"\x02" * 16])
sessions = st.sampled_from([b"\xa0" * 16, b"\xb0" * 16])
ids = st.sampled_from([b"\x0a" * 16, b"\x0b" * 16])

texts = st.one_of(
    st.sampled_from([b"ls", b"make test", b"caf\xc3\xa9 --now", b"\xff\xfe raw", b"two\nlines"]),
    st.binary(min_size=1, max_size=12),
)
# (exit_status, pipestatus, duration_us), (repo, branch, host, user, shell, tty): one strategy each
outcomes = st.sampled_from(
    [
        (None, None, None),
        (0, None, 0),
        (0, (1, 0), 3),
        (-1, (), 2**63 - 1),
        (141, (0, 0, 141), None),
    ]
)
places = st.sampled_from(
    [
        (None, None, None, None, None, None),
        (b"https://example.org/x", b"main", b"laptop", b"ann", b"zsh", b"/dev/pts/1"),
        (b"https://example.org/x", None, b"laptop", b"ann", b"zsh", None),
        (None, b"main", b"h\xf6st", b"", b"bash", b"/dev/pts/1"),
        (b"", b"", None, None, None, b""),
    ]
)

bare_event_keys = st.builds(EventKey, times, devices, sessions, st.integers(1, 2))
# of the tombstones below, one, both or, mostly, none
spared = st.sampled_from(
    [(), (), (), (b"\x0a" * 16,), (b"\x0b" * 16,), (b"\x0a" * 16, b"\x0b" * 16)]
)
event_keys = st.builds(EventKey, times, devices, sessions, st.integers(1, 2), spared)
events = st.builds(
    lambda key, command, cwd, outcome, place, flags, revision: Event(
        key, command, cwd, *outcome, *place, flags & 7, flags >> 3, revision
    ),
    event_keys,
    texts,
    st.sampled_from([b"/", b"/home/ann", b"/\xff", b""]),
    outcomes,
    places,
    st.integers(0, 15),
    st.integers(0, 2),
)

bare_artifact_keys = st.builds(
    ArtifactKey, times, devices, sessions, ids, st.none() | bare_event_keys
)
artifact_keys = st.builds(
    ArtifactKey, times, devices, sessions, ids, st.none() | event_keys, spared
)
parts = st.builds(Part, devices, ids, st.integers(0, 9), st.just(bytes(32)))
evidences = st.builds(
    Evidence,
    st.integers(1, 2),
    st.lists(st.integers(0, 2**64 - 1), max_size=2).map(tuple),
    st.lists(texts, max_size=2).map(tuple),
)
artifacts = st.builds(
    Artifact,
    artifact_keys,
    texts,
    st.sampled_from(["file", "output"]),
    st.integers(0, 9),
    st.sampled_from([bytes(32), b"\xff" * 32]),
    st.lists(parts, max_size=2).map(tuple),
    st.integers(0, 2),
    st.none() | evidences,
)

pins = st.builds(Pin, sessions, st.booleans(), times, devices)

windows = st.builds(
    Window, st.integers(-1, LAST_US + 1), st.integers(-1, LAST_US + 1), st.none() | devices
)
keys = st.builds(
    Keys,
    st.frozensets(bare_event_keys, max_size=3),
    st.frozensets(bare_artifact_keys, max_size=2),
)
digests = st.frozensets(st.sampled_from([b"\xd0" * 16, b"\xd1" * 16]), min_size=1)
orders = st.builds(
    Texts, st.sampled_from([b"\x01" * 32, b"\x02" * 32]), digests.map(sorted).map(tuple), times
)
scopes = st.one_of(windows, st.builds(WholeSession, sessions), keys, orders)
tombstones = st.builds(Tombstone, ids, times, devices, scopes)

histories = st.builds(
    History,
    st.frozensets(events, max_size=6),
    st.frozensets(artifacts, max_size=3),
    st.frozensets(pins, max_size=3),
    st.one_of(st.just(frozenset()), st.frozensets(tombstones, max_size=2)),
)


def share(part: float) -> settings:
    """Return settings with a part of the usual number of examples, for costly properties."""
    return settings(max_examples=max(1, int(settings.default.max_examples * part)))
