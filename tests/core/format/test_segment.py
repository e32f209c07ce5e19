"""Segments: a history is encoded by columns and decoded strictly and within limits."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.msgpack import decode as unpack
from msgspec.msgpack import encode as pack

from hx.core.format import segment
from hx.core.format.body import compress
from hx.core.format.verdict import (
    AUTHOR,
    MALFORMED,
    NEEDS_UPGRADE,
    PENDING,
    REJECTED,
    TOO_LARGE,
    Fault,
)
from hx.core.history_lines import OF_MARK
from hx.core.merge import History
from hx.core.model import (
    IMPORTED,
    MAX_KEYS_IN_TOMBSTONE,
    Artifact,
    ArtifactKey,
    Event,
    EventKey,
    Evidence,
    Keys,
    Pin,
    Tombstone,
    WholeSession,
    Window,
)
from strategies import histories

DEVICE, OTHER_DEVICE, ORIGIN = b"\x01" * 16, b"\x02" * 16, b"\x81" * 16
SESSION = b"\xa0" * 16
KEY = EventKey(1_700_000_000_000_000, DEVICE, SESSION, 1)
EVENT = Event(KEY, b"make", b"/srv", exit_status=0, flags=1)
ARTIFACT = Artifact(ArtifactKey(5, DEVICE, SESSION, b"a" * 16, KEY), b"log", "output", 9, bytes(32))
PIN = Pin(SESSION, True, 7, DEVICE)
TOMBSTONES = (
    Tombstone(b"t" * 16, 1, DEVICE, Window(0, 9, DEVICE)),
    Tombstone(b"u" * 16, 1, DEVICE, WholeSession(SESSION)),
    Tombstone(b"v" * 16, 1, DEVICE, Keys(frozenset({KEY}), frozenset({ARTIFACT.key}))),
)
HISTORY = History(
    frozenset({EVENT}), frozenset({ARTIFACT}), frozenset({PIN}), frozenset(TOMBSTONES)
)
FIELDS = unpack(segment.encode(HISTORY))


def altered(**fields):
    return pack({**FIELDS, **fields})


def finding(payload):
    with pytest.raises(Fault) as caught:
        segment.decode(payload)
    return caught.value.status, caught.value.reason


@given(histories)
def test_a_history_is_decoded_as_encoded(history):
    assert segment.decode(segment.encode(history)) == history


def test_the_bytes_do_not_depend_on_the_order_of_sets():
    events = [EVENT._replace(key=KEY._replace(seq=n), command=b"%d" % n) for n in range(50)]
    payloads = {segment.encode(History(frozenset(list_))) for list_ in (events, events[::-1])}
    assert len(payloads) == 1


def test_the_extremes_of_every_field_are_kept():
    far = EventKey(2**62, DEVICE, b"\xb0" * 16, 2**63 - 1)
    near = EventKey(-(2**62), DEVICE, b"\xb0" * 16, 0)
    evidence = Evidence(2**32 - 1, tuple([2**64 - 1] * 400), tuple([b"e"] * 20))
    history = History(
        frozenset(
            {
                Event(far, b"x" * (1 << 20), b"", -(2**63), (2**63 - 1, -(2**63)), 2**63 - 1),
                Event(near, b"", b"/", revision=2**32 - 1, origin=IMPORTED, flags=7),
            }
        ),
        frozenset({ARTIFACT._replace(size=2**63 - 1, evidence=evidence, name=b"\xff")}),
        frozenset({PIN._replace(changed_at_us=2**62)}),
        frozenset(
            {
                TOMBSTONES[0]._replace(scope=Window(-(2**63), 2**63 - 1)),
                TOMBSTONES[2]._replace(scope=Keys(frozenset({far, near}))),
                TOMBSTONES[2]._replace(scope=Keys(frozenset())),
            }
        ),
    )
    assert segment.decode(segment.encode(history)) == history


def realistic(count):
    """Yield typical events: half are repeats, 200 commands in a session, eight directories."""
    rng = random.Random(7)
    words = ["api", "core", "billing", "client", "worker", "queue", "mobile", "ledger"]
    typed, at_us = [], 1_700_000_000_000_000
    for number in range(count):
        fresh = f"git commit -m 'fix {rng.choice(words)} #{rng.getrandbits(32):08x}'"
        command = rng.choice(typed) if typed and rng.random() < 0.5 else fresh
        typed.append(command)
        at_us += rng.randint(1, 80_000_000)
        session = random.Random(number // 200).randbytes(16)
        yield Event(
            EventKey(at_us, DEVICE, session, number % 200 + 1),
            command.encode(),
            f"/home/ann/src/{rng.choice(words)}".encode(),
            int(rng.random() < 0.06),
            None,
            rng.randint(2_000, 5_000_000),
            host=b"laptop",
            user=b"ann",
            shell=b"zsh",
            tty=b"pts/3",
            flags=1,
        )


def test_an_event_costs_at_most_25_bytes_in_the_store():
    payload = segment.encode(History(frozenset(realistic(5_000))))
    assert len(compress(payload)) <= 25 * 5_000


def test_a_forgotten_key_costs_at_most_12_bytes():
    keys = frozenset(event.key for event in realistic(5_000))
    payload = segment.encode(
        History(tombstones=frozenset({TOMBSTONES[0]._replace(scope=Keys(keys))}))
    )
    assert len(compress(payload)) <= 12 * 5_000


@pytest.mark.parametrize("version", [0, 2, 2**64 - 1])
def test_another_version_waits_for_an_upgrade(version):
    assert finding(altered(v=version)) == (PENDING, NEEDS_UPGRADE)


def test_an_unknown_field_waits_for_an_upgrade():
    assert finding(altered(mood=[1])) == (PENDING, NEEDS_UPGRADE)


def test_an_unknown_flag_or_origin_of_an_event_waits_for_an_upgrade():
    assert finding(altered(flags=[9])) == (PENDING, NEEDS_UPGRADE)
    assert finding(altered(origin=[2])) == (PENDING, NEEDS_UPGRADE)


@pytest.mark.parametrize("field", list(FIELDS))
def test_a_missing_field_is_malformed(field):
    remaining = {name: value for name, value in FIELDS.items() if name != field}
    assert finding(pack(remaining)) == (REJECTED, MALFORMED)


@pytest.mark.parametrize("field", list(FIELDS))
@pytest.mark.parametrize("value", [None, "text", True, 1.0, {}, [True], [1.0], [{}], [None] * 3])
def test_a_field_of_another_type_is_malformed(field, value):
    assert finding(altered(**{field: value})) == (REJECTED, MALFORMED)


ARTIFACT_ROW = FIELDS["artifacts"][0]
SESSION_ROW = FIELDS["sessions"][0]
KEYS_ROW = FIELDS["forget_keys"][0]
MALFORMED_FIELDS = {
    "a session that is not in its table": {"session": [1]},
    "a command that is not in its table": {"command": [1]},
    "a negative number": {"command": [-1]},
    "a directory that is not in its table": {"cwd": [1]},
    "a repository that is not in its table": {"repo": [1]},
    "a branch that is not in its table": {"branch": [2**32 - 1]},
    "a number of more than 32 bits": {"revision": [2**32]},
    "a time too far": {"started_at_us": [2**62 + 1]},
    "a time too early": {"started_at_us": [-(2**62) - 1]},
    "a negative seq": {"seq": [-1]},
    "a seq too great": {"seq": [2**63]},
    "a negative duration": {"duration_us": [-1]},
    "an exit status of more than 64 bits": {"exit_status": [2**63]},
    "a pipe status of more than 64 bits": {"pipestatus": [[2**63]]},
    "columns of different lengths": {"exit_status": [0, 0]},
    "a column that is too short": {"origin": []},
    "a short session id": {"sessions": [[b"x" * 15, *SESSION_ROW[1:]]]},
    "a long device id": {"sessions": [[SESSION_ROW[0], b"x" * 17, *SESSION_ROW[2:]]]},
    "a session of five fields": {"sessions": [SESSION_ROW[:5]]},
    "a session of seven fields": {"sessions": [[*SESSION_ROW, None]]},
    "a host that is text": {"sessions": [[*SESSION_ROW[:2], "vm", None, None, None]]},
    "a command over 1 MiB": {"commands": [bytes((1 << 20) + 1)]},
    "an artifact of a short hash": {
        "artifacts": [[*ARTIFACT_ROW[:4], bytes(31), *ARTIFACT_ROW[5:]]]
    },
    "an artifact of a negative size": {"artifacts": [[*ARTIFACT_ROW[:3], -1, *ARTIFACT_ROW[4:]]]},
    "too many line hashes": {"artifacts": [[*ARTIFACT_ROW[:7], [1, [0] * 401, []]]]},
    "too many error lines": {"artifacts": [[*ARTIFACT_ROW[:7], [1, [], [b""] * 21]]]},
    "a kind that is not text": {"artifacts": [[*ARTIFACT_ROW[:2], b"file", *ARTIFACT_ROW[3:]]]},
    "a pin that is the number 1": {"pins": [[SESSION, 1, 7, DEVICE]]},
    "a pin too late": {"pins": [[SESSION, True, 2**62 + 1, DEVICE]]},
    "a window without its end": {"forget_windows": [FIELDS["forget_windows"][0][:4]]},
    "a session that is nil": {"forget_sessions": [[b"u" * 16, 1, DEVICE, None]]},
    "more keys than are present": {"forget_keys": [[*KEYS_ROW[:3], 2, [], False]]},
    "an undone mark that is a number": {"forget_keys": [[*KEYS_ROW[:5], 1]]},
    "keys without a tombstone": {"forget_keys": []},
    "a key without its session": {"key_session": [1]},
    "a key without all columns": {"key_seq": [1, 1]},
    "a key too far": {"key_started_at_us": [2**62 + 1]},
}


@pytest.mark.parametrize("fields", MALFORMED_FIELDS.values(), ids=list(MALFORMED_FIELDS))
def test_a_value_out_of_its_range_is_malformed(fields):
    assert finding(altered(**fields)) == (REJECTED, MALFORMED)


def test_more_events_than_a_segment_may_hold_are_malformed():
    events = [EVENT._replace(key=KEY._replace(seq=number)) for number in range(65_537)]
    assert finding(segment.encode(History(frozenset(events)))) == (REJECTED, MALFORMED)
    assert segment.decode(segment.encode(History(frozenset(events[1:]))))


def test_a_tombstone_of_more_keys_than_one_may_have_is_malformed():
    count = 65_537
    keys = {
        "forget_keys": [[*KEYS_ROW[:3], count, [], False]],
        "key_session": [0] * count,
        "key_seq": [0] * count,
        "key_started_at_us": [0] * count,
    }
    assert finding(altered(**keys)) == (REJECTED, MALFORMED)


def test_a_repeated_field_is_malformed():
    pairs = [*FIELDS.items(), ("pins", [])]
    for count, head in ((len(pairs), b"\xde"), (len(pairs), b"\xdf")):
        size = 2 if head == b"\xde" else 4
        payload = head + count.to_bytes(size, "big")
        payload += b"".join(pack(name) + pack(value) for name, value in pairs)
        assert finding(payload) == (REJECTED, MALFORMED)
        once = head + (count - 1).to_bytes(size, "big")
        once += b"".join(pack(name) + pack(value) for name, value in pairs[:-1])
        assert segment.decode(once) == HISTORY


HOSTILE = {
    "nothing": b"",
    "no map": pack([1]),
    "a map of numbers": pack({1: 2}),
    "a name that is no UTF-8": b"\x81\xa1\xff\x01",
    "bytes behind the end": segment.encode(HISTORY) + b"\xc0",
    "nested 100,000 deep": b"\x82\xa1v\x01\xa1x" + b"\x91" * 100_000 + b"\x01",
    "deep in a known field": b"\x82\xa1v\x01\xa4pins" + b"\x91" * 100_000 + b"\x01",
    "maps, deep": b"\x82\xa1v\x01\xa1x" + b"\x81\xa1a" * 100_000 + b"\x01",
    "a map of four billion": b"\xdf\xff\xff\xff\xff",
    "an array of four billion": b"\x82\xa1v\x01\xa4pins\xdd\xff\xff\xff\xff",
    "bytes of four billion": b"\x82\xa1v\x01\xa4pins\xc6\xff\xff\xff\xff",
    "an extension": b"\x82\xa1v\x01\xa4pins\xd4\x05\x00",
    "a time stamp": b"\x81\xa1v\xd6\xff\x00\x00\x00\x00",
}


@pytest.mark.parametrize("payload", HOSTILE.values(), ids=list(HOSTILE))
def test_hostile_bytes_are_malformed(payload):
    assert finding(payload) == (REJECTED, MALFORMED)


def test_a_payload_of_a_million_fields_costs_no_memory():
    import tracemalloc

    payload = pack({"v": 1, **{str(number): 0 for number in range(1_000_000)}})
    tracemalloc.start()
    assert finding(payload) == (REJECTED, MALFORMED)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


@given(st.data())
def test_altered_bytes_are_a_history_or_a_fault(data):
    payload = segment.encode(data.draw(histories))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(payload)))
        piece = data.draw(st.binary(max_size=6))
        cut = data.draw(st.integers(0, 6))
        payload = payload[:place] + piece + payload[place + cut :]
    try:
        history = segment.decode(payload)
    except Fault:
        return
    assert segment.decode(segment.encode(history)) == history


@given(st.binary(max_size=200))
def test_any_bytes_are_a_fault(payload):
    finding(payload)


def test_only_imported_events_have_the_id_of_an_import():
    imported = EVENT._replace(key=KEY._replace(device_id=ORIGIN), origin=IMPORTED)
    segment.require_origins(History(frozenset({imported, EVENT})))
    with pytest.raises(Fault) as caught:
        segment.require_origins(History(frozenset({imported._replace(origin=0)})))
    assert (caught.value.status, caught.value.reason) == (REJECTED, AUTHOR)


def test_a_payload_that_costs_much_memory_is_refused_before_decoding():
    """A status is one byte in a payload and eight bytes in memory."""
    import tracemalloc

    payload = altered(pipestatus=[[0] * 60_000] * 500)
    assert len(payload) > 16 << 20
    tracemalloc.start()
    with pytest.raises(Fault) as caught:
        segment.decode(payload)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert caught.value.reason == TOO_LARGE
    assert peak < 1 << 20


def test_the_largest_possible_record_fits_into_a_segment():
    key = ArtifactKey(2**50, bytes(16), bytes(16), bytes(16), EventKey(2**50, *[bytes(16)] * 2, 1))
    keys = [
        key._replace(artifact_id=number.to_bytes(16)) for number in range(MAX_KEYS_IN_TOMBSTONE)
    ]
    tombstone = Tombstone(bytes(16), 1, bytes(16), Keys(frozenset(), frozenset(keys)))
    [piece] = segment.cut(History(tombstones=frozenset([tombstone])))
    assert segment.decode(segment.encode(piece)) == piece


def test_an_event_with_texts_over_the_limit_is_left_out():
    event = Event(EventKey(1, bytes(16), bytes(16), 1), b"make", b"/" * (16 << 20))
    assert list(segment.cut(History(frozenset([event])))) == []


IDS = [number.to_bytes(16, "big") for number in range(1_025)]


def spared_of(event, *ids):
    return event._replace(key=event.key._replace(spared=ids))


@pytest.mark.parametrize(
    "sets",
    [[[IDS[1], IDS[0]]], [[IDS[0], IDS[0]]], [[]], [IDS]],
    ids=["not ascending", "an id twice", "an empty set", "more than 1,024 ids"],
)
def test_a_set_of_spared_tombstones_has_one_form(sets):
    assert finding(altered(spared_sets=sets, spared=[1])) == (REJECTED, MALFORMED)


@pytest.mark.parametrize("number", [2, 2**32 - 1])
def test_a_record_that_is_spared_of_an_absent_set_is_refused(number):
    fields = {"spared_sets": [IDS[:1]]}
    assert finding(altered(**fields, spared=[number])) == (REJECTED, MALFORMED)
    [[key, *rest]] = FIELDS["artifacts"]
    assert finding(altered(**fields, artifacts=[[[*key[:5], number], *rest]])) == (
        REJECTED,
        MALFORMED,
    )
    event = [*key[4][:4], number]
    assert finding(altered(**fields, artifacts=[[[*key[:4], event, 0], *rest]])) == (
        REJECTED,
        MALFORMED,
    )


def test_the_sets_of_all_records_together_have_at_most_a_million_ids():
    """A set is a few bytes for each further record, but its ids are tested for each of them."""
    events = [
        spared_of(EVENT._replace(key=KEY._replace(seq=number)), *IDS[:1_024])
        for number in range(1_025)
    ]
    assert finding(segment.encode(History(frozenset(events)))) == (REJECTED, MALFORMED)
    pieces = list(segment.cut(History(frozenset(events))))
    assert len(pieces) > 1
    for piece in pieces:
        assert segment.decode(segment.encode(piece)) == piece


def test_a_set_is_written_once_for_all_records_that_share_it():
    events = [
        spared_of(EVENT._replace(key=KEY._replace(seq=number)), *IDS[:64]) for number in range(500)
    ]
    bare = [event._replace(key=event.key._replace(spared=())) for event in events]
    sizes = [len(segment.encode(History(frozenset(each)))) for each in (events, bare)]
    assert sizes[0] - sizes[1] < 64 * 18 + 10


def test_no_event_has_the_id_of_marks():
    key = KEY._replace(device_id=OF_MARK, session_id=OF_MARK)
    marked = EVENT._replace(key=key, origin=IMPORTED)
    with pytest.raises(Fault) as caught:
        segment.require_origins(History(frozenset({marked})))
    assert (caught.value.status, caught.value.reason) == (REJECTED, AUTHOR)
