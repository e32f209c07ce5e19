"""`find` gives exactly what a plain loop over all events gives."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hx.core.history import History
from hx.core.model import FINISHED, Event, EventKey
from hx.core.query import Query, either_case, index_words
from hx.database import find as find_module
from hx.database import open_database
from hx.database.find import find

# Cases that differ between ASCII, SQLite and Unicode; letters of one case; what LIKE, GLOB and
# FTS read as their own; a letter outside the BMP; the replacement character
LETTERS = "abcABC éÉßẞſsSkK\u212aıIİiµΜσςΣдДʼnǅǆǄაᲐᏸᏰꭰ𐐨𐐀🚀中%_*?[]^-\\\"'().+:\n\t\ufffd"  # noqa: RUF001
DEVICES = [bytes([n]) * 16 for n in (1, 2)]
SESSIONS = [bytes([n]) * 16 for n in (8, 9)]
NAMES = {DEVICES[0]: "desk", DEVICES[1]: "lap"}

texts = st.text(st.sampled_from(LETTERS), min_size=1, max_size=8)
commands = st.one_of(
    texts.map(str.encode),
    st.sampled_from([b"make test", b"Make Test", b"caf\xe9", "Ελλάς".encode()]),
)
paths = st.sampled_from([b"/a", b"/b", b"/\xff"])
maybe = st.none()


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    times = draw(st.lists(st.integers(0, 40), unique=True, max_size=12))
    return [
        Event(
            EventKey(at, draw(st.sampled_from(DEVICES)), draw(st.sampled_from(SESSIONS)), number),
            draw(commands),
            draw(paths),
            draw(st.sampled_from([None, 0, 0, 1, 2])),
            repo=draw(st.sampled_from([None, b"r", b"s"])),
            branch=draw(st.sampled_from([None, b"m"])),
            host=draw(st.sampled_from([None, b"h", b"\xff"])),
            flags=FINISHED,
        )
        for number, at in enumerate(times, 1)
    ]


@st.composite
def queries(draw: st.DrawFn, events: list[Event]) -> Query:
    known = [event.command.decode(errors="replace") for event in events]
    text = draw(st.one_of(st.just(""), texts, st.sampled_from(known) if known else texts))
    start = draw(st.integers(0, 3))
    text = draw(
        st.sampled_from([text, text[start : start + 4], text.swapcase()[start : start + 4]])
    )
    return Query(
        text,
        draw(st.booleans()),
        draw(maybe | paths),
        draw(maybe | st.sampled_from([b"r", b"absent"])),
        draw(maybe | st.sampled_from(SESSIONS)),
        draw(maybe | st.sampled_from(["desk", "lap", "0101", "02", "%"])),
        draw(maybe | st.sampled_from([b"h", b"\xff"])),
        draw(maybe | st.integers(0, 3)),
        draw(maybe | st.booleans()),
        draw(maybe | st.integers(0, 40)),
        draw(maybe | st.integers(0, 40)),
        draw(maybe | st.integers(1, 13)),
        draw(st.booleans()),
        draw(st.booleans()),
    )


def contains(command: str, query: Query) -> bool:
    def same(typed: str, there: str) -> bool:
        forms = {typed} if query.exact_case else {typed, typed.lower(), typed.upper()}
        return there in forms

    text = query.text
    return any(
        all(map(same, text, command[at : at + len(text)]))
        for at in range(len(command) - len(text) + 1)
    )


def holds(event: Event, query: Query) -> bool:
    key, device = event.key, query.device
    asked = [
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
    if not all(true for value, true in asked if value is not None):
        return False
    return contains(event.command.decode(errors="replace"), query)


def expected(events: list[Event], query: Query) -> list[tuple[Event, int | None, int | None]]:
    found = sorted((e for e in events if holds(e, query)), reverse=True)
    rows: list[tuple[Event, int | None, int | None]] = [(event, None, None) for event in found]
    if query.unique:
        runs = defaultdict(list)
        for event in found:
            runs[event.command].append(event)
        rows = [(of[0], len(of), sum(bool(e.exit_status) for e in of)) for of in runs.values()]
    rows = rows[: query.limit]
    return rows[::-1] if query.reverse else rows


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    database = open_database(str(tmp_path_factory.mktemp("oracle") / "hx.db"))
    yield database
    database.close()


@given(
    data=st.data(), events=histories(), rare=st.sampled_from([0, 1, 2_000]), chunk=st.integers(1, 3)
)
def test_find_equals_a_loop_over_all_events(database, data, events, rare, chunk):
    query = data.draw(queries(events))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(find_module, "RARE", rare)  # small: each way to look is taken
        patch.setattr(find_module, "_CHUNK", chunk)
        found = after_join(database, events, query)
    assert found == expected(events, query)


def after_join(database, events, query):
    """What find says of these events; the database is empty again afterwards."""
    database.execute("BEGIN IMMEDIATE")
    try:
        database.join(History(frozenset(events)))
        for device, name in NAMES.items():
            database.execute("UPDATE device SET name = ? WHERE device_id = ?", (name, device))
        return [(one.event, one.runs, one.failures) for one in find(database, query)]
    finally:
        database.execute("ROLLBACK")


def test_the_index_folds_every_letter_that_it_is_asked_for(database):
    """Every letter of Unicode, typed in one case and stored in the other."""
    letters = [chr(code) for code in range(1, 0x110000) if not 0xD800 <= code < 0xE000]
    cased = [letter for letter in letters if len(either_case(letter)) > 1]
    pairs = [(letter, form) for letter in cased for form in either_case(letter)]
    asked = [pair for pair in pairs if index_words(f"x{pair[0]}y", exact_case=False)]
    assert len(asked) > 1_000
    database.execute(
        "CREATE VIRTUAL TABLE temp.fold USING fts5 (t, tokenize='trigram', detail=none)"
    )
    rows = [(number, f"x{form}y") for number, (_, form) in enumerate(asked, 1)]
    database.connection.executemany("INSERT INTO fold (rowid, t) VALUES (?, ?)", rows)
    sql = "SELECT 1 FROM fold WHERE rowid = ? AND fold MATCH ?"
    missed = [
        pair
        for number, pair in enumerate(asked, 1)
        if not database.execute(sql, (number, f'"x{pair[0]}y"')).fetchone()
    ]
    assert missed == []
