"""Cutting a history into segments: no record is lost and no segment exceeds the limits."""

from __future__ import annotations

from functools import reduce

from hypothesis import given

from hx.core.format import segment
from hx.core.format.segment import cut
from hx.core.merge import History
from hx.core.model import (
    Artifact,
    ArtifactKey,
    Event,
    EventKey,
    Evidence,
    Keys,
    Part,
    Tombstone,
    WholeSession,
)
from strategies import histories

DEVICE, SESSION = b"\x01" * 16, b"\xa0" * 16
KEY = EventKey(1, DEVICE, SESSION, 1)
MIB = 1 << 20


def union(pieces):
    return History(*(reduce(frozenset.union, parts) for parts in zip(*pieces, strict=True)))


def sizes(pieces):
    return [len(segment.encode(piece)) for piece in pieces]


def event_at(at_us):
    return Event(KEY._replace(started_at_us=at_us, seq=at_us), b"ls", b"/")


@given(histories)
def test_the_pieces_hold_the_history_and_no_record_twice(history):
    pieces = list(cut(history))
    assert union([*pieces, History()]) == history
    assert sum(len(records) for piece in pieces for records in piece) == sum(map(len, history))


def test_an_empty_history_gives_no_segment():
    assert list(cut(History())) == []


def test_a_segment_holds_at_most_65536_events_in_order_of_time():
    events = [event_at(number) for number in range(65_537)]
    pieces = list(cut(History(frozenset(events))))
    assert [len(piece.events) for piece in pieces] == [65_536, 1]
    assert pieces[1].events == {events[-1]}


def test_no_segment_of_long_texts_is_over_4_mib():
    events = [
        Event(
            KEY._replace(seq=number),
            bytes([number]) * (MIB - number),
            b"/",
            repo=bytes([number]) * 99_999,
        )
        for number in range(9)
    ]
    pieces = list(cut(History(frozenset(events))))
    assert max(sizes(pieces)) <= 4 * MIB
    assert len(pieces) == 3
    assert union(pieces).events == set(events)


def test_no_segment_of_the_widest_events_is_over_4_mib():
    """These events have numbers of nine bytes, and no value is repeated."""
    events = [
        Event(
            EventKey(
                (-1) ** number * (2**61 + number),
                DEVICE,
                number.to_bytes(16, "big"),
                2**62 + (-1) ** number * number,
            ),
            b"%d" % number,
            b"/%d" % number,
            -(2**62),
            (2**62,) * 3,
            2**62,
            b"r%d" % number,
            b"b%d" % number,
            b"h%d" % number,
            b"u%d" % number,
            b"s%d" % number,
            b"t%d" % number,
            revision=2**32 - 1,
        )
        for number in range(40_000)
    ]
    pieces = list(cut(History(frozenset(events))))
    assert max(sizes(pieces)) <= 4 * MIB
    assert union(pieces).events == set(events)


def test_repeated_texts_are_counted_once():
    events = [
        Event(KEY._replace(seq=number), bytes([number % 3]) * MIB, b"/", host=bytes(99_999))
        for number in range(60)
    ]
    assert len(list(cut(History(frozenset(events))))) == 1


def test_no_segment_of_tombstones_and_artifacts_is_over_4_mib():
    def keys(number):
        return frozenset(
            EventKey(
                2**61 + number * 30_000 + index, DEVICE, index.to_bytes(16, "big"), 2**62 + index
            )
            for index in range(30_000)
        )

    tombstones = [
        Tombstone(bytes([number]) * 16, 2**61, DEVICE, Keys(keys(number))) for number in range(4)
    ]
    sessions = [
        Tombstone(number.to_bytes(16, "big"), 2**61, DEVICE, WholeSession(SESSION))
        for number in range(60_000)
    ]
    part = Part(DEVICE, b"o" * 16, 2**62, bytes(32))
    evidence = Evidence(2**31, (2**64 - 1,) * 400, (b"e" * 200,) * 20)
    artifacts = [
        Artifact(
            ArtifactKey(2**61, DEVICE, SESSION, number.to_bytes(16, "big"), KEY),
            b"n" * 200,
            "output" * 10,
            2**62,
            bytes(32),
            (part,) * 32,
            2**31,
            evidence,
        )
        for number in range(1_000)
    ]
    history = History((), frozenset(artifacts), (), frozenset([*tombstones, *sessions]))
    pieces = list(cut(history))
    assert max(sizes(pieces)) <= 4 * MIB
    assert union(pieces)[1:] == (*history[1:2], frozenset(), history[3])


def test_a_record_over_the_limits_is_left_out():
    fits = Event(KEY, b"ls", b"/")
    late = fits._replace(key=KEY._replace(started_at_us=2**62 + 1))
    long = fits._replace(key=KEY._replace(seq=2), command=bytes(MIB + 1))
    (piece,) = cut(History(frozenset({fits, late, long})))
    assert piece.events == {fits}
    assert segment.decode(segment.encode(piece)) == piece


def test_tombstones_are_in_the_first_segment():
    tombstone = Tombstone(b"t" * 16, 9, DEVICE, WholeSession(SESSION))
    events = [event_at(number) for number in range(segment.MAX_EVENTS + 1)]
    first, second = cut(History(frozenset(events), tombstones=frozenset({tombstone})))
    assert first.tombstones == {tombstone}
    assert not second.tombstones


def test_artifacts_and_their_events_that_are_spared_of_the_same_tombstones_are_readable():
    """The reader counts equal sets twice."""
    spared = tuple(number.to_bytes(16, "big") for number in range(1_024))
    event = KEY._replace(spared=spared)
    artifacts = frozenset(
        Artifact(ArtifactKey(1, DEVICE, SESSION, number.to_bytes(16, "big"), event, spared),
                 b"log", "file", 0, bytes(32))
        for number in range(900)
    )  # fmt: skip
    encoded = segment.encode_readable(History(artifacts=artifacts))
    assert encoded.refused == 0
    assert union([content for _, content in encoded.parts]).artifacts == artifacts
