"""Events as rows, and the texts that rows share: each byte comes back, and equal texts are one."""

from __future__ import annotations

import pytest

from database.sync.ledger_rows import ME, OTHER, event, join_records, statements
from database.test_join import check_inside
from dump import dump
from hx.database import rows
from hx.database.rows import Dictionaries

TEXTS = [
    b"",
    b"plain",
    "caf\u00e9".encode(),
    b"caf\xe9",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"two\nlines",
]


@pytest.mark.parametrize("text", [*TEXTS, None])
def test_bytes_are_text_where_they_are_utf8_and_come_back(text):
    value = rows.to_sql(text)
    assert rows.from_sql(value) == text
    try:
        expected = text.decode() if text is not None else None
    except UnicodeDecodeError:
        expected = text
    assert (type(value), value) == (type(expected), expected)


FIELDS = {
    "command": b"\xff",
    "cwd": b"\xff",
    "exit_status": 0,
    "pipestatus": (1, 0, -1),
    "duration_us": 0,
    "repo": b"r\xff",
    "branch": b"",
    "host": b"h\xff",
    "user": b"",
    "shell": b"zsh",
    "tty": b"/dev/pts/1",
    "flags": 0,
    "origin": 2,
    "revision": 3,
}


@pytest.mark.parametrize("name", FIELDS)
def test_each_field_of_an_event_comes_back(database, name):
    made = event(10, **{name: FIELDS[name]})
    join_records(database, made)
    assert dump(database).events == {made}
    check_inside(database)


@pytest.mark.parametrize("statuses", [None, (), (0,), (0, 141)])
def test_no_statuses_of_a_pipe_differ_from_none_at_all(database, statuses):
    made = event(10, pipestatus=statuses)
    join_records(database, made)
    assert dump(database).events == {made}


def test_an_event_is_found_by_a_condition_with_its_row(database):
    join_records(database, event(10), event(20, seq=2), event(20, OTHER))
    found = [*rows.select_events(database, "started_at_us = ? AND device_id = ?", (20, ME))]
    row = database.value("SELECT id FROM event WHERE seq = 2")
    assert found == [(row, event(20, seq=2))]


def test_a_device_is_called_by_its_name_or_by_its_id(database):
    join_records(database, event(10), event(20, OTHER))
    assert rows.device_name(database, ME) is None
    database.execute("UPDATE device SET name = 'laptop' WHERE device_id = ?", (ME,))
    assert rows.device_name(database, ME) == "laptop"
    assert rows.device_name(database, b"absent" * 2 + b"0000") is None
    called = database.execute(f"SELECT {rows.CALLED} FROM device ORDER BY device_id").fetchall()
    assert called == [("laptop",), (OTHER.hex()[:8],)]


def test_conditions_are_joined_by_and_with_their_values_in_order(database):
    assert rows.where([]) == ("1", ())
    assert rows.where([("a = ?", (1,)), ("b", ()), ("c IN (?, ?)", (2, b"3"))]) == (
        "a = ? AND b AND c IN (?, ?)",
        (1, 2, b"3"),
    )
    assert rows.among([3, 1]) == ("event.command IN (3,1)", ())
    assert rows.among([], "x") == ("x IN ()", ())
    assert database.value(f"SELECT 1 WHERE 1 AND {rows.among([], '1')[0]}") is None


# ---- texts that rows share ----


def test_a_text_that_is_known_is_not_written_again(database):
    places = [
        {"cwd": cwd, "host": host, "repo": repo, "branch": branch}
        for cwd in (b"/a", b"/b")
        for host in (b"h", None)
        for repo, branch in ((None, None), (b"r", None), (None, b"r"), (b"r", b"m"))
    ]
    events = [event(number, seq=number + 1, **place) for number, place in enumerate(places)]
    for part in (events[::2], events[1::2]):
        join_records(database, *part)
    assert dump(database).events == {*events}
    number = {
        table: database.value(f"SELECT count(*) FROM {table}")
        for table in ("directory", "terminal", "checkout", "session", "device", "command")
    }
    assert list(number.values()) == [2, 2, 3, 1, 1, 1]
    assert database.value("SELECT count(*) FROM event WHERE checkout IS NULL") == 4


def test_a_text_is_looked_up_once_in_a_transaction(database):
    ids = Dictionaries(database)
    first = (
        ids.session((ME, b"s" * 16)),
        ids.directory(b"/\xff"),
        ids.terminal((b"h", None, b"zsh", None)),
        ids.checkout((b"r", None)),
    )
    assert ids.sessions == {(ME, b"s" * 16): first[0]}
    assert ids.directories == {b"/\xff": first[1]}
    assert ids.terminals == {(b"h", None, b"zsh", None): first[2]}
    assert ids.checkouts == {(None, None): None, (b"r", None): first[3]}
    again = Dictionaries(database)
    assert first == (
        again.session((ME, b"s" * 16)),
        again.directory(b"/\xff"),
        again.terminal((b"h", None, b"zsh", None)),
        again.checkout((b"r", None)),
    )
    assert again.session((OTHER, b"s" * 16)) != first[0]


def test_events_with_known_texts_cost_no_look_up(database):
    place = {"cwd": b"/a", "host": b"h", "repo": b"r", "command": b"make"}
    events = [event(10, seq=seq, **place) for seq in range(1, 9)]
    ids = Dictionaries(database)
    ids.look_up_commands({b"make"})
    rows.event_rows(events[:1], ids, lambda _: None)
    with statements(database) as run:
        rows.event_rows(events[1:], ids, lambda _: None)
    assert run == []


@pytest.mark.parametrize("count", [1, rows._CHUNK, rows._CHUNK + 1])
def test_commands_are_looked_up_together_and_each_keeps_its_id(database, count):
    texts = [b"%d" % number for number in range(count - 1)] + [b"\xff"]
    join_records(database, *(event(at, seq=at + 1, command=text) for at, text in enumerate(texts)))
    ids = Dictionaries(database)
    with statements(database) as run:
        ids.look_up_commands({*texts, b"absent"})
    assert len(run) == -(-(count + 1) // rows._CHUNK) + 1, "each chunk, and the greatest id"
    assert {*ids.commands} == {*texts}
    assert sorted(ids.commands.values()) == [*range(1, count + 1)]
    assert ids.command(b"absent") == count + 1


def test_new_commands_get_the_next_ids_and_are_written_once(database):
    ids = Dictionaries(database)
    ids.look_up_commands({b"a", b"b\xff"})
    assert [ids.command(b"a"), ids.command(b"b\xff")] == [1, 2]
    uses = {1: (10, 1, 0), 2: (20, 2, 1), 7: (30, 3, 3)}
    ids.write_commands(uses)
    assert uses == {7: (30, 3, 3)}, "those of commands that were there before"
    ids.write_commands({})
    found = database.execute("SELECT id, last_us, runs, failures, text, raw FROM command")
    assert found.fetchall() == [(1, 10, 1, 0, "a", None), (2, 20, 2, 1, "b\ufffd", b"b\xff")]
    assert database.value("SELECT count FROM total WHERE name = 'command'") == 2
    database.execute("INSERT INTO command_text (command_text, rank) VALUES ('integrity-check', 1)")
