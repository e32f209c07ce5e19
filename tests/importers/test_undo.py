"""Taking an import back: what is found, what comes back, and what stays forgotten."""

from __future__ import annotations

import random
from collections import Counter
from contextlib import closing

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dump import dump
from hx.core.merge import History
from hx.core.model import Keys
from hx.database.queries import imports
from hx.importers import run as importing
from importers.import_target import FIRST_S, ImportTarget, zsh_history
from strategies import share

NS = 1_000_000_000
kinds = st.sampled_from(["bash", "zsh", "plain"])
texts = st.lists(st.sampled_from([b"ls", b"make", b"git push", b"cd"]), min_size=1, max_size=9)
distinct = st.lists(st.integers(1, 10**6), min_size=1, max_size=30, unique=True)


def file_of(kind, lines):
    """Return a history: of zsh, two lines a second; of bash with stamps, or without any."""
    if kind == "zsh":
        return b"".join(b": %d:0;%s\n" % (FIRST_S + at // 2, t) for at, t in enumerate(lines))
    if kind == "bash":
        return b"".join(b"#%d\n%s\n" % (FIRST_S + at // 2, t) for at, t in enumerate(lines))
    return b"".join(line + b"\n" for line in lines)


def take_in(target, kind, lines):
    return target.import_bytes(file_of(kind, lines), "zsh" if kind == "zsh" else "bash")


def found(target):
    """Return what a search finds: texts and times, in order, without the places of lines."""
    return [
        (event.command, event.key.started_at_us if event.key.started_at_us >= 10**9 else None)
        for event in target.events()
    ]


@pytest.fixture(scope="module")
def new_target(tmp_path_factory):
    """Return a function that makes a new target and closes the one before it."""
    targets = []

    def make():
        for previous in targets:
            previous.close()
        targets[:] = [ImportTarget(tmp_path_factory.mktemp("undo"))]
        return targets[0]

    yield make
    targets[0].close()


@share(0.3)
@given(first=texts, second=texts, kind=kinds)
def test_an_undo_leaves_what_was_there_before(new_target, first, second, kind):
    target = new_target()
    take_in(target, kind, first)
    target.record_live(b"recorded", 5_000_000_000_000_000)
    before = target.events()
    if take_in(target, kind, first + second).new:
        target.undo(2)
    assert target.events() == before


@share(0.3)
@given(lines=texts, kind=kinds, times=st.integers(1, 3))
def test_an_import_after_an_undo_finds_what_the_first_one_found(new_target, lines, kind, times):
    target = new_target()
    take_in(target, kind, lines)
    expected, keys = found(target), set()
    for number in range(1, times + 1):
        keys |= {event.key for event in target.events()}
        assert target.undo(number) == len(lines)
        assert target.events() == []
        assert take_in(target, kind, lines).new == len(lines)
        assert found(target) == expected
        assert not keys & {event.key for event in target.events()}, "a tombstone covers old keys"
    assert take_in(target, kind, lines).new == 0


@share(0.3)
@given(lines=texts, grown=texts, kind=kinds, first=st.sampled_from([1, 2]))
def test_each_step_of_a_grown_file_is_taken_back_by_itself(new_target, lines, grown, kind, first):
    target = new_target()
    take_in(target, kind, lines)
    take_in(target, kind, lines + grown)
    everything, runs = Counter(found(target)), imports.runs(target.database)
    assert sum(run.brought.new for run in runs) == len(lines + grown)
    if first <= len(runs):
        assert target.undo(first) == runs[first - 1].brought.new
    take_in(target, kind, lines + grown)
    assert Counter(found(target)) == everything


@share(0.5)
@given(
    codes=distinct,
    hidden=st.sets(st.integers(0, 29), min_size=1, max_size=4),
    kind=kinds,
    trimmed=st.integers(0, 10),
    grown=st.integers(0, 5),
    times=st.integers(1, 3),
)
def test_what_was_forgotten_by_itself_stays_forgotten_through_undos(  # noqa: PLR0913
    new_target, *, codes, hidden, kind, trimmed, grown, times
):
    """Also while the file loses lines at its top and grows."""
    target = new_target()
    lines = [b"command %d" % code for code in codes]
    secrets = {lines[index] for index in hidden if index < len(lines)}
    take_in(target, kind, lines)
    for secret in secrets:
        target.forget_text(secret)
    for number in range(1, times + 1):
        target.undo(number)
        assert not secrets & {*target.commands()}
        if kind == "plain":  # trimming a file with times is no question of the alignment
            lines = lines[min(trimmed, len(lines) - 1) :]
            lines += [b"grown %d %d" % (number, index) for index in range(grown)]
        take_in(target, kind, lines)
        assert not secrets & {*target.commands()}


@share(0.5)
@given(codes=distinct, hidden=st.integers(0, 29), grown=st.integers(0, 5))
def test_only_the_forgotten_line_of_a_file_without_times_does_not_come_back(
    new_target, codes, hidden, grown
):
    target = new_target()
    lines = [b"command %d" % code for code in codes]
    secret = lines[min(hidden, len(lines) - 1)]
    take_in(target, "plain", lines)
    target.forget_text(secret)
    target.undo(1)
    lines += [b"grown %d" % index for index in range(grown)]
    counts = take_in(target, "plain", lines)
    if len(codes) > 1:
        expected = [line for line in lines if line != secret]
        assert (target.commands(), counts.forgotten) == (expected, 1)


@pytest.mark.parametrize("place", range(3))
def test_of_a_second_with_a_forgotten_line_no_line_comes_back(target, place):
    texts = ["one", "two", "three"]
    data = zsh_history((-60, "before"), *((0, text) for text in texts), (60, "after"))
    target.import_bytes(data, "zsh")
    target.forget_text(texts[place].encode())
    target.undo(1)
    assert target.import_bytes(data, "zsh").forgotten == 3
    assert target.commands() == [b"before", b"after"]


def test_a_forgotten_line_of_a_long_file_is_found_by_its_neighbours(target):
    generator = random.Random(3)
    lines = [b"run %d" % generator.randrange(900) for _ in range(3_000)]
    lines[1_500] = b"secret"
    take_in(target, "plain", lines)
    target.forget_text(b"secret")
    target.undo(1)
    counts = take_in(target, "plain", lines[700:] + [b"new %d" % n for n in range(400)])
    assert (counts.new, counts.forgotten) == (2_300 - 1 + 400, 1)
    assert b"secret" not in target.commands()
    target.undo(2)
    counts = take_in(target, "plain", lines[900:] + [b"new %d" % n for n in range(500)])
    assert (counts.new, counts.forgotten) == (2_100 - 1 + 500, 1)
    assert b"secret" not in target.commands()


def test_where_no_print_is_left_no_line_without_a_time_is_taken(target):
    take_in(target, "plain", [b"one", b"secret", b"three"])
    target.forget_text(b"secret")
    target.undo(1)
    target.database.execute("DELETE FROM undone_line")
    assert take_in(target, "plain", [b"one", b"secret", b"three"]).forgotten == 3


def test_nothing_of_an_undone_text_is_kept_where_nothing_was_forgotten(target):
    take_in(target, "plain", [b"one", b"two"])
    target.undo(1)
    assert target.database.value("SELECT count(*) FROM undone_line") == 0


def test_an_undone_import_does_not_hide_the_same_lines_of_another_tool(target):
    target.import_bytes(zsh_history((0, "make"), (60, "ls")), "zsh")
    target.undo(1)
    counts = target.import_bytes(b"#%d\nmake\n" % FIRST_S, "bash")
    assert (counts.new, counts.forgotten) == (1, 0)


def test_an_interrupted_import_is_listed_and_taken_back(target, monkeypatch):
    monkeypatch.setattr(importing, "_BATCH_EVENTS", 2)
    stop = iter([None, KeyboardInterrupt])

    def tell(_done, _size):
        if kind := next(stop):
            raise kind

    with pytest.raises(KeyboardInterrupt):
        target.import_bytes(file_of("zsh", [b"a", b"b", b"c", b"d", b"e"]), "zsh", tell=tell)
    (run,) = imports.runs(target.database)
    assert (run.brought.new, run.complete) == (4, False)
    assert target.undo(1) == 4
    assert target.import_bytes(file_of("zsh", [b"a", b"b", b"c", b"d", b"e"]), "zsh").new == 5


# ---- several devices ----


def atuin_database(path, rows):
    with closing(apsw.Connection(str(path))) as made:
        made.execute(
            "CREATE TABLE history (id, timestamp, duration, exit, command, cwd, session, hostname)"
        )
        made.executemany(
            "INSERT INTO history VALUES (?, ?, 1000, 0, ?, '/', 'a session', 'elsewhere:ann')",
            [(str(number), at_ns, text) for number, (at_ns, text) in enumerate(rows)],
        )
    return str(path)


@pytest.fixture
def two(tmp_path):
    """Return two devices and a function that brings all records of each to the other one."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with (
        closing(ImportTarget(tmp_path / "a")) as first,
        closing(ImportTarget(tmp_path / "b", b"\x0e" * 16)) as other,
    ):

        def meet():
            histories = dump(first.database), dump(other.database)
            first.join(histories[1])
            other.join(histories[0])
            assert dump(first.database) == dump(other.database)

        yield first, other, meet


ROWS = [(FIRST_S * NS + 60 * NS * n, f"run {n}") for n in range(6)]


def test_two_devices_that_import_one_atuin_database_after_an_undo_agree(two, tmp_path):
    first, other, meet = two
    path = atuin_database(tmp_path / "atuin.db", ROWS)
    for device in (first, other):
        assert device.import_file(path).new == 6
    meet()
    first.forget_text(b"run 3")
    first.undo(1)
    meet()
    assert other.events() == []
    assert [run.here for run in imports.runs(other.database)] == [0]
    for device in (first, other):  # neither has heard of the import of the other
        counts = device.import_file(path)
        assert (counts.new, counts.forgotten) == (5, 1)
    meet()
    assert len(first.events()) == 5
    assert b"run 3" not in first.commands()
    other.undo(2)
    meet()
    assert first.events() == []


def test_a_device_that_has_not_heard_of_an_undo_keeps_nothing_of_it(two, tmp_path):
    first, other, meet = two
    path = atuin_database(tmp_path / "atuin.db", ROWS)
    for device in (first, other):
        device.import_file(path)
    first.undo(1)
    first.import_file(path)
    assert other.import_file(path).known == 6
    meet()
    assert Counter(first.commands()) == Counter(text.encode() for _, text in ROWS)


def test_a_rebuilt_tombstone_keeps_its_mark(target):
    """The mark is in the record, so a database that is made from a store has it."""
    take_in(target, "zsh", [b"one", b"two", b"three"])
    target.undo(1)
    history = dump(target.database)
    assert [scope.scope.undone for scope in history.tombstones] == [True]
    target.database.execute("DELETE FROM tombstone_key")
    target.database.execute("DELETE FROM tombstone")
    with target.database.transaction():
        importing.join(target.database, History(tombstones=history.tombstones))
    assert take_in(target, "zsh", [b"one", b"two", b"three"]).new == 3


def test_a_tombstone_of_both_kinds_counts_as_forgotten(target):
    take_in(target, "zsh", [b"only"])
    (event,) = target.events()
    target.undo(1)
    target.forget(Keys(frozenset([event.key])))
    assert take_in(target, "zsh", [b"only"]).forgotten == 1
