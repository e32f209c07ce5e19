"""Lines of history files: a mark in a tombstone names the same ones on every device."""

from __future__ import annotations

from binascii import crc32
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hx.core.event_name import digest64
from hx.core.history_lines import OF_MARK, is_line, mark_at, mark_of, names_of
from hx.core.import_matching.keys import (
    KnownEvent,
    Placing,
    SpotEvents,
    first_seqs,
    origin_device_id,
    origin_session_id,
)
from hx.core.merge import Cover, History, join
from hx.core.model import (
    FINISHED,
    IMPORTED,
    KNOWN_SINCE_US,
    Artifact,
    ArtifactKey,
    Event,
    EventKey,
    Keys,
    Tombstone,
)
from lines import BEGIN_US, COPY, DATABASE, DEVICE, FILE, histories, tombstones


def first_seq(text: bytes) -> int:
    return first_seqs([text])[0]


LINE = EventKey(BEGIN_US, FILE, FILE, first_seq(b"make"))
NOTHING = History()


def named(key: EventKey, mark: EventKey) -> bool:
    """Return whether a mark names an event, by the literal rule of docs/format.md."""
    return (
        mark.device_id == mark.session_id == b"\xc0" + bytes(15)
        and key.device_id[0] >> 6 == 3
        and key.started_at_us == mark.started_at_us >= KNOWN_SINCE_US
        and key.seq % 64 == mark.seq
    )


@given(histories, histories, histories)
def test_the_laws_of_join_hold_for_lines_and_marks(a, b, c):
    assert join(a, b) == join(b, a)
    assert join(join(a, b), c) == join(a, join(b, c))
    assert join(join(a, b), a) == join(join(a, b), NOTHING) == join(a, b)


@given(st.lists(histories, min_size=1, max_size=4), st.data())
def test_any_order_of_lines_and_marks_ends_in_the_same_history(deltas, data):
    arriving = data.draw(st.permutations([*deltas, *deltas]))
    assert reduce(join, arriving, NOTHING) == reduce(join, deltas, NOTHING)


@given(histories, tombstones)
def test_marks_cover_exactly_the_lines_that_they_name(history, tombstone):
    covered = Cover([tombstone])
    keys = tombstone.scope.events if isinstance(tombstone.scope, Keys) else frozenset()
    of_marks = Cover([tombstone._replace(scope=Keys(frozenset(filter(is_mark, keys))))])
    for event in history.events:
        is_spared = tombstone.tombstone_id in event.key.spared
        by_mark = not is_spared and any(named(event.key, key) for key in keys)
        assert of_marks.event(event.key) == by_mark
        assert covered.event(event.key) >= by_mark


def is_mark(key: EventKey) -> bool:
    return key.device_id == OF_MARK


def test_a_mark_covers_an_artifact_of_its_line():
    tombstone = Tombstone(b"t" * 16, 1, DEVICE, Keys(frozenset({mark_at(BEGIN_US, LINE.seq)})))
    artifact = Artifact(ArtifactKey(1, DEVICE, DEVICE, b"a" * 16, LINE), b"a", "file", 1, bytes(32))
    joined = join(
        History(artifacts=frozenset({artifact})), History(tombstones=frozenset({tombstone}))
    )
    assert joined.artifacts == frozenset()


def test_every_copy_of_a_line_has_one_mark():
    marks = {
        mark_of(EventKey(BEGIN_US, file, file, (ordinal << 6) + first_seq(b"make")))
        for file in (FILE, COPY)
        for ordinal in range(3)
    }
    assert marks == {mark_at(BEGIN_US, crc32(b"make"))}


@pytest.mark.parametrize(
    "key",
    [
        LINE._replace(device_id=DEVICE),
        LINE._replace(device_id=DATABASE),
        LINE._replace(started_at_us=KNOWN_SINCE_US - 1),  # a place in a file
    ],
)
def test_what_is_no_line_with_a_time_has_no_mark(key):
    assert mark_of(key) is None
    assert names_of(key) == (key,)


def test_only_the_origin_of_a_text_file_is_that_of_lines():
    for named_by in (origin_device_id, origin_session_id):
        text = named_by(b"zsh", b"device", is_text=True)
        tool = named_by(b"atuin", b"host:user")
        assert text[0] >> 6 == 3
        assert tool[0] >> 6 == 2
    assert not is_line(LINE._replace(device_id=tool))


def placed(texts: list[bytes], at_spot: SpotEvents | None = None) -> list[int]:
    """Return the seqs that lines of one second get."""
    events = [
        Event(LINE._replace(seq=first_seq(text)), text, b"", flags=FINISHED, origin=IMPORTED)
        for text in texts
    ]
    spots = {(FILE, BEGIN_US): at_spot} if at_spot else {}
    return [event.key.seq for event in Placing(lambda _: {}).place(events, spots).fresh]


@given(st.lists(st.sampled_from([b"a", b"b", b"c"]), max_size=6))
def test_a_seq_is_the_ordinal_of_a_line_in_its_second_and_the_print_of_its_text(texts):
    seqs = placed(texts)
    assert [seq >> 6 for seq in seqs] == list(range(1, len(texts) + 1))
    assert [seq & 63 for seq in seqs] == [crc32(text) & 63 for text in texts]


def test_a_line_that_is_added_to_a_second_comes_after_those_that_are_there():
    there = SpotEvents()
    there.texts = {digest64(b"a"): [KnownEvent(first_seq(b"a") + (4 << 6), finished=True)]}
    there.greatest = first_seq(b"a") + (4 << 6)
    assert placed([b"a", b"b"], there) == [6 << 6 | crc32(b"b") & 63]
