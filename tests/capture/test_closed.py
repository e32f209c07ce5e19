"""Which spool files an ingest with `tidy` deletes, and which it keeps."""

from __future__ import annotations

import os
import subprocess

import pytest

from capture.ingestion import Ingestion, clock_us, ended_pid, session_hex
from hx.capture import spool
from hx.core.spool_records import TORN
from spooled import complete

DAY_US = 86_400_000_000


def is_deleted(ingestion, **fields):
    """Return whether an ingest with `tidy` deletes the file of a shell with these header fields."""
    ingestion.begin(**fields)
    ingestion.write(complete(1, "it ran"))
    ingestion.ingest(tidy=True)
    assert ingestion.commands() == ["it ran"]
    return not ingestion.file().exists()


def own_process_name() -> str:
    with open("/proc/self/stat") as file:
        return file.read().rpartition(")")[0].partition("(")[2]


def test_the_file_of_a_running_shell_is_kept(ingestion):
    assert not is_deleted(ingestion, P=os.getpid())


def test_the_file_and_the_offset_of_an_ended_shell_are_deleted(ingestion):
    assert is_deleted(ingestion, P=ended_pid())
    assert ingestion.database.execute("SELECT * FROM spool_file").fetchall() == []


def test_the_file_of_an_earlier_boot_is_deleted(ingestion):
    assert is_deleted(ingestion, P=os.getpid(), B="00000000-0000-0000-0000-000000000000")


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="no /proc here")
def test_another_process_with_the_number_of_the_shell_is_not_the_shell(ingestion):
    assert is_deleted(ingestion, P=os.getpid(), b=ingestion.now_us - 400 * DAY_US, S="zsh")


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="no /proc here")
def test_the_file_of_a_running_shell_is_kept_after_the_clock_was_set_forward(ingestion):
    """The process then seems to be younger than its session, but it has the name of the shell."""
    assert not is_deleted(
        ingestion, P=os.getpid(), b=ingestion.now_us - 400 * DAY_US, S=own_process_name()
    )


@pytest.mark.parametrize("pid", [None, 0, "x", "99999999999", "-1"])
def test_a_file_that_names_no_process_is_kept(ingestion, pid):
    assert not is_deleted(ingestion, P=pid)


def test_the_file_of_another_host_is_kept(ingestion):
    assert not is_deleted(ingestion, P=ended_pid(), h="elsewhere")


@pytest.mark.parametrize("fields", [{"P": os.getpid()}, {"h": "elsewhere"}, {"P": None}])
def test_any_file_is_deleted_after_thirty_untouched_days(ingestion, fields):
    assert not is_deleted(ingestion, **fields)
    assert ingestion.file().exists()
    ingestion.ingest(29 * DAY_US, tidy=True)
    assert ingestion.file().exists()
    ingestion.ingest(31 * DAY_US, tidy=True)
    assert not ingestion.file().exists()


def test_a_closed_generation_is_deleted_and_the_last_one_kept(ingestion):
    for generation in range(3):
        ingestion.begin(generation=generation)
        ingestion.write(complete(generation + 1), generation=generation)
    ingestion.ingest(tidy=True)
    assert list(ingestion.spool.iterdir()) == [ingestion.file(generation=2)]
    assert len(ingestion.events()) == 3


def test_a_file_without_records_is_deleted_after_thirty_days(ingestion):
    """An empty file and half a header were never drained; both are deleted after thirty days."""
    ingestion.write(b"", 1)
    ingestion.write(b"\0HX1H\0s", 2)
    ingestion.write(b"", 3)
    ingestion.begin(3, 1)
    ingestion.ingest(tidy=True)
    assert sorted(p.name for p in ingestion.spool.iterdir()) == [
        f"{session_hex(1)}.0",
        f"{session_hex(2)}.0",
        f"{session_hex(3)}.1",
    ]
    ingestion.ingest(31 * DAY_US, tidy=True)
    assert list(ingestion.spool.iterdir()) == []
    assert ingestion.faults() == {TORN: 1}


def test_a_truncated_record_of_a_closed_file_is_counted_once_and_overwritten(ingestion):
    ingestion.begin(P=ended_pid())
    file = ingestion.write(complete(1) + complete(2, "torn secret")[:-2])
    os.link(file, ingestion.spool / "another name of the same bytes")
    ingestion.ingest(tidy=True)
    ingestion.ingest(tidy=True)
    assert not file.exists()
    assert b"secret" not in (ingestion.spool / "another name of the same bytes").read_bytes()
    assert ingestion.faults() == {TORN: 1}


def test_a_new_file_under_a_deleted_name_is_read_from_its_beginning(ingestion):
    ingestion.begin(P=ended_pid())
    ingestion.write(complete(1) * 3)
    ingestion.ingest(tidy=True)
    ingestion.write(complete(2, "again"))
    ingestion.ingest()
    assert ingestion.commands()[-1] == "again"


def test_shells_are_looked_for_every_ten_minutes_and_not_at_every_command(ingestion):
    ingestion.ingest()
    ingestion.begin(P=ended_pid())
    ingestion.ingest(599_000_000)
    assert ingestion.file().exists()
    ingestion.ingest(601_000_000)
    assert not ingestion.file().exists()


def test_text_files_are_deleted_with_the_files_of_their_session(ingestion):
    ingestion.begin(1)
    for number in (1, 2):
        (ingestion.spool / f"{session_hex(number)}.t").write_bytes(b"last command")
    (ingestion.spool / "notes.t").write_bytes(b"mine")
    ingestion.ingest(tidy=True)
    assert (ingestion.spool / f"{session_hex(1)}.t").exists()
    assert not (ingestion.spool / f"{session_hex(2)}.t").exists()
    assert (ingestion.spool / "notes.t").exists()


def test_on_a_network_folder_each_host_drains_only_its_own_files(tmp_path):
    ingestion = Ingestion(tmp_path, shared=True)
    ingestion.begin(1, h="elsewhere", B="another boot", P=ended_pid())
    ingestion.write(complete(1, "theirs"), 1)
    ingestion.begin(2)
    ingestion.write(complete(1, "ours"), 2)
    ingestion.write(complete(1, "nobody's"), 3)
    ingestion.ingest(tidy=True)
    assert ingestion.commands() == ["ours", "nobody's"]
    assert b"theirs" in ingestion.remaining_text()
    ingestion.ingest(2 * DAY_US)  # nobody writes to it any more
    assert ingestion.commands() == ["theirs", "ours", "nobody's"]
    ingestion.close()


def test_a_host_with_another_name_drains_the_files_of_its_shells(tmp_path):
    ingestion = Ingestion(tmp_path, shared=True)
    ingestion.begin(1, h="its old name")
    ingestion.write(complete(1, "ours"), 1)
    ingestion.ingest()
    assert ingestion.commands() == ["ours"]
    ingestion.close()


def test_a_running_writer_is_recognised_until_it_ends():
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        facts = spool.Facts(bytes(16), bytes(16), begin_us=clock_us())
        session_header = spool.SessionHeader(facts, 0, spool.boot_id(), process.pid)
        assert not spool.writer_is_gone(
            session_header._replace(facts=facts._replace(begin_us=2**60)), ""
        )
        process.communicate()
    assert spool.writer_is_gone(session_header, spool.boot_id())
