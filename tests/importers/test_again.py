"""Importing a history again, after it grew or lost lines, or beside another one."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hx.core.model import FINISHED, IMPORTED, STATUS_UNKNOWN, Window
from hx.core.redaction.rules import Rules
from hx.importers import run as importing
from importers.import_target import FIRST_S, HOST, SECOND_US, ImportTarget, zsh_history
from strategies import share

FORMS = {
    "zsh": lambda lines: b"".join(b": %d:0;%s\n" % (FIRST_S + at, text) for at, text in lines),
    "bash": lambda lines: b"".join(b"#%d\n%s\n" % (FIRST_S + at, text) for at, text in lines),
    "fish": lambda lines: b"".join(
        b"- cmd: %s\n  when: %d\n" % (text, FIRST_S + at) for at, text in lines
    ),
}
FIRST = (-9, b"first")  # alone in its second: a file whose first lines share one is restamped
# few seconds and few texts, so that they collide; the lines of a file may be in any order
timed_lines = st.lists(
    st.tuples(st.integers(0, 4), st.sampled_from([b"ls", b"make", b"git push"])), max_size=11
).map(lambda lines: [FIRST, *lines])


def expected(lines):
    return sorted((FIRST_S + offset_s, text) for offset_s, text in lines)


@pytest.fixture(scope="module", params=[1, 3, 20_000], ids="batch of {}".format)
def batches(request):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(importing, "_BATCH_EVENTS", request.param)
        yield


@pytest.fixture(scope="module")
def new_target_for_example(tmp_path_factory):
    """Make a new target for each example of a property; close the one before it."""
    targets = []

    def new_target():
        for previous in targets:
            previous.close()
        targets[:] = [ImportTarget(tmp_path_factory.mktemp("target"))]
        return targets[0]

    yield new_target
    targets[0].close()


@pytest.mark.parametrize("kind", FORMS)
def test_an_imported_event_has_the_facts_of_the_file_and_no_others(target, kind):
    assert target.import_bytes(FORMS[kind]([(0, b"ls")])).new == 1
    (event,) = target.events()
    assert event.key.started_at_us == FIRST_S * SECOND_US
    assert event.key.device_id[0] & 0x80
    assert (event.command, event.cwd, event.shell, event.host) == (b"ls", b"", kind.encode(), None)
    assert (event.exit_status, event.flags) == (None, FINISHED | STATUS_UNKNOWN)
    assert event.origin == IMPORTED


@share(0.1)
@given(lines=timed_lines, kind=st.sampled_from(sorted(FORMS)))
def test_all_lines_are_imported_and_a_second_import_adds_nothing(
    batches, new_target_for_example, lines, kind
):
    target, data = new_target_for_example(), FORMS[kind](lines)
    assert target.import_bytes(data, kind).new == len(lines)
    assert target.timed_commands() == expected(lines)
    before = target.events()
    again = target.import_bytes(data, kind, name="a copy")
    assert (again.new, again.known) == (0, len(lines))
    assert target.events() == before


@share(0.1)
@given(lines=timed_lines, cut=st.integers(0, 12))
def test_a_grown_file_adds_its_new_lines(batches, new_target_for_example, lines, cut):
    target = new_target_for_example()
    target.import_bytes(FORMS["zsh"](lines[:cut]), "zsh")
    target.import_bytes(FORMS["zsh"](lines), "zsh")
    assert target.timed_commands() == expected(lines)


@share(0.1)
@given(lines=timed_lines, removed=st.sets(st.integers(1, 11)), grown=timed_lines)
def test_a_file_that_lost_and_gained_lines_adds_only_the_new_ones(
    batches, new_target_for_example, lines, removed, grown
):
    target = new_target_for_example()
    added = [(index + 10, text) for index, text in grown]
    remaining = [line for index, line in enumerate(lines) if index not in removed]
    target.import_bytes(FORMS["zsh"](lines), "zsh")
    target.import_bytes(FORMS["zsh"](remaining + added), "zsh")
    assert target.timed_commands() == expected(lines + added)


@share(0.1)
@given(first_lines=timed_lines, second_lines=timed_lines)
def test_two_files_add_a_command_of_one_second_as_often_as_the_fuller_file_has_it(
    batches, new_target_for_example, first_lines, second_lines
):
    target = new_target_for_example()
    target.import_bytes(FORMS["zsh"](first_lines), "zsh")
    target.import_bytes(FORMS["zsh"](second_lines), "zsh")
    assert Counter(target.timed_commands()) == Counter(expected(first_lines)) | Counter(
        expected(second_lines)
    )


def test_two_files_with_other_commands_in_one_second_lose_nothing(target):
    target.import_bytes(zsh_history((0, "ls"), (0, "make")), name="one")
    target.import_bytes(zsh_history((0, "git pull"), (0, "ls")), name="two")
    assert target.commands() == [b"ls", b"make", b"git pull"]


def test_two_devices_do_not_share_the_keys_of_their_files(target, tmp_path):
    (tmp_path / "other").mkdir()
    other_target = ImportTarget(tmp_path / "other", b"\x0e" * 16)
    for device_target in (target, other_target):
        device_target.import_bytes(zsh_history((0, "ls")))
    assert not {e.key[1:3] for e in target.events()} & {e.key[1:3] for e in other_target.events()}
    other_target.close()


@share(0.1)
@given(lines=timed_lines, forgotten=st.sampled_from([b"ls", b"make"]))
def test_forgotten_commands_are_not_imported_again(
    batches, new_target_for_example, lines, forgotten
):
    target = new_target_for_example()
    target.import_bytes(FORMS["zsh"](lines), "zsh")
    target.forget_text(forgotten)
    again = target.import_bytes(FORMS["zsh"](lines), "zsh")
    assert target.timed_commands() == [line for line in expected(lines) if line[1] != forgotten]
    assert again.forgotten == [text for _, text in lines].count(forgotten)


def test_nothing_is_imported_into_the_window_of_a_tombstone(target):
    target.forget(Window(FIRST_S * SECOND_US, (FIRST_S + 5) * SECOND_US, None))
    counts = target.import_bytes(zsh_history((-1, "before"), (2, "inside"), (5, "behind")))
    assert target.commands() == [b"before", b"behind"]
    assert (counts.new, counts.forgotten) == (2, 1)


def test_a_dry_run_counts_and_writes_nothing(target):
    target.import_bytes(zsh_history((0, "ls")))
    counts = target.import_bytes(zsh_history((0, "ls"), (1, "make"), (1, "make")), dry_run=True)
    assert (counts.new, counts.known) == (2, 1)
    assert target.commands() == [b"ls"]


def test_an_interrupted_import_leaves_whole_batches_and_can_be_continued(target, monkeypatch):
    monkeypatch.setattr(importing, "_BATCH_EVENTS", 10)
    path = target.write(zsh_history(*((offset_s, f"run {offset_s}") for offset_s in range(95))))

    def interrupt(done, size):
        if len(target.events()) >= 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        target.import_file(path, tell=interrupt)
    assert len(target.events()) == 30
    assert target.import_file(path).new == 65
    assert len(target.events()) == 95


def test_an_import_origin_has_the_name_of_the_host(target):
    target.import_bytes(zsh_history((0, "ls")))
    names = target.database.execute("SELECT DISTINCT name FROM device").fetchall()
    assert names == [(HOST,)]


def test_a_secret_is_masked_in_every_row_and_recognised_in_a_second_import(target):
    secret = "ghp" + "_" + "0aB1cD2eF3" * 4
    data = zsh_history((0, f"curl -H 'Authorization: token {secret[:40]}' x"), (1, "ls"))
    counts = target.import_bytes(data)
    assert (counts.new, counts.redacted) == (2, 1)
    assert secret[:40].encode() not in b"\n".join(target.commands())
    assert target.import_bytes(data).known == 2


def test_an_entry_imported_before_a_masking_rule_is_recognised_after_it(target):
    data = zsh_history((0, "echo hunter2"), (0, "ls"))
    target.import_bytes(data)
    assert target.import_bytes(data, rules=Rules(own={"word": "hunter2"})).known == 2


def test_ignored_commands_are_counted(target):
    counts = target.import_bytes(zsh_history((0, "ls"), (1, "make")), rules=Rules(ignore=("ls*",)))
    assert (counts.new, counts.ignored) == (1, 1)
