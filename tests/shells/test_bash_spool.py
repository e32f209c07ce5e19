"""The spool files that the hook of bash writes, their limits, and its processes."""

import shutil

import pytest

from shells.spool_records import is_drained_at_start, processes_of, records, records_of

pytestmark = pytest.mark.parametrize("shell", ["bash", "bash 5.3"])


def kinds(home):
    return {kind: len(records(home, kind)) for kind in "HSECX" if records(home, kind)}


def test_a_command_is_one_record_before_bash_5_3_and_two_from_then_on(home, shell):
    terminal = home.open(shell)
    terminal.run("true one")
    terminal.run("(exit 3) | true")
    assert kinds(home) == ({"H": 1, "C": 2} if shell == "bash" else {"H": 1, "S": 2, "E": 2})
    last = records(home, "C" if shell == "bash" else "E")[-1]
    assert last["n"] == b"2"
    assert int(last["b"]) < int(last["e"])
    assert (last["x"], last["p"]) == (b"0", b"3 0")


def test_the_end_of_the_shell_is_recorded(home, shell):
    terminal = home.open(shell)
    terminal.run("true one")
    terminal.leave()
    [end] = records(home, "X")
    assert int(end["e"]) >= int(records(home, "H")[0]["b"])
    assert [fields["c"] for fields in records(home, "S")][-1:] == [b"exit"]


def test_a_hangup_is_recorded_as_the_end_of_the_shell(home, shell):
    terminal = home.open(shell)
    terminal.run("true one")
    terminal.close()
    assert len(records(home, "X")) == 1


def test_a_new_generation_begins_after_4096_records(home, shell):
    terminal = home.open(shell)
    terminal.run("true one; __hx_records=4095")
    terminal.run("true two")
    terminal.run("true three")
    files = [file for file in home.spool_files() if file.suffix != ".t"]
    assert [file.suffix for file in files] == [".0", ".1"]
    assert all(len(records_of(file, "H")) == 1 for file in files)
    assert {oct(file.stat().st_mode & 0o777) for file in files} == {"0o600"}
    kind = "C" if shell == "bash" else "E"
    assert [fields["n"] for fields in records(home, kind)] == [b"1", b"2", b"3"]
    assert len(home.commands()) == 3


def test_a_new_generation_begins_after_4_mib(home, shell):
    terminal = home.open(shell)
    terminal.run("true one; __hx_bytes=$((4 << 20))")
    terminal.run("true two")
    assert {file.suffix for file in home.spool_files()} - {".t"} == {".0", ".1"}
    assert len(home.commands()) == 2


def test_recording_stops_while_sixteen_generations_wait(home, shell):
    terminal = home.open(shell)
    for _ in range(18):
        terminal.run("true one; __hx_records=4096")
    files = [file for file in home.spool_files() if file.suffix != ".t"]
    assert len(files) == 16
    [first] = [file for file in files if file.suffix == ".0"]
    first.unlink()
    terminal.run("true again")
    assert (home.spool / first.with_suffix(".16").name).exists()
    assert home.commands()[-1] == "true again"


def test_a_file_that_is_deleted_is_followed_by_the_next_generation(home, shell):
    terminal = home.open(shell)
    terminal.run("true one")
    [file] = [file for file in home.spool_files() if file.suffix != ".t"]
    file.unlink()
    terminal.run("true two")
    assert [file.suffix for file in home.spool_files() if file.suffix != ".t"] == [".1"]
    assert home.commands() == ["true two"]


def test_the_text_file_is_emptied_after_each_command(home, shell):
    terminal = home.open(shell)
    terminal.run("true hunter2")
    texts = [file.read_bytes() for file in home.runtime.glob("*.t")]
    assert len(texts) == (1 if shell == "bash" else 0)
    assert not b"".join(texts).strip()


def test_a_deleted_runtime_folder_is_replaced(home, shell):
    terminal = home.open(shell)
    terminal.run("true one")
    shutil.rmtree(home.runtime)
    terminal.run("true two")
    terminal.run("true three")
    assert home.commands() == ["true one", "true two", "true three"]
    home.runtime.mkdir()


@pytest.mark.parametrize("history", ["", "HISTCONTROL=ignoreboth", "HISTCONTROL=erasedups"])
def test_recording_a_command_starts_no_process(home, shell, history):
    with processes_of(home, shell) as count:
        for line in [history, "true one", "true one", "cd /", "false | :", "", " true private"]:
            count.terminal.run(line)
    assert count.processes == 2  # the two sides of the pipe


@pytest.mark.parametrize(("kibibytes", "patience_s", "runs"), [(1200, 30, True), (100, 0.5, False)])
def test_a_new_shell_has_a_large_spool_drained_in_the_background(
    home, shell, kibibytes, patience_s, runs
):
    assert is_drained_at_start(home, shell, kibibytes, patience_s) == runs
