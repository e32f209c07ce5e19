"""Events that an import must not bring again: recorded, imported from elsewhere, or forgotten."""

from __future__ import annotations

import pytest

from database.sync.ledger_rows import ME, OTHER, event, join_records, tombstone
from hx.core.event_name import digest64
from hx.core.model import IMPORTED, KNOWN_SINCE_US, LIVE, Keys, Window
from hx.database.event_detail import rename_device
from hx.database.queries.import_duplicates import OwnEvents

FILE, SECOND_FILE = b"\x80" * 16, b"\xff" + bytes(15)
SECOND_US = 1_000_000
AT_US = 1_000 * KNOWN_SINCE_US  # a whole second
SPAN = [(-2 * SECOND_US - 1, False), (-2 * SECOND_US, True), (0, True)]
SPAN += [(3 * SECOND_US - 1, True), (3 * SECOND_US, False)]


def own(database, origin=FILE, host="box"):
    return OwnEvents(database, ME, host, origin)


def imported(at_us=AT_US, origin=SECOND_FILE, **fields):
    return event(at_us, origin, **({"origin": IMPORTED, "cwd": b"", "shell": b"zsh"} | fields))


def has(events, at_us=AT_US, command=b"make", mask=lambda text: text):
    return events.has_duplicate(at_us, command, mask)


# ---- the same text within two seconds ----


@pytest.mark.parametrize(("offset_us", "expected"), SPAN)
@pytest.mark.parametrize("at_us", [AT_US, AT_US + 999_999])
def test_an_event_within_two_seconds_with_the_same_text_is_a_duplicate(
    database, offset_us, expected, at_us
):
    others = [event(AT_US + way * 100 * SECOND_US, seq=9) for way in (-1, 1)]
    join_records(database, event(AT_US + offset_us), *others)
    assert has(own(database), at_us) == expected
    assert not has(own(database), at_us, b"make it")


def test_a_masked_text_is_that_of_the_event_as_it_was_recorded(database):
    join_records(database, event(AT_US, command=b"make \xff"))
    assert has(own(database), command=b"make \xff")
    assert has(own(database), command=b"make ***", mask=lambda text: text.replace(b"\xff", b"***"))
    assert not has(own(database), command=b"make ***")


@pytest.mark.parametrize(
    ("device_id", "name", "expected"),
    [
        (ME, None, True),
        (OTHER, "laptop", False),
        (OTHER, "box", True),
        (OTHER, "BOX.local", False),
        (FILE, "box", False),
        (SECOND_FILE, "box", True),
        (SECOND_FILE, "BOX.local", True),
        (SECOND_FILE, "me", True),
        (SECOND_FILE, "another", False),
        (SECOND_FILE, None, False),
        (SECOND_FILE, "", False),
        (b"\x7f" + b"\xff" * 15, "BOX.local", False),
    ],
)
def test_the_events_of_this_host_count_and_no_others(database, device_id, name, expected):
    rename_device(database, ME, "me")
    join_records(database, event(AT_US, device_id))
    if name is not None:
        database.execute("UPDATE device SET name = ? WHERE device_id = ?", (name, device_id))
    events = own(database)
    assert has(events) == expected
    assert events.is_nothing == (not expected)


def test_a_device_without_a_name_is_called_like_its_host(database):
    join_records(database, imported())
    rename_device(database, SECOND_FILE, "box")
    assert has(own(database, host="box"))
    assert not has(own(database, host="other"))


def test_before_the_first_event_none_is_looked_for(database):
    assert own(database).is_nothing
    assert not has(own(database))
    join_records(database, event(5), event(AT_US, seq=2))
    assert not has(own(database), 5), "an event of unknown time is no duplicate by its time"
    assert not own(database).is_nothing


def test_events_of_unknown_time_alone_are_nothing(database):
    join_records(database, event(KNOWN_SINCE_US - 1))
    assert own(database).is_nothing
    join_records(database, event(KNOWN_SINCE_US, seq=2))
    assert not own(database).is_nothing


# ---- forgotten ----


@pytest.mark.parametrize(("offset_us", "expected"), SPAN)
@pytest.mark.parametrize("device_id", [ME, SECOND_FILE, OTHER, FILE])
def test_what_was_forgotten_within_two_seconds_is_known(database, offset_us, expected, device_id):
    gone = [event(AT_US + offset_us, device_id), event(AT_US + 900 * SECOND_US, device_id, seq=2)]
    join_records(database, *gone)
    rename_device(database, SECOND_FILE, "box")
    join_records(database, tombstone(ME, 9, *gone))
    is_of_host = device_id in (ME, SECOND_FILE)
    assert own(database).was_forgotten(AT_US) == (expected and is_of_host)
    assert own(database).is_nothing == (not is_of_host)


def test_forgotten_events_of_all_sources_are_known(database):
    gone = [event(AT_US + 100 * SECOND_US), imported(AT_US)]
    join_records(database, *gone)
    rename_device(database, SECOND_FILE, "box")
    join_records(database, tombstone(ME, 9, *gone))
    events = own(database)
    assert events.was_forgotten(AT_US)
    assert events.was_forgotten(AT_US + 100 * SECOND_US)
    assert not events.was_forgotten(AT_US + 50 * SECOND_US)
    assert not events.was_forgotten(AT_US + 200 * SECOND_US)


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        (Window(AT_US, AT_US + 1, None), True),
        (Window(AT_US - 1, AT_US, None), False),
        (Window(AT_US + SECOND_US - 1, AT_US + SECOND_US, None), True),
        (Window(AT_US + SECOND_US, AT_US + 2 * SECOND_US, None), False),
        (Window(0, 2 * AT_US, ME), True),
        (Window(0, 2 * AT_US, OTHER), False),
    ],
)
def test_a_window_forgets_the_stamps_of_its_seconds(database, window, expected):
    join_records(database, tombstone(ME, 9, scope=window))
    events = own(database)
    assert events.was_forgotten(AT_US) == expected
    assert not events.is_nothing


def test_a_forgotten_session_is_no_window(database):
    join_records(database, tombstone(ME, 9, scope=Keys(frozenset())))
    assert own(database).is_nothing
    assert not own(database).was_forgotten(AT_US)


# ---- the runs of a shell ----


def test_the_first_recorded_run_of_each_shell_is_known(database):
    join_records(
        database,
        event(AT_US + 1, shell=b"zsh"),
        event(AT_US, seq=2, shell=b"zsh", tty=b"1"),
        event(AT_US + 5, seq=7, shell=b"zsh", tty=b"1"),
        event(AT_US + 2, seq=3, shell=b"zsh", tty=b"2"),
        event(AT_US + 3, seq=4, shell=b"b\xff"),
        event(AT_US + 4, seq=5),
        event(AT_US - 9, seq=6, shell=b"zsh", origin=IMPORTED),
        event(AT_US - 9, OTHER, shell=b"zsh"),
    )
    first = own(database).first_us
    assert first == {b"zsh": AT_US, b"b\xff": AT_US + 3, None: AT_US + 4}


OF_SHELL = {
    "recorded": (event(AT_US, shell=b"zsh", origin=LIVE), True),
    "of another shell": (event(AT_US, shell=b"bash", origin=LIVE), False),
    "of no shell": (event(AT_US, origin=LIVE), False),
    "of another device": (event(AT_US, OTHER, shell=b"zsh", origin=LIVE), False),
    "imported": (imported(), True),
    "imported from another shell": (imported(shell=b"bash"), False),
    "imported from no shell": (imported(shell=None), True),
    "imported with a directory": (imported(cwd=b"/srv"), True),
}


@pytest.mark.parametrize(("record", "expected"), OF_SHELL.values(), ids=OF_SHELL)
def test_the_texts_of_a_shell_are_what_it_ran_and_what_its_files_held(database, record, expected):
    join_records(database, record, event(AT_US + 9, seq=9, shell=b"zsh", command=b"ls"))
    rename_device(database, SECOND_FILE, "box")
    ls, make = digest64(b"ls"), digest64(b"make")
    assert own(database).texts_of(b"zsh") == {ls: 1} | ({make: 1} if expected else {})
    assert {hash_ for _, hash_ in own(database).around(b"zsh")} == set(
        own(database).texts_of(b"zsh")
    )


def test_the_runs_around_forgotten_ones_come_in_order(database):
    gone = [event(AT_US + 5, seq=5), event(7, seq=7), event(KNOWN_SINCE_US, seq=8)]
    runs = [event(AT_US + at, seq=at, shell=b"zsh") for at in (9, 1, 6)]
    join_records(database, *gone, *runs)
    join_records(database, tombstone(ME, 9, *gone))
    make = digest64(b"make")
    assert own(database).around(b"zsh") == [
        (KNOWN_SINCE_US, None),
        (AT_US + 1, make),
        (AT_US + 5, None),
        (AT_US + 6, make),
        (AT_US + 9, make),
    ]
    assert own(database).texts_of(b"zsh") == {make: 3}
