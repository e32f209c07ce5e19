"""Duplicates: commands that hx recorded, or that another history held, are not imported again."""

from __future__ import annotations

import apsw
import pytest

from hx.core.import_matching.keys import may_be_same_host
from hx.core.model import Keys
from importers.import_target import FIRST_S, SECOND_US, zsh_history

HALF_US = SECOND_US // 2


@pytest.mark.parametrize(("after_us", "is_duplicate"), [
    (-2 * SECOND_US, True),
    (-2 * SECOND_US - 1, False),
    (HALF_US, True),
    (3 * SECOND_US - 1, True),
    (3 * SECOND_US, False),
])  # fmt: skip
def test_a_line_within_two_seconds_of_a_live_event_of_its_text_is_a_duplicate(
    target, after_us, is_duplicate
):
    target.record_live(b"make", FIRST_S * SECOND_US + after_us)
    counts = target.import_bytes(zsh_history((0, "make"), (0, "make all")), everything=True)
    assert (counts.duplicates, counts.new) == ((1, 1) if is_duplicate else (0, 2))
    assert target.import_bytes(zsh_history((0, "make")), everything=True).new == 0


def test_commands_after_hx_began_to_record_the_shell_are_imported_only_by_request(target):
    target.record_live(b"first", (FIRST_S + 10) * SECOND_US, shell=b"zsh")
    data = zsh_history((0, "before"), (20, "after"))
    counts = target.import_bytes(data)
    assert (counts.new, counts.later) == (1, 1)
    assert target.import_bytes(data, everything=True).new == 1
    assert target.commands() == [b"before", b"first", b"after"]


def test_recording_another_shell_holds_nothing_back(target):
    target.record_live(b"first", FIRST_S * SECOND_US, shell=b"bash")
    assert target.import_bytes(zsh_history((20, "after"))).new == 1


def test_the_duplicate_of_a_forgotten_event_is_not_imported(target):
    key = target.record_live(b"secret", FIRST_S * SECOND_US + HALF_US)
    target.forget(Keys(frozenset([key])))
    counts = target.import_bytes(zsh_history((0, "secret"), (4, "ls")))
    assert (counts.forgotten, counts.new) == (1, 1)
    assert target.commands() == [b"ls"]


def test_lines_without_a_time_are_duplicates_of_as_many_live_events_with_their_text(target):
    target.record_live(b"make", FIRST_S * SECOND_US, shell=b"bash")
    data = b"make\nls\nmake\nunrecorded\n"
    counts = target.import_bytes(data, "bash")
    assert (counts.new, counts.duplicates) == (3, 1)
    assert target.commands() == [b"make", b"ls", b"unrecorded", b"make"]
    again = target.import_bytes(data, "bash")
    assert (again.new, again.known, again.duplicates) == (0, 3, 1)


def atuin(folder, hostname, *lines):
    """Write an atuin database with rows of (seconds after FIRST_S, command) from one host."""
    path = str(folder / "atuin.db")
    with apsw.Connection(path) as connection:
        connection.execute(
            "CREATE TABLE history (id, timestamp, duration, exit, command, cwd, session, hostname)"
        )
        sql = "INSERT INTO history VALUES (?1, ?2, -1, -1, ?3, 'unknown', 's', ?4)"
        for offset_s, text in lines:
            connection.execute(sql, (str(offset_s), (FIRST_S + offset_s) * 10**9, text, hostname))
    return path


@pytest.mark.parametrize("hostname", ["box:ann", "BOX.local:ann", "box.example.com:root"])
def test_a_history_that_atuin_has_under_another_form_of_the_host_name_is_imported_once(
    target, tmp_path, hostname
):
    lines = [(0, "ls"), (60, "make"), (120, "git push")]
    target.import_file(atuin(tmp_path, hostname, *lines))
    assert target.import_bytes(zsh_history(*lines)).duplicates == 3
    assert target.import_bytes(b"ls\nmake\ngit push\n", "bash").duplicates == 3
    assert len(target.commands()) == 3


@pytest.mark.parametrize("hostname", ["box:ann", "BOX.local:ann"])
def test_the_order_of_the_two_imports_does_not_matter(target, tmp_path, hostname):
    lines = [(0, "ls"), (60, "make")]
    target.import_bytes(zsh_history(*lines))
    assert target.import_file(atuin(tmp_path, hostname, *lines)).duplicates == 2


def test_commands_of_another_machine_with_the_same_first_label_are_imported(target, tmp_path):
    target.record_live(b"first", FIRST_S * SECOND_US)
    path = atuin(tmp_path, "box.example.com:ann", (600, "ls"))
    assert target.import_file(path).new == 1


def test_imports_of_a_renamed_device_are_still_recognised(target, tmp_path):
    with target.database.transaction():
        target.database.execute("UPDATE device SET name = 'my laptop'")
    target.import_file(atuin(tmp_path, "box:ann", (0, "ls")))
    assert target.import_bytes(zsh_history((0, "ls"))).duplicates == 1


@pytest.mark.parametrize(("name", "other_name", "is_possible"), [
    ("MacBookPro", "macbookpro.local", True),
    ("web.a.example", "web.b.example", True),  # the names cannot tell, so the commands decide
    ("box", "box2", False),
    ("", "", True),
    ("", ".local", False),
    ("10.0.0.1", "10.0.0.2", False),
    ("fe80::1", "fe80::2", False),
])  # fmt: skip
def test_names_of_one_host_share_their_first_label(name, other_name, is_possible):
    assert may_be_same_host(name, other_name) == may_be_same_host(other_name, name) == is_possible
