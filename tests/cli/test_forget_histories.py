"""The shells' own history files after a forget: named, asked about, cleaned."""

import os

import pexpect
import pytest

from cli.machine import HX

CANARY = "CANARY-7qZx"
LINES = f"ls\necho {CANARY}\n{CANARY} again\ncd\n"


@pytest.fixture
def history(tmp_path):
    """A history file of bash that holds the text twice."""
    path = tmp_path / ".bash_history"
    path.write_text(LINES)
    return path


def forget(machine, *arguments):
    return machine.hx("forget", *arguments)


def test_clean_shell_history_takes_it_out_without_asking(hx, record, machine, history):
    record(f"echo {CANARY}")
    done = forget(machine, "--match", CANARY, "--yes", "--clean-shell-history")
    assert done.code == 0
    assert f"{history}: removed 2 commands" in done.out
    assert "still holds" not in done.out
    assert "may still write the text" in done.out
    assert history.read_text() == "ls\ncd\n"


def test_by_event_only_the_same_command_is_taken_out(hx, record, machine, history):
    record(f"echo {CANARY}")
    name = hx("find", "--json").json[0]["id"]
    assert forget(machine, name, "--yes", "--clean-shell-history").code == 0
    assert history.read_text() == f"ls\n{CANARY} again\ncd\n"


def test_a_command_that_hx_masked_is_found_with_its_secret_in_it(hx, record, machine, history):
    lines = f"ls\nexport API_TOKEN={CANARY}99\nexport API_TOKEN=$OTHER\n"
    history.write_text(lines)
    record(f"export API_TOKEN={CANARY}99")
    name = hx("find", "--json", "API_TOKEN").json[0]["id"]
    assert CANARY not in hx("find").out
    assert forget(machine, name, "--yes", "--clean-shell-history").code == 0
    assert history.read_text() == "ls\nexport API_TOKEN=$OTHER\n"


def test_json_says_what_was_cleaned_and_what_was_not(record, machine, history):
    record(f"echo {CANARY}")
    told = forget(machine, "--match", CANARY, "--yes", "--json").json
    assert told["shell_histories"] == [str(history)]
    assert told["shell_histories_cleaned"] == []
    record(f"echo {CANARY}")
    told = forget(machine, "--match", CANARY, "--yes", "--json", "--clean-shell-history").json
    assert told["shell_histories"] == []
    assert told["shell_histories_cleaned"] == [{"path": str(history), "entries": 2}]


def test_what_only_a_shell_remembers_is_named_and_can_be_cleaned(machine, history):
    told = forget(machine, "--match", CANARY, "--yes")
    assert told.code == 1
    assert f"{history} still holds the text (2 commands): --clean-shell-history" in told.err
    assert history.read_text() == LINES
    assert forget(machine, "--match", CANARY, "--yes", "--clean-shell-history").code == 0
    assert history.read_text() == "ls\ncd\n"


def test_a_file_that_cannot_be_cleaned_is_an_error_and_the_rest_is_done(
    hx, record, machine, history, tmp_path
):
    os.link(history, tmp_path / "second")
    (tmp_path / ".zsh_history").write_text(LINES)
    record(f"echo {CANARY}")
    done = forget(machine, "--match", CANARY, "--yes", "--clean-shell-history")
    assert done.code == 2
    assert f"hx: error: cannot clean {history}: it has more than one name" in done.err
    assert f"{history} still holds the text" in done.out
    assert (tmp_path / ".zsh_history").read_text() == "ls\ncd\n"
    assert history.read_text() == LINES
    assert hx("find").code == 1


def at_terminal(machine, *arguments):
    environment = {"HX_HOME": str(machine.home), "HOME": str(machine.cwd), "TERM": "dumb"}
    child = pexpect.spawn(HX, ["forget", *arguments], env=environment, timeout=30)
    child.delaybeforesend = None
    return child


@pytest.mark.parametrize(("answer", "left"), [("y", "ls\ncd\n"), ("n", LINES), ("\x04", LINES)])
def test_at_a_terminal_it_is_asked_for_each_file(record, machine, history, answer, left):
    record("make")
    record(f"echo {CANARY}")
    child = at_terminal(machine, "--match", CANARY)
    child.expect_exact("Forget this? [y/N] ")
    child.sendline("y")
    child.expect_exact(f"Remove 2 commands with the same text from {history}? [y/N] ")
    child.sendline(answer)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert history.read_text() == left


def test_yes_asks_for_nothing_and_cleans_nothing(record, machine, history):
    record(f"echo {CANARY}")
    child = at_terminal(machine, "--match", CANARY, "--yes")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert b"[y/N]" not in child.before
    assert history.read_text() == LINES


def test_a_refused_forget_cleans_nothing(record, machine, history):
    record(f"echo {CANARY}")
    assert forget(machine, "--match", CANARY, "--clean-shell-history").code == 2
    assert history.read_text() == LINES
