"""The laws of `join` on histories that collide, and its choices on examples."""

from __future__ import annotations

from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hx.core.merge import Cover, History, InOrder, encoded, event_supersedes, join
from hx.core.model import (
    FINISHED,
    Artifact,
    ArtifactKey,
    Event,
    EventKey,
    Keys,
    Pin,
    Texts,
    Tombstone,
    WholeSession,
    Window,
)
from strategies import (
    artifacts,
    events,
    histories,
    pins,
    tombstones,
)

NOTHING = History()
DEVICE, OTHER_DEVICE = b"\x01" * 16, b"\x02" * 16
SESSION, OTHER_SESSION = b"\xa0" * 16, b"\xb0" * 16
KEY = EventKey(100, DEVICE, SESSION, 1)
EVENT = Event(KEY, b"make", b"/srv")


def history(*records):
    """Return a history of these records, each in its set."""
    kinds = (Event, Artifact, Pin, Tombstone)
    return History(
        *(frozenset(record for record in records if type(record) is kind) for kind in kinds)
    )


def covered(key, tombstone):
    """Return whether a tombstone covers a key, by the literal rule of docs/format.md."""
    if tombstone.tombstone_id in key.spared:
        return False
    if isinstance(key, ArtifactKey) and key.event is not None and covered(key.event, tombstone):
        return True
    scope = tombstone.scope
    if isinstance(scope, Window):
        at_us = key[0]
        same_device = scope.device_id is None or scope.device_id == key.device_id
        return same_device and scope.since_us <= at_us < scope.until_us
    if isinstance(scope, WholeSession | Texts):  # a text order covers nothing
        return isinstance(scope, WholeSession) and key.session_id == scope.session_id
    if isinstance(key, EventKey):
        return key._replace(spared=()) in scope.events
    event = None if key.event is None else key.event._replace(spared=())
    return key._replace(spared=(), event=event) in scope.artifacts


@given(histories, histories)
def test_join_is_commutative(a, b):
    assert join(a, b) == join(b, a)


@given(histories, histories, histories)
def test_join_is_associative(a, b, c):
    assert join(join(a, b), c) == join(a, join(b, c))


@given(histories, histories)
def test_join_is_idempotent(a, b):
    joined = join(a, b)
    assert join(joined, joined) == joined
    assert join(joined, a) == joined
    assert join(joined, NOTHING) == joined


@given(histories, histories)
def test_exactly_the_covered_records_are_removed(a, b):
    joined = join(a, b)
    assert joined.tombstones == a.tombstones | b.tombstones
    for merged, given_records in (
        (joined.events, a.events | b.events),
        (joined.artifacts, a.artifacts | b.artifacts),
    ):
        wanted = {
            record.key
            for record in given_records
            if not any(covered(record.key, tombstone) for tombstone in joined.tombstones)
        }
        assert {record.key for record in merged} == wanted
        assert len(merged) == len(wanted)
        assert merged <= given_records
    assert {pin.session_id for pin in joined.pins} == {pin.session_id for pin in a.pins | b.pins}


@given(st.lists(histories, min_size=1, max_size=5), st.data())
def test_any_order_with_repeats_and_partial_prefixes_ends_in_the_same_history(deltas, data):
    """A device may get deltas twice, in any order, and already joined with others."""
    expected = reduce(join, deltas, NOTHING)
    ends = st.lists(st.integers(0, len(deltas)), max_size=3)
    prefixes = [reduce(join, deltas[:end], NOTHING) for end in data.draw(ends)]
    repeats = data.draw(st.lists(st.sampled_from(deltas), max_size=3))
    arriving = data.draw(st.permutations([*deltas, *repeats, *prefixes]))
    assert reduce(join, arriving, NOTHING) == expected


@given(st.frozensets(events | artifacts | pins | tombstones, max_size=12), st.data())
def test_a_history_cut_into_pieces_is_joined_again(records, data):
    pieces = data.draw(st.lists(st.integers(0, 3), min_size=len(records), max_size=len(records)))
    histories_of_pieces = [
        history(
            *(record for record, number in zip(records, pieces, strict=True) if number == piece)
        )
        for piece in range(4)
    ]
    assert reduce(join, histories_of_pieces) == join(history(*records), NOTHING)


@given(st.frozensets(tombstones, max_size=6), events | artifacts)
def test_cover_agrees_with_the_rule_of_the_format(tombstone_set, record):
    cover = Cover(tombstone_set)
    answer = cover.event if isinstance(record, Event) else cover.artifact
    assert answer(record.key) == any(covered(record.key, each) for each in tombstone_set)


@given(st.lists(events, min_size=2, max_size=6, unique=True))
def test_versions_of_one_event_are_totally_ordered(versions):
    versions = list({version._replace(key=KEY) for version in versions})
    superseded = [
        sum(event_supersedes(v, other) for other in versions if other is not v) for v in versions
    ]
    assert sorted(superseded) == list(range(len(versions)))


@pytest.mark.parametrize(
    ("winner", "loser"),
    [
        pytest.param(
            EVENT._replace(revision=1), EVENT._replace(flags=FINISHED), id="revision first"
        ),
        pytest.param(
            EVENT._replace(flags=FINISHED), EVENT._replace(command=b"zzzz"), id="then finished"
        ),
        pytest.param(EVENT._replace(command=b"makf"), EVENT, id="then the greater bytes"),
        pytest.param(EVENT._replace(command=b"make2"), EVENT, id="a longer text has more bytes"),
        pytest.param(
            EVENT._replace(exit_status=None), EVENT._replace(exit_status=127), id="nil is 0xc0"
        ),
        pytest.param(
            EVENT._replace(exit_status=-1), EVENT._replace(exit_status=1), id="-1 is 0xff"
        ),
    ],
)
def test_the_greater_of_two_versions_of_an_event_survives(winner, loser):
    assert join(history(winner), history(loser)) == history(winner)
    assert join(history(loser), history(winner)) == history(winner)
    assert join(history(loser, winner), NOTHING) == history(winner)


@given(st.lists(events, max_size=8), histories)
def test_a_set_in_order_is_the_same_set_and_is_read_in_the_order_of_keys(records, other):
    ordered = InOrder(records + records[:2])
    assert ordered == frozenset(records)
    assert [event.key for event in ordered] == sorted(event.key for event in frozenset(records))
    assert join(other, History(ordered)) == join(other, History(frozenset(records)))


def test_a_batch_of_new_events_stays_in_order():
    ordered = InOrder([EVENT._replace(key=KEY._replace(seq=seq)) for seq in (3, 1, 2)])
    assert join(NOTHING, History(ordered)).events is ordered


def test_an_event_is_encoded_as_the_format_page_states():
    """One msgpack array of the 14 fields after the key; every device must build these bytes."""
    event = Event(
        KEY,
        b"ls",
        b"/",
        exit_status=-1,
        pipestatus=(1, 0),
        duration_us=70_000,
        repo=b"r",
        flags=FINISHED,
        revision=3,
    )
    assert encoded(event) == bytes.fromhex(
        "9e"  # array of 14
        "c402 6c73  c401 2f"  # bin 8: command, cwd
        "ff  92 01 00  ce 00011170"  # exit status, pipestatus, duration as uint 32
        "c401 72  c0  c0 c0 c0 c0"  # repo; branch, host, user, shell, tty unknown
        "01 00 03"  # flags, origin, revision
    )


@pytest.mark.parametrize(
    ("winner", "loser"),
    [
        pytest.param({"revision": 1}, {"size": 9}, id="revision first"),
        pytest.param({"size": 9}, {"size": 8}, id="then the greater bytes"),
    ],
)
def test_the_greater_of_two_versions_of_an_artifact_survives(winner, loser):
    base = Artifact(ArtifactKey(1, DEVICE, SESSION, b"\x0a" * 16), b"log", "file", 0, bytes(32))
    winner, loser = base._replace(**winner), base._replace(**loser)
    assert join(history(winner), history(loser)) == history(winner)
    assert join(history(loser), history(winner)) == history(winner)


@pytest.mark.parametrize(
    ("winner", "loser"),
    [
        (Pin(SESSION, False, 8, DEVICE), Pin(SESSION, True, 7, OTHER_DEVICE)),
        (Pin(SESSION, True, 7, DEVICE), Pin(SESSION, False, 7, OTHER_DEVICE)),
        (Pin(SESSION, True, 7, OTHER_DEVICE), Pin(SESSION, True, 7, DEVICE)),
    ],
    ids=["the later", "at the same time the one that keeps", "then the greater device"],
)
def test_the_greater_of_two_pins_of_a_session_survives(winner, loser):
    assert join(history(winner), history(loser)) == history(winner)
    assert join(history(loser), history(winner)) == history(winner)


def test_pins_of_different_sessions_are_all_kept():
    both = history(Pin(SESSION, True, 7, DEVICE), Pin(OTHER_SESSION, True, 7, DEVICE))
    assert join(both, NOTHING) == both


def test_a_pin_does_not_spare_an_event_from_a_tombstone():
    pin = Pin(SESSION, True, 7, DEVICE)
    tombstone = Tombstone(b"t" * 16, 9, DEVICE, WholeSession(SESSION))
    assert join(history(EVENT, pin), history(tombstone)) == history(pin, tombstone)


@pytest.mark.parametrize(
    "scope",
    [
        Window(100, 101),
        Window(100, 101, DEVICE),
        WholeSession(SESSION),
        Keys(frozenset({KEY})),
    ],
    ids=["window", "window of a device", "session", "keys"],
)
def test_an_artifact_is_covered_with_its_event(scope):
    """Its own time, device and session differ: only the event in its key is covered."""
    key = ArtifactKey(900, OTHER_DEVICE, OTHER_SESSION, b"\x0a" * 16, KEY)
    attached = Artifact(key, b"log", "output", 1, bytes(32))
    alone = attached._replace(key=key._replace(event=None))
    tombstone = Tombstone(b"t" * 16, 9, DEVICE, scope)
    assert join(history(EVENT, attached, alone), history(tombstone)) == history(alone, tombstone)
    assert join(history(tombstone), history(attached, alone, EVENT)) == history(alone, tombstone)


def test_an_artifact_is_forgotten_by_its_own_key_and_its_event_stays():
    key = ArtifactKey(100, DEVICE, SESSION, b"\x0a" * 16, KEY)
    artifact = Artifact(key, b"log", "output", 1, bytes(32))
    tombstone = Tombstone(b"t" * 16, 9, DEVICE, Keys(frozenset(), frozenset({key})))
    assert join(history(EVENT, artifact), history(tombstone)) == history(EVENT, tombstone)


def test_a_window_is_half_open_and_an_empty_one_covers_nothing():
    tombstone = Tombstone(b"t" * 16, 9, DEVICE, Window(100, 100))
    assert join(history(EVENT), history(tombstone)) == history(EVENT, tombstone)
    late = EVENT._replace(key=KEY._replace(started_at_us=101))
    tombstone = Tombstone(b"t" * 16, 9, DEVICE, Window(100, 101))
    assert join(history(EVENT, late), history(tombstone)) == history(late, tombstone)


@pytest.mark.parametrize("inner", [(110, 120), (100, 101), (199, 200), (100, 200)])
def test_a_window_inside_another_does_not_shorten_it(inner):
    scopes = [Window(100, 200), Window(*inner), Window(300, 400)]
    cover = Cover(Tombstone(b"t" * 16, 9, DEVICE, scope) for scope in scopes)
    covered_us = [
        start_us for start_us in range(90, 410) if cover.event(KEY._replace(started_at_us=start_us))
    ]
    assert covered_us == [*range(100, 200), *range(300, 400)]


def test_the_identity_of_a_tombstone_is_the_whole_record():
    """One id with two scopes (of a damaged or hostile device) gives two tombstones everywhere."""
    base = Tombstone(b"t" * 16, 9, DEVICE, WholeSession(SESSION))
    versions = [
        base,
        base._replace(scope=WholeSession(OTHER_SESSION)),
        base._replace(created_at_us=10),
        base._replace(device_id=OTHER_DEVICE),
        base._replace(scope=Keys(frozenset())),
    ]
    assert join(history(*versions[:2]), history(*versions[2:])).tombstones == set(versions)


def test_windows_are_merged_for_the_lookup():
    """The lookup of one event is a search in sorted windows, even with 100,000 tombstones."""
    tombstone_set = [
        Tombstone(b"t" * 16, 9, DEVICE, Window(2 * i, 2 * i + 1)) for i in range(100_000)
    ]
    cover = Cover(tombstone_set)
    assert all(len(spans) == 100_000 for spans in cover._windows.values())
    assert cover.event(KEY._replace(started_at_us=199_998))
    assert not cover.event(KEY._replace(started_at_us=199_999))
    touching = Cover(Tombstone(b"t" * 16, 9, DEVICE, Window(i, i + 1)) for i in range(1_000))
    assert touching._windows == {None: [(0, 1_000)]}


SCOPES = [
    Window(100, 101),
    Window(100, 101, DEVICE),
    WholeSession(SESSION),
    Keys(frozenset({KEY})),
]


@pytest.mark.parametrize("scope", SCOPES, ids=["window", "of a device", "session", "keys"])
def test_a_tombstone_does_not_cover_what_is_spared_of_it(scope):
    known = Tombstone(b"t" * 16, 9, DEVICE, scope)
    spared = EVENT._replace(key=KEY._replace(spared=(b"t" * 16,)))
    assert join(history(EVENT, spared), history(known)) == history(spared, known)
    later = known._replace(tombstone_id=b"u" * 16)
    assert join(history(spared, known), history(later)) == history(known, later)


@pytest.mark.parametrize("scope", SCOPES, ids=["window", "of a device", "session", "keys"])
def test_what_an_artifact_is_spared_of_holds_also_for_its_event(scope):
    """Its own time, device and session differ: only the event in its key is covered."""
    tombstone = Tombstone(b"t" * 16, 9, DEVICE, scope)
    key = ArtifactKey(900, OTHER_DEVICE, OTHER_SESSION, b"\x0a" * 16, KEY)
    covered_one = Artifact(key, b"log", "output", 1, bytes(32))
    spared = covered_one._replace(key=key._replace(spared=(b"t" * 16,)))
    of_spared_event = covered_one._replace(
        key=key._replace(event=KEY._replace(spared=(b"t" * 16,)))
    )
    kept = join(history(covered_one, spared, of_spared_event), history(tombstone))
    assert kept == history(spared, of_spared_event, tombstone)


def test_a_key_that_is_spared_of_many_tombstones_is_covered_by_one_more():
    ids = [number.to_bytes(16, "big") for number in range(1_000)]
    scopes = (
        Window(0, 200),
        Window(100, 101, DEVICE),
        WholeSession(SESSION),
        Keys(frozenset({KEY})),
    )
    known = [Tombstone(each, 9, DEVICE, scopes[at % 4]) for at, each in enumerate(ids)]
    key = KEY._replace(spared=tuple(ids))
    assert not Cover(known).event(key)
    for scope in scopes:
        assert Cover([*known, Tombstone(b"t" * 16, 9, DEVICE, scope)]).event(key)


def test_an_id_with_two_windows_spares_of_both():
    """A damaged or hostile device may give one id to two tombstones."""
    twins = [Tombstone(b"t" * 16, 9, DEVICE, Window(90, end)) for end in (110, 120)]
    other = Tombstone(b"u" * 16, 9, DEVICE, Window(100, 101))
    spared = KEY._replace(spared=(b"t" * 16,))
    assert not Cover(twins).event(spared)
    assert Cover([*twins, other]).event(spared)
