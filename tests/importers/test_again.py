"""The same history again, grown, thinned or beside another: nothing doubles or is lost."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hx.core.model import FINISHED, IMPORTED, STATUS_UNKNOWN, Window
from hx.core.redaction.rules import Rules
from hx.importers import run as importing
from importers.desk import AT_S, HOST, SECOND_US, Desk, zsh
from strategies import share

FORMS = {
    "zsh": lambda lines: b"".join(b": %d:0;%s\n" % (AT_S + at, text) for at, text in lines),
    "bash": lambda lines: b"".join(b"#%d\n%s\n" % (AT_S + at, text) for at, text in lines),
    "fish": lambda lines: b"".join(
        b"- cmd: %s\n  when: %d\n" % (text, AT_S + at) for at, text in lines
    ),
}
FIRST = (-9, b"first")  # alone in its second: a file that begins with many of one is restamped
# few seconds and few texts, so that they collide; a file need not be in the order of time
timed_lines = st.lists(
    st.tuples(st.integers(0, 4), st.sampled_from([b"ls", b"make", b"git push"])), max_size=11
).map(lambda lines: [FIRST, *lines])


def expected(lines):
    return sorted((AT_S + at, text) for at, text in lines)


@pytest.fixture(scope="module", params=[1, 3, 20_000], ids="batch of {}".format)
def batches(request):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(importing, "_BATCH_EVENTS", request.param)
        yield


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """Desks for the examples of a property."""
    made = []

    def desk():
        for one in made:
            one.close()
        made[:] = [Desk(tmp_path_factory.mktemp("desk"))]
        return made[0]

    yield desk
    made[0].close()


@pytest.mark.parametrize("kind", FORMS)
def test_an_imported_event_says_what_the_file_says_and_no_more(desk, kind):
    assert desk.take(FORMS[kind]([(0, b"ls")])).new == 1
    (event,) = desk.events()
    assert event.key.started_at_us == AT_S * SECOND_US
    assert event.key.device_id[0] & 0x80
    assert (event.command, event.cwd, event.shell, event.host) == (b"ls", b"", kind.encode(), None)
    assert (event.exit_status, event.flags) == (None, FINISHED | STATUS_UNKNOWN)
    assert event.origin == IMPORTED


@share(0.1)
@given(lines=timed_lines, kind=st.sampled_from(sorted(FORMS)))
def test_all_of_a_file_is_there_and_again_brings_nothing(batches, fresh, lines, kind):
    desk, data = fresh(), FORMS[kind](lines)
    assert desk.take(data, kind).new == len(lines)
    assert desk.timed() == expected(lines)
    before = desk.events()
    again = desk.take(data, kind, name="a copy")
    assert (again.new, again.known) == (0, len(lines))
    assert desk.events() == before


@share(0.1)
@given(lines=timed_lines, cut=st.integers(0, 12))
def test_a_grown_file_brings_what_it_grew_by(batches, fresh, lines, cut):
    desk = fresh()
    desk.take(FORMS["zsh"](lines[:cut]), "zsh")
    desk.take(FORMS["zsh"](lines), "zsh")
    assert desk.timed() == expected(lines)


@share(0.1)
@given(lines=timed_lines, gone=st.sets(st.integers(1, 11)), grown=timed_lines)
def test_a_thinned_and_grown_file_loses_and_doubles_nothing(batches, fresh, lines, gone, grown):
    desk = fresh()
    later = [(at + 10, text) for at, text in grown]
    kept = [line for at, line in enumerate(lines) if at not in gone]
    desk.take(FORMS["zsh"](lines), "zsh")
    desk.take(FORMS["zsh"](kept + later), "zsh")
    assert desk.timed() == expected(lines + later)


@share(0.1)
@given(one=timed_lines, other=timed_lines)
def test_of_two_files_the_greater_count_of_a_text_in_a_second_holds(batches, fresh, one, other):
    desk = fresh()
    desk.take(FORMS["zsh"](one), "zsh")
    desk.take(FORMS["zsh"](other), "zsh")
    assert Counter(desk.timed()) == Counter(expected(one)) | Counter(expected(other))


def test_two_files_with_other_commands_in_one_second_lose_nothing(desk):
    desk.take(zsh((0, "ls"), (0, "make")), name="one")
    desk.take(zsh((0, "git pull"), (0, "ls")), name="two")
    assert desk.commands() == [b"ls", b"make", b"git pull"]


def test_two_devices_do_not_share_the_keys_of_their_files(desk, tmp_path):
    (tmp_path / "other").mkdir()
    other = Desk(tmp_path / "other", b"\x0e" * 16)
    for one in (desk, other):
        one.take(zsh((0, "ls")))
    assert not {e.key[1:3] for e in desk.events()} & {e.key[1:3] for e in other.events()}
    other.close()


@share(0.1)
@given(lines=timed_lines, gone=st.sampled_from([b"ls", b"make"]))
def test_what_was_forgotten_does_not_come_back(batches, fresh, lines, gone):
    desk = fresh()
    desk.take(FORMS["zsh"](lines), "zsh")
    desk.forget_text(gone)
    again = desk.take(FORMS["zsh"](lines), "zsh")
    assert desk.timed() == [line for line in expected(lines) if line[1] != gone]
    assert again.forgotten == [text for _, text in lines].count(gone)


def test_a_standing_window_keeps_its_time_free(desk):
    desk.forget(Window(AT_S * SECOND_US, (AT_S + 5) * SECOND_US, None))
    counts = desk.take(zsh((-1, "before"), (2, "inside"), (5, "behind")))
    assert desk.commands() == [b"before", b"behind"]
    assert (counts.new, counts.forgotten) == (2, 1)


def test_a_dry_run_counts_and_writes_nothing(desk):
    desk.take(zsh((0, "ls")))
    counts = desk.take(zsh((0, "ls"), (1, "make"), (1, "make")), dry_run=True)
    assert (counts.new, counts.known) == (2, 1)
    assert desk.commands() == [b"ls"]


def test_an_import_that_is_cut_short_leaves_whole_batches_and_goes_on(desk, monkeypatch):
    monkeypatch.setattr(importing, "_BATCH_EVENTS", 10)
    path = desk.write(zsh(*((at, f"run {at}") for at in range(95))))

    def interrupt(done, size):
        if len(desk.events()) >= 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        desk.take_file(path, tell=interrupt)
    assert len(desk.events()) == 30
    assert desk.take_file(path).new == 65
    assert len(desk.events()) == 95


def test_an_origin_is_called_as_the_host(desk):
    desk.take(zsh((0, "ls")))
    names = desk.database.execute("SELECT DISTINCT name FROM device").fetchall()
    assert names == [(HOST,)]


def test_a_secret_is_masked_before_a_row_exists_and_still_known(desk):
    secret = "ghp" + "_" + "0aB1cD2eF3" * 4
    data = zsh((0, f"curl -H 'Authorization: token {secret[:40]}' x"), (1, "ls"))
    counts = desk.take(data)
    assert (counts.new, counts.redacted) == (2, 1)
    assert secret[:40].encode() not in b"\n".join(desk.commands())
    assert desk.take(data).known == 2


def test_what_was_imported_before_a_rule_came_is_known_after(desk):
    data = zsh((0, "echo hunter2"), (0, "ls"))
    desk.take(data)
    assert desk.take(data, rules=Rules(own={"word": "hunter2"})).known == 2


def test_what_the_rules_ignore_is_counted(desk):
    counts = desk.take(zsh((0, "ls"), (1, "make")), rules=Rules(ignore=("ls*",)))
    assert (counts.new, counts.ignored) == (1, 1)
