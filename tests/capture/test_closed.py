"""Which files are deleted, and which are kept, when ingest tidies up."""

from __future__ import annotations

import os
import subprocess

import pytest

from capture.box import Box, clock_us, dead_pid, session
from hx.capture import spool
from hx.core.spool_records import TORN
from spooled import complete

DAY_US = 86_400_000_000


def drained(box, **fields):
    """Whether the file of such a shell is gone after an ingest that tidies; nothing is lost."""
    box.begin(**fields)
    box.write(complete(1, "it ran"))
    box.ingest(tidy=True)
    assert box.commands() == ["it ran"]
    return not box.file().exists()


def own_name() -> str:
    with open("/proc/self/stat") as file:
        return file.read().rpartition(")")[0].partition("(")[2]


def test_the_file_of_a_live_shell_is_kept(box):
    assert not drained(box, P=os.getpid())


def test_the_file_of_a_dead_shell_is_deleted_and_its_offset_forgotten(box):
    assert drained(box, P=dead_pid())
    assert box.database.execute("SELECT * FROM spool_file").fetchall() == []


def test_the_file_of_an_earlier_boot_is_deleted(box):
    assert drained(box, P=os.getpid(), B="00000000-0000-0000-0000-000000000000")


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="no /proc here")
def test_a_process_that_only_inherited_the_number_is_not_the_shell(box):
    assert drained(box, P=os.getpid(), b=box.now_us - 400 * DAY_US, S="zsh")


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="no /proc here")
def test_a_clock_that_was_set_forward_makes_no_live_shell_dead(box):
    """Then its process seems to have started after its session: its name says it is the one."""
    assert not drained(box, P=os.getpid(), b=box.now_us - 400 * DAY_US, S=own_name())


@pytest.mark.parametrize("pid", [None, 0, "x", "99999999999", "-1"])
def test_a_file_that_names_no_process_is_kept(box, pid):
    assert not drained(box, P=pid)


def test_the_file_of_another_host_is_kept(box):
    assert not drained(box, P=dead_pid(), h="elsewhere")


@pytest.mark.parametrize("fields", [{"P": os.getpid()}, {"h": "elsewhere"}, {"P": None}])
def test_any_file_is_deleted_after_thirty_untouched_days(box, fields):
    assert not drained(box, **fields)
    assert box.file().exists()
    box.ingest(29 * DAY_US, tidy=True)
    assert box.file().exists()
    box.ingest(31 * DAY_US, tidy=True)
    assert not box.file().exists()


def test_a_closed_generation_is_deleted_and_the_last_one_kept(box):
    for generation in range(3):
        box.begin(generation=generation)
        box.write(complete(generation + 1), generation=generation)
    box.ingest(tidy=True)
    assert list(box.spool.iterdir()) == [box.file(generation=2)]
    assert len(box.events()) == 3


def test_a_file_with_nothing_in_it_goes_with_its_time(box):
    """Neither an empty file nor half a header has ever been drained; both are deleted."""
    box.write(b"", 1)
    box.write(b"\0HX1H\0s", 2)
    box.write(b"", 3)
    box.begin(3, 1)
    box.ingest(tidy=True)
    assert sorted(p.name for p in box.spool.iterdir()) == [
        f"{session(1)}.0",
        f"{session(2)}.0",
        f"{session(3)}.1",
    ]
    box.ingest(31 * DAY_US, tidy=True)
    assert list(box.spool.iterdir()) == []
    assert box.faults() == {TORN: 1}


def test_a_torn_end_of_a_closed_file_is_counted_once_and_blanked(box):
    box.begin(P=dead_pid())
    file = box.write(complete(1) + complete(2, "torn secret")[:-2])
    os.link(file, box.spool / "another name of the same bytes")
    box.ingest(tidy=True)
    box.ingest(tidy=True)
    assert not file.exists()
    assert b"secret" not in (box.spool / "another name of the same bytes").read_bytes()
    assert box.faults() == {TORN: 1}


def test_a_file_that_comes_again_under_a_deleted_name_is_read_from_its_beginning(box):
    box.begin(P=dead_pid())
    box.write(complete(1) * 3)
    box.ingest(tidy=True)
    box.write(complete(2, "again"))
    box.ingest()
    assert box.commands()[-1] == "again"


def test_shells_are_looked_for_every_ten_minutes_and_not_at_every_command(box):
    box.ingest()
    box.begin(P=dead_pid())
    box.ingest(599_000_000)
    assert box.file().exists()
    box.ingest(601_000_000)
    assert not box.file().exists()


def test_text_files_go_with_their_session(box):
    box.begin(1)
    for number in (1, 2):
        (box.spool / f"{session(number)}.t").write_bytes(b"last command")
    (box.spool / "notes.t").write_bytes(b"mine")
    box.ingest(tidy=True)
    assert (box.spool / f"{session(1)}.t").exists()
    assert not (box.spool / f"{session(2)}.t").exists()
    assert (box.spool / "notes.t").exists()


def test_on_a_network_folder_every_host_drains_its_own_files(tmp_path):
    box = Box(tmp_path, shared=True)
    box.begin(1, h="elsewhere", P=dead_pid())
    box.write(complete(1, "theirs"), 1)
    box.begin(2)
    box.write(complete(1, "ours"), 2)
    box.write(complete(1, "nobody's"), 3)
    box.ingest(31 * DAY_US, tidy=True)
    assert box.commands() == ["ours", "nobody's"]
    assert b"theirs" in box.text()
    box.close()


def test_a_process_that_ended_is_gone_and_one_that_runs_is_not():
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        facts = spool.Facts(bytes(16), bytes(16), begin_us=clock_us())
        head = spool.SessionHeader(facts, 0, spool.boot_id(), process.pid)
        assert not spool.writer_is_gone(head._replace(facts=facts._replace(begin_us=2**60)), "")
        process.communicate()
    assert spool.writer_is_gone(head, spool.boot_id())
