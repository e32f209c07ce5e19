"""Spool records: how bytes become events, and that incomplete writes lose only their record."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hx.core.model import FINISHED, MAX_COMMAND_BYTES, MAX_TIME_US, STATUS_UNKNOWN, Event, EventKey
from hx.core.spool_records import (
    END_WITHOUT_START,
    FOREIGN,
    MALFORMED,
    TOO_LONG,
    TORN,
    UNKNOWN_TYPE,
    Facts,
    assemble,
    ends_without_start,
    parse,
    read_header,
)
from spooled import complete, end, header, record, start

SESSION, DEVICE = b"\xaa" * 16, b"\x0d" * 16
FACTS = Facts(SESSION, DEVICE, b"box", b"ann", b"zsh", b"/dev/pts/1", begin_us=1_000_000)
MAX = 2**63 - 1
junk = st.binary(max_size=40).filter(lambda data: b"HX1" not in data)


def key(seq, started_at_us):
    return EventKey(started_at_us, DEVICE, SESSION, seq)


def read(data, started=None, facts=FACTS):
    """Return (events in the order of their ends, all faults) of bytes that are read at once."""
    parsed = parse(data)
    assembled = assemble(parsed.records, facts, started or {})
    faults = dict(parsed.faults)
    for reason, count in assembled.faults.items():
        faults[reason] = faults.get(reason, 0) + count
    return assembled.events, faults


def only(data, facts=FACTS):
    """Return the single event of the bytes; assert that there is no fault."""
    [event], faults = read(data, facts=facts)
    assert faults == {}
    return event


def test_a_header_gives_the_facts_of_the_session():
    [head] = parse(header(h="box", u="ann", S="fish", T="/dev/pts/3", b=5)).records
    facts = read_header(head, SESSION, DEVICE)
    assert facts == Facts(SESSION, DEVICE, b"box", b"ann", b"fish", b"/dev/pts/3", 5)


def test_missing_and_invalid_facts_of_a_header_are_unknown():
    [head] = parse(record("H", b="soon")).records
    assert read_header(head, SESSION, DEVICE) == Facts(SESSION, DEVICE)


def test_a_complete_record_is_a_finished_event():
    event = only(record("C", n=7, b=2_000, e=5_500, x=3, p="0 3", d="/w", c="a | b"))
    assert event == Event(
        key(7, 2_000),
        b"a | b",
        b"/w",
        exit_status=3,
        pipestatus=(0, 3),
        duration_us=3_500,
        host=b"box",
        user=b"ann",
        shell=b"zsh",
        tty=b"/dev/pts/1",
        flags=FINISHED,
    )


def test_a_start_without_an_end_is_unfinished():
    event = only(start(1, "sleep 9", at=50))
    assert (event.command, event.cwd, event.flags, event.exit_status) == (
        b"sleep 9",
        b"/w",
        0,
        None,
    )


def test_start_and_end_are_one_event():
    event = only(start(1, at=50) + end(1, 4, at=80))
    assert (event.exit_status, event.duration_us, event.flags) == (4, 30, FINISHED)


def test_an_end_in_a_later_drain_completes_the_event():
    begun = only(start(1, at=50))
    events, faults = read(end(1, 4, at=80), started={1: begun})
    assert events == [only(start(1, at=50) + end(1, 4, at=80))]
    assert faults == {}
    assert ends_without_start(parse(end(1) + end(9) + start(2) + end(2)).records) == [1, 9]


def test_an_end_without_its_start_is_counted():
    assert read(end(1)) == ([], {END_WITHOUT_START: 1})
    assert read(start(1) + end(1) + end(1))[1] == {END_WITHOUT_START: 1}


def test_a_shell_exit_a_second_header_and_keys_are_no_events():
    assert read(header() + record("X", e=5) + record("K", k="x", n=1)) == ([], {})


def test_the_end_of_the_shell_ends_the_command_that_runs():
    left = only(start(1, "exit 3", at=50) + record("X", e=80, n=1, x=3))
    assert (left.exit_status, left.duration_us, left.flags) == (3, 30, FINISHED)
    assert ends_without_start(parse(record("X", e=80, n=4)).records) == [4]


def test_a_shell_that_does_not_know_the_status_ends_the_command_all_the_same():
    event = only(start(1, at=50) + record("X", e=80, n=1))
    assert (event.exit_status, event.duration_us) == (None, 30)
    assert event.flags == FINISHED | STATUS_UNKNOWN


@pytest.mark.parametrize(
    ("began", "ended", "duration"),
    [
        (50, 50, 0),
        (50_000, 49_999, 0),  # within a tick of the clock of fish
        (50_000, 39_999, None),  # the clock was set back meanwhile
        (600_000_000, 600_000_009, 9),
        (600_000_000, 1_700_000_000_000_000, None),  # it stood in 1970, and was set right
        (1_600_000_000_000_000, 1_700_000_000_000_000, 100_000_000_000_000),
    ],
)
def test_a_duration_is_never_negative_nor_since_1970(began, ended, duration):
    assert only(start(1, at=began) + end(1, 0, at=ended)).duration_us == duration
    event = only(record("C", n=1, b=began, e=ended, x=0, d="/w", c="a"))
    assert event.duration_us == duration


def test_a_pasted_line_is_finished_with_unknown_status():
    event = only(record("C", n=2, b=50, d="/w", m="paste", c="first"))
    assert event.flags == FINISHED | STATUS_UNKNOWN
    assert (event.exit_status, event.pipestatus, event.duration_us) == (None, None, None)


def test_a_record_with_only_an_end_time_starts_then():
    assert only(record("C", n=2, e=77, d="/w", c="x")).key.started_at_us == 77


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ("1 0", (1, 0)),
        ("0", None),  # repeats the exit status
        ("0 1", None),  # left over from an earlier pipeline: the exit status is 0
        ("0 x 0", None),
        (" ", None),
        ("-1 0", (-1, 0)),
    ],
)
def test_pipestatus_is_kept_if_it_ends_in_the_exit_status(statuses, expected):
    assert only(complete(1, x=0, p=statuses)).pipestatus == expected


def test_times_of_fish_are_computed_from_the_uptime():
    begun = record("S", n=1, O=500_000_000, U="507.25", d="/w", c="x")
    event = only(begun + record("E", n=1, D=30, x=0))
    assert event.key.started_at_us == 500_000_000 + 507_250_000
    assert event.duration_us == 30_000


def test_the_uptime_0_may_be_before_1970():
    event = only(record("S", n=1, O=-500_000_000, U="507.25", d="/w", c="x"))
    assert event.key.started_at_us == 7_250_000


@pytest.mark.parametrize("took", [-3_600_000, 1_700_000_000_000])
def test_a_duration_of_fish_over_a_step_of_the_clock_is_unknown(took):
    event = only(start(1, at=600_000_000) + record("E", n=1, D=took, x=0))
    assert event.duration_us is None


@pytest.mark.parametrize("boot", [0, -(10**18), 10**18, 10**19, "", "x"])
@pytest.mark.parametrize("uptime", ["12.5", "bad", "9" * 18, "9" * 18 + ".99", "9" * 19])
def test_an_impossible_uptime_gives_a_possible_time(boot, uptime):
    event = only(record("S", n=1, O=boot, U=uptime, d="/w", c="x"))
    assert 0 <= event.key.started_at_us <= MAX_TIME_US


def test_an_event_without_a_time_starts_with_its_session():
    assert only(record("S", n=1, d="/w", c="x")).key.started_at_us == 1_000_000


@pytest.mark.parametrize(
    "fields",
    [
        {"n": 1, "b": 5},
        {"n": 1, "b": 5, "c": ""},
        {"b": 5, "c": "x"},
        {"n": 0, "b": 5, "c": "x"},
        {"n": -1, "b": 5, "c": "x"},
        {"n": 1, "b": -5, "c": "x"},
        {"n": 1, "b": MAX + 1, "c": "x"},
        {"n": "1e3", "b": 5, "c": "x"},
        {"n": "\u0661", "b": 5, "c": "x"},
    ],
    ids=repr,
)
def test_a_record_with_a_field_missing_or_out_of_range_is_counted(fields):
    assert read(record("S", **fields) + complete(8))[1] == {MALFORMED: 1}


def test_a_record_of_a_later_version_is_counted_and_skipped():
    events, faults = read(record("Z", n=1) + complete(2))
    assert [event.key.seq for event in events] == [2]
    assert faults == {UNKNOWN_TYPE: 1}


def test_a_command_over_one_mebibyte_is_counted():
    text = bytes(range(1, 256)) * 4_113  # every byte but NUL
    text = text[:MAX_COMMAND_BYTES]
    assert only(complete(1, text)).command == text
    assert read(complete(1, text + b"x")) == ([], {TOO_LONG: 1})


def test_a_value_may_look_like_a_record():
    text = b"HX1S \\0HX1C \x01 HX1"
    assert only(complete(1, text)).command == text


def test_bytes_after_the_last_commit_mark_are_not_read():
    written = complete(1)
    for torn in (b"H", b"HX1C\0n2", b"\0HX1C\0n2\0b5\0cx", b"\0HX1C\0n2\0b5\0cx\0"):
        parsed = parse(written + torn)
        assert parsed.faults == {}
        assert [item.fields["n"] for item in parsed.records] == [b"1"]
        assert parsed.size - len(written) == (torn[:1] == b"\0")  # one NUL more is harmless


@pytest.mark.parametrize("data", [b"", b"\0", b"x", b"\0HX1C\0n1"])
def test_without_a_commit_mark_nothing_is_read(data):
    assert parse(data) == ([], 0, {})


@pytest.mark.parametrize(
    ("data", "faults"),
    [
        (b"", {}),
        (b"\0", {}),
        (b"x", {FOREIGN: 1}),
        (b"x\0y", {FOREIGN: 2}),
        (b"\0HX1C\0n1\0cx", {TORN: 1}),
        (b"\0HX1C\0n1\0cx\0", {TORN: 1}),
    ],
)
def test_incomplete_records_of_a_closed_file_are_counted(data, faults):
    assert parse(data, closed=True) == ([], len(data), faults)


@given(st.binary(max_size=300), st.booleans())
@example(b"\0HX1\xff\0\xff\0\0", True)
def test_no_bytes_raise(data, closed):
    parsed = parse(data, closed=closed)
    assemble(parsed.records, FACTS, {})
    ends_without_start(parsed.records)
    assert 0 <= parsed.size <= len(data)


numbers = st.sampled_from(
    ["0", "1", "-1", str(MAX), str(MAX + 1), "1.5", "99999999999999.99", " ", "0 1"]
)
fields = st.dictionaries(
    st.sampled_from("nbexpDOUdcm"), numbers | st.binary(max_size=3), max_size=6
)
good = st.sampled_from(
    [{}, {"n": 1, "c": "x"}]
)  # half of the records are valid except for one field
records = st.lists(
    st.builds(
        lambda kind, known, values: record(kind, **(known | values)),
        st.sampled_from("SSCCEEHXK?"),
        good,
        fields,
    ),
    max_size=8,
).map(b"".join)


@given(records, st.sampled_from([0, MAX_TIME_US]))
def test_every_event_fits_the_database(data, begin_us):
    facts = FACTS._replace(begin_us=begin_us)
    for event in read(data, facts=facts)[0]:
        assert event.command
        assert event.key.seq > 0
        assert 0 <= event.key.started_at_us <= MAX
        assert -MAX <= (event.exit_status or 0) <= MAX
        assert 0 <= (event.duration_us or 0) <= MAX


stream = [
    header(),
    complete(1, "one", x=0, p="0"),
    start(2, "two\nlines"),
    end(2, 130),
    complete(3, b"\xff\xfe", x=1, p="0 1"),
    start(4, "four"),
]


@pytest.mark.parametrize("which", range(1, len(stream)))
def test_a_torn_write_at_any_byte_loses_only_its_record(which):
    """A start or a complete record is read whole or not at all: the command is its last field."""
    torn = stream[which]
    others = [item for number, item in enumerate(stream) if number != which]
    remaining = [event for event in read(b"".join(others))[0] if event.key.seq != 2]
    all_events = read(b"".join(stream))[0]
    for size in range(len(torn)):
        data = b"".join([*stream[:which], torn[:size], *stream[which + 1 :], complete(9)])
        events = [event for event in read(data)[0] if event.key.seq != 9]
        assert {event for event in events if event.key.seq != 2} >= set(remaining)
        if which != 3:
            assert set(events) <= set(all_events)
        else:
            [event] = [event for event in events if event.key.seq == 2]
            assert event.command == b"two\nlines"
            assert event.exit_status in {None, 130}


@given(st.lists(st.tuples(junk, st.integers(1, 5)), max_size=6), junk)
def test_junk_between_records_loses_none(pieces, last):
    """The NUL before the next record ends the junk."""
    data = b"".join(dirt + complete(seq, at=100 + i) for i, (dirt, seq) in enumerate(pieces))
    events, faults = read(data + last)
    assert [event.key for event in events] == [
        key(seq, 100 + i) for i, (_, seq) in enumerate(pieces)
    ]
    assert set(faults) <= {FOREIGN}


@given(
    st.lists(st.sampled_from(stream) | junk | records, max_size=8).map(b"".join),
    st.lists(st.integers(0, 400), max_size=6).map(sorted),
)
def test_a_file_read_as_it_grows_gives_the_same_records_and_faults(data, cuts):
    """Each read starts where the last one ended, wherever the writes were cut."""
    offset, records_read, faults = 0, [], {}
    for size in [*cuts, len(data)]:
        parsed = parse(data[offset:size])
        offset += parsed.size
        records_read += parsed.records
        for reason, count in parsed.faults.items():
            faults[reason] = faults.get(reason, 0) + count
    assert (records_read, offset, faults) == parse(data)


def test_a_time_beyond_the_limit_of_segments_gives_no_event():
    last = record("C", n=1, b=MAX_TIME_US, x=0, d="/w", c="x")
    assert only(last).key.started_at_us == MAX_TIME_US
    late = record("C", n=1, b=MAX_TIME_US + 1, x=0, d="/w", c="x")
    assert read(late + complete(8))[1] == {MALFORMED: 1}
