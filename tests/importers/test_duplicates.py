"""What hx has from elsewhere is not imported a second time."""

from __future__ import annotations

import apsw
import pytest

from hx.core.importing.keys import may_be_same_host
from hx.core.model import Keys
from importers.desk import AT_S, SECOND_US, zsh

HALF_US = SECOND_US // 2


@pytest.mark.parametrize(("after_us", "is_duplicate"), [
    (-2 * SECOND_US, True),
    (-2 * SECOND_US - 1, False),
    (HALF_US, True),
    (3 * SECOND_US - 1, True),
    (3 * SECOND_US, False),
])  # fmt: skip
def test_a_line_within_two_seconds_of_a_live_event_of_its_text_is_a_duplicate(
    desk, after_us, is_duplicate
):
    desk.live(b"make", AT_S * SECOND_US + after_us)
    counts = desk.take(zsh((0, "make"), (0, "make all")), everything=True)
    assert (counts.duplicates, counts.new) == ((1, 1) if is_duplicate else (0, 2))
    assert desk.take(zsh((0, "make")), everything=True).new == 0


def test_what_ran_after_hx_began_to_record_the_shell_waits_to_be_asked_for(desk):
    desk.live(b"first", (AT_S + 10) * SECOND_US, shell=b"zsh")
    data = zsh((0, "before"), (20, "after"))
    counts = desk.take(data)
    assert (counts.new, counts.later) == (1, 1)
    assert desk.take(data, everything=True).new == 1
    assert desk.commands() == [b"before", b"first", b"after"]


def test_another_shell_that_hx_records_holds_nothing_back(desk):
    desk.live(b"first", AT_S * SECOND_US, shell=b"bash")
    assert desk.take(zsh((20, "after"))).new == 1


def test_the_duplicate_of_a_forgotten_event_stays_away(desk):
    key = desk.live(b"secret", AT_S * SECOND_US + HALF_US)
    desk.forget(Keys(frozenset([key])))
    counts = desk.take(zsh((0, "secret"), (4, "ls")))
    assert (counts.forgotten, counts.new) == (1, 1)
    assert desk.commands() == [b"ls"]


def test_lines_without_a_time_give_way_to_as_many_live_events_of_their_text(desk):
    desk.live(b"make", AT_S * SECOND_US, shell=b"bash")
    data = b"make\nls\nmake\nunrecorded\n"
    counts = desk.take(data, "bash")
    assert (counts.new, counts.duplicates) == (3, 1)
    assert desk.commands() == [b"make", b"ls", b"unrecorded", b"make"]
    again = desk.take(data, "bash")
    assert (again.new, again.known, again.duplicates) == (0, 3, 1)


def atuin(folder, hostname, *lines):
    """A database of (seconds after AT_S, command) from one host."""
    path = str(folder / "atuin.db")
    with apsw.Connection(path) as connection:
        connection.execute(
            "CREATE TABLE history (id, timestamp, duration, exit, command, cwd, session, hostname)"
        )
        sql = "INSERT INTO history VALUES (?1, ?2, -1, -1, ?3, 'unknown', 's', ?4)"
        for at, text in lines:
            connection.execute(sql, (str(at), (AT_S + at) * 10**9, text, hostname))
    return path


@pytest.mark.parametrize("hostname", ["box:ann", "BOX.local:ann", "box.example.com:root"])
def test_what_atuin_has_of_another_form_of_the_hosts_name_comes_once(desk, tmp_path, hostname):
    lines = [(0, "ls"), (60, "make"), (120, "git push")]
    desk.take_file(atuin(tmp_path, hostname, *lines))
    assert desk.take(zsh(*lines)).duplicates == 3
    assert desk.take(b"ls\nmake\ngit push\n", "bash").duplicates == 3
    assert len(desk.commands()) == 3


@pytest.mark.parametrize("hostname", ["box:ann", "BOX.local:ann"])
def test_the_order_of_the_two_imports_does_not_matter(desk, tmp_path, hostname):
    lines = [(0, "ls"), (60, "make")]
    desk.take(zsh(*lines))
    assert desk.take_file(atuin(tmp_path, hostname, *lines)).duplicates == 2


def test_another_machine_of_the_same_label_loses_nothing_that_ran_there_alone(desk, tmp_path):
    desk.live(b"first", AT_S * SECOND_US)
    path = atuin(tmp_path, "box.example.com:ann", (600, "ls"))
    assert desk.take_file(path).new == 1


def test_imports_of_a_device_that_was_named_are_still_its_own(desk, tmp_path):
    with desk.database.transaction():
        desk.database.execute("UPDATE device SET name = 'my laptop'")
    desk.take_file(atuin(tmp_path, "box:ann", (0, "ls")))
    assert desk.take(zsh((0, "ls"))).duplicates == 1


@pytest.mark.parametrize(("name", "other", "may"), [
    ("MacBookPro", "macbookpro.local", True),
    ("web.a.example", "web.b.example", True),  # nobody can tell, and the text decides
    ("box", "box2", False),
    ("", "", True),
    ("", ".local", False),
    ("10.0.0.1", "10.0.0.2", False),
    ("fe80::1", "fe80::2", False),
])  # fmt: skip
def test_names_of_one_host_share_their_first_label(name, other, may):
    assert may_be_same_host(name, other) == may_be_same_host(other, name) == may
