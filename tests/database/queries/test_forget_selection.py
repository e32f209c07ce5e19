"""What a choice selects: the events, texts and artifacts that `hx forget` then removes."""

from __future__ import annotations

import pytest

from database.queries.test_imports import FILE, bring
from database.sync.ledger_rows import (
    ELSEWHERE,
    ME,
    OTHER,
    SESSION,
    artifact,
    event,
    in_session,
    join_records,
)
from hx.core.event_name import ident
from hx.core.format.verdict import IMPORTED
from hx.core.model import Evidence
from hx.database.queries import forget_selection
from hx.database.queries.clocks import clocks_ahead
from hx.database.queries.forget_selection import Choice

DAY_US = 86_400_000_000


EVENTS = {
    "command": event(10, command=b"echo secret"),
    "bytes": event(20, seq=2, command=b"echo \xffsecret"),
    "directory": event(30, seq=3, cwd=b"/secret"),
    "directory of bytes": event(30, OTHER, cwd=b"/\xffsecret"),
    "repository": event(40, OTHER, seq=2, repo=b"x/secret", branch=b"main"),
    "branch": in_session(event(50, OTHER, repo=b"x", branch=b"secret"), ELSEWHERE),
    "host": event(60, seq=4, host=b"secret"),
    "none": in_session(event(70, command=b"make \xff"), ELSEWHERE),
}
LOG = artifact(11)
ARTIFACTS = {
    "log": LOG,
    "of an event": artifact(12, number=8, owner=EVENTS["command"].key),
    "of an event with the number 0": artifact(12, number=9, owner=event(0, seq=0).key),
    "named": artifact(13, OTHER, number=10)._replace(name=b"secret.log"),
    "evidence": artifact(14, number=11)._replace(evidence=Evidence(1, (), (b"a secret",))),
    "elsewhere": in_session(artifact(15, OTHER, number=12), ELSEWHERE),
}


@pytest.fixture
def filled(database):
    join_records(database, *EVENTS.values(), *ARTIFACTS.values())
    return database


def names(records, keys):
    by_key = {record.key: name for name, record in records.items()}
    return {by_key[key] for key in keys}


ALL = {*EVENTS}
SECRET = ALL - {"host", "none"}
CHOICES = {
    "all": (Choice(), ALL),
    "text": (Choice(text=b"secret"), SECRET),
    "text in other letters": (Choice(text=b"Secret"), set()),
    "text of any bytes": (Choice(text=b"\xffsecret"), {"bytes", "directory of bytes"}),
    "a byte": (Choice(text=b"\xff"), {"bytes", "directory of bytes", "none"}),
    "a replacement character": (Choice(text="\ufffd".encode()), set()),
    "session": (Choice(session_id=ELSEWHERE), {"branch", "none"}),
    "device": (Choice(device_id=OTHER), {"directory of bytes", "repository", "branch"}),
    "since": (Choice(since_us=50), {"branch", "host", "none"}),
    "until": (Choice(until_us=30), {"command", "bytes"}),
    "names": (
        Choice(idents=(ident(EVENTS["host"].key), ident(EVENTS["none"].key))),
        {"host", "none"},
    ),
    "no name": (Choice(idents=()), set()),
    "no command": (Choice(commands=()), set()),
    "artifacts alone": (Choice(artifacts=()), set()),
    "text and device": (
        Choice(text=b"secret", device_id=OTHER),
        {"directory of bytes", "repository", "branch"},
    ),
    "text and times": (Choice(text=b"secret", since_us=20, until_us=30), {"bytes"}),
    "session and device": (
        Choice(session_id=SESSION, device_id=OTHER, since_us=40),
        {"repository"},
    ),
}
each_choice = pytest.mark.parametrize(("choice", "expected"), CHOICES.values(), ids=CHOICES)


@each_choice
def test_a_choice_selects_the_events_for_which_all_its_conditions_hold(filled, choice, expected):
    chosen = forget_selection.events(filled, choice)
    assert names(EVENTS, [record.key for record in chosen]) == expected
    order = [(record.key.started_at_us, record.row) for record in chosen]
    assert order == sorted(order, reverse=True)
    rows = dict(filled.execute("SELECT id, started_at_us FROM event"))
    assert [rows[record.row] for record in chosen] == [
        record.key.started_at_us for record in chosen
    ]


@each_choice
def test_the_texts_of_a_choice_are_those_of_its_events(filled, choice, expected):
    texts = {EVENTS[name].command for name in expected}
    assert forget_selection.commands(filled, choice) == texts


def test_commands_are_chosen_by_their_rows(filled):
    rows = dict(filled.execute("SELECT text, id FROM command"))
    chosen = forget_selection.events(filled, Choice(commands=(rows["echo secret"], rows["make"])))
    assert names(EVENTS, [record.key for record in chosen]) == ALL - {"bytes", "none"}


def test_a_text_that_no_checkout_holds_is_looked_for_in_no_checkout(filled):
    for text, expected in ((b"main", {"repository"}), (b"/srv", ALL - {"directory"})):
        chosen = forget_selection.events(filled, Choice(text=text))
        assert names(EVENTS, [record.key for record in chosen]) == expected - {"directory of bytes"}
    ((condition, values),) = forget_selection._conditions(filled, Choice(text=b"/srv"))
    assert "checkout" not in condition
    assert values == (b"/srv",) * 2


def test_a_row_of_a_command_counts_only_with_its_text(filled):
    rows = dict(filled.execute("SELECT text, id FROM command"))
    given = [(rows["make"], "make"), (rows["echo secret"], "make"), (999, "make")]
    assert forget_selection.same_commands(filled, given) == [rows["make"]]


# ---- artifacts ----


OF_ARTIFACTS = {
    "no condition on artifacts": (Choice(since_us=0, device_id=ME), set()),
    "text": (Choice(text=b"secret"), {"named", "evidence"}),
    "text of a device": (Choice(text=b"secret", device_id=ME), {"evidence"}),
    "session": (Choice(session_id=ELSEWHERE), {"elsewhere"}),
    "long session": (Choice(session_id=SESSION), {*ARTIFACTS} - {"elsewhere"}),
    "all three": (Choice(session_id=SESSION, text=b"secret", device_id=OTHER), {"named"}),
    "none": (Choice(artifacts=()), set()),
    "one": (Choice(artifacts=(LOG.key,)), {"log"}),
    "one, whatever else": (Choice(artifacts=(LOG.key,), text=b"secret"), {"log"}),
}


@pytest.mark.parametrize(("choice", "expected"), OF_ARTIFACTS.values(), ids=OF_ARTIFACTS)
def test_a_choice_selects_artifacts_by_their_text_or_session(filled, choice, expected):
    assert names(ARTIFACTS, forget_selection.artifacts(filled, choice)) == expected


def test_artifacts_are_named_by_the_start_of_their_id(filled):
    whole = LOG.key.artifact_id.hex()
    assert forget_selection.named_artifacts(filled, whole, 5) == [LOG.key]
    assert forget_selection.named_artifacts(filled, whole[:2].upper(), 5) == [LOG.key]
    assert forget_selection.named_artifacts(filled, whole[1:], 5) == []
    assert len(forget_selection.named_artifacts(filled, "0", 2)) == 2
    assert len(forget_selection.named_artifacts(filled, "0", 99)) == len(ARTIFACTS)


# ---- imports ----


def test_an_import_selects_the_events_that_it_brought(database):
    mine = [event(at, FILE, seq=at) for at in range(1, 8)]
    mine += [event(5, OTHER, seq=seq) for seq in (1, 2)]
    mine += [event(1, ME, seq=seq) for seq in range(20, 28)]
    number = bring(database, *mine)
    bring(database, event(9, FILE, seq=9))
    join_records(database, event(10), event(10, FILE, seq=10))
    chosen = forget_selection.events(database, Choice(import_number=number))
    assert {record.key for record in chosen} == {record.key for record in mine}
    in_short = forget_selection.of_import(database, number)
    assert in_short == forget_selection.in_short(chosen)
    assert [*in_short.devices.items()] == [(ME, 8), (FILE, 7), (OTHER, 2)]
    assert in_short.newest == [record.row for record in chosen[: forget_selection.SHOWN]]
    assert forget_selection.of_import(database, number + 2) == (0, {}, [])


def test_an_import_selects_the_artifacts_of_its_events(database):
    owners = [
        event(10),
        event(11),
        event(10, seq=2),
        event(10, OTHER),
        in_session(event(10), ELSEWHERE),
    ]
    number = bring(database, owners[0])
    join_records(database, *owners)
    kept = [artifact(50, number=9 + place, owner=record.key) for place, record in enumerate(owners)]
    join_records(database, *kept, artifact(50, number=8))
    chosen = forget_selection.artifacts(database, Choice(import_number=number))
    assert chosen == [kept[0].key]


# ---- clocks ----


def test_clocks_that_are_ahead_by_less_than_a_day_are_known(database):
    def put(device_id, at_us, since_us, status=IMPORTED):
        database.execute(
            "INSERT INTO manifest (key, device_id, seq, sha256, roster, at_us, since_us, status,"
            " label, reason, tries) VALUES (?, ?, 1, ?, ?, ?, ?, ?, '', '', 0)",
            (f"{device_id[:1]}{at_us}", device_id, b"h", b"r", at_us, since_us, status),
        )

    put(ME, 100, 100)
    put(OTHER, 105, 100)
    put(OTHER, 220, 200)
    put(OTHER, 900, 100, status="waiting")
    put(b"\x03" * 16, 99, 100)
    put(b"\x04" * 16, 100 + DAY_US, 100)
    put(b"\x05" * 16, 99 + DAY_US, 100)
    ahead = {OTHER: 20, b"\x05" * 16: DAY_US - 1}
    assert clocks_ahead(database) == ahead
