"""`find` gives exactly the events that a plain loop over all events gives."""

from __future__ import annotations

from collections import defaultdict
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hx.core.merge import History
from hx.core.model import FINISHED, KNOWN_SINCE_US, Event, EventKey
from hx.core.query import Query, either_case, index_words
from hx.database import find as find_module
from hx.database.connection import open_database
from hx.database.find import find
from hx.database.join import join

# Cases that differ between ASCII, SQLite and Unicode; letters of one case; what LIKE, GLOB and
# FTS read as their own; a letter outside the BMP; the replacement character
LETTERS = "abcABC éÉßẞſsSkK\u212aıIİiµΜσςΣдДʼnǅǆǄაᲐᏸᏰꭰ𐐨𐐀🚀中%_*?[]^-\\\"'().+:\n\t\ufffd"  # noqa: RUF001
DEVICES = [bytes([n]) * 16 for n in (1, 2)]
SESSIONS = [bytes([n]) * 16 for n in (8, 9)]
NAMES = {DEVICES[0]: "desktop", DEVICES[1]: "laptop"}

texts = st.lists(st.sampled_from(LETTERS), min_size=1, max_size=3, unique=True).flatmap(
    lambda letters: st.text(st.sampled_from(letters), min_size=1, max_size=6)
)
filters = {
    "cwd": st.sampled_from([b"/a", b"/\xff"]),
    "repo": st.just(b"r"),
    "session_id": st.sampled_from(SESSIONS),
    "device": st.sampled_from(["desktop", "laptop", "0101", "02", "%", "1"]),
    "host": st.sampled_from([b"h", b"\xff"]),
    "exit_status": st.integers(0, 2),
    "failed": st.booleans(),
    "since_us": st.integers(0, 20) | st.integers(KNOWN_SINCE_US, KNOWN_SINCE_US + 20),
    "until_us": st.integers(0, 20) | st.integers(KNOWN_SINCE_US, KNOWN_SINCE_US + 20),
}


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """Draw events with few commands, each in several cases, many times, some without a time."""
    pool = draw(st.lists(texts, min_size=1, max_size=4))
    pool = [form for text in pool for form in (text, text.swapcase(), text + pool[0])]
    commands = st.sampled_from([text.encode() for text in pool] + [b"caf\xe9"])
    times = draw(st.lists(st.integers(0, 20), unique=True, min_size=6, max_size=16))
    return [
        Event(
            EventKey(
                started_at_us + draw(st.sampled_from([0, KNOWN_SINCE_US])),
                draw(st.sampled_from(DEVICES)),
                draw(st.sampled_from(SESSIONS)),
                number,
            ),
            draw(commands),
            draw(st.sampled_from([b"/a", b"/a", b"/\xff"])),
            draw(st.sampled_from([None, 0, 0, 1, 2])),
            repo=draw(st.sampled_from([None, b"r", b"r"])),
            branch=draw(st.sampled_from([None, b"m"])),
            host=draw(st.sampled_from([None, b"h", b"\xff"])),
            flags=FINISHED,
        )
        for number, started_at_us in enumerate(times, 1)
    ]


@st.composite
def queries(draw: st.DrawFn, events: list[Event]) -> Query:
    """Draw a query, mostly with a part of one of the commands, and with up to two filters."""
    text = draw(st.sampled_from(events)).command.decode(errors="replace")
    start = draw(st.integers(0, 2))
    piece = text[start : start + draw(st.integers(1, 5))]
    text = draw(st.sampled_from([piece, piece.swapcase(), piece.lower(), ""]) | texts)
    names = draw(st.just([]) | st.lists(st.sampled_from(sorted(filters)), max_size=2, unique=True))
    return Query(
        text,
        exact_case=draw(st.booleans()),
        limit=draw(st.sampled_from([None, 1, 2, 3, 9])),
        unique=draw(st.booleans()),
        reverse=draw(st.booleans()),
        **{name: draw(filters[name]) for name in names},
    )


def contains(command: str, query: Query) -> bool:
    def same(typed: str, stored: str) -> bool:
        forms = {typed} if query.exact_case else {typed, typed.lower(), typed.upper()}
        return stored in forms

    text = query.text
    return any(
        all(map(same, text, command[start : start + len(text)]))
        for start in range(len(command) - len(text) + 1)
    )


def passes(event: Event, query: Query) -> bool:
    key, device = event.key, query.device
    conditions = [
        (query.cwd, event.cwd == query.cwd),
        (query.repo, event.repo == query.repo),
        (query.session_id, key.session_id == query.session_id),
        (device, device in (NAMES[key.device_id], key.device_id.hex()[: len(device or "")])),
        (query.host, event.host == query.host),
        (query.exit_status, event.exit_status == query.exit_status),
        (query.failed, event.exit_status is not None and bool(event.exit_status) == query.failed),
        (query.since_us, key.started_at_us >= (query.since_us or 0)),
        (query.until_us, key.started_at_us < (query.until_us or 0)),
    ]
    if not all(is_met for value, is_met in conditions if value is not None):
        return False
    return contains(event.command.decode(errors="replace"), query)


def expected(events: list[Event], query: Query) -> list[tuple[Event, int | None, int | None]]:
    """Return (newest event, number, failures) of each row.

    A row is one event, all events of a command with `unique`, or those without a time.
    """
    found = sorted((e for e in events if passes(e, query)), reverse=True)
    runs: dict[object, list[Event]] = defaultdict(list)
    for event in found:
        is_untimed = event.key.started_at_us < KNOWN_SINCE_US
        runs[event.command if query.unique or is_untimed else event.key].append(event)
    rows: list[tuple[Event, int | None, int | None]] = [
        (run[0], len(run), sum(bool(e.exit_status) for e in run))
        if isinstance(of, bytes)
        else (run[0], None, None)
        for of, run in runs.items()
    ]
    rows = rows[: query.limit]
    return rows[::-1] if query.reverse else rows


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    database = open_database(str(tmp_path_factory.mktemp("oracle") / "hx.db"))
    yield database
    database.close()


@given(data=st.data(), events=histories())
def test_find_equals_a_loop_over_all_events(database, data, events):
    drawn_queries = data.draw(st.lists(queries(events), min_size=8, max_size=8))
    with with_events(database, events):
        for query in drawn_queries:
            with (
                pytest.MonkeyPatch.context() as patch
            ):  # small limits, so that each strategy is used
                patch.setattr(find_module, "RARE", data.draw(st.sampled_from([0, 1, 2_000])))
                patch.setattr(find_module, "_CHUNK", data.draw(st.sampled_from([1, 3, 500])))
                found = [(row.event, row.runs, row.failures) for row in find(database, query)]
            assert found == expected(events, query), query


@contextmanager
def with_events(database, events):
    """Put these events into the database, and roll back afterwards."""
    database.execute("BEGIN IMMEDIATE")
    try:
        join(database, History(frozenset(events)))
        for device, name in NAMES.items():
            database.execute("UPDATE device SET name = ? WHERE device_id = ?", (name, device))
        yield
    finally:
        database.execute("ROLLBACK")


def test_the_index_folds_the_case_of_every_searchable_letter(database):
    """The test searches every letter of Unicode in one case while it is stored in the other."""
    letters = [chr(code) for code in range(1, 0x110000) if not 0xD800 <= code < 0xE000]
    cased = [letter for letter in letters if len(either_case(letter)) > 1]
    pairs = [(letter, form) for letter in cased for form in either_case(letter)]
    searched = [pair for pair in pairs if index_words(f"x{pair[0]}y", exact_case=False)]
    assert len(searched) > 1_000
    database.execute(
        "CREATE VIRTUAL TABLE temp.fold USING fts5 (t, tokenize='trigram', detail=none)"
    )
    rows = [(number, f"x{form}y") for number, (_, form) in enumerate(searched, 1)]
    database.connection.executemany("INSERT INTO fold (rowid, t) VALUES (?, ?)", rows)
    sql = "SELECT 1 FROM fold WHERE rowid = ? AND fold MATCH ?"
    missed = [
        pair
        for number, pair in enumerate(searched, 1)
        if not database.execute(sql, (number, f'"x{pair[0]}y"')).fetchone()
    ]
    assert missed == []
